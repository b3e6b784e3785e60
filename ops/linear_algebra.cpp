#include "linear_algebra.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "../core/graph/record.hpp"
#include "../core/kernels/gemm.hpp"
#include "arrange.hpp"
#include "batched_product.hpp"
#include "operators.hpp"
#include "reduction.hpp"
#include "shape.hpp"

namespace xgrad {
using namespace detail;

namespace {

using detail::shape_of;

Shape as_row(const Shape& shape) { return shape.size() == 1 ? Shape{1, shape[0]} : shape; }
Shape as_column(const Shape& shape) { return shape.size() == 1 ? Shape{shape[0], 1} : shape; }

/// The axes before the last two; none of a vector.
Shape batch_of(const Shape& shape) {
  return {shape.begin(), shape.end() - std::min<std::size_t>(shape.size(), 2)};
}

/// The extent of the last axis but `from_end`.
std::size_t extent(const Shape& shape, std::size_t from_end) { return shape[shape.size() - 1 - from_end]; }

[[gnu::always_inline]] inline GemmSize product_size(const Shape& row, const Shape& column,
                                                    const MatmulOptions& options) {
  const auto [ta, tb] = options;
  return {extent(row, ta ? 0 : 1), extent(column, tb ? 1 : 0), extent(row, ta ? 1 : 0), ta, tb};
}

void visit_options(auto& visit, const MatmulOptions& options) {
  visit("transpose_a", static_cast<bool>(options.transpose_a));
  visit("transpose_b", static_cast<bool>(options.transpose_b));
}

Shape joined(Shape shape, std::initializer_list<std::size_t> extents) {
  for (std::size_t more : extents) shape.push_back(more);
  return shape;
}

template <class V>
void give_product(Backward<V>& b, std::size_t i, const Shape& batch, const V& left, const V& right,
                  const MatmulOptions& options);

/// Gives inputs `first` and the next one, [..., m, k] and [..., k, n], the gradients of their product, of
/// which dy is [..., m, n]. The three stand in the product alike, so that each gradient is such a product
/// again: batch axes that one of the three lacks, the other two have.
template <class V>
void give_factors(Backward<V>& b, std::size_t first, const V& dy, const MatmulOptions& options) {
  const auto [ta, tb] = options;
  const std::size_t second = first + 1;
  const Shape row = as_row(b.shape(first)), column = as_column(b.shape(second));
  if (b.wants(first)) {
    const V other = reshape(b.input(second), column);
    ta ? give_product(b, first, batch_of(row), other, dy, {tb, true})
       : give_product(b, first, batch_of(row), dy, other, {false, !tb});
  }
  if (b.wants(second)) {
    const V other = reshape(b.input(first), row);
    tb ? give_product(b, second, batch_of(column), dy, other, {true, ta})
       : give_product(b, second, batch_of(column), other, dy, {!ta, false});
  }
}

/// m n k of a product of two matrices.
double multiplications(const Shape& a, const Shape& b, const MatmulOptions& options) {
  const GemmSize size = product_size(a, b, options);
  return static_cast<double>(size.m) * static_cast<double>(size.n) * static_cast<double>(size.k);
}

/// c + a b, of matrices, where c has the product's elements in any shape; in place where nobody else holds c,
/// which saves a result of that size and a pass over it.
struct AddProduct {
  static constexpr std::string_view name = "add_product";
  static constexpr std::uint64_t shares = 1;
  MatmulOptions options;
  void fields(auto& visit) const { visit_options(visit, options); }

  bool saves(std::size_t input, const Wanted& wanted) const { return input > 0 && wanted[3 - input]; }
  /// Of [m, k] and [k, n]: m n sums of k products, added to what is there.
  double flops(Shapes in, const Shape&) const { return 2 * multiplications(in[1], in[2], options); }

