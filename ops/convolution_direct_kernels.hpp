// What the kernel file of direct convolutions and the library share.
#pragma once

#include <cstddef>

#include "../core/kernels/simd/isa.hpp"

namespace xgrad::kernels {

/// Numbers that stand anywhere, each times a row of lanes that stand side by side. For every position i and
/// lane l the sum over the terms k of x[from[i] + terms[k]] * rows[row of k + l] is added to start[l], or to
/// sums[to[i] * to_unit + l] if `start` is null, and written there. A sum is one chain of fused multiply-adds
/// over k, in order, whichever positions are computed with it. The lanes of two positions do not meet.
struct LaneProducts {
  const void* x;
  const std::ptrdiff_t* from;
  const std::ptrdiff_t* to;
  std::size_t to_unit;
  std::size_t positions;
  const std::ptrdiff_t* terms;
  std::size_t term_count;
  const void* rows;
  const std::ptrdiff_t* row_of;  ///< each term; null if they follow each other
  /// Whole packs, at most most_lanes; or any number of them for one position whose rows are apart and whose
  /// sums are added to.
  std::size_t lanes;
  const void* start;
  void* sums;
};

/// to[column * to_row + row] = from[row * from_row + column].
struct Turn {
  const void* from;
  std::size_t from_row, rows, columns;
  void* to;
  std::size_t to_row;
};

/// Planes of rows x columns elements, copied into a frame of zeros. Each of them starts so many elements
/// after the one before; rows of the copy follow each other.
struct Frame {
  std::size_t planes, from_plane, to_plane;
  std::size_t rows, columns, from_row;
  std::size_t above = 0, below = 0, left = 0, right = 0;
};

/// [0] is float, [1] is double.
struct DirectConvolutionKernels {
  std::size_t width[2];       ///< the lanes of a pack
  std::size_t most_lanes[2];  ///< of LaneProducts
  void (*multiply[2])(const LaneProducts& products);
  void (*turn[2])(const Turn& turn);
  void (*frame[2])(const Frame& frame, const void* from, void* to);
};
template <class Isa>
const DirectConvolutionKernels* direct_convolution_kernels();

}  // namespace xgrad::kernels
