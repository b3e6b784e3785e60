// Dropout: elements that are left out at random.
#pragma once

#include "../core/graph/tensor.hpp"
#include "../core/kernels/random.hpp"

namespace xgrad {

/// Each element 0 with probability p and x / (1 - p) otherwise, so that the mean stays; p = 0 is x itself,
/// p = 1 all zeros. A NaN or an infinity that is dropped is a NaN. Random numbers are by default this
/// thread's, which move on by their number; an element's depends on its place alone, not on threads, type or
/// processor. Backward draws them again: nothing is saved. N. Srivastava et al., "Dropout", 2014. ValueError
/// unless p is from 0 to 1.
template <detail::Tensor V>
V dropout(const V& x, double p = 0.5, Generator& from = generator());

}  // namespace xgrad
