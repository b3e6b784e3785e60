// The three products of a convolution on raw pointers without columns of patches: numbers of the images,
// where they stand, times rows of what lies side by side for a register of filters or channels.
#pragma once

#include "convolution_gemm.hpp"

namespace xgrad::direct {

/// Whether these are the faster way. It depends on shapes alone.
template <class T>
bool convolves(const ConvolutionSize& size);
template <class T>
bool convolves_transposed(const ConvolutionSize& size);
template <class T>
bool convolves_for_kernel(const ConvolutionSize& size);

// As the functions of the same names that are not direct. No extent is 0.

template <class T>
void convolve(const ConvolutionSize& size, const T* x, const T* kernel, const T* bias, T* y);
template <class T>
void convolve_transposed(const ConvolutionSize& size, const T* y, const T* kernel, const T* bias, T* x);
template <class T>
void convolve_for_kernel(const ConvolutionSize& size, const T* x, const T* y, T* kernel);

// The first two where filters, or channels, are too few to fill registers: strides are 1, and of the
// transposed convolution the padding is less than the window's reach.

template <class T>
bool convolves_places(const ConvolutionSize& size);
template <class T>
bool convolves_places_transposed(const ConvolutionSize& size);
template <class T>
void convolve_places(const ConvolutionSize& size, const T* x, const T* kernel, const T* bias, T* y);
template <class T>
void convolve_places_transposed(const ConvolutionSize& size, const T* y, const T* kernel, const T* bias,
                                T* x);

}  // namespace xgrad::direct
