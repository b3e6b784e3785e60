// What layers of networks are made of beside products and convolutions: normalisation, dropout, embedding.
#pragma once

#include <utility>

#include "../core/array/array.hpp"
#include "../core/graph/record.hpp"
#include "../core/kernels/random.hpp"

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
template <Tensor V>
V batch_norm(const V& x, const NormalizationOptions& options = {});
template <Tensor V>
V batch_norm(const V& x, const V& gamma, const V& beta, const NormalizationOptions& options = {});

/// The same, and the statistics that it found on its way.
template <Tensor V>
std::pair<V, BatchStatistics<typename V::value_type>> batch_norm_with_statistics(
    const V& x, const NormalizationOptions& options = {});
template <Tensor V>
std::pair<V, BatchStatistics<typename V::value_type>> batch_norm_with_statistics(
    const V& x, const V& gamma, const V& beta, const NormalizationOptions& options = {});

/// The same with given statistics, both [C], which take no gradient: what a trained network does. Any number
/// of values a channel will do.
template <Tensor V>
V batch_norm(const V& x, const BatchStatistics<typename V::value_type>& statistics,
             const NormalizationOptions& options = {});
template <Tensor V>
V batch_norm(const V& x, const V& gamma, const V& beta,
             const BatchStatistics<typename V::value_type>& statistics,
             const NormalizationOptions& options = {});

/// Each element 0 with probability p and x / (1 - p) otherwise, so that the mean stays; p = 0 is x itself,
/// p = 1 all zeros. A NaN or an infinity that is dropped is a NaN. Random numbers are by default this
/// thread's, which move on by their number; an element's depends on its place alone, not on threads, type or
/// processor. Backward draws them again: nothing is saved. N. Srivastava et al., "Dropout", 2014. ValueError
/// unless p is from 0 to 1.
template <Tensor V>
V dropout(const V& x, double p = 0.5, Generator& from = generator());

/// Rows of a table [count, dimension]: indices of any shape [...] give [..., dimension]. In a graph it goes
/// by the name of "take". The gradient adds up where an index comes twice. ShapeError if the table is no
/// matrix, ValueError for an index that is negative or too large.
template <Tensor V>
V embedding(const V& weight, const Indices& indices);

}  // namespace xgrad
