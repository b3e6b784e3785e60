#include "npy.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "../core/error.hpp"

namespace xgrad::io {
namespace {

constexpr std::string_view magic = "\x93NUMPY";
constexpr std::size_t longest_header = 1 << 16;

/// NumPy's kind and size of an element.
constexpr std::pair<std::string_view, ElementType> type_names[] = {
    {"f4", ElementType::float32}, {"f8", ElementType::float64}, {"f2", ElementType::float16},
    {"b1", ElementType::boolean}, {"i1", ElementType::int8},    {"u1", ElementType::uint8},
    {"i2", ElementType::int16},   {"u2", ElementType::uint16},  {"i4", ElementType::int32},
    {"u4", ElementType::uint32},  {"i8", ElementType::int64},   {"u8", ElementType::uint64}};

struct Header {
  ElementType type{};
  bool big_endian = false, fortran_order = false;
  std::vector<std::size_t> shape;
};

/// Reads the one kind of dictionary that there is: {'descr': '<f8', 'fortran_order': False, 'shape': (2, 3)}.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : rest_(text) {}

  /// Nothing if the text is something else.
  std::optional<Header> parse() {
    bool has_type = false, has_order = false, has_shape = false;
    if (!take("{")) return std::nullopt;
    while (!take("}")) {
      bool* seen = nullptr;
      bool read = false;
      if (take("'descr':")) {
        seen = &has_type;
        read = read_type();
      } else if (take("'fortran_order':")) {
        seen = &has_order;
        header_.fortran_order = take("True");
        read = header_.fortran_order || take("False");
      } else if (take("'shape':")) {
        seen = &has_shape;
        read = read_shape();
      }
      if (!read || *seen) return std::nullopt;
      *seen = true;
      if (!take(",") && !rest_.starts_with("}")) return std::nullopt;
    }
    skip_blanks();
    if (!rest_.empty() || !has_type || !has_order || !has_shape) return std::nullopt;
    return header_;
  }

 private:
  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \n"), rest_.size())); }

  bool take(std::string_view word) {
    skip_blanks();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    skip_blanks();
    return true;
  }

  bool read_type() {
    if (!take("'") || rest_.empty()) return false;
    const char order = rest_[0];
    header_.big_endian = order == '>';
    if (order != '<' && order != '>' && order != '|' && order != '=') return false;
    rest_.remove_prefix(1);
    for (const auto& [name, type] : type_names)
      if (rest_.starts_with(name)) {
        rest_.remove_prefix(name.size());
        header_.type = type;
        return take("'");
      }
    return false;
  }

  bool read_shape() {
    if (!take("(")) return false;
    while (!take(")")) {
      std::size_t extent = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), extent);
      if (error != std::errc{}) return false;
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      header_.shape.push_back(extent);
      if (!take(",") && !rest_.starts_with(")")) return false;
    }
    return true;
  }

  std::string_view rest_;
  Header header_;
};

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
Dense<T> read_npy(std::size_t size, const NextBytes& next,
                  const std::function<void(const std::string& what)>& fail) {
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
  const int version = begin[6];
  if (std::string_view(begin, magic.size()) != magic || version < 1 || version > 3)
    fail("is no npy file of version 1 to 3");
  const std::size_t length = read_number(version == 1 ? 2 : 4);
  if (length > longest_header)
    fail("has a header of " + std::to_string(length) + " bytes, too long for an array");
  std::string text(length, '\0');
  read(text.data(), length);
  const std::optional<Header> header = HeaderParser(text).parse();
  if (!header) fail("has a header that is none of an array of real numbers: " + text.substr(0, 200));
  if (header->shape.size() > max_axes)
    fail("has " + std::to_string(header->shape.size()) + " axes, more than 8");
  const Shape shape(header->shape.begin(), header->shape.end());
  if (byte_count(header->shape, header->type) != left)
    fail("holds " + std::to_string(left) + " bytes of elements, not what its shape " + to_string(shape) +
         " and type need");

  Dense<T> value(shape);
  const auto elements = [&](T* out) {
    const std::size_t element = size_of(header->type);
    if (!header->big_endian) return read_elements(header->type, value.size(), out, read);
    std::vector<char> bytes(left);
    read(bytes.data(), bytes.size());
    for (std::size_t i = 0; i < bytes.size(); i += element)
      std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(i),
                   bytes.begin() + static_cast<std::ptrdiff_t>(i + element));
    convert(header->type, bytes.data(), value.size(), out);
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

template Dense<float> read_npy(std::size_t, const NextBytes&, const std::function<void(const std::string&)>&);
template Dense<double> read_npy(std::size_t, const NextBytes&,
                                const std::function<void(const std::string&)>&);

}  // namespace xgrad::io
