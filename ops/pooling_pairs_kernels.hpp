// What the kernel file of pooling by two rows and two columns and the library share.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../core/kernels/simd/isa.hpp"

namespace xgrad::kernels {

/// Planes of images, one after another. Their windows are two rows high and two columns wide, side by side
/// and without padding; an odd row or column at the end is in none.
struct PairedPlanes {
  std::size_t planes, rows, columns;
  std::size_t out_rows() const { return rows / 2; }
  std::size_t out_columns() const { return columns / 2; }
};

/// How long a row may be for its positions to be exact in float.
inline constexpr std::size_t most_paired_columns = std::size_t{1} << 22;

/// [0] is float, [1] is double. There is a window.
struct PairedPoolingKernels {
  /// The largest element of each window, and its position in its plane. A NaN beats every number; the first
  /// of several that tie is taken.
  void (*largest[2])(const PairedPlanes& planes, const void* images, void* values, std::int64_t* positions);
  /// The sum of each window's elements, row by row, over 4.
  void (*mean[2])(const PairedPlanes& planes, const void* images, void* values);
  /// The dual of mean: writes a quarter of each value to its window, and zeros to what is in none.
  void (*spread[2])(const PairedPlanes& planes, const void* values, void* images);
};
template <class Isa>
const PairedPoolingKernels* paired_pooling_kernels();

}  // namespace xgrad::kernels
