// Stacks of square matrices, their LU factors, and solutions by these.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "../core/array/dense.hpp"
#include "../core/array/error.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "../core/kernels/lapack.hpp"

namespace xgrad::detail {

/// The axes before the last two.
inline Shape stack_axes(const Shape& shape) { return {shape.begin(), shape.end() - 2}; }

/// Stacks of square matrices.
struct Stack {
  std::size_t count, n;
  explicit Stack(const Shape& shape) : count(element_count(stack_axes(shape))), n(shape.back()) {}
};

/// A constant [n, n] matrix: what stands below, on and above the diagonal.
template <class V>
V banded(std::size_t n, double below, double diagonal, double above) {
  using T = typename V::value_type;
  Dense<T> matrix(Shape{n, n});
  T* out = matrix.mutable_data();
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) *out++ = static_cast<T>(j < i ? below : j == i ? diagonal : above);
  return V(std::move(matrix));
}

/// Calls each(i) for every matrix of a stack, several at a time where they are many.
template <class Each>
void for_matrices(const Stack& stack, const Each& each) {
  const std::size_t work = std::max<std::size_t>(stack.n * stack.n * stack.n, 1);
  parallel_for(stack.count, worth_a_thread::small_products / work + 1,
               [&](std::size_t begin, std::size_t end) {
                 for (std::size_t i = begin; i < end; ++i) each(i);
               });
}

/// "a of shape [2, 2]", or "matrix [1] of a of shape [3, 2, 2]".
inline std::string describe(std::size_t matrix, const Shape& shape) {
  const Shape batch = stack_axes(shape);
  Shape index(batch.size());
  for (std::size_t axis = batch.size(); axis-- > 0; matrix /= batch[axis]) index[axis] = matrix % batch[axis];
  return (batch.empty() ? "" : "matrix " + to_string(index) + " of ") + "a of shape " + to_string(shape);
}

/// The first matrix with a number below n in `found`, which says where something went wrong in each.
template <class Fail>
void check_each(const std::vector<std::size_t>& found, std::size_t n, const Fail& fail) {
  for (std::size_t i = 0; i < found.size(); ++i)
    if (found[i] < n) fail(i, found[i]);
}

/// Solves in place for every right side of the stack `x`; each(matrix of a, right side, its columns).
template <class T, class Each>
Dense<T> solve_each(const Dense<T>& a, Dense<T> x, const Each& each) {
  T* out = x.mutable_data();
  const std::size_t columns = x.shape.back(), n = a.shape.back(), count = element_count(stack_axes(x.shape));
  const bool is_shared = Stack(a.shape).count == 1;
  for_matrices(Stack(Shape{count, n, n}),
               [&](std::size_t i) { each(is_shared ? 0 : i, out + i * n * columns, columns); });
  return x;
}

/// The LU factors of a stack of matrices, as factor_lu() leaves them, and its exchanges for each: [..., n].
template <class T>
struct Factors {
  Dense<T> lu;
  Dense<std::int64_t> swaps;

  /// The first pivot of a matrix that is 0; n if there is none.
  std::size_t zero_pivot(std::size_t matrix) const {
    const std::size_t n = lu.shape.back();
    std::size_t pivot = 0;
    while (pivot < n && diagonal(matrix, pivot) != T(0)) ++pivot;
    return pivot;
  }
  bool are_regular() const {
    const Stack stack(lu.shape);
    if (stack.n == 0) return true;  // of however many
    std::size_t matrix = 0;
    while (matrix < stack.count && zero_pivot(matrix) == stack.n) ++matrix;
    return matrix == stack.count;
  }
  void check_regular(std::string_view operation) const {
    const Stack stack(lu.shape);
    for (std::size_t matrix = 0; stack.n > 0 && matrix < stack.count; ++matrix)
      if (const std::size_t pivot = zero_pivot(matrix); pivot < stack.n)
        throw ValueError(std::string(operation) + ": " + describe(matrix, lu.shape) + " is singular (pivot " +
                         std::to_string(pivot) + " of its LU factors is 0: row " + std::to_string(pivot) +
                         " depends on the rows before it); change that row, or add a multiple of the "
                         "identity");
  }
  void solve(std::size_t matrix, bool transpose, T* b, std::size_t columns) const {
    const std::size_t n = lu.shape.back();
    solve_lu(n, lu.data() + matrix * n * n, swaps.data() + matrix * n, transpose, b, columns);
  }
  T diagonal(std::size_t matrix, std::size_t i) const {
    const std::size_t n = lu.shape.back();
    return lu.data()[(matrix * n + i) * n + i];
  }
  bool is_odd(std::size_t matrix) const {
    const auto n = static_cast<std::int64_t>(lu.shape.back());
    bool odd = false;
    for (std::int64_t i = 0; i < n; ++i) odd ^= swaps.data()[static_cast<std::int64_t>(matrix) * n + i] != i;
    return odd;
  }
};

template <class T>
Factors<T> factored(const Dense<T>& a) {
  const Stack stack(a.shape);
  Shape rows = stack_axes(a.shape);
  rows.push_back(stack.n);
  Factors<T> factors{a, Dense<std::int64_t>(rows)};
  if (a.size() == 0) return factors;
  T* out = factors.lu.mutable_data();
  std::int64_t* exchanges = factors.swaps.mutable_data();
  for_matrices(stack, [&](std::size_t i) {
    factor_lu(stack.n, out + i * stack.n * stack.n, exchanges + i * stack.n);
  });
  return factors;
}

/// b becomes x, for a x = b or a' x = b; a is one matrix, or there are as many as in b.
template <class T>
Dense<T> solve_by(const Factors<T>& factors, bool transpose, Dense<T> b) {
  return solve_each(factors.lu, std::move(b), [&](std::size_t matrix, T* right, std::size_t columns) {
    factors.solve(matrix, transpose, right, columns);
  });
}

}  // namespace xgrad::detail
