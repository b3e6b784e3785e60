#include "attention.hpp"

#include <cmath>
#include <sstream>
#include <string>
#include <tuple>

#include "../core/array/instantiate.hpp"
#include "../core/graph/record.hpp"
#include "attention_blocks.hpp"
#include "attention_kernels.hpp"
#include "linear_algebra.hpp"
#include "operators.hpp"
#include "reduction.hpp"
#include "shape.hpp"
#include "softmax_gradient.hpp"

namespace xgrad {
using namespace detail;

namespace {

/// [..., queries, keys].
Shape shape_of_weights(const Shape& q, const Shape& k) {
  Shape shape = q;
  shape.back() = k[k.size() - 2];
  return shape;
}
Shape shape_of_result(const Shape& q, const Shape& v) {
  Shape shape = q;
  shape.back() = v.back();
  return shape;
}

/// How many pairs of a query and a key there are that see each other, masks aside.
double pairs_of(const Shape& q, const Shape& k, bool causal) {
  const auto queries = static_cast<double>(q[q.size() - 2]), keys = static_cast<double>(k[k.size() - 2]);
  const double heads = count_of(Shape(q.begin(), q.end() - 2));
  if (!causal) return heads * queries * keys;
  const double both = std::min(queries, keys);
  return heads * (both * (both + 1) / 2 + (queries - both) * keys);
}

/// What attention and its gradients are told.
struct ToldToAttend {
  double scale = 1;
  bool causal = false;
  DropoutDraw drawn;

  void fields(auto& visit) const {
    visit("scale", scale);
    visit("causal", causal);
    if (drawn.p > 0) drawn.fields(visit);
  }
  template <class T>
  AttentionInputs<T> inputs(const Dense<T>& q, const Dense<T>& k, const Dense<T>& v,
                            const ForbiddenKeys& forbidden) const {
    return {AttentionSize(q.shape, k.shape, v.shape),
            q.data(),
            k.data(),
            v.data(),
            scale,
            causal,
            forbidden,
            drawn};
  }
  template <class T>
  static ForbiddenKeys forbidden_by(const Dense<bool>& mask, const Dense<T>& q, const Dense<T>& k) {
    return ForbiddenKeys(mask, shape_of_weights(q.shape, k.shape));
  }
};

/// Calls f with input `number` of an operation, its mask, where it has so many.
template <class V, class F>
auto with_mask(const Backward<V>& b, std::size_t number, const F& f) {
  return b.input_count() > number ? f(b.template discrete_input<bool>(number)) : f();
}

/// softmax(scale q k') along the keys.
struct AttentionWeights : ToldToAttend {
  static constexpr std::string_view name = "attention_weights";
  static constexpr bool saves_output = true;

  bool saves(std::size_t input, const Wanted& wanted) const { return input < 2 && wanted[1 - input]; }
  double flops(Shapes in, const Shape&) const {
    return pairs_of(in[0], in[1], causal) * (2 * static_cast<double>(in[0].back()) + 5);
  }

  template <class T>
  Dense<T> forward(const Dense<T>& q, const Dense<T>& k) const {
    return run(q, k, {});
  }
  template <class T>
  Dense<T> forward(const Dense<T>& q, const Dense<T>& k, const Dense<bool>& mask) const {
    return run(q, k, forbidden_by(mask, q, k));
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    const V slopes = softmax_gradient(b.output(), b.take_gradient(), b.output_shape().size() - 1) * scale;
    if (b.wants(0)) b.give(0, matmul(slopes, b.input(1)));
    if (b.wants(1)) b.give(1, matmul(slopes, b.input(0), {.transpose_a = true}));
  }

 private:
  template <class T>
  Dense<T> run(const Dense<T>& q, const Dense<T>& k, const ForbiddenKeys& forbidden) const {
    Dense<T> weights(shape_of_weights(q.shape, k.shape));
    weigh(inputs(q, k, k, forbidden), weights.mutable_data());
    return weights;
  }
};

/// What comes back to q, k and v. Of the three outputs of attention, inputs 3 to 5, it makes no more than q,
/// k and v make of it: nothing is passed to them, and its vjp accounts for all that it owes to the others.
struct AttentionGradient : ToldToAttend {
  static constexpr std::string_view name = "scaled_dot_product_attention_gradient";

  bool saves(std::size_t input, const Wanted&) const { return input < 3 || input > 5; }
  double flops(Shapes in, const Shape&) const {
    return pairs_of(in[0], in[1], causal) *
           (6 * static_cast<double>(in[0].back()) + 4 * static_cast<double>(in[2].back()) + 6);
  }

