// The npy format: one array, after a header that is a Python dictionary. NumPy Enhancement Proposal 1.
#pragma once

#include <functional>
#include <string>

#include "element_type.hpp"

namespace xgrad::io {

/// What comes before the elements of a float or double array of this shape.
std::string npy_header(const Shape& shape, ElementType type);

/// Gives the next bytes, all of those asked for, or throws.
using NextBytes = std::function<void(char* out, std::size_t count)>;

/// Reads an array of `size` bytes in all. `fail` throws, with a description of what is wrong.
template <class T>
Dense<T> read_npy(std::size_t size, const NextBytes& next,
                  const std::function<void(const std::string& what)>& fail);

extern template Dense<float> read_npy(std::size_t, const NextBytes&,
                                      const std::function<void(const std::string&)>&);
extern template Dense<double> read_npy(std::size_t, const NextBytes&,
                                       const std::function<void(const std::string&)>&);

}  // namespace xgrad::io
