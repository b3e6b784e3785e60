#include "number.hpp"

#include "error.hpp"

namespace xgrad::detail {

void throw_count(std::string_view operation, std::string_view option, std::int64_t number,
                 std::int64_t least) {
  throw ValueError(std::string(operation) + ": " + std::string(option) + " is " + std::to_string(number) +
                   "; it must be at least " + std::to_string(least));
}

}  // namespace xgrad::detail
