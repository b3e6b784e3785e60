// Normalisation of channels over a batch. Beside a Variable an Array or xtensor expression stands for any
// other operand.
#pragma once

#include <utility>

#include "../core/array/array.hpp"
#include "../core/graph/tensor.hpp"
#include "normalization_options.hpp"
#include "operands.hpp"

namespace xgrad {

/// A mean and a variance for each channel.
template <class T>
struct BatchStatistics {
  Array<T> mean, variance;
};

/// (x - mean) / sqrt(variance + epsilon) of every channel of x [N, C] or [N, C, ...], with mean and variance
/// over the batch and all other axes, the variance over n. Then times gamma plus beta, if they are given,
/// both [C]. S. Ioffe and C. Szegedy, "Batch normalization", 2015. ShapeError if x has fewer than two axes or
/// gamma and beta do not fit; ValueError if epsilon is negative or not finite, or a channel has one value or
/// none.
template <detail::Tensor V>
V batch_norm(const V& x, const NormalizationOptions& options = {});
template <detail::Tensor V>
V batch_norm(const V& x, const V& gamma, const V& beta, const NormalizationOptions& options = {});
template <class X, class Gamma, class Beta>
requires detail::are_mixed<X, Gamma, Beta>
auto batch_norm(X&& x, Gamma&& gamma, Beta&& beta, const NormalizationOptions& options = {}) {
  return detail::with_operands([&](const auto&... in) { return xgrad::batch_norm(in..., options); },
                               std::forward<X>(x), std::forward<Gamma>(gamma), std::forward<Beta>(beta));
}

/// The same, and the statistics that it found on its way.
template <detail::Tensor V>
std::pair<V, BatchStatistics<typename V::value_type>> batch_norm_with_statistics(
    const V& x, const NormalizationOptions& options = {});
template <detail::Tensor V>
std::pair<V, BatchStatistics<typename V::value_type>> batch_norm_with_statistics(
    const V& x, const V& gamma, const V& beta, const NormalizationOptions& options = {});

/// The same with given statistics, both [C], which take no gradient: what a trained network does. Any number
/// of values a channel will do.
template <detail::Tensor V>
V batch_norm(const V& x, const BatchStatistics<typename V::value_type>& statistics,
             const NormalizationOptions& options = {});
template <detail::Tensor V>
V batch_norm(const V& x, const V& gamma, const V& beta,
             const BatchStatistics<typename V::value_type>& statistics,
             const NormalizationOptions& options = {});
template <class X, class Gamma, class Beta>
requires detail::are_mixed<X, Gamma, Beta>
auto batch_norm(X&& x, Gamma&& gamma, Beta&& beta,
                const BatchStatistics<typename detail::reading_among<X, Gamma, Beta>::value_type>& statistics,
                const NormalizationOptions& options = {}) {
  return detail::with_operands(
      [&](const auto&... in) { return xgrad::batch_norm(in..., statistics, options); }, std::forward<X>(x),
      std::forward<Gamma>(gamma), std::forward<Beta>(beta));
}

namespace detail {

/// What batch_norm gives, and each channel's mean and variance over n, [C], which take no gradient: for
/// running statistics, which follow them by operations.
template <class V>
struct NormalizedChannels {
  V y, mean, variance;
};
template <Tensor V>
NormalizedChannels<V> batch_norm_with_moments(const V& x, const NormalizationOptions& options);
/// batch_norm by given statistics that are in the graph; gamma and beta may be empty.
template <class T>
Variable<T> batch_norm_by(const Variable<T>& x, const Variable<T>& gamma, const Variable<T>& beta,
                          const Variable<T>& mean, const Variable<T>& variance,
                          const NormalizationOptions& options);
template <Tensor V>
NormalizedChannels<V> batch_norm_with_moments(const V& x, const V& gamma, const V& beta,
                                              const NormalizationOptions& options);

}  // namespace detail

}  // namespace xgrad
