#include "safetensors.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <unordered_set>

#include <nlohmann/json.hpp>

#include "../core/error.hpp"

namespace xgrad::io {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t prefix = 8;                    // bytes of the header's length
constexpr std::size_t longest_header = 100'000'000;  // as the reference implementation has it
constexpr std::string_view metadata = "__metadata__";

constexpr std::pair<std::string_view, ElementType> type_names[] = {
    {"F32", ElementType::float32},   {"F64", ElementType::float64},  {"F16", ElementType::float16},
    {"BF16", ElementType::bfloat16}, {"BOOL", ElementType::boolean}, {"I8", ElementType::int8},
    {"U8", ElementType::uint8},      {"I16", ElementType::int16},    {"U16", ElementType::uint16},
    {"I32", ElementType::int32},     {"U32", ElementType::uint32},   {"I64", ElementType::int64},
    {"U64", ElementType::uint64}};

struct Tensor {
  std::string name;
  ElementType type{};
  std::vector<std::size_t> shape;
  std::size_t begin = 0, end = 0;  ///< of its bytes, after the header
};

/// One file that is being read.
class File {
 public:
  explicit File(const std::string& path) : path_(path), stream_(path, std::ios::binary | std::ios::ate) {
    const std::streamoff size = stream_ ? std::streamoff(stream_.tellg()) : -1;
    // A folder opens, and is as large as a number can be.
    if (size < 0 || size == std::numeric_limits<std::streamoff>::max())
      throw IoError("load: cannot read " + path_ + " (" + std::strerror(errno == 0 ? EISDIR : errno) +
                    "); check the path");
    size_ = static_cast<std::size_t>(size);
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw IoError("load: " + path_ + " " + what + "; save it again, or check that it is a safetensors file");
  }
  std::size_t size() const noexcept { return size_; }
  void read(std::size_t at, char* out, std::size_t count) {
    stream_.seekg(static_cast<std::streamoff>(at));
    stream_.read(out, static_cast<std::streamsize>(count));
    if (!stream_) fail("ends before its time, or cannot be read");
  }

