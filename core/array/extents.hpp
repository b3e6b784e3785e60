// A shape as users write it: integers of any type, none of which becomes a large one in silence.
#pragma once

#include <initializer_list>
#include <string_view>

#include "shape.hpp"

namespace xgrad {

namespace detail {

/// std::vector<int>, a Shape, what an xtensor container calls its shape: one integer after the other.
template <class R>
concept IntegerSequence = requires(const R& r) {
  typename R::value_type;
  r.begin();
  r.end();
}
&&IntegerType<typename R::value_type> && !requires(const R& r) { r.dimension(); };

}  // namespace detail

/// What reshape, and what makes a value of some shape, takes: {2, 3}, one integer for one axis, or any
/// sequence of integers, such as a Shape or a std::vector<int>. It keeps negative extents, for reshape to
/// find and for the others to refuse by name.
class Extents {
 public:
  struct Extent {
    template <detail::IntegerType I>
    Extent(I extent) noexcept : value(detail::to_signed(extent)) {}
    std::ptrdiff_t value;
  };
  Extents(std::initializer_list<Extent> extents) {
    for (const Extent& extent : extents) values_.push_back(extent.value);
  }
  template <detail::IntegerType I>
  Extents(I one_axis) : Extents({Extent(one_axis)}) {}
  template <detail::IntegerSequence R>
  Extents(const R& extents) {
    for (const auto& extent : extents) values_.push_back(detail::to_signed(extent));
  }

  const Axes& values() const noexcept { return values_; }
  /// The shape. ShapeError, "zeros: extent -1 of axis 0 is negative in [-1, 2]; give 0 or more", for one
  /// that is negative, and as check_possible() for one that no value can have.
  Shape checked(std::string_view operation) const;

 private:
  Axes values_;
};

}  // namespace xgrad
