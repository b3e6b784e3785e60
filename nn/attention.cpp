#include "attention.hpp"

#include <cmath>
#include <limits>
#include <string>

#include "../core/graph/record.hpp"
#include "../ops/creation.hpp"
#include "../ops/dropout.hpp"
#include "../ops/linear_algebra.hpp"
#include "../ops/operators.hpp"
#include "../ops/shape.hpp"
#include "../ops/softmax.hpp"
#include "init.hpp"

namespace xgrad::nn {
using namespace xgrad::detail;

namespace {

/// ValueError before anything is made from the numbers; gives `features`.
std::size_t checked_features(Count features, Count heads, double dropout) {
  if (features.number() < 1 || heads.number() < 1 || features.number() % heads.number() != 0)
    throw ValueError("MultiheadAttention: " + std::to_string(heads.number()) + " heads of " +
                     std::to_string(features.number()) +
                     " features; the heads must divide the features, and both be at least 1");
  if (!(dropout >= 0 && dropout <= 1))
    throw ValueError("MultiheadAttention: dropout is " + std::to_string(dropout) +
                     "; give a share from 0 to 1");
  check_possible("MultiheadAttention", Shape{features, checked_product(3, features)});
  return features;
}

void check_inputs(std::size_t features, bool batch_first, const Shape& query, const Shape& key,
                  const Shape& value) {
  const std::size_t samples = batch_first ? 0 : 1;
  bool fits = query.size() == 3 && key.size() == 3 && key == value;
  fits = fits && query[2] == features && key[2] == features && query[samples] == key[samples];
  if (fits) return;
  const std::string axes =
      (batch_first ? "[samples, time steps, " : "[time steps, samples, ") + std::to_string(features) + "]";
  throw ShapeError("MultiheadAttention: query " + to_string(query) + ", key " + to_string(key) +
                   " and value " + to_string(value) + " are not " + axes +
                   " with as many samples each, and as many time steps of key and value");
}

/// What is added to scores [N, heads, queries, keys]: minus infinity where the mask forbids, 0 elsewhere.
template <class T>
struct ForbiddenScores {
  static constexpr std::string_view name = "forbidden_scores";
  static constexpr bool is_constant = true, only_in_programs = true;
  Dense<T> forward(const Dense<bool>& mask) const {
    Dense<T> added(mask.shape);
    T* const out = added.mutable_data();
    const bool* const forbids = mask.data();
    for (std::size_t i = 0; i < added.size(); ++i)
      out[i] = forbids[i] ? -std::numeric_limits<T>::infinity() : T(0);
    return added;
  }
};

template <class T>
Variable<T> forbidden_scores(const MaskInput& mask, const Shape& scores) {
  const Shape& shape = mask.shape();
  bool fits = shape.size() <= scores.size();
  for (std::size_t k = 0; fits && k < shape.size(); ++k) {
    const std::size_t extent = shape[shape.size() - 1 - k];
    fits = extent == 1 || extent == scores[scores.size() - 1 - k];
  }
  if (!fits)
    throw ShapeError("MultiheadAttention: the mask " + to_string(shape) + " does not broadcast to " +
                     to_string(scores) +
                     ", [samples, heads, queries, keys]; give [queries, keys], or [samples, "
                     "1, 1, keys]");
  return record(ForbiddenScores<T>{}, mask.dense());
}

template <class T>
Variable<T> later_scores(std::size_t queries, std::size_t keys) {
  Dense<T> added = Dense<T>::filled(Shape{queries, keys}, T(0));
  T* const out = added.mutable_data();
  for (std::size_t i = 0; i < queries; ++i)
    for (std::size_t j = i + 1; j < keys; ++j) out[i * keys + j] = -std::numeric_limits<T>::infinity();
  return Variable<T>(std::move(added));
}

}  // namespace

template <class T>
MultiheadAttention<T>::MultiheadAttention(Count features, Count heads,
                                          const MultiheadAttentionOptions& options)
    : heads_(static_cast<std::size_t>(heads.number())),
      options_(options),
      in_weight_(this->register_parameter(
          "in_proj_weight", zeros<T>({checked_features(features, heads, options.dropout), 3 * features}),
          InPyTorch::transposed)),
      out_(this->register_module("out_proj", Linear<T>(features, features, options.bias))) {
  init::xavier_uniform(in_weight_);
  if (!options.bias) return;
  in_bias_ = this->register_parameter("in_proj_bias", zeros<T>(3 * features));
  init::constant(out_.bias(), 0);
}

template <class T>
Variable<T> MultiheadAttention<T>::forward(const Variable<T>& x) {
  return attend_to_itself(x, {});
}

template <class T>
Variable<T> MultiheadAttention<T>::operator()(const Variable<T>& x, const AttentionMask& mask) {
  return this->call([&] { return attend_to_itself(x, mask); }, x);
}

template <class T>
Variable<T> MultiheadAttention<T>::operator()(const Variable<T>& query, const Variable<T>& key,
                                              const Variable<T>& value, const AttentionMask& mask) {
  return this->call(
      [&] {
        check_inputs(features(), options_.batch_first, query.shape(), key.shape(), value.shape());
        return attend(projected(query, 0), projected(key, 1), projected(value, 2), mask);
      },
      query, key, value);
}

template <class T>
Variable<T> MultiheadAttention<T>::attend_to_itself(const Variable<T>& x, const AttentionMask& mask) {
  check_inputs(features(), options_.batch_first, x.shape(), x.shape(), x.shape());
  const Variable<T> all_three = in_bias_.defined() ? linear(x, in_weight_, in_bias_) : linear(x, in_weight_);
  const std::vector<Variable<T>> parts = split(all_three, 3, 2);
  return attend(parts[0], parts[1], parts[2], mask);
}

template <class T>
Variable<T> MultiheadAttention<T>::projected(const Variable<T>& x, std::size_t part) const {
  const auto width = static_cast<std::ptrdiff_t>(features()),
             begin = static_cast<std::ptrdiff_t>(part) * width;
  const Variable<T> weight = slice(in_weight_, {all, range(begin, begin + width)});
  return in_bias_.defined() ? linear(x, weight, slice(in_bias_, {range(begin, begin + width)}))
                            : linear(x, weight);
}

/// [N, heads, T, d] of the layer's inputs.
template <class T>
Variable<T> MultiheadAttention<T>::heads_of(const Variable<T>& x) const {
  const Variable<T> parts = reshape(x, Shape{x.shape()[0], x.shape()[1], heads_, features() / heads_});
  return permute(parts, options_.batch_first ? Axes{0, 2, 1, 3} : Axes{1, 2, 0, 3});
}

template <class T>
Variable<T> MultiheadAttention<T>::attend(const Variable<T>& query, const Variable<T>& key,
                                          const Variable<T>& value, const AttentionMask& mask) {
  const std::size_t width = features() / heads_;  // the heads divide the features
  const double scale = 1 / std::sqrt(static_cast<double>(width));
  Variable<T> scores = matmul(heads_of(query) * scale, heads_of(key), {.transpose_b = true});
  if (mask.forbidden) scores = scores + forbidden_scores<T>(*mask.forbidden, scores.shape());
  if (mask.causal) scores = scores + later_scores<T>(scores.shape()[2], scores.shape()[3]);
  Variable<T> weights = softmax(scores, -1);
  if (this->is_training() && options_.dropout > 0) weights = dropout(weights, options_.dropout);
  const Variable<T> heads = matmul(weights, heads_of(value));
  const Variable<T> joined = permute(heads, options_.batch_first ? Axes{0, 2, 1, 3} : Axes{2, 0, 1, 3});
  return out_(reshape(joined, query.shape()));
}

template class MultiheadAttention<float>;
template class MultiheadAttention<double>;

}  // namespace xgrad::nn
