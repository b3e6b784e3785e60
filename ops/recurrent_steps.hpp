// What lstm and gru share. For their files only.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "../core/graph/record.hpp"
#include "../core/kernels/dispatch.hpp"
#include "../core/kernels/packed_factor.hpp"
#include "expression_gradient.hpp"
#include "linear_algebra.hpp"
#include "operators.hpp"
#include "reduction.hpp"
#include "shape.hpp"
#include "slice.hpp"

namespace xgrad::detail {

/// Of x [steps, samples, in], or of one step, [samples, in].
struct RecurrentSizes {
  std::size_t steps, samples, in, units;
  RecurrentSizes(const Shape& x, const Shape& state)
      : steps(x.size() == 3 ? x[0] : 1), samples(x[x.size() - 2]), in(x.back()), units(state.back()) {}
};

inline Shape with_last(Shape shape, std::size_t extent) {
  shape.back() = extent;
  return shape;
}

/// How many samples a thread takes through all of the steps: they know nothing of each other. Fewer would
/// read the weights too often, or where BLAS multiplies, pack them too often.
inline std::size_t samples_of_a_piece(const RecurrentSizes& s, std::size_t gates) {
  const double work = static_cast<double>(s.steps) * static_cast<double>(gates * s.units) *
                      static_cast<double>(s.in + s.units);
  constexpr double worth = worth_a_thread::small_products;
  const auto worthy = static_cast<std::size_t>(std::min(worth / std::max(work, 1.0), 1e9));
  const std::size_t least = PackedFactor<float>::is_worth(s.steps * s.samples) ? 16 : 64;
  return std::max(least, (worthy + 7) / 8 * 8);
}

/// Row `sample` of step `step` in a value [steps, samples, width].
template <class P>
P rows_at(P data, const RecurrentSizes& s, std::size_t step, std::size_t sample, std::size_t width) {
  return data == nullptr ? data : data + (step * s.samples + sample) * width;
}

/// Rows of [left, right] to rows of each.
template <class T>
void split_rows(const T* from, std::size_t rows, std::size_t left, std::size_t right, T* to_left,
                T* to_right) {
  for (std::size_t r = 0; r < rows; ++r, from += left + right) {
    if (left > 0) std::copy_n(from, left, to_left + r * left);
    if (right > 0) std::copy_n(from + left, right, to_right + r * right);
  }
}

/// Step t of a sequence [T, N, ...]; a value of two axes is the only step.
template <class V>
V step_of(const V& x, std::size_t t) {
  return shape_of(x).size() == 3 ? slice(x, {t}) : x;
}

/// Part k of the gates in a row, which are `units` wide.
template <class V>
V gate_of(const V& gates, std::size_t k, std::size_t units) {
  return slice(gates, {all, range(static_cast<Integer>(k * units), static_cast<Integer>((k + 1) * units))});
}

/// All steps of a sequence as the rows of one matrix.
template <class V>
V as_rows(const V& x) {
  const Shape& shape = shape_of(x);
  return shape.size() == 2 ? x : reshape(x, Shape{shape[0] * shape[1], shape[2]});
}

/// The state before each step: `first`, and those after all steps but the last.
template <Tensor V>
V states_before(const V& first, const V& sequence);
/// With what each step reads of x [T, N, M] in front: [T, N, M + H].
template <Tensor V>
V states_before(const V& first, const V& sequence, const V& x);

/// One matrix above another: concatenate, in either reading.
template <Tensor V>
V stacked(const V& above, const V& below);

/// The sum of values times what each is weighed with, all steps of a sequence in turn.
template <class T>
Variable<T> weighed(const std::vector<Variable<T>>& steps, const Variable<T>& weights) {
  return sum((shape_of(weights).size() == 3 ? stack(steps) : steps[0]) * weights);
}

/// Gives all inputs of a gradient what the sum of its outputs, weighed with what came for them, gives them.
/// `expression` makes that sum in differentiable operations, of a std::array of the inputs.
template <std::size_t N, class V, class Expression>
void give_gradients_of_sum(Backward<V>& b, const Expression& expression) {
  using T = typename V::value_type;
  const auto inputs = []<std::size_t... K>(std::index_sequence<K...>) {
    return std::array<std::size_t, N>{K...};
  }
  (std::make_index_sequence<N>{});
  give_gradients_of(b, inputs, expression, V(Dense<T>::scalar(1)));
}

/// What came for an output, as a constant of the expression or, on a recorded sweep, as it is.
template <class T>
Variable<T> as_weights(const Dense<T>& x) {
  return Variable<T>(x);
}
template <class T>
const Variable<T>& as_weights(const Variable<T>& x) {
  return x;
}

/// A state or bias that is checked, and what messages call it.
struct NamedShape {
  const char* name;
  const Shape& shape;
};

/// ShapeError unless x is [T, N, in], or [N, in] for a cell, weight_ih [in, gates H], weight_hh [H, gates H],
/// each state [N, H] and each bias [gates H].
void check_recurrent(std::string_view operation, std::size_t gates, std::size_t axes, const Shape& x,
                     const Shape& weight_ih, const Shape& weight_hh, const std::vector<NamedShape>& states,
                     const std::vector<NamedShape>& biases);

}  // namespace xgrad::detail
