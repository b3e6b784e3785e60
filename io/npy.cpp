#include "npy.hpp"

#include <algorithm>
#include <optional>

#include "../core/array/error.hpp"
#include "../core/array/instantiate.hpp"
#include "input_file.hpp"
#include "output_file.hpp"
#include "python_literal.hpp"

namespace xgrad::io {
namespace {

constexpr std::string_view magic = "\x93NUMPY";
constexpr std::size_t longest_header = 1 << 16;

/// NumPy's kind and size of an element, after its order of bytes.
constexpr std::pair<std::string_view, ElementType> sized_types[] = {
    {"f4", ElementType::float32}, {"f8", ElementType::float64}, {"f2", ElementType::float16},
    {"b1", ElementType::boolean}, {"i1", ElementType::int8},    {"u1", ElementType::uint8},
    {"i2", ElementType::int16},   {"u2", ElementType::uint16},  {"i4", ElementType::int32},
    {"u4", ElementType::uint32},  {"i8", ElementType::int64},   {"u8", ElementType::uint64},
    {"?", ElementType::boolean},  {"b", ElementType::int8},     {"B", ElementType::uint8},
    {"h", ElementType::int16},    {"H", ElementType::uint16},   {"i", ElementType::int32},
    {"I", ElementType::uint32},   {"l", ElementType::int64},    {"L", ElementType::uint64},
    {"q", ElementType::int64},    {"Q", ElementType::uint64},   {"e", ElementType::float16},
    {"f", ElementType::float32},  {"d", ElementType::float64}};
/// And its names, which stand alone.
constexpr std::pair<std::string_view, ElementType> named_types[] = {
    {"float32", ElementType::float32}, {"float64", ElementType::float64}, {"float16", ElementType::float16},
    {"bool", ElementType::boolean},    {"int8", ElementType::int8},       {"uint8", ElementType::uint8},
    {"int16", ElementType::int16},     {"uint16", ElementType::uint16},   {"int32", ElementType::int32},
    {"uint32", ElementType::uint32},   {"int64", ElementType::int64},     {"uint64", ElementType::uint64},
    {"half", ElementType::float16},    {"single", ElementType::float32},  {"double", ElementType::float64},
    {"float", ElementType::float64},   {"int", ElementType::int64}};

struct Header {
  std::optional<ElementType> type;  ///< none for what is no real number
  std::string type_name;
  bool big_endian = false, fortran_order = false;
  std::vector<std::size_t> shape;
};

void set_type(Header& header, const PythonLiteral& description) {
  header.type_name =
      description.is(PythonLiteral::Kind::text) ? "'" + description.text + "'" : "of several parts";
  const std::string_view text = description.text;
  const auto find = [&](const auto& types, std::string_view wanted) {
    for (const auto& [name, type] : types)
      if (name == wanted) header.type = type;
  };
  const bool has_order = !text.empty() && std::string_view("<>|=").find(text[0]) != std::string_view::npos;
  header.big_endian = text.starts_with('>');
  find(sized_types, has_order ? text.substr(1) : text);
  if (!has_order) find(named_types, text);
}

/// A tuple of whole numbers.
bool set_shape(Header& header, const PythonLiteral& shape) {
  if (!shape.is(PythonLiteral::Kind::tuple)) return false;
  for (const PythonLiteral& extent : shape.items) {
    if (!extent.is(PythonLiteral::Kind::integer) || (extent.negative && extent.number != 0)) return false;
    header.shape.push_back(extent.number);
  }
  return true;
}

/// Of {'descr': '<f8', 'fortran_order': False, 'shape': (2, 3)}, which has these three keys and no other;
/// nothing if the text is something else.
std::optional<Header> parse_header(std::string_view text, bool python2) {
  const std::optional<PythonLiteral> read = parse_python_literal(text, python2);
  if (!read || !read->is(PythonLiteral::Kind::dictionary)) return std::nullopt;
  const auto value_of = [&](std::string_view key) {
    const PythonLiteral* found = nullptr;
    for (std::size_t i = 0; i < read->items.size(); i += 2)
      if (read->items[i].is(PythonLiteral::Kind::text) && read->items[i].text == key)
        found = &read->items[i + 1];
    return found;
  };
  const PythonLiteral *const type = value_of("descr"), *const order = value_of("fortran_order"),
                             *const shape = value_of("shape");
  // Of a key that is there twice one does not know which to believe.
  if (read->items.size() != 6 || type == nullptr || order == nullptr || shape == nullptr) return std::nullopt;
  Header header;
  if (!order->is(PythonLiteral::Kind::boolean) || !set_shape(header, *shape)) return std::nullopt;
  header.fortran_order = order->number != 0;
  set_type(header, *type);
  return header;
}

/// `from` has its first axis contiguous; `to` is ours.
template <class T>
void from_fortran_order(const std::vector<T>& from, const Shape& shape, T* to) {
  Shape strides(shape.size(), 1), index(shape.size(), 0);
  for (std::size_t axis = 1; axis < shape.size(); ++axis) strides[axis] = strides[axis - 1] * shape[axis - 1];
  std::size_t at = 0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    to[i] = from[at];
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      at += strides[axis];
      if (++index[axis] < shape[axis]) break;
      at -= index[axis] * strides[axis];
      index[axis] = 0;
    }
  }
}

}  // namespace

