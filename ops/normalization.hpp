// What layer_norm and batch_norm share. For their files only.
#pragma once

#include <cmath>
#include <sstream>

#include "exponential.hpp"
#include "normalization_options.hpp"
#include "operators.hpp"
#include "reduction.hpp"
#include "shape.hpp"
#include "square_sum.hpp"

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

/// The gradients of a normalisation over some axes from operations, so that they can be differentiated again.
/// gamma and beta, if they are among the inputs, stand beside x as `affine` has it.
template <class T>
void recorded_normalization_gradient(Backward<Variable<T>>& b, const Axes& axes, const Shape& affine,
                                     double epsilon) {
  using V = Variable<T>;
  const ReduceOptions over{axes, true};
  const V& dy = b.gradient();
  const bool has_affine = b.input_count() == 3;
  if (has_affine && b.wants(2)) b.give(2, reshape(sum_to(dy, affine), b.shape(2)));
  if (!b.wants(0) && !(has_affine && b.wants(1))) return;
  const V x = b.input(0), once = x - mean(x, over), centred = once - mean(once, over);
  const V spread = mean(square(centred), over) + epsilon;
  // Multiplied by the same constant, x and the root of epsilon give the same y.
  const Dense<T> units = units_of(centred.dense(), spread.dense(), over, static_cast<T>(std::sqrt(epsilon)));
  const V unit(units.defined() ? units : Dense<T>::scalar(1));
  const V near = units.defined() ? centred / unit : centred;
  const V root = rsqrt(units.defined() ? mean(square(near), over) + epsilon / unit / unit : spread);
  const V y = near * root, scale = units.defined() ? root / unit : root;
  if (has_affine && b.wants(1)) b.give(1, reshape(sum_to(dy * y, affine), b.shape(1)));
  if (!b.wants(0)) return;
  const V g = has_affine ? dy * reshape(b.input(1), affine) : dy;
  b.give(0, (g - mean(g, over) - y * mean(g * y, over)) * scale);
}

}  // namespace xgrad::detail
