// What the kernel file of dropout and the library share.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../core/kernels/simd/isa.hpp"

namespace xgrad::kernels {

/// Elements are taken in groups of so many. Element 16 k + j of group g stays if word k of the random block
/// `first_block` + 16 g + j is `threshold` or more.
inline constexpr std::size_t dropout_group = 64, blocks_of_a_group = 16;

/// out = x * scale where an element stays, and x * 0 elsewhere; `out` may be x.
struct DropoutElements {
  const void* x;
  void* out;
  std::size_t count;
  std::uint64_t key, first_block, threshold;
  double scale;
};

/// [0] is float, [1] is double.
struct DropoutKernels {
  void (*run[2])(const DropoutElements&);
};
template <class Isa>
const DropoutKernels* dropout_kernels();

}  // namespace xgrad::kernels
