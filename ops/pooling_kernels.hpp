// What the kernel file of pooling and the library share.
#pragma once

#include <cstdint>

#include "../core/kernels/simd/isa.hpp"
#include "window.hpp"

namespace xgrad::kernels {

/// Places or elements, from `begin` up to `end`.
struct Span {
  std::size_t begin, end;
};

/// The places of a plane whose windows lie in the image, but for rows of elements above and below it.
struct PoolingPlane {
  Window window;
  const Span* elements;  ///< for each row of places, the rows of the window that lie in the image
  Span columns;          ///< of places
};

/// What a kernel has scratch space for: strides along a row, and how many of them a window may reach over.
inline constexpr std::size_t most_pooling_strides = 4, most_pooling_reach = 16;
/// And the strides that it reads straight away.
inline constexpr std::size_t most_paired_strides = 2;

/// [0] is float, [1] is double.
struct PoolingKernels {
  /// The largest element that each window sees, and its position in the image. A NaN beats every number; the
  /// first of several that tie is taken. From a window's first row in the image to its last are less than
  /// 2^23 elements; some row of each window lies there.
  void (*largest[2])(const PoolingPlane& plane, const void* image, void* values, std::int64_t* positions);
  /// The sum of the elements that each window sees, row by row, over the number of all. The stride is at most
  /// most_paired_strides, and a window of one column has a stride of 1.
  void (*mean[2])(const PoolingPlane& plane, const void* image, void* values);
  /// The dual for windows of two columns side by side: writes an element of a row of `count`, over
  /// `elements`, to both columns.
  void (*spread_pairs[2])(const void* row, std::size_t count, std::size_t elements, void* to);
};
template <class Isa>
const PoolingKernels* pooling_kernels();

}  // namespace xgrad::kernels
