// Arrays from nothing: of one element repeated, of numbers in a row, of random numbers. parameter() and
// constant() take them: parameter(randn<float>({64, 10})). T is the type of the elements; without it they are
// double, whatever the arguments are. ShapeError for a shape with a negative extent, or that no value can
// have. Random numbers come from this thread's generator unless another one is given last.
#pragma once

#include <type_traits>

#include "../core/array/array_from.hpp"
#include "../core/graph/variable.hpp"
#include "../core/kernels/random.hpp"

namespace xgrad {

namespace detail {

/// Whether an Array is made of T; if not, the compiler says so.
template <class T>
constexpr bool is_element() {
  constexpr bool is_one = std::is_same_v<T, float> || std::is_same_v<T, double> ||
                          std::is_same_v<T, std::int64_t> || std::is_same_v<T, bool>;
  static_assert(is_one, "an Array is made of float, double, std::int64_t or bool");
  return is_one;
}

template <class T>
constexpr bool is_real_element() {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>,
                "this gives float or double: randint, randperm and arange<std::int64_t> give Indices");
  return std::is_same_v<T, float> || std::is_same_v<T, double>;
}

template <class T, class N>
constexpr bool fills() {
  static_assert(!is_element<T>() || holds<T, N>,
                "the number is none that an element can be: full<bool> takes a bool, full<std::int64_t> an "
                "integer, and no other takes a bool");
  return is_element<T>() && holds<T, N>;
}

template <class T>
Array<T> filled(const Shape& shape, T element) {
  return to_array(Dense<T>::filled(shape, element));
}

/// What a value of the same kind as E has for elements: its own, where an Array can hold them, else the
/// wider.
template <class N>
using array_element = std::conditional_t<std::is_same_v<N, bool> || std::is_same_v<N, float>, N,
                                         std::conditional_t<std::is_integral_v<N>, std::int64_t, double>>;

/// A Variable, an Array, any xtensor expression.
template <class E>
concept Shaped = Expression<E> || is_variable<E>;

template <Shaped E>
using like_element = array_element<typename E::value_type>;

template <Shaped E>
Shape shape_like(const E& like) {
  const auto& extents = like.shape();
  return Shape(extents.begin(), extents.end());
}

template <class T>
Array<T> identity(std::size_t rows, std::size_t columns);

template <class T>
Array<T> at_equal_distances(double start, double stop, Count count);

/// What a bound of arange is: a number, or an integer where the elements are integers.
template <class T>
struct Bound {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double> || std::is_same_v<T, std::int64_t>,
                "arange gives float, double or std::int64_t");
  using type = double;
};
template <>
struct Bound<std::int64_t> {
  using type = Integer;
};
template <class T>
using bound_of = typename Bound<T>::type;

}  // namespace detail

/// Every element is `element`. T holds it: it is a bool where T is, and an integer where T is one.
template <class T = double, class N>
Array<T> full(const Extents& shape, N element) {
  if constexpr (detail::fills<T, N>()) {
    return detail::filled(shape.checked("full"), detail::element_from<T>(element));
  } else {
    return Array<T>();
  }
}

/// Every element is 0; `zeros<bool>` is a Mask of false.
template <class T = double>
Array<T> zeros(const Extents& shape) {
  return detail::is_element<T>() ? detail::filled(shape.checked("zeros"), T(0)) : Array<T>();
}

/// Every element is 1; `ones<bool>` is a Mask of true.
template <class T = double>
Array<T> ones(const Extents& shape) {
  return detail::is_element<T>() ? detail::filled(shape.checked("ones"), T(1)) : Array<T>();
}

// A shape of several axes stands in braces: zeros({2, 3}).
template <class T = double, detail::IntegerType A, detail::IntegerType B, class... More>
Array<T> zeros(A, B, More...) = delete;  // write the shape in braces: zeros({2, 3})
template <class T = double, detail::IntegerType A, detail::IntegerType B, class... More>
Array<T> ones(A, B, More...) = delete;  // write the shape in braces: ones({2, 3})

