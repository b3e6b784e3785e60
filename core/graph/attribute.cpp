#include "attribute.hpp"

#include <sstream>

#include "description.hpp"

namespace xgrad::detail {

std::string to_string(const std::vector<Attribute>& attributes) {
  std::ostringstream text;
  text << std::boolalpha;
  const char* before = "";
  for (const Attribute& attribute : attributes) {
    text << std::exchange(before, ", ") << attribute.name << " = ";
    std::visit(
        [&]<class X>(const X& x) {
          if constexpr (std::is_same_v<X, std::vector<std::int64_t>>) {
            const char* comma = "";
            text << '[';
            for (std::int64_t number : x) text << std::exchange(comma, ", ") << number;
            text << ']';
          } else {
            text << x;
          }
        },
        attribute.value);
  }
  return text.str();
}

std::vector<Attribute> Description::attributes() const {
  return type == nullptr || type->attributes == nullptr ? std::vector<Attribute>()
                                                        : type->attributes(operation);
}

}  // namespace xgrad::detail
