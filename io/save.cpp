#include "save.hpp"

#include <filesystem>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <unordered_set>

#include "../core/array/error.hpp"
#include "../core/array/instantiate.hpp"
#include "array_file.hpp"
#include "ending.hpp"
#include "npy.hpp"
#include "npz.hpp"
#include "safetensors.hpp"
#include "whole_file.hpp"

namespace xgrad::io {
namespace {

constexpr std::size_t longest_name = 4096;

/// How many bytes the UTF-8 character at the front of `text` has; 0 if it is none. The Unicode Standard 15,
/// table 3-7.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  for (std::size_t i = 1; i < length; ++i) {
    unsigned low = 0x80, high = 0xbf;
    if (i == 1 && first == 0xe0) low = 0xa0;
    if (i == 1 && first == 0xed) high = 0x9f;
    if (i == 1 && first == 0xf0) low = 0x90;
    if (i == 1 && first == 0xf4) high = 0x8f;
    if (byte(i) < low || byte(i) > high) return 0;
  }
  return length;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

template <class T>
void check_names(const NamedArrays<T>& arrays) {
  std::unordered_set<std::string_view> seen;
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    const std::string& name = arrays[i].first;
    if (name.empty() || name.size() > longest_name || name.find('\0') != name.npos || !is_utf8(name))
      throw ValueError("save: the name of array " + std::to_string(i) +
                       " is empty, longer than 4096 bytes, has a zero byte or is no UTF-8; choose another");
    if (name == "__metadata__")
      throw ValueError("save: the name '" + name + "' is kept for the format's own use; choose another");
    if (!seen.insert(name).second)
      throw ValueError("save: the name '" + name + "' is given twice; keep one of the two");
  }
}

/// A format of files of named arrays.
template <class T>
struct Format {
  std::string_view ending;
  /// Into a file that nobody reads yet; `format` is for the metadata, where there are metadata.
  void (*write)(const NamedValues<T>& values, const std::string& path, const std::string& format);
  Contents<T> (*read)(const std::string& path, const Wanted& wanted);
};

/// All that there are: a new one has its row here, and messages list them in this order.
template <class T>
constexpr Format<T> formats[] = {
    {".safetensors", write_safetensors<T>, read_safetensors<T>},
    {".npz",
     [](const NamedValues<T>& values, const std::string& path, const std::string&) {
       write_npz<T>(values, path);
     },
     read_npz<T>},
};

/// Of files of one array.
constexpr std::string_view one_array = ".npy";

template <class T>
const Format<T>& format_of(const std::string& operation, const std::string& path) {
  return chosen_format(operation.c_str(), path, formats<T>,
                       path.ends_with(one_array) ? ", or use " + operation + "_array" : "");
}

void check_is_one_array(const std::string& operation, const std::string& path) {
  if (!path.ends_with(one_array))
    throw IoError(operation + ": " + path + " does not end in " + std::string(one_array) + "; use " +
                  operation + "s for files of several arrays");
}

/// Runs what tells its errors as those of "save: " or "load: ": here they are of save_array and load_array.
template <class F>
auto of_one_array(const F& run) {
  try {
    return run();
  } catch (Error& error) {
    const std::string text = error.what();
    if (text.starts_with("save: ") || text.starts_with("load: "))
      static_cast<std::runtime_error&>(error) =
          std::runtime_error(text.substr(0, 4) + "_array" + text.substr(4));
    throw;
  }
}

template <class T>
NamedArrays<T> to_arrays(NamedValues<T> values) {
  NamedArrays<T> arrays;
  for (auto& [name, value] : values) arrays.emplace_back(std::move(name), to_array(std::move(value)));
  return arrays;
}

}  // namespace

template <class T>
void write_arrays(const NamedArrays<T>& arrays, const std::string& path, const std::string& format) {
  const Format<T>& chosen = format_of<T>("save", path);
  check_names(arrays);
  NamedValues<T> values;
  for (const auto& [name, array] : arrays) values.emplace_back(name, to_dense(array));
  write_whole_file(path, [&](const std::string& unfinished) { chosen.write(values, unfinished, format); });
}

template <class T>
Contents<T> read_contents(const std::string& path, const Wanted& wanted) {
  return format_of<T>("load", path).read(path, wanted);
}

template <class T>
void save_arrays(const NamedArrays<T>& arrays, const std::string& path) {
  write_arrays(arrays, path, "");
}

template <class T>
NamedArrays<T> load_arrays(const std::string& path) {
  return to_arrays(read_contents<T>(path, [](const std::string&) { return true; }).values);
}

template <class T>
NamedArrays<T> load_arrays(const std::string& path, const std::vector<std::string>& names) {
  std::unordered_map<std::string_view, std::size_t> places;
  for (const std::string& name : names)
    if (!places.emplace(name, places.size()).second)
      throw ValueError("load: the name '" + name + "' is given twice; keep one of the two");
  auto values = read_contents<T>(path, [&](const std::string& name) { return places.contains(name); }).values;
  NamedArrays<T> arrays(names.size());
  for (auto& [name, value] : values) {
    auto& [taken, array] = arrays[places.at(name)];
    taken = std::move(name);
    array = to_array(std::move(value));
  }
  for (std::size_t i = 0; i < names.size(); ++i)
    if (arrays[i].first != names[i])
      throw IoError("load: " + path + " has no array '" + names[i] +
                    "'; see array_names() for those that it has");
  return arrays;
}

std::vector<std::string> array_names(const std::string& path) {
  return read_contents<float>(path, [](const std::string&) { return false; }).names;
}

template <class T>
void save_array(const Array<T>& array, const std::string& path) {
  check_is_one_array("save_array", path);
  const Dense<T> value = to_dense(array);
  of_one_array([&] {
    write_whole_file(path, [&](const std::string& unfinished) { write_npy_file<T>(value, unfinished); });
  });
}

template <class T>
Array<T> load_array(const std::string& path) {
  check_is_one_array("load_array", path);
  return of_one_array([&] { return to_array(read_npy_file<T>(path)); });
}

void detail::check_destination(const std::string& path) {
  format_of<float>("save", path);
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::error_code error;  // what cannot be looked at is no folder to write into
  if (!folder.empty() && !std::filesystem::is_directory(folder, error))
    throw IoError("save: there is no folder " + folder.string() + " for " + path + "; make it first");
}

void detail::rethrow_for(const std::string& path) {
  const auto text = [&](const Error& error) { return "load: " + path + ": " + error.what(); };
  try {
    throw;
  } catch (const ShapeError& error) {
    throw ShapeError(text(error));
  } catch (const ValueError& error) {
    throw IoError(text(error));
  }
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() {
  return std::make_tuple(
      save_arrays<T>, instantiate::overload<NamedArrays<T>(const std::string&)>(load_arrays),
      instantiate::overload<NamedArrays<T>(const std::string&, const std::vector<std::string>&)>(load_arrays),
      save_array<T>, load_array<T>, write_arrays<T>, read_contents<T>);
});

}  // namespace xgrad::io