/// The same with the shape and the type of elements of a Variable, an Array or any xtensor expression, none
/// of whose elements is computed. Integers other than std::int64_t become that.
template <detail::Shaped E, class N>
Array<detail::like_element<E>> full_like(const E& like, N element) {
  using T = detail::like_element<E>;
  if constexpr (detail::fills<T, N>()) {
    return detail::filled(detail::shape_like(like), detail::element_from<T>(element));
  } else {
    return Array<T>();
  }
}
/// Zeros of the shape and the element type of `like`.
template <detail::Shaped E>
Array<detail::like_element<E>> zeros_like(const E& like) {
  return detail::filled(detail::shape_like(like), detail::like_element<E>(0));
}
/// Ones of the shape and the element type of `like`.
template <detail::Shaped E>
Array<detail::like_element<E>> ones_like(const E& like) {
  return detail::filled(detail::shape_like(like), detail::like_element<E>(1));
}

/// A matrix with 1 on its diagonal and 0 elsewhere, with as many columns as rows unless they are given.
/// ValueError for a negative number.
template <class T = double>
Array<T> eye(Count rows, Count columns) {
  if constexpr (detail::is_element<T>()) {
    const std::size_t height = rows.checked("eye", "the number of rows");
    return detail::identity<T>(height, columns.checked("eye", "the number of columns"));
  } else {
    return Array<T>();
  }
}
template <class T = double>
Array<T> eye(Count rows) {
  return eye<T>(rows, rows);
}

/// start + i step for i = 0, 1, 2 ... as long as it lies before `stop`: ceil((stop - start) / step) elements,
/// none if that is negative. As in NumPy, rounding may make one element more or less of fractions: linspace
/// is told how many. `arange<std::int64_t>`, which takes integers and computes exactly, gives Indices.
/// ValueError if the step is 0, a number is not finite, or there are 2^60 elements or more.
template <class T = double>
Array<T> arange(detail::bound_of<T> start, detail::bound_of<T> stop, detail::bound_of<T> step = 1);
/// From 0 on.
template <class T = double>
Array<T> arange(detail::bound_of<T> stop) {
  return arange<T>(0, stop);
}

/// `count` numbers at equal distances, the first `start` and the last `stop`, as NumPy computes them:
/// start + i ((stop - start) / (count - 1)). One number is `start`. ValueError for a negative count, or if
/// start and stop are not a finite distance apart.
template <class T = double>
Array<T> linspace(double start, double stop, Count count) {
  if constexpr (detail::is_real_element<T>()) {
    return detail::at_equal_distances<T>(start, stop, count);
  } else {
    return Array<T>();
  }
}

/// Uniform in [0, 1), T float or double; the generator moves on by the number of elements.
template <class T = double>
Array<T> rand(const Extents& shape, Generator& from = generator()) {
  if constexpr (detail::is_real_element<T>()) {
    return random_uniform<T>(shape.checked("rand"), 0, 1, from);
  } else {
    return Array<T>();
  }
}

/// Normally distributed of mean 0 and deviation 1, T float or double; the generator moves on by the number of
/// elements, rounded up to an even one.
template <class T = double>
Array<T> randn(const Extents& shape, Generator& from = generator()) {
  if constexpr (detail::is_real_element<T>()) {
    return random_normal<T>(shape.checked("randn"), 0, 1, from);
  } else {
    return Array<T>();
  }
}

template <class T = double, detail::IntegerType A, detail::IntegerType B, class... More>
Array<T> rand(A, B, More...) = delete;  // write the shape in braces: rand({2, 3})
template <class T = double, detail::IntegerType A, detail::IntegerType B, class... More>
Array<T> randn(A, B, More...) = delete;  // write the shape in braces: randn({2, 3})

/// Integers from `low` to `high` - 1, each as likely as any other. ValueError unless low is below high.
Indices randint(Integer low, Integer high, const Extents& shape, Generator& from = generator());

/// 0 ... count - 1 in random order, each order as likely as any other. ValueError for a negative count.
Indices randperm(Count count, Generator& from = generator());

}  // namespace xgrad