 private:
  const std::string& path_;
  std::ifstream stream_;
  std::size_t size_ = 0;
};

std::size_t header_size(File& file) {
  if (file.size() < prefix) file.fail("has " + std::to_string(file.size()) + " bytes, fewer than 8");
  std::uint64_t size = 0;
  file.read(0, reinterpret_cast<char*>(&size), prefix);
  if (size > longest_header || size > file.size() - prefix)
    file.fail("says that its header has " + std::to_string(size) + " bytes, of " +
              std::to_string(file.size()) + " in the file");
  return static_cast<std::size_t>(size);
}

Json parse_header(const File& file, const std::string& text) {
  std::unordered_set<std::string> names;
  const auto check = [&](int depth, Json::parse_event_t event, Json& parsed) {
    // An object of objects with lists: what is deeper is no header, and would be built in vain.
    if (depth > 3) file.fail("has a header that nests too deep");
    if (event == Json::parse_event_t::key && depth == 1 && !names.insert(parsed.get<std::string>()).second)
      file.fail("names '" + parsed.get<std::string>() + "' twice");
    return true;
  };
  try {
    Json header = Json::parse(text, check);
    if (header.is_object()) return header;
  } catch (const Json::exception&) {
  }
  file.fail("has a header that is no JSON object");
}

/// The whole numbers of a list.
std::vector<std::size_t> read_numbers(const File& file, const std::string& name, const Json& entry,
                                      const char* key) {
  std::vector<std::size_t> numbers;
  const auto found = entry.find(key);
  bool fits = found != entry.end() && found->is_array();
  if (fits)
    for (const Json& number : *found) {
      fits = fits && number.is_number_unsigned();
      if (fits) numbers.push_back(number.get<std::size_t>());
    }
  if (!fits) file.fail("gives no list of whole numbers as '" + std::string(key) + "' of '" + name + "'");
  return numbers;
}

Tensor read_entry(const File& file, const std::string& name, const Json& entry) {
  if (!entry.is_object()) file.fail("says nothing of '" + name + "'");
  Tensor tensor;
  tensor.name = name;
  const auto type = entry.find("dtype");
  if (type == entry.end() || !type->is_string()) file.fail("gives no 'dtype' of '" + name + "'");
  const auto known = std::find_if(std::begin(type_names), std::end(type_names),
                                  [&](const auto& each) { return each.first == type->get<std::string>(); });
  if (known == std::end(type_names))
    file.fail("has '" + name + "' in elements of type '" + type->get<std::string>() +
              "', which are no real numbers known here");
  tensor.type = known->second;
  tensor.shape = read_numbers(file, name, entry, "shape");
  if (tensor.shape.size() > max_axes)
    file.fail("has '" + name + "' with " + std::to_string(tensor.shape.size()) + " axes, more than 8");
  const std::vector<std::size_t> offsets = read_numbers(file, name, entry, "data_offsets");
  const auto bytes = byte_count(tensor.shape, tensor.type);
  if (offsets.size() != 2 || offsets[0] > offsets[1] || bytes != offsets[1] - offsets[0])
    file.fail("gives '" + name + "' other bytes than its shape and type need");
  tensor.begin = offsets[0];
  tensor.end = offsets[1];
  return tensor;
}

/// In the order of their bytes, which fill the file without a gap.
std::vector<Tensor> read_tensors(const File& file, const Json& header, std::size_t data_size) {
  std::vector<Tensor> tensors;
  for (const auto& [name, entry] : header.items())
    if (name != metadata) tensors.push_back(read_entry(file, name, entry));
  std::stable_sort(tensors.begin(), tensors.end(), [](const Tensor& a, const Tensor& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::size_t at = 0;
  for (const Tensor& tensor : tensors) {
    if (tensor.begin != at)
      file.fail("has a gap before '" + tensor.name + "', or lets it overlap with the one before");
    if (tensor.end > data_size) file.fail("ends before the last byte of '" + tensor.name + "'");
    at = tensor.end;
  }
  if (at != data_size) file.fail("goes on after the last array");
  return tensors;
}

}  // namespace

template <class T>
void write_safetensors(const NamedValues<T>& values, const std::string& path) {
  Json header = Json::object();
  std::size_t at = 0;
  for (const auto& [name, value] : values) {
    const std::size_t end = at + value.size() * sizeof(T);
    header[name] = {{"dtype", sizeof(T) == sizeof(float) ? "F32" : "F64"},
                    {"shape", std::vector<std::size_t>(value.shape.begin(), value.shape.end())},
                    {"data_offsets", {at, end}}};
    at = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // elements begin at a multiple of 8
  const std::uint64_t size = text.size();
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(&size), prefix);
  file << text;
  for (const auto& [name, value] : values)
    file.write(reinterpret_cast<const char*>(value.data()),
               static_cast<std::streamsize>(value.size() * sizeof(T)));
  file.close();
  if (!file)
    throw IoError("save: cannot write " + path + " (" + std::strerror(errno) + "); check the space left");
}

template <class T>
NamedValues<T> read_safetensors(const std::string& path) {
  errno = 0;
  File file(path);
  std::string text(header_size(file), '\0');
  file.read(prefix, text.data(), text.size());
  const std::size_t begin = prefix + text.size();
  NamedValues<T> values;
  for (const Tensor& tensor : read_tensors(file, parse_header(file, text), file.size() - begin)) {
    Dense<T> value(Shape(tensor.shape.begin(), tensor.shape.end()));
    read_elements(tensor.type, value.size(), value.mutable_data(),
                  [&](char* out, std::size_t count) { file.read(begin + tensor.begin, out, count); });
    values.emplace_back(tensor.name, std::move(value));
  }
  return values;
}

template void write_safetensors(const NamedValues<float>&, const std::string&);
template void write_safetensors(const NamedValues<double>&, const std::string&);
template NamedValues<float> read_safetensors(const std::string&);
template NamedValues<double> read_safetensors(const std::string&);

}  // namespace xgrad::io
