#include "safetensors_header.hpp"

#include <algorithm>
#include <cstdint>
#include <unordered_set>

#include <nlohmann/json.hpp>

#include "../core/array/error.hpp"

namespace xgrad::io {
namespace {

using Json = nlohmann::json;

constexpr std::string_view metadata = "__metadata__";
constexpr std::size_t deepest = 128;  // as the reference implementation's parser has it

constexpr TensorType types[] = {{"F32", ElementType::float32, 32},
                                {"F64", ElementType::float64, 64},
                                {"F16", ElementType::float16, 16},
                                {"BF16", ElementType::bfloat16, 16},
                                {"BOOL", ElementType::boolean, 8},
                                {"I8", ElementType::int8, 8},
                                {"U8", ElementType::uint8, 8},
                                {"I16", ElementType::int16, 16},
                                {"U16", ElementType::uint16, 16},
                                {"I32", ElementType::int32, 32},
                                {"U32", ElementType::uint32, 32},
                                {"I64", ElementType::int64, 64},
                                {"U64", ElementType::uint64, 64},
                                {"C64", {}, 64},
                                {"F8_E4M3", {}, 8},
                                {"F8_E5M2", {}, 8},
                                {"F8_E8M0", {}, 8},
                                {"F6_E2M3", {}, 6},
                                {"F6_E3M2", {}, 6},
                                {"F4", {}, 4}};

/// How many bytes a tensor has; none if no program can address them, or the last one is not full.
std::optional<std::size_t> bytes_of(const std::vector<std::size_t>& shape, const TensorType& type) {
  if (type.type) return byte_count(shape, *type.type);
  const auto count = byte_count(shape, ElementType::int8);  // at most 2^60
  if (!count || type.bits >= 8) return count ? std::optional(*count * (type.bits / 8)) : std::nullopt;
  return *count * type.bits % 8 == 0 ? std::optional(*count * type.bits / 8) : std::nullopt;
}

/// Listens to a parser. What the header must not have ends with an IoError at once: nothing is built in vain.
class Listener {
 public:
  Listener(const InputFile& file, SafetensorsHeader& header) : file_(file), header_(header) {}

  bool null() { return value(Kind::other); }
  bool boolean(bool) { return value(Kind::other); }
  bool number_integer(Json::number_integer_t) { return value(Kind::other); }
  bool number_float(Json::number_float_t, const std::string&) { return value(Kind::other); }
  bool binary(Json::binary_t&) { return value(Kind::other); }
  bool number_unsigned(Json::number_unsigned_t number) {
    value(Kind::whole);
    if (is_list() && depth() == 3) list().push_back(static_cast<std::size_t>(number));
    return true;
  }
  bool string(std::string& text) {
    value(Kind::text);
    if (depth() == 2 && is_metadata_ && key_ == "format") header_.format = text;
    if (depth() == 2 && !is_metadata_ && key_ == "dtype") tensor_.type = &type_called(text);
    return true;
  }

  bool start_object(std::size_t) {
    value(Kind::object);
    open();
    return true;
  }
  bool start_array(std::size_t) {
    value(Kind::array);
    if (is_list() && depth() == 2) has(key_) = true;
    open();
    return true;
  }
  bool end_object() {
    keys_.pop_back();
    if (depth() == 1 && !is_metadata_) finish();
    return true;
  }
  bool end_array() {
    keys_.pop_back();
    return true;
  }

  bool key(std::string& name) {
    if (!keys_.back().insert(name).second)
      file_.fail("names '" + name + "' twice" + (depth() == 1 ? "" : " in '" + tensor_.name + "'"));
    if (depth() == 1) {
      tensor_ = {};
      tensor_.name = name;
      offsets_.clear();
      has_shape_ = has_offsets_ = false;
      is_metadata_ = name == metadata;
    } else if (depth() == 2) {
      key_ = name;
    }
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const Json::exception&) { return false; }

 private:
  enum class Kind { object, array, text, whole, other };

  std::size_t depth() const noexcept { return keys_.size(); }
  void open() {
    if (depth() == deepest) file_.fail("has a header that nests too deep");
    keys_.emplace_back();
  }

