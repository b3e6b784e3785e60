#include "save.hpp"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <unordered_set>

#include "../core/error.hpp"
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

bool is_npz(const char* operation, const std::string& path) {
  if (path.ends_with(".npz")) return true;
  if (path.ends_with(".safetensors")) return false;
  throw IoError(std::string(operation) + ": the ending of " + path +
                " tells no format; let it be .safetensors or .npz");
}

}  // namespace

template <class T>
void save_arrays(const NamedArrays<T>& arrays, const std::string& path) {
  const bool npz = is_npz("save", path);
  check_names(arrays);
  std::vector<std::pair<std::string, Dense<T>>> values;
  for (const auto& [name, array] : arrays) values.emplace_back(name, to_dense(array));
  write_whole_file(path, [&](const std::string& unfinished) {
    npz ? write_npz<T>(values, unfinished) : write_safetensors<T>(values, unfinished);
  });
}

template <class T>
NamedArrays<T> load_arrays(const std::string& path) {
  auto values = is_npz("load", path) ? read_npz<T>(path) : read_safetensors<T>(path);
  NamedArrays<T> arrays;
  for (auto& [name, value] : values) arrays.emplace_back(std::move(name), to_array(std::move(value)));
  return arrays;
}

void detail::check_destination(const std::string& path) {
  is_npz("save", path);
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

template void save_arrays(const NamedArrays<float>&, const std::string&);
template void save_arrays(const NamedArrays<double>&, const std::string&);
template NamedArrays<float> load_arrays(const std::string&);
template NamedArrays<double> load_arrays(const std::string&);

}  // namespace xgrad::io
