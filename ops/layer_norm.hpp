// Normalisation of lines along the last axis. Beside a Variable an Array, xtensor expression or scalar stands
// for any other operand.
#pragma once

#include "../core/graph/tensor.hpp"
#include "normalization_options.hpp"
#include "operands.hpp"

namespace xgrad {

/// (x - mean) / sqrt(variance + epsilon) of every line along the last axis, the variance being that of the
/// line itself, over all of its elements. Then times gamma plus beta, if they are given, both of the last
/// axis's extent. J. L. Ba, J. R. Kiros and G. E. Hinton, "Layer normalization", 2016. ShapeError if x has no
/// axes or gamma and beta do not fit; ValueError if epsilon is negative or not finite.
template <detail::Tensor V>
V layer_norm(const V& x, const NormalizationOptions& options = {});
template <detail::Tensor V>
V layer_norm(const V& x, const V& gamma, const V& beta, const NormalizationOptions& options = {});
template <class X, class Gamma, class Beta>
requires detail::are_mixed<X, Gamma, Beta>
auto layer_norm(X&& x, Gamma&& gamma, Beta&& beta, const NormalizationOptions& options = {}) {
  return detail::with_operands([&](const auto&... in) { return xgrad::layer_norm(in..., options); },
                               std::forward<X>(x), std::forward<Gamma>(gamma), std::forward<Beta>(beta));
}

}  // namespace xgrad