  template <class T>
  auto forward(const Dense<T>& q, const Dense<T>& k, const Dense<T>& v, const Dense<T>& out,
               const Dense<T>& sums, const Dense<T>& exponentials, const Dense<T>& dy) const {
    return run(inputs(q, k, v, {}), q, k, v, {out.data(), sums.data(), kept(exponentials)}, dy);
  }
  template <class T>
  auto forward(const Dense<T>& q, const Dense<T>& k, const Dense<T>& v, const Dense<T>& out,
               const Dense<T>& sums, const Dense<T>& exponentials, const Dense<T>& dy,
               const Dense<bool>& mask) const {
    return run(inputs(q, k, v, forbidden_by(mask, q, k)), q, k, v,
               {out.data(), sums.data(), kept(exponentials)}, dy);
  }
  /// On whole matrices of weights, in operations that there are: seldom wanted, and to every order. With the
  /// weights w, z what dropout multiplies them by, and t = dy v' z, the gradient weighed with a, b and c is
  /// the sum of t dw + dy (w z) c', where dw is how w moves with the scores by e = scale (a k' + q b').
  template <class V>
  void vjp(Backward<V>& b) const {
    const V q = b.input(0), k = b.input(1), v = b.input(2), dy = b.input(6);
    const std::size_t axis = b.shape(6).size() - 1;
    const V w = with_mask(b, 7, [&](const auto&... mask) {
      return apply(AttentionWeights{{scale, causal, {}}}, q, k, mask...);
    });
    const V& a = b.gradient();
    V e = matmul(a, k, {.transpose_b = true});
    if (b.has_gradient(1)) e = e + matmul(q, b.gradient(1), {.transpose_b = true});
    e = e * scale;
    const V dw = drop(softmax_gradient(w, e, axis), drawn);
    if (b.wants(6)) {
      V share = matmul(dw, v);
      if (b.has_gradient(2)) share = share + matmul(drop(w, drawn), b.gradient(2));
      b.give(6, std::move(share));
    }
    if (b.wants(2)) b.give(2, matmul(dw, dy, {.transpose_a = true}));
    if (!b.wants(0) && !b.wants(1)) return;
    const V t = drop(matmul(dy, v, {.transpose_b = true}), drawn);
    const V slopes = softmax_gradient(w, t, axis) * scale;
    V to_w = t * (e - sum_of_keys(w * e)) - e * sum_of_keys(w * t);
    if (b.has_gradient(2)) to_w = to_w + drop(matmul(dy, b.gradient(2), {.transpose_b = true}), drawn);
    const V to_products = softmax_gradient(w, std::move(to_w), axis) * scale;
    if (b.wants(0)) {
      V share = matmul(to_products, k);
      if (b.has_gradient(1)) share = share + matmul(slopes, b.gradient(1));
      b.give(0, std::move(share));
    }
    if (b.wants(1))
      b.give(1, matmul(to_products, q, {.transpose_a = true}) + matmul(slopes, a, {.transpose_a = true}));
  }

 private:
  template <class T>
  static const T* kept(const Dense<T>& exponentials) {
    return exponentials.size() == 0 ? nullptr : exponentials.data();
  }
  template <class T>
  static std::tuple<Dense<T>, Dense<T>, Dense<T>> run(const AttentionInputs<T>& in, const Dense<T>& q,
                                                      const Dense<T>& k, const Dense<T>& v,
                                                      const Attended<const T>& made, const Dense<T>& dy) {
    Dense<T> dq(q.shape), dk(k.shape), dv(v.shape);
    attend_back(in, made, dy.data(), dq.mutable_data(), dk.mutable_data(), dv.mutable_data());
    return {std::move(dq), std::move(dk), std::move(dv)};
  }
  template <class V>
  static V sum_of_keys(const V& x) {
    return sum(x, {.axes = {-1}, .keep_dims = true});
  }
};

/// The second output is what the gradient needs of each query, see attention_kernels.hpp. The third is
/// exp(score - largest) of every pair, where that is kept, and otherwise of none: then the gradient computes
/// it again.
struct Attention : ToldToAttend {
  static constexpr std::string_view name = "scaled_dot_product_attention";
  static constexpr bool saves_output = true;
  bool is_recorded = false;  ///< whether there will be a gradient

  void fields(auto& visit) const {
    ToldToAttend::fields(visit);
    visit("is_recorded", is_recorded);
  }
  bool saves(std::size_t, const Wanted&) const { return true; }
  bool draws() const noexcept { return drawn.p > 0; }
  bool draw(const Value&) { return drawn.draw_again(); }
  double flops(Shapes in, const Shape&) const {
    return pairs_of(in[0], in[1], causal) * 2 * static_cast<double>(in[0].back() + in[2].back()) +
           pairs_of(in[0], in[1], causal) * 5;
  }

  template <class T>
  auto forward(const Dense<T>& q, const Dense<T>& k, const Dense<T>& v) const {
    return run(inputs(q, k, v, {}), q, k, v);
  }
  template <class T>
  auto forward(const Dense<T>& q, const Dense<T>& k, const Dense<T>& v, const Dense<bool>& mask) const {
    return run(inputs(q, k, v, forbidden_by(mask, q, k)), q, k, v);
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    const V q = b.input(0), k = b.input(1), v = b.input(2), out = b.output();
    const V sums = b.output(1), exponentials = b.output(2);
    auto [dq, dk, dv] = with_mask(b, 3, [&](const auto&... mask) {
      return apply_all(AttentionGradient{*this}, q, k, v, out, sums, exponentials, b.gradient(), mask...);
    });
    if (b.wants(0)) b.give(0, std::move(dq));
    if (b.wants(1)) b.give(1, std::move(dk));
    if (b.wants(2)) b.give(2, std::move(dv));
  }

