// Indices and masks as functions take them: an xtensor container would take any numbers for either, and cut
// fractions off in silence.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <type_traits>
#include <utility>

#include "../array/array_from.hpp"
#include "variable.hpp"

namespace xgrad {

namespace detail {

/// Where a comparison, such as x > 0, holds. ValueError for a Variable that is none.
template <class T>
Dense<bool> mask_of_comparison(std::string_view operation, const Variable<T>& comparison);

/// What an index or a mask may be said with, right or wrong.
template <class E>
concept SaidInput = Expression<E> || Real<E> || is_variable<E> || !std::is_void_v<held_by<E>>;

/// Whether an E is made of integers, for N = std::int64_t, or of bool. Where it is not, the compiler says
/// what to write.
template <class N, class E>
constexpr bool is_made_of() {
  using Element = element_of<E>;
  if constexpr (std::same_as<N, bool> ? std::same_as<Element, bool> : IntegerType<Element>) {
    return true;
  } else if constexpr (std::same_as<N, bool>) {
    static_assert(never<E>, "a Mask is made of bool: compare numbers to get one, x > 0 or xt::equal(a, 1)");
  } else if constexpr (std::same_as<Element, bool>) {
    static_assert(never<E>,
                  "a bool is no index and no label: masked_select(x, mask) chooses elements by a Mask, and "
                  "xt::cast<std::int64_t>(mask) makes 0 and 1 of it");
  } else if constexpr (is_variable<E>) {
    static_assert(never<E>,
                  "a Variable holds no indices or labels: they are Indices, which xt::cast<std::int64_t>("
                  "x.value()) makes of whole numbers, and argmax() of scores");
  } else if constexpr (std::is_floating_point_v<Element>) {
    static_assert(never<E>,
                  "indices and labels are integers: xt::cast<std::int64_t>(a) makes them of whole numbers");
  } else {
    static_assert(never<E>,
                  "these are no indices: an Array or xtensor expression of integers, a contiguous range of "
                  "them such as a std::vector, and integers in braces are");
  }
  return false;
}

/// The argument of a function: an Array, which is shared, or what else is made of elements N and is copied.
template <class N>
class ElementInput {
 public:
  /// ValueError if the Array was moved from.
  ElementInput(const Array<N>& given) : value_(to_dense(given)) {}
  template <SaidInput E>
  requires(!std::same_as<E, Array<N>>) ElementInput(const E& given) {
    if constexpr (std::same_as<N, bool> && is_variable<E>) {
      value_ = mask_of_comparison("mask", given);
    } else if constexpr (!is_made_of<N, E>()) {
    } else if constexpr (Real<E>) {
      value_ = Dense<N>::filled({}, element_from<N>(given));
    } else {
      value_ = copied<E>(given);
    }
  }
  /// In braces, nested for several axes: {2, 0}, {{0}, {1}}. ShapeError if lists differ in length.
  ElementInput(std::initializer_list<Nested<N>> list) : value_(Nested<N>(list).dense("index")) {}
  /// For the library.
  ElementInput(Dense<N> value) noexcept : value_(std::move(value)) {}

  const Dense<N>& dense() const noexcept { return value_; }
  const Shape& shape() const noexcept { return value_.shape; }

 private:
  template <class E>
  static Dense<N> copied(const E& given) {
    // xtensor would take the largest of unsigned numbers for -1, the last index.
    if constexpr (Expression<E> && std::is_unsigned_v<element_of<E>> && !std::same_as<N, bool>) {
      const Array<element_of<E>> numbers(given);
      return copied_from<N>(numbers.storage().begin(), numbers.shape());
    } else {
      return value_of<N>("index", given);
    }
  }
  Dense<N> value_;
};

}  // namespace detail

/// What functions take for indices and labels: Indices, an xtensor expression or a contiguous range of
/// integers of any type, integers in braces, one integer. bool, fractions and Variables do not compile.
using IndexInput = detail::ElementInput<std::int64_t>;

/// What functions take for a mask: a Mask, an xtensor expression or a range of bool, true and false in
/// braces, and a comparison of Variables, `x > 0`. Numbers do not compile; ValueError for a Variable that no
/// comparison made.
using MaskInput = detail::ElementInput<bool>;

}  // namespace xgrad
