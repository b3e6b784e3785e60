// The npy format: one array, after a header that is a Python dictionary. NumPy Enhancement Proposal 1.
#pragma once

#include <functional>
#include <string>

#include "../core/array/dense.hpp"
#include "element_type.hpp"

namespace xgrad::io {

/// What comes before the elements of a float or double array of this shape.
std::string npy_header(const Shape& shape, ElementType type);

/// Gives the next bytes, all of those asked for, or throws.
using NextBytes = std::function<void(char* out, std::size_t count)>;

/// Throws an error with a description of what is wrong: damage, or elements that are no real numbers.
enum class NpyFault { damage, element_type };
using NpyFail = std::function<void(const std::string& what, NpyFault fault)>;

/// Reads an array of `size` bytes in all.
template <class T>
Dense<T> read_npy(std::size_t size, const NextBytes& next, const NpyFail& fail);

/// A file of one array. IoError as for save_array and load_array.
template <class T>
void write_npy_file(const Dense<T>& value, const std::string& path);
template <class T>
Dense<T> read_npy_file(const std::string& path);

}  // namespace xgrad::io
