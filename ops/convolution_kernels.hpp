// What the kernel file of the convolutions and the library share: images as columns of patches, and back.
#pragma once

#include "../core/kernels/simd/isa.hpp"
#include "window.hpp"

namespace xgrad::kernels {

/// The patches that the window meets at some rows of places on one image of several channels. Element
/// (channel, ky, kx) of the patch at place (row, x) stands in `columns` at
/// ((channel * kernel[0] + ky) * kernel[1] + kx) * row_stride + (row - first_row) * out[1] + x.
struct Patches {
  Window window;
  std::size_t channels, first_row, rows;
  std::size_t row_stride;
};

struct ConvolutionKernels {
  /// Writes the columns; what lies in the padding is 0. [0] is float, [1] is double.
  void (*gather[2])(const Patches& patches, const void* image, void* columns);
  /// The dual: adds the columns to the image.
  void (*scatter[2])(const Patches& patches, const void* columns, void* image);
};
template <class Isa>
const ConvolutionKernels* convolution_kernels();

}  // namespace xgrad::kernels
