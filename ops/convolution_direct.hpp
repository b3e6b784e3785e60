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

}  // namespace xgrad::direct
