#include "safetensors.hpp"

#include <cstdint>

#include <nlohmann/json.hpp>

#include "../core/array/error.hpp"
#include "../core/array/instantiate.hpp"
#include "element_type.hpp"
#include "output_file.hpp"
#include "safetensors_header.hpp"

namespace xgrad::io {
namespace {

constexpr std::size_t prefix = 8;                    // bytes of the header's length
constexpr std::size_t longest_header = 100'000'000;  // as the reference implementation has it

std::size_t header_size(InputFile& file) {
  if (file.size() < prefix) file.fail("has " + std::to_string(file.size()) + " bytes, fewer than 8");
  std::uint64_t size = 0;
  file.read(0, reinterpret_cast<char*>(&size), prefix);
  if (size > longest_header || size > file.size() - prefix)
    file.fail("says that its header has " + std::to_string(size) + " bytes, of " +
              std::to_string(file.size()) + " in the file");
  return static_cast<std::size_t>(size);
}

std::string quoted(const std::string& text) { return nlohmann::json(text).dump(); }

/// Written by hand: a JSON object that keeps its order looks through all of its keys for each new one.
template <class T>
std::string header_of(const NamedValues<T>& values, const std::string& format) {
  std::string text = "{";
  if (!format.empty()) text += R"("__metadata__":{"format":)" + quoted(format) + "}";
  std::size_t at = 0;
  for (const auto& [name, value] : values) {
    if (text.size() > 1) text += ',';
    text += quoted(name) +
            (sizeof(T) == sizeof(float) ? R"(:{"dtype":"F32","shape":[)" : R"(:{"dtype":"F64","shape":[)");
    for (std::size_t axis = 0; axis < value.shape.size(); ++axis)
      text.append(axis == 0 ? "" : ",").append(std::to_string(value.shape[axis]));
    const std::size_t end = at + value.size() * sizeof(T);
    text += R"(],"data_offsets":[)" + std::to_string(at) + "," + std::to_string(end) + "]}";
    at = end;
  }
  text += '}';
  text.resize((text.size() + 7) / 8 * 8, ' ');  // elements begin at a multiple of 8
  return text;
}

template <class T>
Dense<T> read_tensor(InputFile& file, const std::string& path, const Tensor& tensor, std::size_t begin) {
  if (!tensor.type->type)
    throw IoError("load: " + path + " has '" + tensor.name + "' in elements of type '" +
                  std::string(tensor.type->name) +
                  "', which are no real numbers known here; read the other arrays by their names");
  if (tensor.shape.size() > max_axes)
    file.fail("has '" + tensor.name + "' with " + std::to_string(tensor.shape.size()) + " axes, more than 8");
  Dense<T> value(Shape(tensor.shape.begin(), tensor.shape.end()));
  read_elements(*tensor.type->type, value.size(), value.mutable_data(),
                [&](char* out, std::size_t count) { file.read(begin + tensor.begin, out, count); });
  return value;
}

}  // namespace

template <class T>
void write_safetensors(const NamedValues<T>& values, const std::string& path, const std::string& format) {
  const std::string text = header_of(values, format);
  const std::uint64_t size = text.size();
  if (size > longest_header)
    throw IoError("save: the header of " + path + " would have " + std::to_string(size) +
                  " bytes, more than the 100,000,000 of the format; save fewer arrays, or as .npz");
  OutputFile file(path);
  file.write(&size, prefix);
  file.write(text);
  for (const auto& [name, value] : values) file.write(value.data(), value.size() * sizeof(T));
  file.close();
}

template <class T>
Contents<T> read_safetensors(const std::string& path, const Wanted& wanted) {
  InputFile file(path, "a safetensors");
  std::string text(header_size(file), '\0');
  file.read(prefix, text.data(), text.size());
  const std::size_t begin = prefix + text.size();
  const SafetensorsHeader header = read_safetensors_header(file, text, file.size() - begin);
  Contents<T> contents;
  contents.format = header.format;
  for (const Tensor& tensor : header.tensors) {
    contents.names.push_back(tensor.name);
    if (wanted(tensor.name))
      contents.values.emplace_back(tensor.name, read_tensor<T>(file, path, tensor, begin));
  }
  return contents;
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers(
    []<class T>() { return std::make_tuple(write_safetensors<T>, read_safetensors<T>); });

}  // namespace xgrad::io