  template <class T>
  Dense<T> forward(Dense<T> c, const Dense<T>& a, const Dense<T>& b) const {
    gemm(product_size(a.shape, b.shape, options), a.data(), b.data(), c.mutable_data(), Into::add);
    return c;
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    const GemmSize size = product_size(b.shape(1), b.shape(2), options);
    give_factors(b, 1, reshape(b.gradient(), Shape{size.m, size.n}), options);
    if (b.wants(0)) b.give(0, b.take_gradient());
  }
};

/// Gives input `i` a product, which is added up over the batch axes that `batch` lacks. That of two matrices
/// is added to what waits for the input.
template <class V>
void give_product(Backward<V>& b, std::size_t i, const Shape& batch, const V& left, const V& right,
                  const MatmulOptions& options) {
  if (shape_of(left).size() == 2 && shape_of(right).size() == 2)
    if (V waiting = b.take_waiting(i); waiting.defined())
      return b.put(i, apply(AddProduct{options}, std::move(waiting), left, right));
  b.give(i, in_shape(detail::matmul_to(batch, left, right, options), b.shape(i)));
}

/// Directions of rows of shape `own`, as rows.
template <class T>
Dense<T> further_rows(const Dense<T>& moved, const Shape& own) {
  std::size_t rows = moved.shape[0];
  for (std::size_t axis = 0; axis + 1 < own.size(); ++axis) rows *= own[axis];
  return moved.with_shape(Shape{rows, own.back()});
}

struct MatMul {
  static constexpr std::string_view name = "matmul";
  static constexpr bool is_bilinear = true, has_forward_rows = true;
  MatmulOptions options;
  Shape batch;  ///< the result's axes before its matrices; products over others are added up
  void fields(auto& visit) const {
    visit_options(visit, options);
    visit("batch", batch);
  }

  bool saves(std::size_t input, const Wanted& wanted) const { return wanted[1 - input]; }
  /// Of [m, k] and [k, n]: 2 m n k, for each pair of matrices.
  double flops(Shapes in, const Shape&) const {
    const double pairs =
        count_of(broadcast_shapes(name, batch_of(as_row(in[0])), batch_of(as_column(in[1]))));
    return 2 * pairs * multiplications(as_row(in[0]), as_column(in[1]), options);
  }

  template <class T>
  Dense<T> forward(const Dense<T>& a, const Dense<T>& b) const {
    const Shape row = as_row(a.shape), column = as_column(b.shape);
    const GemmSize size = product_size(row, column, options);
    Shape shape = batch;
    if (a.dim() > 1) shape.push_back(size.m);
    if (b.dim() > 1) shape.push_back(size.n);
    Dense<T> result(shape);
    T* out = result.mutable_data();
    if (row.size() == 2 && column.size() == 2)
      gemm(size, a.data(), b.data(), out);
    else
      batched_gemm(size, batch_of(row), batch_of(column), batch, a.data(), b.data(), out);
    return result;
  }

  /// Directions of a matrix on the left are more of its rows, those of a vector on the right are rows.
  template <class T>
  std::optional<Dense<T>> forward_rows(std::size_t input, const Dense<T>& moved, const Shape& own,
                                       const Dense<T>& other) const {
    if (own.size() > 2 || other.dim() > 2) return std::nullopt;
    if (input == 0 && !(own.size() == 2 && options.transpose_a))
      return MatMul{{false, options.transpose_b}, {}}.forward(further_rows(moved, own), other);
    if (input == 1 && own.size() == 1)
      return MatMul{{false, other.dim() == 2 && !options.transpose_a}, {}}.forward(moved, other);
    return std::nullopt;
  }

  template <class V>
  void vjp(Backward<V>& b) const {
    const GemmSize size = product_size(as_row(b.shape(0)), as_column(b.shape(1)), options);
    give_factors(b, 0, reshape(b.gradient(), joined(batch, {size.m, size.n})), options);
  }
};

/// x weight, and with a third input + bias.
struct Linear {
  static constexpr std::string_view name = "linear";
  static constexpr bool is_bilinear = true, has_forward_rows = true;

  bool saves(std::size_t input, const Wanted& wanted) const { return input < 2 && wanted[1 - input]; }
  /// Of [N, k] and [k, n]: 2 N n k, and an addition each with a bias.
  static double flops(Shapes in, const Shape& out) {
    return count_of(out) * (2 * static_cast<double>(in[1][0]) + (in.size() > 2 ? 1 : 0));
  }

  template <class T>
  Dense<T> forward(const Dense<T>& x, const Dense<T>& weight) const {
    Dense<T> result = empty_result(x, weight);
    gemm(size_of(x.shape, weight.shape), x.data(), weight.data(), result.mutable_data());
    return result;
  }
  template <class T>
  Dense<T> forward(const Dense<T>& x, const Dense<T>& weight, const Dense<T>& bias) const {
    Dense<T> result = empty_result(x, weight);
    if (result.size() == 0) return result;
    const GemmSize size = size_of(x.shape, weight.shape);
    const T* row = bias.data();
    T* out = result.mutable_data();
    // The product is added to rows that hold the bias already.
    parallel_for(size.m, worth_a_thread::computed_elements / std::max<std::size_t>(size.n, 1) + 1,
                 [&](std::size_t begin, std::size_t end) {
                   for (std::size_t r = begin; r < end; ++r) std::copy_n(row, size.n, out + r * size.n);
                 });
    gemm(size, x.data(), weight.data(), out, Into::add);
    return result;
  }

