// The state of optimizers and schedulers as named arrays, as modules have it: written, and read back with
// checks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "../core/array/array.hpp"

namespace xgrad::optim {

/// A part of a state: its name, and its value.
template <class T>
using NamedArray = std::pair<std::string, Array<T>>;

/// A number as an array that gives it back bit for bit. In double that is [number]. In float it is
/// [e, a, b, c], exact parts of a binary exponent and a fraction: the number is (a + b + c) * 2^e.
template <class T>
Array<T> number_array(double number);
template <>
Array<float> number_array<float>(double number);
template <>
Array<double> number_array<double>(double number);

/// Reads a list of named arrays, each once. Every member that reads throws a ValueError for a name that is
/// missing, and a ShapeError for another shape; the messages name the array.
template <class T>
class StateReader {
 public:
  /// `owner` is the name of what is loaded, for messages. ValueError for a name given twice.
  StateReader(std::string owner, const std::vector<NamedArray<T>>& state);

  /// Shares the array's buffer where the rules of to_dense allow.
  Dense<T> array(const std::string& name, const Shape& shape);
  /// What number_array made.
  double number(const std::string& name);
  /// The same, of a whole number that is at least 0 and at most 2^53; ValueError otherwise.
  std::uint64_t count(const std::string& name);
  /// ValueError if an array was not asked for.
  void finish() const;

 private:
  Dense<T> take(const std::string& name);

  std::string owner_;
  std::vector<std::string> names_;  ///< in the order given, for the message about those left over
  std::unordered_map<std::string, Dense<T>> arrays_;
};

extern template class StateReader<float>;
extern template class StateReader<double>;

}  // namespace xgrad::optim
