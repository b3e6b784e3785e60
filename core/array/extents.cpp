#include "extents.hpp"

#include <sstream>

#include "error.hpp"

namespace xgrad {

Shape Extents::checked(std::string_view operation) const {
  for (std::size_t axis = 0; axis < values_.size(); ++axis)
    if (values_[axis] < 0) {
      std::ostringstream text;
      text << operation << ": extent " << values_[axis] << " of axis " << axis << " is negative in "
           << values_ << "; give 0 or more";
      throw ShapeError(text.str());
    }
  const Shape shape(values_.begin(), values_.end());
  detail::check_possible(operation, shape);
  return shape;
}

}  // namespace xgrad
