// What layers of networks are made of beside products and convolutions: normalisation, dropout, embedding.
#pragma once

#include "../core/record.hpp"

namespace xgrad {

/// What layer_norm and batch_norm take.
struct NormalizationOptions {
  double epsilon = 1e-5;  ///< added to the variance, so that equal elements are normalised to 0
};

/// (x - mean) / sqrt(variance + epsilon) of every line along the last axis, the variance being that of the
/// line itself, over all of its elements. Then times gamma plus beta, if they are given, both of the last
/// axis's extent. J. L. Ba, J. R. Kiros and G. E. Hinton, "Layer normalization", 2016. ShapeError if x has no
/// axes or gamma and beta do not fit; ValueError if epsilon is negative or not finite.
template <Tensor V>
V layer_norm(const V& x, const NormalizationOptions& options = {});
template <Tensor V>
V layer_norm(const V& x, const V& gamma, const V& beta, const NormalizationOptions& options = {});

}  // namespace xgrad
