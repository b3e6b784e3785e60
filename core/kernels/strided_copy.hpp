// Copying a box of elements from one layout to another: what permute, slice, concatenate and their duals come
// down to.
#pragma once

#include "../array/shape.hpp"

namespace xgrad {

using Strides = AxisList<std::ptrdiff_t>;

/// out[sum of i_k out_strides[k]] = in[sum of i_k in_strides[k]] for every index below `extents`; strides in
/// elements, of any sign. The two do not overlap. Axes that both sides step through as through one are
/// merged, and where each side is contiguous along an axis of its own, the plane of those two is transposed
/// in tiles. Split over the thread pool.
template <class T>
void copy_strided(const T* in, const Strides& in_strides, T* out, const Strides& out_strides,
                  const Shape& extents);

}  // namespace xgrad
