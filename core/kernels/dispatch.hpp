// Which instruction set runs, decided once: the best that the processor and the system support.
#pragma once

#include <atomic>

#include "kernel.hpp"

namespace xgrad {

enum class InstructionSet { baseline, avx2, avx512 };

/// The set in use. XGRAD_ISA=baseline, avx2 or avx512 in the environment caps it.
InstructionSet instruction_set() noexcept;

namespace detail {

/// The best set under a cap, if there is one. Another text caps nothing, which a line on stderr says.
InstructionSet capped(InstructionSet best, const char* cap) noexcept;

}  // namespace detail

/// "baseline", "avx2" or "avx512".
const char* to_string(InstructionSet set) noexcept;

/// Whether this machine can run the set, caps aside.
bool is_supported(InstructionSet set) noexcept;

/// Calls `choice.operator()<Tag>()` with the tag of the set in use; off x86 that is always the baseline.
template <class F>
auto choose_kernels(F choice) {
#ifdef XGRAD_X86_KERNELS
  if (instruction_set() == InstructionSet::avx512) return choice.template operator()<isa::avx512>();
  if (instruction_set() == InstructionSet::avx2) return choice.template operator()<isa::avx2>();
#endif
  return choice.template operator()<isa::baseline>();
}

/// What `choice`, a lambda, points to with the tag of the set in use; asked for once. Without the guard of a
/// static object, which a forked child could find held by a thread that it does not have: whoever comes at
/// the same time finds the same.
template <class F>
const auto& chosen_kernels(F choice) {
  using Kernels = decltype(choose_kernels(choice));
  static constinit std::atomic<Kernels> chosen{nullptr};
  Kernels known = chosen.load(std::memory_order_acquire);
  if (known == nullptr) [[unlikely]]
    chosen.store(known = choose_kernels(choice), std::memory_order_release);
  return *known;
}

}  // namespace xgrad
