#include "array_from.hpp"

#include "error.hpp"

namespace xgrad::detail {

void throw_wrong_count(std::string_view operation, std::size_t count, const Shape& shape) {
  throw ShapeError(std::string(operation) + ": " + std::to_string(count) + " numbers for shape " +
                   to_string(shape) + ", which has " + std::to_string(element_count(shape)) +
                   " elements; give one for each");
}

void throw_null(std::string_view operation, const Shape& shape) {
  throw ValueError(std::string(operation) + ": the pointer is null, and shape " + to_string(shape) + " has " +
                   std::to_string(element_count(shape)) + " elements; point to the first of them");
}

template <class T, bool exact>
Nested<T, exact>::Nested(std::initializer_list<Nested> items) : shape_{items.size()} {
  if (items.size() == 0) return;
  const Nested& first = *items.begin();
  for (std::size_t extent : first.shape_) shape_.push_back(extent);
  std::size_t place = 0;
  for (const Nested& item : items) {
    if (fault_.empty()) fault_ = item.fault_;
    if (fault_.empty() && !(item.shape_ == first.shape_))
      fault_ = "item 0 of a list has shape " + to_string(first.shape_) + " and item " +
               std::to_string(place) + " " + to_string(item.shape_);
    elements_.insert(elements_.end(), item.elements_.begin(), item.elements_.end());
    ++place;
  }
}

template <class T, bool exact>
Dense<T> Nested<T, exact>::dense(std::string_view operation) const {
  if (!fault_.empty())
    throw ShapeError(std::string(operation) + ": " + fault_ +
                     "; give all items of a list as many, a number being []");
  return copied_from<T>(elements_.begin(), shape_);
}

template class Nested<float, true>;
template class Nested<float>;
template class Nested<double>;
template class Nested<std::int64_t>;
template class Nested<bool>;

}  // namespace xgrad::detail
