#include "dispatch.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

namespace xgrad {
namespace {

InstructionSet choose() noexcept {
  InstructionSet best = InstructionSet::baseline;
  for (InstructionSet set : {InstructionSet::avx2, InstructionSet::avx512})
    if (is_supported(set)) best = set;
  return detail::capped(best, std::getenv("XGRAD_ISA"));
}

}  // namespace

InstructionSet detail::capped(InstructionSet best, const char* cap) noexcept {
  if (cap == nullptr || *cap == '\0') return best;
  for (InstructionSet set : {InstructionSet::baseline, InstructionSet::avx2, InstructionSet::avx512})
    if (std::strcmp(cap, to_string(set)) == 0) return std::min(set, best);
  std::fprintf(stderr, "XGRAD_ISA is '%s', which caps nothing; it may be baseline, avx2 or avx512\n", cap);
  return best;
}

InstructionSet instruction_set() noexcept {
  constexpr int unknown = -1;
  static constinit std::atomic<int> known{unknown};
  int set = known.load(std::memory_order_relaxed);
  if (set == unknown) [[unlikely]]
    known.store(set = static_cast<int>(choose()), std::memory_order_relaxed);
  return static_cast<InstructionSet>(set);
}

const char* to_string(InstructionSet set) noexcept {
  switch (set) {
    case InstructionSet::avx512:
      return "avx512";
    case InstructionSet::avx2:
      return "avx2";
    case InstructionSet::baseline:
      break;
  }
  return "baseline";
}

bool is_supported(InstructionSet set) noexcept {
#ifdef XGRAD_X86_KERNELS
  // These builtins also ask whether the operating system saves the wide registers.
  if (set == InstructionSet::avx2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (set == InstructionSet::avx512)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
#endif
  return set == InstructionSet::baseline;
}

}  // namespace xgrad
