// What an operation was told beside its inputs: the fields of its struct, by name.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "../array/shape.hpp"

namespace xgrad::detail {

struct Attribute {
  std::string name;
  std::variant<bool, std::int64_t, double, std::string, std::vector<std::int64_t>> value;
};

/// "axis = 1, keep_dims = true"; empty without attributes.
std::string to_string(const std::vector<Attribute>& attributes);

/// Takes the fields that a struct names: `visit("axis", axis)`.
class AttributeList {
 public:
  template <class X>
  void operator()(const char* name, const X& x) {
    if constexpr (std::is_same_v<X, bool>) {
      list_.push_back({name, x});
    } else if constexpr (std::is_integral_v<X>) {
      list_.push_back({name, static_cast<std::int64_t>(x)});
    } else if constexpr (std::is_floating_point_v<X>) {
      list_.push_back({name, static_cast<double>(x)});
    } else if constexpr (std::is_convertible_v<X, std::string>) {
      list_.push_back({name, std::string(x)});
    } else {
      list_.push_back({name, std::vector<std::int64_t>(x.begin(), x.end())});
    }
  }
  std::vector<Attribute> take() noexcept { return std::move(list_); }

 private:
  std::vector<Attribute> list_;
};

/// The attributes of an operation's struct. One that has fields says them in
/// `void fields(auto& visit) const { visit("axis", axis); }`.
template <class Op>
std::vector<Attribute> attributes_of(const Op& op) {
  AttributeList list;
  if constexpr (requires { op.fields(list); })
    op.fields(list);
  else
    static_assert(std::is_empty_v<Op>, "an operation with fields names them: fields(auto& visit) const");
  return list.take();
}

}  // namespace xgrad::detail