std::string npy_header(const Shape& shape, ElementType type) {
  std::string text = type == ElementType::float32 ? "{'descr': '<f4'" : "{'descr': '<f8'";
  text += ", 'fortran_order': False, 'shape': (";
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (axis > 0) text += ' ';
    text += std::to_string(shape[axis]);
    if (axis + 1 < shape.size() || shape.size() == 1) text += ',';
  }
  text += "), }";
  // The elements begin at a multiple of 64.
  constexpr std::size_t before = 10, alignment = 64;
  const std::size_t total = (before + text.size() + 1 + alignment - 1) / alignment * alignment;
  text.resize(total - before - 1, ' ');
  text += '\n';
  std::string bytes(magic);
  bytes += {'\1', '\0', static_cast<char>(text.size() & 255), static_cast<char>(text.size() >> 8)};
  return bytes + text;
}

template <class T>
Dense<T> read_npy(std::size_t size, const NextBytes& next, const NpyFail& report) {
  const auto fail = [&](const std::string& what) { report(what, NpyFault::damage); };
  std::size_t left = size;
  const auto read = [&](char* out, std::size_t count) {
    if (count > left) fail("ends inside its header");
    next(out, count);
    left -= count;
  };
  const auto read_number = [&](std::size_t bytes) {
    unsigned char digits[4] = {};
    read(reinterpret_cast<char*>(digits), bytes);
    return static_cast<std::size_t>(digits[0] | digits[1] << 8 | digits[2] << 16) | std::size_t{digits[3]}
                                                                                        << 24;
  };
  char begin[8] = {};
  read(begin, sizeof(begin));
  const int version = static_cast<unsigned char>(begin[6]);
  if (std::string_view(begin, magic.size()) != magic || version < 1 || version > 3 || begin[7] != 0)
    fail("is no npy file of version 1 to 3");
  const std::size_t length = read_number(version == 1 ? 2 : 4);
  if (length > longest_header)
    fail("has a header of " + std::to_string(length) + " bytes, too long for an array");
  std::string text(length, '\0');
  read(text.data(), length);
  const std::optional<Header> header = parse_header(text, version < 3);
  if (!header) fail("has a header that is none of an array of real numbers: " + text.substr(0, 200));
  if (!header->type)
    report("has elements of type " + header->type_name + ", which are no real numbers",
           NpyFault::element_type);
  const ElementType type = *header->type;
  if (header->shape.size() > max_axes)
    fail("has " + std::to_string(header->shape.size()) + " axes, more than 8");
  const Shape shape(header->shape.begin(), header->shape.end());
  if (byte_count(header->shape, type) != left)
    fail("holds " + std::to_string(left) + " bytes of elements, not what its shape " + to_string(shape) +
         " and type need");

  Dense<T> value(shape);
  const auto elements = [&](T* out) {
    const std::size_t element = size_of(type);
    if (!header->big_endian) return read_elements(type, value.size(), out, read);
    std::vector<char> bytes(left);
    read(bytes.data(), bytes.size());
    for (std::size_t i = 0; i < bytes.size(); i += element)
      std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(i),
                   bytes.begin() + static_cast<std::ptrdiff_t>(i + element));
    convert(type, bytes.data(), value.size(), out);
  };
  if (!header->fortran_order || shape.size() < 2) {
    elements(value.mutable_data());
  } else {
    std::vector<T> columns(value.size());
    elements(columns.data());
    from_fortran_order(columns, shape, value.mutable_data());
  }
  return value;
}

template <class T>
void write_npy_file(const Dense<T>& value, const std::string& path) {
  OutputFile file(path);
  file.write(npy_header(value.shape, own_type<T>));
  file.write(value.data(), value.size() * sizeof(T));
  file.close();
}

template <class T>
Dense<T> read_npy_file(const std::string& path) {
  InputFile file(path, "an npy");
  std::size_t at = 0;
  const auto next = [&](char* out, std::size_t count) {
    file.read(at, out, count);
    at += count;
  };
  return read_npy<T>(file.size(), next, [&](const std::string& what, NpyFault fault) {
    if (fault == NpyFault::damage) file.fail(what);
    throw IoError("load: " + path + " " + what + "; convert it first");
  });
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers(
    []<class T>() { return std::make_tuple(read_npy<T>, write_npy_file<T>, read_npy_file<T>); });

}  // namespace xgrad::io