  /// Within a tensor's entry: true for the two keys whose values are lists.
  bool is_list() const { return !is_metadata_ && (key_ == "shape" || key_ == "data_offsets"); }
  std::vector<std::size_t>& list() { return key_ == "shape" ? tensor_.shape : offsets_; }
  bool& has(std::string_view key) { return key == "shape" ? has_shape_ : has_offsets_; }

  /// Any value begins; IoError unless one of this kind may stand here.
  bool value(Kind kind) {
    if (depth() == 1 && kind != Kind::object)
      is_metadata_ ? fail_metadata() : file_.fail("says nothing of '" + tensor_.name + "'");
    if (depth() == 2 && is_metadata_ && kind != Kind::text) fail_metadata();
    if (depth() < 2 || is_metadata_) return true;
    if (depth() == 2 && key_ == "dtype" && kind != Kind::text) fail_type();
    if (is_list() && kind != (depth() == 2 ? Kind::array : Kind::whole)) fail_list(key_);
    return true;
  }

  [[noreturn]] void fail_metadata() const {
    file_.fail("has a '" + std::string(metadata) + "' that is no map of strings to strings");
  }
  [[noreturn]] void fail_type() const { file_.fail("gives no 'dtype' of '" + tensor_.name + "'"); }
  [[noreturn]] void fail_list(const std::string& key) const {
    file_.fail("gives no list of whole numbers as '" + key + "' of '" + tensor_.name + "'");
  }

  const TensorType& type_called(const std::string& name) const {
    const auto* const known = std::find_if(std::begin(types), std::end(types),
                                           [&](const TensorType& each) { return each.name == name; });
    if (known == std::end(types))
      file_.fail("has '" + tensor_.name + "' in elements of type '" + name +
                 "', which the format does not have");
    return *known;
  }

  /// The end of a tensor's entry.
  void finish() {
    if (tensor_.type == nullptr) fail_type();
    if (!has_shape_) fail_list("shape");
    if (!has_offsets_) fail_list("data_offsets");
    const auto bytes = bytes_of(tensor_.shape, *tensor_.type);
    if (offsets_.size() != 2 || offsets_[0] > offsets_[1] || bytes != offsets_[1] - offsets_[0])
      file_.fail("gives '" + tensor_.name + "' other bytes than its shape and type need");
    tensor_.begin = offsets_[0];
    tensor_.end = offsets_[1];
    header_.tensors.push_back(std::move(tensor_));
  }

  const InputFile& file_;
  SafetensorsHeader& header_;
  std::vector<std::unordered_set<std::string>> keys_;  ///< of every object that is open; a list has none
  bool is_metadata_ = false;
  std::string key_;  ///< in an entry
  Tensor tensor_;    ///< the present one
  std::vector<std::size_t> offsets_;
  bool has_shape_ = false, has_offsets_ = false;
};

void check_bytes(const InputFile& file, const std::vector<Tensor>& tensors, std::size_t data_size) {
  std::size_t at = 0;
  for (const Tensor& tensor : tensors) {
    if (tensor.begin != at)
      file.fail("has a gap before '" + tensor.name + "', or lets it overlap with the one before");
    if (tensor.end > data_size) file.fail("ends before the last byte of '" + tensor.name + "'");
    at = tensor.end;
  }
  if (at != data_size) file.fail("goes on after the last array");
}

}  // namespace

SafetensorsHeader read_safetensors_header(const InputFile& file, std::string_view text,
                                          std::size_t data_size) {
  // JSON may have blanks on either side; the format has spaces at the end only.
  if (!text.starts_with('{')) file.fail("has a header that does not begin with '{'");
  text = text.substr(0, text.find_last_not_of(' ') + 1);
  SafetensorsHeader header;
  Listener listener(file, header);
  if (!text.ends_with('}') || !Json::sax_parse(text.begin(), text.end(), &listener))
    file.fail("has a header that is no JSON object with spaces behind it");
  std::stable_sort(header.tensors.begin(), header.tensors.end(), [](const Tensor& a, const Tensor& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  check_bytes(file, header.tensors, data_size);
  return header;
}

}  // namespace xgrad::io
