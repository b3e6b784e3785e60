// What stands in brackets, as NumPy reads it: x[0], x[{1, 2}], x[{range(0, 2), all, 3}], x[indices], x[x >
// 0].
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <type_traits>
#include <vector>

#include "../core/graph/index_input.hpp"
#include "slice.hpp"

namespace xgrad {

/// All axes that the other items leave, whole: NumPy's `...`. One at most.
struct Ellipsis {};
inline constexpr Ellipsis ellipsis{};

/// A new axis of extent 1 in the result: NumPy's None.
struct NewAxis {};
inline constexpr NewAxis newaxis{};

namespace detail {

/// A position in a list of them.
struct ListedPosition {
  template <IntegerType I>
  ListedPosition(I number) noexcept : value(to_signed(number)) {}
  std::int64_t value;
};

template <class R>
inline constexpr bool is_axis_list = false;
template <class T>
inline constexpr bool is_axis_list<AxisList<T>> = true;

/// What a container, an expression or a number is made of.
template <class E>
using indexed_by = std::conditional_t<is_axis_list<E>, void, element_of<E>>;

/// Whether an E chooses elements. Where it does not, the compiler says what to write.
template <class E>
constexpr bool chooses() {
  using N = indexed_by<E>;
  if constexpr (IntegerType<N> || (std::same_as<N, bool> && !Real<E>)) {
    return true;
  } else if constexpr (std::same_as<N, bool>) {
    static_assert(never<E>, "a bool is no index: x[x > 0] and a Mask choose elements, an integer a position");
  } else if constexpr (is_axis_list<E>) {
    static_assert(never<E>,
                  "a Shape or Axes is no index: an integer for each axis stands in braces, x[{1, 2}], and "
                  "positions along one axis are Indices");
  } else if constexpr (std::is_floating_point_v<N>) {
    static_assert(never<E>,
                  "an index is an integer, and an index array is made of them: Indices i = "
                  "xt::cast<std::int64_t>(a), and a comparison chooses elements, x[x > 0]");
  } else {
    static_assert(never<E>,
                  "this is no index: an integer, range(0, 2), all, ellipsis, newaxis, Indices, a Mask and "
                  "x > 0 are, and several stand in braces, x[{0, all, 1}]");
  }
  return false;
}

}  // namespace detail

/// One item in brackets: an integer, a range(), `all`, `ellipsis`, `newaxis`; index arrays: Indices, an
/// xtensor expression or a container of integers, integers in braces; masks: a Mask, an expression or a
/// container of bool, and a comparison, `x > 0`.
class SubscriptItem {
 public:
  enum class Kind { part, rest, new_axis, positions, mask };

  SubscriptItem(const SliceItem& part) noexcept : part_(part) {}
  SubscriptItem(const Range& part) noexcept : part_(part) {}
  SubscriptItem(All) noexcept {}
  SubscriptItem(Integer position) noexcept : part_(static_cast<std::ptrdiff_t>(position)) {}
  SubscriptItem(Ellipsis) noexcept : kind_(Kind::rest) {}
  SubscriptItem(NewAxis) noexcept : kind_(Kind::new_axis) {}
  template <class T>
  SubscriptItem(const Variable<T>& comparison)
      : array_(detail::mask_of_comparison("index", comparison)), kind_(Kind::mask) {}
  SubscriptItem(std::initializer_list<detail::ListedPosition> positions);
  template <class E>
  SubscriptItem(const E& given) {
    using N = detail::indexed_by<E>;
    if constexpr (!detail::chooses<E>()) {
    } else if constexpr (detail::Real<E>) {
      part_ = SliceItem(given);
    } else if constexpr (std::same_as<N, bool>) {
      array_ = detail::value_of<bool>("index", given);
      kind_ = Kind::mask;
    } else {
      array_ = detail::value_of<std::int64_t>("index", given);
      kind_ = Kind::positions;
    }
  }

  Kind kind() const noexcept { return kind_; }
  /// Of the kind `part`.
  const SliceItem& part() const noexcept { return part_; }
  const Dense<std::int64_t>& positions() const noexcept {
    return static_cast<const Dense<std::int64_t>&>(array_);
  }
  const Dense<bool>& mask() const noexcept { return static_cast<const Dense<bool>&>(array_); }

 private:
  SliceItem part_ = all;
  detail::Value array_;
  Kind kind_ = Kind::part;
};

/// What stands in x[...], and in index_put: one item, or several in braces, from the first axis on, as in
/// NumPy. x[{1, 2}] is NumPy's x[1, 2], and x[{{1, 2}}] its x[[1, 2]]; a std::vector is an index array.
///
/// An integer drops its axis, a range and `all` keep it, `ellipsis` stands for all axes that are left, and
/// they stay whole; `newaxis` adds one of extent 1. Index arrays broadcast with each other; in place of their
/// axes stand those of their broadcast shape, and where other items stand between two of them (an integer
/// counts as one of them), in front of all others. A mask has the extents of the axes it stands for, as many
/// as its own, and counts as the index arrays of the places where it holds.
///
/// ShapeError for items for more axes than there are, two ellipses, arrays that do not broadcast, and a mask
/// of other extents; ValueError for an integer out of range, a step of 0, and a Variable that is no
/// comparison. Gradients of what is chosen twice add up; the indices take none.
class Subscript {
 public:
  template <class E>
  Subscript(const E& item) : only_(item) {}
  Subscript(std::initializer_list<SubscriptItem> items) : several_(items), is_list_(true) {}
  /// Several in a vector. A template, so that braces in braces are not one.
  template <class I>
  requires(std::same_as<I, SubscriptItem> || std::same_as<I, Indices>) Subscript(const std::vector<I>& items)
      : several_(items.begin(), items.end()), is_list_(true) {}

  std::span<const SubscriptItem> items() const noexcept {
    return is_list_ ? std::span<const SubscriptItem>(several_) : std::span<const SubscriptItem>(&only_, 1);
  }

 private:
  SubscriptItem only_ = all;
  std::vector<SubscriptItem> several_;
  bool is_list_ = false;
};

}  // namespace xgrad
