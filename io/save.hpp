// Parameters and other named arrays in files that Python reads too.
#pragma once

#include <concepts>
#include <string>
#include <utility>
#include <vector>

#include "../core/array.hpp"

namespace xgrad::io {

template <class T>
using NamedArrays = std::vector<std::pair<std::string, Array<T>>>;

/// Writes arrays under their names, bit for bit; the file's ending chooses the format: .safetensors, or .npz
/// as NumPy's savez writes it. The file is there whole or not at all: it is written under another name beside
/// `path`, then renamed. IoError if that fails, or for another ending; ValueError for a name that is empty,
/// given twice, no UTF-8, has a zero byte, is longer than 4096 bytes, or is "__metadata__". T is float or
/// double.
template <class T>
void save_arrays(const NamedArrays<T>& arrays, const std::string& path);

/// Reads every array of a .safetensors or .npz file, in the order in which they lie there. Elements of type T
/// come bit for bit; other real numbers, integers and booleans are converted, to the nearest where T cannot
/// hold them. IoError that names the file, and the array where it is one's fault, if it cannot be read or
/// holds something else; nothing in a damaged file is trusted. T is float or double.
template <class T>
NamedArrays<T> load_arrays(const std::string& path);

/// What gives its state as named arrays and takes it back: modules, optimizers.
template <class S>
concept Stateful = requires(S& object, const S& constant) {
  object.load_state(constant.state());
  typename std::remove_cvref_t<decltype(constant.state())>::value_type::second_type;
};

namespace detail {

/// The element type of a Stateful's arrays.
template <Stateful S>
using state_type = typename decltype(std::declval<const S&>().state())::value_type::second_type::value_type;

/// IoError if save_arrays() must fail for this path's ending, or because its folder is not there.
void check_destination(const std::string& path);

/// To be called where an exception was caught: throws it again, as an error of loading `path`.
[[noreturn]] void rethrow_for(const std::string& path);

}  // namespace detail

/// Writes what object.state() gives; see save_arrays.
template <Stateful S>
void save(const S& object, const std::string& path) {
  save_arrays<detail::state_type<S>>(object.state(), path);
}

/// Sets object's state to what a file holds; see load_arrays. IoError that names the parameter if one is
/// missing or not the object's, ShapeError that names it if its shape differs; the object is unchanged then.
template <Stateful S>
void load(S& object, const std::string& path) {
  const auto arrays = load_arrays<detail::state_type<S>>(path);
  try {
    object.load_state(arrays);
  } catch (...) {
    detail::rethrow_for(path);
  }
}

extern template void save_arrays(const NamedArrays<float>&, const std::string&);
extern template void save_arrays(const NamedArrays<double>&, const std::string&);
extern template NamedArrays<float> load_arrays(const std::string&);
extern template NamedArrays<double> load_arrays(const std::string&);

}  // namespace xgrad::io
