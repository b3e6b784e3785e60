// What the kernel file of sums of squares and the library share.
#pragma once

#include "../core/kernels/reduction.hpp"

namespace xgrad::kernels {

/// The sum of squares, each rounded as the element is, over the divisor: the bits of a sum of what square()
/// makes.
template <class Isa>
const Reduction* square_sum_kernels();

}  // namespace xgrad::kernels
