// Values from what a C++ program has: a number, an xtensor expression, a contiguous range of numbers, memory,
// numbers in nested braces. parameter() and constant() take these, and array() makes an Array of them.
#pragma once

#include <algorithm>
#include <concepts>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "array.hpp"
#include "extents.hpp"

namespace xgrad {

template <class T>
class Variable;

namespace detail {

template <class E>
concept Real = std::is_arithmetic_v<std::remove_cvref_t<E>>;

template <class E>
concept Expression = xt::is_xexpression<std::remove_cvref_t<E>>::value;

template <class N>
inline constexpr bool is_number = Real<N> && !std::is_same_v<N, bool> && !is_character<N>;

/// Whether elements of type T are made of an N: no fraction gets lost, and a bool is no number.
template <class T, class N>
inline constexpr bool holds = std::is_same_v<T, bool>
                                  ? std::is_same_v<N, bool>
                                  : is_number<N> && (std::is_floating_point_v<T> || std::is_integral_v<N>);

template <class T, class N>
constexpr T element_from(N number) noexcept {
  if constexpr (IntegerType<T>) {
    return static_cast<T>(to_signed(number));
  } else {
    return static_cast<T>(number);
  }
}

/// What R holds side by side in memory, or points to; void if it does not.
template <class R>
struct Held {
  using type = void;
};
template <class R>
requires(!Expression<R> && requires(const R& r) {
  *std::data(r);
  std::size(r);
}) struct Held<R> {
  using type = std::remove_cvref_t<decltype(*std::data(std::declval<const R&>()))>;
};
template <class N>
struct Held<N*> {
  using type = std::remove_cv_t<N>;
};
template <class A>
struct Held<std::vector<bool, A>> {
  using type = bool;
};
template <class R>
using held_by = typename Held<std::remove_cvref_t<R>>::type;

template <class E>
struct ElementOf {
  using type = held_by<E>;
};
template <Real E>
struct ElementOf<E> {
  using type = E;
};
template <Expression E>
struct ElementOf<E> {
  using type = typename E::value_type;
};
template <class E>
using element_of = typename ElementOf<std::remove_cvref_t<E>>::type;

/// Integers become double, as a literal {1, 2} suggests.
template <class E>
using real_element_of = std::conditional_t<std::is_same_v<element_of<E>, float>, float, double>;

/// A scalar, an Array or any xtensor expression as an engine value; shares where the rules allow.
template <class T, class E>
Dense<T> make_dense(E&& e) {
  if constexpr (Real<E>) {
    return Dense<T>::scalar(static_cast<double>(e));
  } else if constexpr (std::is_same_v<std::remove_cvref_t<E>, Array<T>>) {
    return to_dense(std::forward<E>(e));
  } else {
    return to_dense(Array<T>(std::forward<E>(e)));
  }
}

template <class R>
inline constexpr bool is_variable = false;
template <class T>
inline constexpr bool is_variable<Variable<T>> = true;
template <class R>
inline constexpr bool never = false;

enum class With { itself, shape };

/// Whether elements of type T are made of the range or pointer R, by itself or with a shape. Where they are
/// not, the compiler says what to write.
template <class T, class R, With with>
constexpr bool takes() {
  using N = held_by<R>;
  if constexpr (is_variable<R>) {
    static_assert(never<R>,
                  "this is a Variable already: x.detach() is a constant of its value, and "
                  "parameter(x.value()) a new leaf");
  } else if constexpr (is_variable<N>) {
    static_assert(never<R>, "Variables are joined by stack(values) or concatenate(values)");
  } else if constexpr (Expression<R> && with == With::shape) {
    static_assert(never<R>, "an Array or xtensor expression has a shape: reshape() changes it");
  } else if constexpr (Expression<R>) {
    static_assert(never<R>, "an xtensor expression converts by itself: Array<T> a = expression");
  } else if constexpr (Real<R>) {
    static_assert(never<R>, "full(shape, number) repeats a number");
  } else if constexpr (is_character<N> || std::convertible_to<N, std::string_view> ||
                       (std::convertible_to<R, std::string_view> && !std::is_null_pointer_v<R>)) {
    static_assert(never<R>, "text is no number: std::stod reads one, data::load_csv a table");
  } else if constexpr (std::is_pointer_v<R> && with == With::itself && Real<N>) {
    static_assert(never<R>, "a pointer does not say how many elements there are: give a shape after it");
  } else if constexpr (holds<T, N>) {
    return true;
  } else if constexpr (std::is_same_v<N, bool>) {
    static_assert(never<R>, "a bool is no number: array<bool>(values) is a Mask");
  } else if constexpr (Real<N> && std::is_same_v<T, bool>) {
    static_assert(never<R>, "a Mask is made of bool: compare numbers to get one");
  } else if constexpr (Real<N>) {
    static_assert(never<R>, "these numbers are no integers: round and convert them first");
  } else if constexpr (!std::is_void_v<held_by<N>> || requires(const N& n) { n.begin(); }) {
    static_assert(never<R>,
                  "ranges in a range may differ in length: give one range of all elements, row by row, and a "
                  "shape");
  } else {
    static_assert(never<R>,
                  "this is no value: a number, an xtensor expression and a contiguous range of numbers, "
                  "such as a std::vector, are");
  }
  return false;
}

[[noreturn]] void throw_wrong_count(std::string_view operation, std::size_t count, const Shape& shape);
[[noreturn]] void throw_null(std::string_view operation, const Shape& shape);

template <class T, class I>
Dense<T> copied_from(I first, const Shape& shape) {
  Dense<T> result(shape);
  T* out = result.mutable_data();
  for (std::size_t i = 0, n = result.size(); i < n; ++i, ++first) out[i] = element_from<T>(*first);
  return result;
}

/// The numbers in a range along one axis.
template <class T, class R>
Dense<T> dense_of(std::string_view operation, const R& range) {
  const Shape shape{std::size(range)};
  check_possible(operation, shape);
  return copied_from<T>(std::begin(range), shape);
}

/// The numbers in a range or behind a pointer, row by row.
template <class T, class R>
Dense<T> dense_of(std::string_view operation, const R& numbers, const Extents& extents) {
  const Shape shape = extents.checked(operation);
  if constexpr (std::is_pointer_v<R>) {
    if (numbers == nullptr && element_count(shape) != 0) throw_null(operation, shape);
    return copied_from<T>(numbers, shape);
  } else {
    if (std::size(numbers) != element_count(shape)) throw_wrong_count(operation, std::size(numbers), shape);
    return copied_from<T>(std::begin(numbers), shape);
  }
}

/// What parameter() and constant() take by itself.
template <class T, class E>
Dense<T> value_of(std::string_view operation, E&& e) {
  using R = std::remove_cvref_t<E>;
  if constexpr (Real<E> || Expression<E>) {
    return make_dense<T>(std::forward<E>(e));
  } else if constexpr (takes<T, R, With::itself>()) {
    return dense_of<T>(operation, e);
  } else {
    return Dense<T>();
  }
}

/// What parameter(), constant() and array() take with a shape.
template <class T, class R>
Dense<T> value_of(std::string_view operation, const R& numbers, const Extents& shape) {
  if constexpr (takes<T, R, With::shape>()) {
    return dense_of<T>(operation, numbers, shape);
  } else {
    return Dense<T>();
  }
}

/// Numbers in nested braces as elements of type T: {{1, 2}, {3, 4}} has two axes, and the column {{1}, {2}},
/// too. An exact one takes numbers of type T alone.
template <class T, bool exact = false>
class Nested {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double> || std::is_same_v<T, std::int64_t> ||
                    std::is_same_v<T, bool>,
                "an Array is made of float, double, std::int64_t or bool");

