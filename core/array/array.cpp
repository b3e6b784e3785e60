#include "array.hpp"

#include <string>

namespace xgrad::detail {

void throw_not_whole(const Shape& shape, std::size_t held) {
  throw ValueError("array: shape " + to_string(shape) + " holds " + std::to_string(held) +
                   " elements; it was moved from, assign to it first");
}

void throw_undefined_value() { throw InternalError("to_array: the value is undefined"); }

}  // namespace xgrad::detail
