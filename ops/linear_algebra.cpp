#include "linear_algebra.hpp"

#include <algorithm>
#include <string>

#include "../core/gemm.hpp"
#include "../core/threads.hpp"
#include "families.hpp"
#include "shape.hpp"

namespace xgrad {
namespace {

using detail::shape_of;

Shape as_row(const Shape& shape) { return shape.size() == 1 ? Shape{1, shape[0]} : shape; }
Shape as_column(const Shape& shape) { return shape.size() == 1 ? Shape{shape[0], 1} : shape; }

struct MatMul {
  static constexpr std::string_view name = "matmul";
  MatmulOptions options;

  bool saves(std::size_t input, const Wanted& wanted) const { return wanted[1 - input]; }

  GemmSize size_of(const Shape& row, const Shape& column) const {
    const auto [ta, tb] = options;
    return {row[ta ? 1 : 0], column[tb ? 0 : 1], row[ta ? 0 : 1], ta, tb};
  }

  template <class T>
  Dense<T> forward(const Dense<T>& a, const Dense<T>& b) const {
    const GemmSize size = size_of(as_row(a.shape), as_column(b.shape));
    Shape shape;
    if (a.dim() == 2) shape.push_back(size.m);
    if (b.dim() == 2) shape.push_back(size.n);
    Dense<T> result(shape);
    gemm(size, a.data(), b.data(), result.mutable_data());
    return result;
  }

  template <class V>
  void vjp(Backward<V>& b) const {
    const auto [ta, tb] = options;
    const Shape row = as_row(b.shape(0)), column = as_column(b.shape(1));
    const GemmSize size = size_of(row, column);
    const V dy = reshape(b.gradient(), Shape{size.m, size.n});
    if (b.wants(0)) {
      const V other = reshape(b.input(1), column);
      V da = ta ? matmul(other, dy, {tb, true}) : matmul(dy, other, {false, !tb});
      b.give(0, reshape(std::move(da), b.shape(0)));
    }
    if (b.wants(1)) {
      const V other = reshape(b.input(0), row);
      V db = tb ? matmul(dy, other, {true, ta}) : matmul(other, dy, {!ta, false});
      b.give(1, reshape(std::move(db), b.shape(1)));
    }
  }
};

/// x weight, and with a third input + bias.
struct Linear {
  static constexpr std::string_view name = "linear";

  bool saves(std::size_t input, const Wanted& wanted) const { return input < 2 && wanted[1 - input]; }

  template <class T>
  Dense<T> forward(const Dense<T>& x, const Dense<T>& weight) const {
    Dense<T> result = empty_result(x, weight);
    gemm(size_of(x.shape, weight.shape), x.data(), weight.data(), result.mutable_data());
    return result;
  }
  template <class T>
  Dense<T> forward(const Dense<T>& x, const Dense<T>& weight, const Dense<T>& bias) const {
    Dense<T> result = empty_result(x, weight);
    const GemmSize size = size_of(x.shape, weight.shape);
    const T* row = bias.data();
    T* out = result.mutable_data();
    // The product is added to rows that hold the bias already.
    parallel_for(size.m, (1 << 16) / std::max<std::size_t>(size.n, 1) + 1,
                 [&](std::size_t begin, std::size_t end) {
                   for (std::size_t r = begin; r < end; ++r) std::copy_n(row, size.n, out + r * size.n);
                 });
    gemm(size, x.data(), weight.data(), out, Into::add);
    return result;
  }

  template <class V>
  void vjp(Backward<V>& b) const {
    const GemmSize size = size_of(b.shape(0), b.shape(1));
    const V dy = reshape(b.gradient(), Shape{size.m, size.n});
    if (b.wants(0)) b.give(0, reshape(matmul(dy, b.input(1), {false, true}), b.shape(0)));
    if (b.wants(1)) b.give(1, matmul(reshape(b.input(0), Shape{size.m, size.k}), dy, {true, false}));
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

void check_matmul(const Shape& a, const Shape& b, const MatmulOptions& options) {
  const bool ta = options.transpose_a, tb = options.transpose_b;
  const auto fail = [&](const std::string& what, const std::string& advice) {
    throw ShapeError("matmul: " + what + ": " + describe(a, ta) + " x " + describe(b, tb) + advice);
  };
  if (a.empty() || b.empty()) fail("a value without axes is no factor", "; use * for scalars");
  if (a.size() > 2 || b.size() > 2)
    fail("batched products are not supported",
         "; give matrices or vectors, flatten leading axes with reshape");
  const std::size_t inner_a = a.size() == 1 ? a[0] : a[ta ? 0 : 1];
  const std::size_t inner_b = b.size() == 1 ? b[0] : b[tb ? 1 : 0];
  if (inner_a != inner_b)
    fail("inner dimensions differ", " (" + std::to_string(inner_a) + " vs " + std::to_string(inner_b) +
                                        "); transpose one side or check the layer's input size");
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
}

}  // namespace

template <Tensor V>
V matmul(const V& a, const V& b, const MatmulOptions& options) {
  check_matmul(shape_of(a), shape_of(b), options);
  return perform(MatMul{{options.transpose_a && shape_of(a).size() == 2,
                         options.transpose_b && shape_of(b).size() == 2}},
                 a, b);
}

template <Tensor V>
V linear(const V& x, const V& weight) {
  check_linear(shape_of(x), shape_of(weight));
  return perform(Linear{}, x, weight);
}

template <Tensor V>
V linear(const V& x, const V& weight, const V& bias) {
  check_linear(shape_of(x), shape_of(weight));
  const std::size_t out = shape_of(weight)[1];
  if (!(shape_of(bias) == Shape{out}))
    throw ShapeError("linear: the bias does not fit the weight: " + to_string(shape_of(bias)) + " and " +
                     to_string(shape_of(weight)) + "; it must be [" + std::to_string(out) + "]");
  return perform(Linear{}, x, weight, bias);
}

#define XGRAD_INSTANTIATE(V)                                   \
  template V matmul(const V&, const V&, const MatmulOptions&); \
  template V linear(const V&, const V&);                       \
  template V linear(const V&, const V&, const V&);
XGRAD_INSTANTIATE(Dense<float>)
XGRAD_INSTANTIATE(Dense<double>)
XGRAD_INSTANTIATE(Variable<float>)
XGRAD_INSTANTIATE(Variable<double>)
#undef XGRAD_INSTANTIATE

std::vector<std::string_view> linear_algebra_operation_names() {
  return names_of<kernels::List<MatMul, Linear>>();
}

}  // namespace xgrad
