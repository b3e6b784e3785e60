// What layer_norm and batch_norm share. For their files only.
#pragma once

#include <cmath>
#include <optional>
#include <sstream>
#include <tuple>

#include "normalization_options.hpp"
#include "operators.hpp"
#include "reduction.hpp"
#include "shape.hpp"

namespace xgrad::detail {

inline void check_epsilon(std::string_view operation, double epsilon) {
  if (epsilon >= 0 && std::isfinite(epsilon)) return;
  std::ostringstream text;
  text << operation << ": epsilon is " << epsilon
       << "; give a finite number that is not negative, such as 1e-5";
  throw ValueError(text.str());
}

/// ShapeError unless gamma and beta are [extent], as axis `axis` of x is.
inline void check_affine(std::string_view operation, const Shape& x, std::size_t axis, const Shape& gamma,
                         const Shape& beta) {
  const Shape expected{x[axis]};
  if (gamma == expected && beta == expected) return;
  throw ShapeError(std::string(operation) + ": gamma " + to_string(gamma) + " and beta " + to_string(beta) +
                   " do not fit axis " + std::to_string(axis) + " of " + to_string(x) + "; both must be " +
                   to_string(expected));
}

// A normalisation makes n = (x - mean) r of x, with r = 1 / sqrt(variance + epsilon), and y = n gamma + beta.
// Its gradient is an operation with the outputs dx, dgamma and dbeta, and inputs x, gamma where there is one,
// `data`, which are what the normalisation left of each line, and dy. What they share follows, for a struct
// `Gradient` of either:
//
// - lines(x) are the axes that means are over, and beside(x) the shape of gamma as it broadcasts with x;
// - normalized(x) is n and its data; scale(data, x) is r, as it broadcasts with x. Of the data's gradient it
//   is that of r.

/// r (u - mean(u) - n mean(u n)): the gradient's dx for a gamma of 1.
template <class Gradient, class V, class Data>
V passed_back(const Gradient& op, const V& x, const Data& data, V u) {
  return apply(op, x, data, std::move(u));
}

/// What r's gradient adds to that of x: r moves by -r r n / N with an element of its line of N.
template <class Gradient, class V>
V share_of_scale(const Gradient& op, const V& x, const V& to_scale) {
  const auto normal = op.normalized(x);
  const V& n = std::get<0>(normal);
  const Shape& shape = shape_of(x);
  const V r = op.template scale<V>(std::get<1>(normal), shape);
  const double count = static_cast<double>(element_count(shape)) / static_cast<double>(to_scale.size());
  return n * (r * (r * to_scale * (-1 / count)));
}

/// The vjp of the normalisation of x, or of x, gamma and beta.
template <class V, class Gradient, class Data>
void differentiate_normalization(Backward<V>& b, const Gradient& op, const Data& data,
                                 const std::optional<V>& to_scale) {
  const bool has_affine = b.input_count() == 3;
  const Shape& shape = b.shape(0);
  if (!b.wants(0) && !b.wants(1))
    return b.give(2, reshape(sum_to(b.gradient(), op.beside(shape)), b.shape(2)));
  const V x = b.input(0);
  if (!has_affine) {
    V dx = apply(op, x, data, b.take_gradient());
    return b.give(0, to_scale ? dx + share_of_scale(op, x, *to_scale) : std::move(dx));
  }
  // Only dx reads gamma.
  const V gamma = b.wants(0) ? b.input(1) : V(Dense<typename V::value_type>::filled(b.shape(1), 1));
  auto [dx, dgamma, dbeta] = apply_all(op, x, gamma, data, b.take_gradient());
  if (b.wants(0)) b.give(0, to_scale ? dx + share_of_scale(op, x, *to_scale) : std::move(dx));
  if (b.wants(1)) b.give(1, std::move(dgamma));
  if (b.wants(2)) b.give(2, std::move(dbeta));
}

/// The vjp of the gradient. Weighed with `a`, its dx comes to N r P for a line, where g = dy gamma and P =
/// mean(a g) - mean(a) mean(g) - mean(a n) mean(g n): what moves with x is n, and r in front. Nothing is
/// passed to the data: they are made of x, and this accounts for all that the gradient owes to x.
template <class V, class Gradient>
void differentiate_gradient_of_normalization(Backward<V>& b, const Gradient& op) {
  const std::size_t of_dy = b.input_count() - 1;
  const bool has_affine = b.input_count() == 4;
  const Shape& shape = b.shape(0);
  const ReduceOptions over{op.lines(shape), true};
  const Shape beside = op.beside(shape);
  const V x = b.input(0), dy = b.input(of_dy);
  const V& a = b.gradient();
  const auto normal = op.normalized(x);
  const V& n = std::get<0>(normal);
  const auto& data = std::get<1>(normal);
  const V through = passed_back(op, x, data, a);
  const V gamma = has_affine ? reshape(b.input(1), beside) : V();
  if (b.wants(of_dy)) {
    V share = has_affine ? through * gamma : through;
    if (b.has_gradient(1)) share = share + n * reshape(b.gradient(1), beside);
    if (b.has_gradient(2)) share = share + reshape(b.gradient(2), beside);
    b.give(of_dy, std::move(share));
  }
  if (has_affine && b.wants(1)) b.give(1, reshape(sum_to(dy * through, beside), b.shape(1)));
  if (!b.wants(0)) return;
  const V g = has_affine ? dy * gamma : dy, r = op.template scale<V>(data, shape);
  V to_n = -r * (a * mean(g * n, over) + g * mean(a * n, over));
  if (b.has_gradient(1)) to_n = to_n + dy * reshape(b.gradient(1), beside);
  // r P is the mean of g through, and so no difference of large numbers.
  const V of_scale = n * (r * mean(g * through, over));
  b.give(0, passed_back(op, x, data, std::move(to_n)) - of_scale);
}

}  // namespace xgrad::detail
