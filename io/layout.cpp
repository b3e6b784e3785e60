// A module's state in its own layout and in PyTorch's.
#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "../core/array/error.hpp"
#include "../core/array/instantiate.hpp"
#include "array_file.hpp"
#include "save.hpp"

namespace xgrad::io::detail {
namespace {

/// [n, m] from [m, n], by tiles that stay in the cache.
template <class T>
Dense<T> transposed(const Dense<T>& matrix) {
  const std::size_t rows = matrix.shape[0], columns = matrix.shape[1];
  constexpr std::size_t tile = 32;
  Dense<T> result(Shape{columns, rows});
  const T* const in = matrix.data();
  T* const out = result.mutable_data();
  for (std::size_t top = 0; top < rows; top += tile)
    for (std::size_t left = 0; left < columns; left += tile)
      for (std::size_t i = top; i < std::min(top + tile, rows); ++i)
        for (std::size_t j = left; j < std::min(left + tile, columns); ++j)
          out[j * rows + i] = in[i * columns + j];
  return result;
}

Shape swapped(const Shape& shape) { return {shape[1], shape[0]}; }

/// One load of a module's state.
template <class T>
class Loading {
 public:
  using Entry = typename Described<T>::Entry;

  Loading(Described<T>& object, const std::string& path, const LoadOptions& options, LoadReport& report)
      : path_(path), options_(options), report_(report) {
    for (std::size_t i = 0; i < object.state.size(); ++i) own_.emplace(object.state[i].first, i);
    for (const Entry& entry : *object.in_pytorch) entries_.emplace(entry.name, &entry);
  }

  NamedArrays<T> run(NamedArrays<T> state) {
    const bool is_pytorch = options_.layout == Layout::pytorch;
    Contents<T> file =
        read_contents<T>(path_, [&](const std::string& name) { return own_.contains(stem(name)); });
    check_format(file.format);
    check_overlap(file, state);
    std::vector<bool> found(state.size(), false);
    for (auto& [name, value] : file.values) {
      const std::size_t i = own_.at(stem(name));
      const Shape own = Shape(state[i].second.shape());
      const bool turns = entries_.at(state[i].first)->transposed;
      check_shape(state[i].first, own, value.shape, turns);
      state[i].second = to_array(is_pytorch && turns ? transposed(value) : std::move(value));
      found[i] = true;
    }
    for (std::size_t i = 0; i < state.size(); ++i)
      if (!found[i]) report_.missing.push_back(state[i].first);
    for (const std::string& name : file.names)
      if (is_unexpected(name, is_pytorch)) report_.unexpected.push_back(name);
    if (options_.strict) check_report();
    return state;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw IoError("load: " + path_ + what); }

  /// A name without the prefix; empty, which is nobody's name, for one that does not begin with it.
  std::string stem(const std::string& name) const {
    return name.starts_with(options_.prefix) ? name.substr(options_.prefix.size()) : std::string();
  }

  bool is_unexpected(const std::string& name, bool is_pytorch) const {
    if (!name.starts_with(options_.prefix)) return false;
    const std::string own = stem(name);
    return !own_.contains(own) && !(is_pytorch && entries_.contains(own));
  }

  void check_format(const std::string& format) const {
    if (format == "pt" && !options_.layout)
      fail(
          " was written by PyTorch, as its metadata say; give .layout = xg::io::Layout::pytorch, or xgrad if "
          "its matrices are [in, out] as here");
    if (format == "xgrad" && options_.layout == Layout::pytorch)
      fail(" has xgrad's layout, as its metadata say; give no .layout");
  }

  /// IoError if nothing in the file is the module's.
  void check_overlap(const Contents<T>& file, const NamedArrays<T>& state) const {
    if (!file.values.empty() || state.empty() || file.names.empty()) return;
    std::string text = " has none of the module's arrays, such as '" + state[0].first + "'";
    if (!options_.prefix.empty()) text += ", with the prefix '" + options_.prefix + "'";
    for (const std::string& name : file.names)
      for (std::size_t dot = name.find('.'); dot != name.npos; dot = name.find('.', dot + 1))
        if (own_.contains(name.substr(dot + 1)))
          fail(text + "; it has '" + name + "': give .prefix = \"" + name.substr(0, dot + 1) + "\"");
    fail(text + "; its first is '" + file.names[0] + "'");
  }

  void check_shape(const std::string& name, const Shape& own, const Shape& theirs, bool turns) const {
    const bool is_pytorch = options_.layout == Layout::pytorch;
    if (theirs == (is_pytorch && turns ? swapped(own) : own)) return;
    const std::string sizes = "make the module with the sizes of the one that the values come from";
    std::string text =
        "load: " + path_ + ": load_state: the value for '" + name + "' is " + to_string(theirs);
    if (is_pytorch) {
      text += " in PyTorch's layout, and " + to_string(own) + " in the module";
      if (turns) text += " is " + to_string(swapped(own)) + " there";
      throw ShapeError(text + "; " + sizes);
    }
    if (turns && theirs == swapped(own))
      throw ShapeError(text + ", that of the module " + to_string(own) +
                       "; if PyTorch wrote it, give .layout = xg::io::Layout::pytorch");
    // What else is wrong load_state says.
  }

  void check_report() const {
    if (!report_.missing.empty())
      fail(": load_state: there is no value for '" + report_.missing[0] +
           "'; every parameter and buffer of the module needs one, unless .strict = false");
    if (!report_.unexpected.empty())
      fail(": load_state: the module has no parameter or buffer '" + stem(report_.unexpected[0]) +
           "'; see state() for those that it has, or give .strict = false");
  }

  const std::string& path_;
  const LoadOptions& options_;
  LoadReport& report_;
  std::unordered_map<std::string, std::size_t> own_;  ///< places in the state
  std::unordered_map<std::string, const Entry*> entries_;
};

}  // namespace

template <class T>
void save_described(Described<T> object, const std::string& path, const SaveOptions& options) {
  const bool is_pytorch = options.layout == Layout::pytorch;
  if (is_pytorch && !object.in_pytorch)
    throw ValueError("save: only a module has a layout in PyTorch; leave out .layout");
  if (is_pytorch) {
    std::unordered_map<std::string_view, bool> turns;
    for (const auto& entry : *object.in_pytorch) turns.emplace(entry.name, entry.transposed);
    for (auto& [name, array] : object.state)
      if (turns.at(name)) array = to_array(transposed(to_dense(array)));
  }
  for (auto& [name, array] : object.state) name.insert(0, options.prefix);
  write_arrays(object.state, path, is_pytorch ? "pt" : "xgrad");
}

template <class T>
NamedArrays<T> load_described(Described<T> object, const std::string& path, const LoadOptions& options,
                              LoadReport& report) {
  if (object.in_pytorch) {
    Loading<T> loading(object, path, options, report);
    return loading.run(std::move(object.state));
  }
  if (options.layout == Layout::pytorch || !options.strict)
    throw ValueError("load: only a module has a layout in PyTorch, or parts to leave out; " +
                     std::string(options.strict ? "leave out .layout" : "leave out .strict"));
  const std::string& prefix = options.prefix;
  auto file = read_contents<T>(path, [&](const std::string& name) { return name.starts_with(prefix); });
  NamedArrays<T> state;
  for (auto& [name, value] : file.values)
    state.emplace_back(name.substr(prefix.size()), to_array(std::move(value)));
  return state;
}

[[gnu::used]] constexpr auto instances =
    instantiate::for_numbers([]<class T>() { return std::make_tuple(save_described<T>, load_described<T>); });

}  // namespace xgrad::io::detail
