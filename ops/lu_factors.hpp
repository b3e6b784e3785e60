// Stacks of square matrices, and their LU factors, as decomposition.cpp's operations keep them.
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

/// The LU factors of a stack of matrices, shared by an operation and its derivatives.
struct Factors {
  Value lu;
  Dense<std::int64_t> swaps;
  std::vector<std::size_t> zero_pivots;  ///< n for a matrix that has none

  template <class T>
  void compute(const Dense<T>& a) {
    if (lu.defined()) return;
    const Stack stack(a.shape);
    Dense<T> work = a;
    T* out = work.mutable_data();
    swaps = Dense<std::int64_t>(Shape{stack.count, stack.n});
    zero_pivots.assign(stack.count, stack.n);
    std::int64_t* exchanges = swaps.mutable_data();
    for_matrices(stack, [&](std::size_t i) {
      zero_pivots[i] = factor_lu(stack.n, out + i * stack.n * stack.n, exchanges + i * stack.n);
    });
    lu = std::move(work);
  }
  bool are_regular() const {
    return std::all_of(zero_pivots.begin(), zero_pivots.end(),
                       [&](std::size_t pivot) { return pivot == lu.shape.back(); });
  }
  void check_regular(std::string_view operation) const {
    check_each(zero_pivots, lu.shape.back(), [&](std::size_t matrix, std::size_t pivot) {
      throw ValueError(std::string(operation) + ": " + describe(matrix, lu.shape) + " is singular (pivot " +
                       std::to_string(pivot) + " of its LU factors is 0: row " + std::to_string(pivot) +
                       " depends on the rows before it); change that row, or add a multiple of the identity");
    });
  }
  template <class T>
  void solve(std::size_t matrix, bool transpose, T* b, std::size_t columns) const {
    const std::size_t n = lu.shape.back();
    solve_lu(n, static_cast<const T*>(lu.buffer.data()) + matrix * n * n, swaps.data() + matrix * n,
             transpose, b, columns);
  }
  template <class T>
  T diagonal(std::size_t matrix, std::size_t i) const {
    const std::size_t n = lu.shape.back();
    return static_cast<const T*>(lu.buffer.data())[(matrix * n + i) * n + i];
  }
  bool is_odd(std::size_t matrix) const {
    const auto n = static_cast<std::int64_t>(lu.shape.back());
    bool odd = false;
    for (std::int64_t i = 0; i < n; ++i) odd ^= swaps.data()[static_cast<std::int64_t>(matrix) * n + i] != i;
    return odd;
  }
};

}  // namespace xgrad::detail
