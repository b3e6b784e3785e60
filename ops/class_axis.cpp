#include "class_axis.hpp"

#include <algorithm>
#include <string>

#include "../core/array/instantiate.hpp"
#include "class_rows.hpp"
#include "shape.hpp"

namespace xgrad::detail {

ClassAxis::ClassAxis(std::string_view operation, const Shape& predictions, std::optional<Integer> axis)
    : operation_(operation), predictions_(predictions), samples_(predictions) {
  if (predictions.empty()) check_class_rows(operation, predictions);
  axis_ = normalize_axis(operation, axis ? std::ptrdiff_t{*axis} : -1, predictions);
  samples_.erase(axis_);
}

template <Tensor V>
V ClassAxis::rows(const V& x) const {
  V last = x;
  if (axis_ + 1 != predictions_.size()) {
    Axes order;
    for (std::size_t i = 0; i < predictions_.size(); ++i)
      if (i != axis_) order.push_back(static_cast<std::ptrdiff_t>(i));
    order.push_back(static_cast<std::ptrdiff_t>(axis_));
    last = permute(x, order);
  }
  if (predictions_.size() <= 2) return last;
  return reshape(std::move(last), Shape{element_count(samples_), predictions_[axis_]});
}

Dense<std::int64_t> ClassAxis::labels(const Dense<std::int64_t>& given) const {
  const Shape& shape = given.shape;
  if (!(shape == samples_)) {
    std::string way_out = "give " + to_string(samples_) + ", one label a sample, ";
    for (std::size_t other = 0; other < predictions_.size(); ++other) {
      Shape without = predictions_;
      without.erase(other);
      if (!(without == shape)) continue;
      way_out += "or say .axis = " + std::to_string(other) + " if the classes lie along that one, ";
      break;
    }
    throw ShapeError(std::string(operation_) + ": labels " + to_string(shape) + " do not fit predictions " +
                     to_string(predictions_) + " with the classes along axis " + std::to_string(axis_) +
                     "; " + way_out + "or give one-hot rows");
  }
  if (samples_.empty()) return given;
  return {given.buffer, Shape{given.size()}};
}

template <Tensor V>
V ClassAxis::result(V loss, bool is_reduced) const {
  if (is_reduced) return loss;
  return reshape(std::move(loss), samples_);
}

[[gnu::used]] constexpr auto instances = instantiate::for_tensors(
    []<class V>() { return std::make_tuple(&ClassAxis::rows<V>, &ClassAxis::result<V>); });

}  // namespace xgrad::detail
