// Predictions with their classes along any axis, taken for the rows that the losses over classes compute
// with.
#pragma once

#include <optional>
#include <string_view>

#include "../core/array/number.hpp"
#include "../core/graph/tensor.hpp"

namespace xgrad::detail {

/// Where the classes of predictions of any number of axes lie: along `axis`, or the last one.
class ClassAxis {
 public:
  /// ShapeError for predictions without an axis, and for an axis that they do not have.
  ClassAxis(std::string_view operation, const Shape& predictions, std::optional<Integer> axis);

  /// The predictions' shape without it: that of labels, and of losses that are not reduced.
  const Shape& samples() const noexcept { return samples_; }
  /// Predictions, or targets of their shape, as [N, C] or [C].
  template <Tensor V>
  V rows(const V& x) const;
  /// Labels as [N], or one without axes; ShapeError unless there is one a sample.
  Dense<std::int64_t> labels(const Dense<std::int64_t>& given) const;
  /// What a loss of such rows gives, which has the samples' shape unless it is reduced.
  template <Tensor V>
  V result(V loss, bool is_reduced) const;

 private:
  std::string_view operation_;
  Shape predictions_, samples_;
  std::size_t axis_ = 0;
};

/// Whether predictions are no rows yet: they have more axes than the losses take, or say where their classes
/// lie.
inline bool are_no_rows(const Shape& predictions, const std::optional<Integer>& axis = std::nullopt) {
  return axis.has_value() || predictions.size() > 2;
}

}  // namespace xgrad::detail