  /// Directions of x are more of its rows.
  template <class T>
  std::optional<Dense<T>> forward_rows(std::size_t input, const Dense<T>& moved, const Shape& own,
                                       const Dense<T>& other) const {
    if (input == 1) return std::nullopt;
    return forward(further_rows(moved, own), other);
  }

  template <class V>
  void vjp(Backward<V>& b) const {
    const GemmSize size = size_of(b.shape(0), b.shape(1));
    const V dy = in_shape(b.gradient(), Shape{size.m, size.n});
    if (b.wants(0)) give_product(b, 0, no_axes, dy, b.input(1), {false, true});
    if (b.wants(1))
      give_product(b, 1, no_axes, in_shape(b.input(0), Shape{size.m, size.k}), dy, {true, false});
    if (b.input_count() == 3 && b.wants(2)) b.give(2, sum_to(dy, b.shape(2)));
  }

 private:
  static GemmSize size_of(const Shape& x, const Shape& weight) {
    std::size_t rows = 1;
    for (std::size_t axis = 0; axis + 1 < x.size(); ++axis) rows *= x[axis];
    return {rows, weight[1], weight[0]};
  }
  template <class T>
  static Dense<T> empty_result(const Dense<T>& x, const Dense<T>& weight) {
    Shape shape = x.shape;
    shape.back() = weight.shape[1];
    return Dense<T>(shape);
  }
};

/// A factor as the user sees it: "[2, 3]", or "transposed [2, 3]".
std::string describe(const Shape& shape, bool transposed) {
  return (transposed ? "transposed " : "") + to_string(shape);
}

/// ShapeError if no value can have the axes of the product of two factors, the batch axes first.
void check_product(std::string_view operation, const Shape& batch, const Shape& a, const Shape& b,
                   const MatmulOptions& options = {}) {
  const GemmSize size = product_size(as_row(a), as_column(b), options);
  check_possible(operation, joined(batch, {size.m, size.n}), a, b);
}

/// The batch axes of the result, after everything has been checked.
Shape check_matmul(const Shape& a, const Shape& b, const MatmulOptions& options) {
  const bool ta = options.transpose_a, tb = options.transpose_b;
  const auto fail = [&](const std::string& what, const std::string& advice) {
    throw ShapeError("matmul: " + what + ": " + describe(a, ta) + " x " + describe(b, tb) + advice);
  };
  if (a.empty() || b.empty()) fail("a value without axes is no factor", "; use * for scalars");
  const std::size_t inner_a = extent(a, a.size() > 1 && ta ? 1 : 0);
  const std::size_t inner_b = extent(b, b.size() > 1 && !tb ? 1 : 0);
  if (inner_a != inner_b)
    fail("inner dimensions differ", " (" + std::to_string(inner_a) + " vs " + std::to_string(inner_b) +
                                        "); transpose one side or check the layer's input size");
  const MatmulOptions lie{ta && a.size() > 1, tb && b.size() > 1};
  if (a.size() <= 2 && b.size() <= 2) {
    check_product("matmul", {}, a, b, lie);
    return {};
  }
  const Shape batch_a = batch_of(a), batch_b = batch_of(b);
  Shape batch = batch_a.size() < batch_b.size() ? batch_b : batch_a;
  for (std::size_t k = 0; k < std::min(batch_a.size(), batch_b.size()); ++k) {
    const std::size_t in_a = extent(batch_a, k), in_b = extent(batch_b, k);
    if (in_a != in_b && in_a != 1 && in_b != 1)
      fail("batch axes do not broadcast", " (axis " + std::to_string(batch.size() - 1 - k) +
                                              " of the result: " + std::to_string(in_a) + " vs " +
                                              std::to_string(in_b) + "); make the extents equal or 1");
    batch[batch.size() - 1 - k] = in_a == 1 ? in_b : in_a;
  }
  check_product("matmul", batch, a, b, lie);
  return batch;
}

void check_linear(const Shape& x, const Shape& weight) {
  const auto fail = [&](const std::string& what, const std::string& advice) {
    throw ShapeError("linear: " + what + ": " + to_string(x) + " x " + to_string(weight) + advice);
  };
  if (weight.size() != 2) fail("the weight is no matrix", "; it must be [in, out]");
  if (x.empty()) fail("a value without axes is no input", "; it must be [..., in]");
  if (x.back() != weight[0])
    fail("inner dimensions differ", " (" + std::to_string(x.back()) + " vs " + std::to_string(weight[0]) +
                                        "); check the layer's input size");
  Shape result = x;
  result.back() = weight[1];
  check_possible("linear", result, x, weight);
}

}  // namespace

template <Tensor V>
void detail::give_product(Backward<V>& b, std::size_t i, const V& left, const V& right,
                          const MatmulOptions& options) {
  xgrad::give_product(b, i, no_axes, left, right, options);
}

template <Tensor V>
V detail::matmul_to(const Shape& batch, const V& a, const V& b, const MatmulOptions& options) {
  return apply(MatMul{options, batch}, a, b);
}

template <Tensor V>
V matmul(const V& a, const V& b, const MatmulOptions& options) {
  const Shape batch = check_matmul(shape_of(a), shape_of(b), options);
  return apply(
      MatMul{{options.transpose_a && shape_of(a).size() > 1, options.transpose_b && shape_of(b).size() > 1},
             batch},
      a, b);
}

template <Tensor V>
V dot(const V& a, const V& b) {
  const Shape &left = shape_of(a), &right = shape_of(b);
  if (left.empty() || right.empty()) return a * b;
  const std::size_t inner = left.back(), other = extent(right, right.size() > 1 ? 1 : 0);
  if (inner != other)
    throw ShapeError("dot: the axes to sum over differ: " + to_string(left) + " and " + to_string(right) +
                     " (" + std::to_string(inner) + " vs " + std::to_string(other) +
                     "); the last axis of the one goes with the last but one of the other");
  if (right.size() <= 2) return matmul(a, b);
  // All of b as one matrix: the axis to sum over first.
  Axes order{static_cast<std::ptrdiff_t>(right.size()) - 2};
  Shape shape(left.begin(), left.end() - 1);
  std::size_t columns = 1;
  for (std::size_t axis = 0; axis < right.size(); ++axis) {
    if (axis + 2 == right.size()) continue;
    order.push_back(static_cast<std::ptrdiff_t>(axis));
    shape.push_back(right[axis]);
    columns *= right[axis];
  }
  check_possible("dot", shape, left, right);
  return reshape(matmul(a, reshape(permute(b, order), Shape{inner, columns})), shape);
}

template <Tensor V>
V outer(const V& a, const V& b) {
  const std::size_t rows = element_count(shape_of(a)), columns = element_count(shape_of(b));
  check_possible("outer", Shape{rows, columns}, shape_of(a), shape_of(b));
  return matmul(reshape(a, Shape{rows, 1}), reshape(b, Shape{1, columns}));
}

template <Tensor V>
V trace(const V& x, Integer offset, Integer axis1, Integer axis2) {
  const Shape& shape = shape_of(x);
  const std::size_t row = normalize_axis("trace", axis1, shape);
  const std::size_t column = normalize_axis("trace", axis2, shape);
  if (row == column)
    throw ShapeError("trace: axis " + std::to_string(row) + " of shape " + to_string(shape) +
                     " is named twice; give two axes");
  return sum(diagonal(x, offset, axis1, axis2), {.axes = {-1}});
}

template <Tensor V>
V linear(const V& x, const V& weight) {
  check_linear(shape_of(x), shape_of(weight));
  return apply(Linear{}, x, weight);
}

template <Tensor V>
V linear(const V& x, const V& weight, const V& bias) {
  check_linear(shape_of(x), shape_of(weight));
  const std::size_t out = shape_of(weight)[1];
  if (!(shape_of(bias) == Shape{out}))
    throw ShapeError("linear: the bias does not fit the weight: " + to_string(shape_of(bias)) + " and " +
                     to_string(shape_of(weight)) + "; it must be [" + std::to_string(out) + "]");
  return apply(Linear{}, x, weight, bias);
}

[[gnu::used]] constexpr auto instances = instantiate::for_tensors([]<class V>() {
  return std::make_tuple(matmul<V>, detail::matmul_to<V>, detail::give_product<V>, dot<V>, outer<V>, trace<V>,
                         instantiate::overload<V(const V&, const V&)>(linear),
                         instantiate::overload<V(const V&, const V&, const V&)>(linear));
});

}  // namespace xgrad