 private:
  template <class T>
  std::tuple<Dense<T>, Dense<T>, Dense<T>> run(const AttentionInputs<T>& in, const Dense<T>& q,
                                               const Dense<T>& k, const Dense<T>& v) const {
    Shape of_sums = q.shape;
    of_sums.back() = kernels::attention_sums;
    const bool keeps = is_recorded && has_whole_rows(in);
    Dense<T> out(shape_of_result(q.shape, v.shape)), sums(of_sums),
        exponentials(keeps ? shape_of_weights(q.shape, k.shape) : Shape{0});
    attend(in, {out.mutable_data(), sums.mutable_data(), keeps ? exponentials.mutable_data() : nullptr});
    return {std::move(out), std::move(sums), std::move(exponentials)};
  }
};

/// ShapeError, or ValueError, in the function's name.
void check(const Shape& q, const Shape& k, const Shape& v, const AttentionOptions& options) {
  const auto fail = [&](const std::string& what) {
    throw ShapeError("scaled_dot_product_attention: " + what + ": q " + to_string(q) + ", k " + to_string(k) +
                     ", v " + to_string(v) +
                     "; give [..., queries, d], [..., keys, d] and [..., keys, e], with the same axes in "
                     "front");
  };
  const std::size_t dim = q.size();
  if (dim < 2 || k.size() != dim || v.size() != dim) fail("these are no stacks of matrices alike");
  for (std::size_t axis = 0; axis + 2 < dim; ++axis)
    if (q[axis] != k[axis] || q[axis] != v[axis]) fail("axis " + std::to_string(axis) + " differs");
  if (q.back() != k.back())
    fail("queries and keys differ in length, " + std::to_string(q.back()) + " vs " +
         std::to_string(k.back()));
  if (k[dim - 2] != v[dim - 2])
    fail("there is not a value for each key, " + std::to_string(v[dim - 2]) + " vs " +
         std::to_string(k[dim - 2]));
  check_possible("scaled_dot_product_attention", shape_of_result(q, v), q, k, v);
  if (options.forbidden) check_forbidden(options.forbidden->shape(), shape_of_weights(q, k));
  std::ostringstream text;
  if (!(options.dropout >= 0 && options.dropout <= 1))
    text << "dropout is " << options.dropout << "; give the share of weights to drop, from 0 to 1";
  else if (options.scale && !std::isfinite(*options.scale))
    text << "scale is " << *options.scale << "; give a finite number";
  else
    return;
  throw ValueError("scaled_dot_product_attention: " + text.str());
}

/// Where d is 0 all products are, whatever they are multiplied by.
double scale_of(const AttentionOptions& options, const Shape& q) {
  if (options.scale) return *options.scale;
  return q.back() == 0 ? 1 : 1 / std::sqrt(static_cast<double>(q.back()));
}

/// The operation on these inputs, and on the mask where there is one.
template <class Op, class... Vs>
auto apply_masked(const Op& op, const AttentionOptions& options, const Vs&... in) {
  return options.forbidden ? apply(op, in..., options.forbidden->dense()) : apply(op, in...);
}

}  // namespace

template <Tensor V>
V scaled_dot_product_attention(const V& q, const V& k, const V& v, const AttentionOptions& options) {
  check(shape_of(q), shape_of(k), shape_of(v), options);
  const Shape weights = shape_of_weights(shape_of(q), shape_of(k));
  if (options.dropout > 0) check_possible("scaled_dot_product_attention", weights, shape_of(q), shape_of(k));
  Generator& from = generator();
  const DropoutDraw drawn = next_draw(options.dropout, element_count(weights), from);
  const bool recorded = has_gradient(thread_mode(), q, k, v);
  V result = apply_masked(Attention{{scale_of(options, shape_of(q)), options.causal, drawn}, recorded},
                          options, q, k, v);
  pass(drawn, from);
  return result;
}

template <Tensor V>
V detail::attention_weights(const V& q, const V& k, const AttentionOptions& options) {
  check(shape_of(q), shape_of(k), shape_of(k), options);
  check_possible("scaled_dot_product_attention", shape_of_weights(shape_of(q), shape_of(k)), shape_of(q),
                 shape_of(k));
  return apply_masked(AttentionWeights{{scale_of(options, shape_of(q)), options.causal, {}}}, options, q, k);
}

[[gnu::used]] constexpr auto instances = instantiate::for_tensors(
    []<class V>() { return std::make_tuple(scaled_dot_product_attention<V>, detail::attention_weights<V>); });

}  // namespace xgrad
