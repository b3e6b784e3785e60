// Parameters and other named arrays in files that Python reads too.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../core/array/array.hpp"

namespace xgrad::io {

/// Arrays under names, in their order: what a file of several holds.
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
/// holds something else, text for instance; nothing in a damaged file is trusted. T is float or double.
template <class T>
NamedArrays<T> load_arrays(const std::string& path);

/// Reads the arrays of these names, in their order, whatever else the file holds. IoError as above, also if
/// one is not there; ValueError if a name is given twice.
template <class T>
NamedArrays<T> load_arrays(const std::string& path, const std::vector<std::string>& names);

/// The names of the arrays in a .safetensors or .npz file, also of those that load_arrays cannot read.
std::vector<std::string> array_names(const std::string& path);

/// Writes one array into a .npy file, bit for bit, as NumPy's save does; whole or not at all, as save_arrays.
/// IoError if that fails, or for another ending. T is float or double.
template <class T>
void save_array(const Array<T>& array, const std::string& path);

/// Reads the array of a .npy file, of any version; errors and elements as load_arrays has them. Bytes after
/// the array are an error, also where NumPy passes over them.
template <class T>
Array<T> load_array(const std::string& path);

/// How a file stores what a module calls by the same name: as state() gives it, or as PyTorch's state_dict()
/// does, where the matrices of Linear, of the recurrent layers and of MultiheadAttention are [out, in].
enum class Layout { xgrad, pytorch };

/// What save takes.
struct SaveOptions {
  Layout layout = Layout::xgrad;
  std::string prefix = {};  ///< stands before every name
};

/// What load takes.
struct LoadOptions {
  /// Unless said it is xgrad, and a .safetensors file that says itself to be PyTorch's is refused.
  std::optional<Layout> layout = std::nullopt;
  /// Nothing but the names that begin with it is looked at, and it is taken off them.
  std::string prefix = {};
  /// False: the module keeps what the file does not have, and what the module does not have is passed over.
  bool strict = true;
};

/// What load() found no partner for; both are empty if it is strict.
struct LoadReport {
  std::vector<std::string> missing;     ///< names of the module
  std::vector<std::string> unexpected;  ///< names in the file
};

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

/// What is saved or loaded: its state, and how PyTorch stores that, if it is a module.
template <class T>
struct Described {
  struct Entry {
    std::string name;
    bool transposed, is_here;
  };
  NamedArrays<T> state;
  std::optional<std::vector<Entry>> in_pytorch;
};

template <Stateful S>
Described<state_type<S>> described(const S& object) {
  Described<state_type<S>> result{object.state(), std::nullopt};
  if constexpr (requires { object.in_pytorch(); }) {
    result.in_pytorch.emplace();
    for (auto& [name, transposed, is_here] : object.in_pytorch())
      result.in_pytorch->push_back({std::move(name), transposed, is_here});
  }
  return result;
}

template <class T>
void save_described(Described<T> object, const std::string& path, const SaveOptions& options);

/// The state that an object is to be given.
template <class T>
NamedArrays<T> load_described(Described<T> object, const std::string& path, const LoadOptions& options,
                              LoadReport& report);

/// IoError if save_arrays() must fail for this path's ending, or because its folder is not there.
void check_destination(const std::string& path);

/// To be called where an exception was caught: throws it again, as an error of loading `path`.
[[noreturn]] void rethrow_for(const std::string& path);

}  // namespace detail

/// Writes what object.state() gives; see save_arrays. A .safetensors file says whose layout it has, as the
/// metadata "format": "xgrad" or "pt". ValueError for PyTorch's layout of what is no module.
template <Stateful S>
void save(const S& object, const std::string& path, const SaveOptions& options = {}) {
  detail::save_described(detail::described(object), path, options);
}

/// Sets object's state to what a file holds; see load_arrays. In PyTorch's layout each layer's values are
/// translated, and BatchNorm's num_batches_tracked passed over. IoError that names the parameter if one is
/// missing or not the object's, or says that nothing in the file is the object's; ShapeError that names it if
/// its shape differs; IoError if a .safetensors file says that it has the other layout; ValueError for a
/// layout or `strict = false` with what is no module. The object is unchanged then.
///
/// ```cpp
/// io::load(net, "net.safetensors", {.layout = io::Layout::pytorch, .prefix = "model.", .strict = false});
/// ```
template <Stateful S>
LoadReport load(S& object, const std::string& path, const LoadOptions& options = {}) {
  LoadReport report;
  const auto state = detail::load_described(detail::described(object), path, options, report);
  try {
    object.load_state(state);
  } catch (...) {
    detail::rethrow_for(path);
  }
  return report;
}

}  // namespace xgrad::io
