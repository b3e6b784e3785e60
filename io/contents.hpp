// What a file of named arrays holds, and which of it is wanted.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "../core/array/dense.hpp"

namespace xgrad::io {

template <class T>
using NamedValues = std::vector<std::pair<std::string, Dense<T>>>;

/// Whether the array of this name is to be read.
using Wanted = std::function<bool(const std::string& name)>;

template <class T>
struct Contents {
  std::vector<std::string> names;  ///< of all arrays, in the order in which they lie in the file
  NamedValues<T> values;           ///< those that were wanted, in the same order
  std::string format;              ///< who wrote it, if it says so: "pt" is PyTorch
};

}  // namespace xgrad::io
