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
  const Span* elements;  ///< for each row of places, the rows of the window that lie in the image; not empty
  Span columns;          ///< of places
};

/// What a kernel has scratch space for: strides along a row, and how many of them a window may reach over.
inline constexpr std::size_t most_pooling_strides = 4, most_pooling_reach = 16;

struct PoolingKernels {
  /// The largest element that each window sees, and its position in the image. A NaN beats every number; the
  /// first of several that tie is taken. The window has less than 2^24 elements. [0] is float, [1] is double.
  void (*largest[2])(const PoolingPlane& plane, const void* image, void* values, std::int64_t* positions);
};
template <class Isa>
const PoolingKernels* pooling_kernels();

}  // namespace xgrad::kernels
