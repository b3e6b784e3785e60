// The axes of a reduction: what every operation that has some starts with.
#pragma once

#include <utility>
#include <vector>

#include "../core/array/dense.hpp"

namespace xgrad::detail {

struct Over {
  AxisList<bool> axes;  ///< a flag an axis
  bool keep_dims = false;

  template <class T>
  Dense<T> shaped(Dense<T> kept, const Shape& of) const {
    return keep_dims ? std::move(kept) : std::move(kept).with_shape(reduced_shape(of, axes, false));
  }
  Shape kept(const Shape& of) const { return reduced_shape(of, axes, true); }
  std::size_t count(const Shape& of) const {
    std::size_t product = 1;
    for (std::size_t axis = 0; axis < of.size(); ++axis) product *= axes[axis] ? of[axis] : 1;
    return product;
  }
  /// The same of values behind an axis that stays.
  Over behind_directions() const {
    Over wide = *this;
    wide.axes.insert(0, false);
    return wide;
  }
  void fields(auto& visit) const {
    std::vector<std::int64_t> flagged;
    for (std::size_t axis = 0; axis < axes.size(); ++axis)
      if (axes[axis]) flagged.push_back(static_cast<std::int64_t>(axis));
    visit("axes", flagged);
    visit("keep_dims", keep_dims);
  }
};

}  // namespace xgrad::detail