 public:
  template <class N>
  requires(exact ? std::is_same_v<N, T> : holds<T, N>) Nested(N number)
      : elements_{element_from<T>(number)} {}
  template <Real N>
  requires(!exact && !holds<T, N>) Nested(N number)
  = delete;  // array<bool> is made of bool, array<std::int64_t> of integers, all others of numbers
  Nested(std::initializer_list<Nested> items);

  /// ShapeError if items of one list differ in shape.
  Dense<T> dense(std::string_view operation) const;

 private:
  Shape shape_;
  std::vector<T> elements_;
  std::string fault_;  ///< which items differ; empty if none do
};

extern template class Nested<float, true>;
extern template class Nested<float>;
extern template class Nested<double>;
extern template class Nested<std::int64_t>;
extern template class Nested<bool>;

/// What nothing converts to: the element of an empty list.
struct Nothing {
  Nothing(const Nothing&) = delete;
};

}  // namespace detail

/// An Array of elements T (float, double, std::int64_t for Indices, bool for a Mask) with a copy of the
/// numbers in any contiguous range, such as a std::vector, along one axis: `array<std::int64_t>(labels)`.
/// Integers become what T is; a fraction does not compile where T has none, and a bool is no number.
template <class T, class R>
requires(!detail::Real<R>) Array<T> array(const R& numbers) {
  if constexpr (detail::takes<T, R, detail::With::itself>()) {
    return to_array(detail::dense_of<T>("array", numbers));
  } else {
    return Array<T>();
  }
}

/// The same numbers, or those behind a pointer, row by row under a shape. ShapeError unless the range has as
/// many, ValueError for a null pointer.
template <class T, class R>
Array<T> array(const R& numbers, const Extents& shape) {
  return to_array(detail::value_of<T>("array", numbers, shape));
}

/// Of numbers in nested braces, and of one number without axes: array<bool>({{true}, {false}}) is a column.
/// ShapeError if items of one list differ in shape.
template <class T>
Array<T> array(const detail::Nested<T>& list) {
  return to_array(list.dense("array"));
}

}  // namespace xgrad
