#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "../core/array/instantiate.hpp"
#include "../core/graph/capture.hpp"
#include "arrange.hpp"
#include "cofactors.hpp"
#include "decomposition.hpp"
#include "expression_gradient.hpp"
#include "shape.hpp"
#include "solve_factored.hpp"

// The gradients are those of M. Giles, as in decomposition.cpp, but where matrices are singular.

namespace xgrad {
namespace {

using namespace detail;

/// Numbers for each matrix of a stack, to be multiplied with its elements.
template <class V>
V beside_matrices(const V& scale) {
  Shape shape = shape_of(scale);
  shape.push_back(1);
  shape.push_back(1);
  return reshape(scale, shape);
}

/// scale times the transposed inverse, a scale for each matrix.
template <class V, class Swaps>
V scaled_inverse(const V& a, const V& lu, const Swaps& swaps, const V& scale) {
  const V right = beside_matrices(scale) * banded<V>(shape_of(a).back(), 0, 1, 0);
  return apply(SolveFactored{true}, a, lu, swaps, right);
}

/// dy times the cofactors of a, of which the determinants and the factors are known.
struct DeterminantGradient {
  static constexpr std::string_view name = "determinant_gradient";

  bool saves(std::size_t, const Wanted&) const { return true; }

  /// 2.2.4 where the inverse serves. For the gradient alone that is everywhere but where the determinant is
  /// 0, since what the inverse is too large by the determinant is too small.
  template <class T>
  Dense<T> forward(const Dense<T>& a, const Dense<T>& determinant, const Dense<T>& lu,
                   const Dense<std::int64_t>& swaps, const Dense<T>& dy) const {
    const auto is_lost = [](T each) { return std::fabs(each) < std::numeric_limits<T>::min(); };
    const bool by_inverse =
        Factors<T>{lu, swaps}.are_regular() &&
        std::none_of(determinant.data(), determinant.data() + determinant.size(), is_lost);
    return by_inverse ? scaled_inverse(a, lu, swaps, dy * determinant) : beside_matrices(dy) * cofactors(a);
  }
  /// Derivatives lose more digits by the inverse than the gradient itself.
  template <class V>
  void vjp(Backward<V>& b) const {
    using T = typename V::value_type;
    if (is_capturing() && b.shape(0).back() > 3)
      refuse_in_capture("the second derivative of determinant",
                        "its way depends on the elements; write exp(logdet(a)), or take it outside");
    const Variable<T> lu(b.input(2));
    const auto swaps = b.template discrete_input<std::int64_t>(3);
    give_gradients_of(b, std::array<std::size_t, 3>{0, 1, 4}, [&](const auto& places) {
      const auto& [a, determinant, dy] = places;
      const std::vector<bool> serve = inverse_serves(a.dense());
      const bool by_inverse =
          a.shape().back() > 3 && std::find(serve.begin(), serve.end(), false) == serve.end();
      return by_inverse ? scaled_inverse(a, lu, swaps, dy * determinant) : beside_matrices(dy) * cofactors(a);
    });
  }
};

/// The factors and their exchanges are outputs, too, for the gradient.
struct Determinant {
  static constexpr std::string_view name = "determinant";
  static constexpr bool saves_output = true;

  bool saves(std::size_t, const Wanted&) const { return true; }

  static double flops(Shapes in, const Shape&) { return factoring(in[0]); }

  template <class T>
  std::tuple<Dense<T>, Dense<T>, Dense<std::int64_t>> forward(const Dense<T>& a) const {
    Factors<T> factors = factored(a);
    Dense<T> result(stack_axes(a.shape));
    T* out = result.mutable_data();
    for_matrices(Stack(a.shape), [&](std::size_t matrix) {
      double product = factors.is_odd(matrix) ? -1 : 1;
      for (std::size_t i = 0; i < a.shape.back(); ++i)
        product *= static_cast<double>(factors.diagonal(matrix, i));
      out[matrix] = static_cast<T>(product);
    });
    return {std::move(result), std::move(factors.lu), std::move(factors.swaps)};
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    b.give(0, apply(DeterminantGradient{}, b.input(0), b.output(), b.output(1),
                    b.template output<std::int64_t>(2), b.gradient()));
  }
};

/// The factors and their exchanges are outputs, too, for the gradient.
struct LogDet {
  static constexpr std::string_view name = "logdet";

  bool saves(std::size_t, const Wanted&) const { return true; }

  static double flops(Shapes in, const Shape&) { return factoring(in[0]); }

  template <class T>
  std::tuple<Dense<T>, Dense<T>, Dense<std::int64_t>> forward(const Dense<T>& a) const {
    Factors<T> factors = factored(a);
    factors.check_regular(name);
    const Stack stack(a.shape);
    Dense<T> result(stack_axes(a.shape));
    T* out = result.mutable_data();
    std::vector<std::size_t> negative(stack.count, 1);
    for_matrices(stack, [&](std::size_t matrix) {
      bool odd = factors.is_odd(matrix);
      double total = 0;
      for (std::size_t i = 0; i < stack.n; ++i) {
        const auto pivot = static_cast<double>(factors.diagonal(matrix, i));
        odd ^= pivot < 0;
        total += std::log(std::fabs(pivot));
      }
      out[matrix] = static_cast<T>(total);
      if (odd && !std::isnan(total)) negative[matrix] = 0;
    });
    check_each(negative, 1, [&](std::size_t matrix, std::size_t) {
      throw ValueError("logdet: " + describe(matrix, a.shape) +
                       " has a negative determinant; exchange two rows, or take log(abs(determinant(a)))");
    });
    return {std::move(result), std::move(factors.lu), std::move(factors.swaps)};
  }
  /// 2.2.4, divided by the determinant.
  template <class V>
  void vjp(Backward<V>& b) const {
    b.give(0, scaled_inverse(b.input(0), b.output(1), b.template output<std::int64_t>(2), b.gradient()));
  }
};

}  // namespace

template <Tensor V>
V determinant(const V& a) {
  return of_square<Determinant>(a);
}
template <Tensor V>
V logdet(const V& a) {
  return of_square<LogDet>(a);
}
[[gnu::used]] constexpr auto instances =
    instantiate::for_tensors([]<class V>() { return std::make_tuple(determinant<V>, logdet<V>); });

}  // namespace xgrad
