// Data sets: numbered samples that come in batches. TensorDataset holds arrays, Subset chooses rows.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "../core/graph/index_input.hpp"

namespace xgrad::data {

/// Whatever has a size and gives a batch for a list of row numbers; a Batch is what a training loop receives.
/// Copies are cheap: a loader keeps one.
template <class D>
concept Dataset = std::copyable<D> && requires(const D& dataset, std::span<const std::size_t> rows) {
  typename D::Batch;
  { dataset.size() } -> std::convertible_to<std::size_t>;
  { dataset.batch(rows) } -> std::same_as<typename D::Batch>;
};

namespace detail {

/// The listed rows of `from`, one contiguous copy each; they have been checked.
template <class X>
Dense<X> gather_rows(const Dense<X>& from, std::span<const std::size_t> rows);

/// ShapeError if input number k has not one row for each of the first one's.
void check_same_rows(const Shape& first, const Shape& input, std::size_t k);

/// ValueError if a row is not below `size`.
void check_rows(const char* operation, std::span<const std::size_t> rows, std::size_t size);

/// 0 ... size - 1 in random order, cut into parts. ValueError unless `sizes` add up to `size`.
std::vector<std::vector<std::size_t>> random_parts(std::size_t size, std::span<const std::size_t> sizes,
                                                   std::uint64_t seed);

/// What the targets of an expression of element type E are: labels if integers, else real numbers.
template <class E>
using target_of = std::conditional_t<std::is_integral_v<xgrad::detail::element_of<E>>, std::int64_t,
                                     xgrad::detail::real_element_of<E>>;

}  // namespace detail

/// Samples held in two arrays: row i of `inputs` belongs to row i of `targets`. Y is int64, for labels, or T,
/// for real targets; T is float or double.
template <class T, class Y = std::int64_t>
class TensorDataset {
  static_assert(std::is_same_v<Y, std::int64_t> || std::is_same_v<Y, T>,
                "targets are labels (int64) or of the inputs' element type");

 public:
  using GivenTargets = std::conditional_t<std::is_same_v<Y, std::int64_t>, IndexInput, Array<Y>>;
  using Targets = std::conditional_t<std::is_same_v<Y, std::int64_t>, Indices, Variable<T>>;
  struct Batch {
    Variable<T> inputs;  ///< a constant, [rows, ...]
    Targets targets;     ///< labels as Indices, real targets as a constant; [rows, ...]
  };

  /// Shares the arrays' buffers where it may. ShapeError if one has no axis, or the first axes differ.
  TensorDataset(std::type_identity_t<Array<T>> inputs, GivenTargets targets);

  std::size_t size() const noexcept { return inputs_.shape[0]; }
  const Array<T> inputs() const { return to_array(inputs_); }
  const Array<Y> targets() const { return to_array(targets_); }

  /// The listed rows; ValueError if one is not below size().
  Batch batch(std::span<const std::size_t> rows) const;

 private:
  Dense<T> inputs_;
  Dense<Y> targets_;
};

// The one guide: the constructor's own would take an Array<int> for targets of a third kind.
template <xgrad::detail::Expression X, xgrad::detail::Expression Y>
TensorDataset(const X&, const Y&) -> TensorDataset<xgrad::detail::real_element_of<X>, detail::target_of<Y>>;

/// Samples whose inputs are several arrays: row i of each belongs to row i of `targets`, as
/// `TensorDataset({left, right}, targets)`. A model is called with as many Variables, in their order:
/// `net(inputs[0], inputs[1])`.
template <class T, std::size_t N, class Y>
class TensorDataset<std::array<T, N>, Y> {
 public:
  using Targets = typename TensorDataset<T, Y>::Targets;
  struct Batch {
    std::array<Variable<T>, N> inputs;  ///< constants, [rows, ...]
    Targets targets;                    ///< as for one input
  };

  /// Shares the arrays' buffers where it may. ShapeError if one has no axis, or the first axes differ.
  TensorDataset(std::array<Array<T>, N> inputs, typename TensorDataset<T, Y>::GivenTargets targets)
      : first_(std::move(inputs[0]), std::move(targets)) {
    const Shape first = first_.inputs().shape();
    for (std::size_t k = 1; k < N; ++k) {
      others_[k - 1] = to_dense(std::move(inputs[k]));
      detail::check_same_rows(first, others_[k - 1].shape, k);
    }
  }

  std::size_t size() const noexcept { return first_.size(); }
  const std::array<Array<T>, N> inputs() const {
    std::array<Array<T>, N> all{first_.inputs()};
    for (std::size_t k = 1; k < N; ++k) all[k] = to_array(others_[k - 1]);
    return all;
  }
  const Array<Y> targets() const { return first_.targets(); }

  /// The listed rows; ValueError if one is not below size().
  Batch batch(std::span<const std::size_t> rows) const {
    auto first = first_.batch(rows);
    Batch all{{std::move(first.inputs)}, std::move(first.targets)};
    for (std::size_t k = 1; k < N; ++k)
      all.inputs[k] = Variable<T>(detail::gather_rows(others_[k - 1], rows));
    return all;
  }

 private:
  TensorDataset<T, Y> first_;  ///< with the targets
  std::array<Dense<T>, N - 1> others_;
};

template <xgrad::detail::Expression X, std::size_t N, xgrad::detail::Expression Y>
TensorDataset(const X (&)[N], const Y&)
    -> TensorDataset<std::array<xgrad::detail::real_element_of<X>, N>, detail::target_of<Y>>;

/// Some rows of a data set, in the order given.
template <Dataset D>
class Subset {
 public:
  using Batch = typename D::Batch;

  /// ValueError if a row is not below dataset.size().
  Subset(D dataset, std::vector<std::size_t> rows) : dataset_(std::move(dataset)) {
    detail::check_rows("Subset", rows, dataset_.size());
    rows_ = std::make_shared<const std::vector<std::size_t>>(std::move(rows));
  }

  std::size_t size() const noexcept { return rows_->size(); }
  const D& dataset() const noexcept { return dataset_; }
  const std::vector<std::size_t>& rows() const noexcept { return *rows_; }

  /// The listed rows of the subset; ValueError if one is not below size().
  Batch batch(std::span<const std::size_t> rows) const {
    detail::check_rows("Subset", rows, size());
    std::vector<std::size_t> chosen;
    chosen.reserve(rows.size());
    for (std::size_t row : rows) chosen.push_back((*rows_)[row]);
    return dataset_.batch(chosen);
  }

 private:
  D dataset_;
  std::shared_ptr<const std::vector<std::size_t>> rows_;
};

/// Rows begin ... end - 1; ValueError unless begin <= end <= dataset.size().
template <Dataset D>
Subset<D> subset(const D& dataset, Count first, Count past) {
  const std::size_t begin = first.checked("subset", "begin"), end = past.checked("subset", "end");
  if (begin > end || end > dataset.size())
    throw ValueError("subset: rows " + std::to_string(begin) + " to " + std::to_string(end) +
                     " of a data set of " + std::to_string(dataset.size()) + "; give a range inside it");
  std::vector<std::size_t> rows(end - begin);
  std::iota(rows.begin(), rows.end(), begin);
  return Subset<D>(dataset, std::move(rows));
}

/// Splits a data set at random into parts of the given sizes; the same seed gives the same parts:
/// `auto [train, test] = random_split(dataset, {1437, 360}, 0)`. ValueError unless the sizes add up to
/// dataset.size().
template <Dataset D, std::size_t N>
std::array<Subset<D>, N> random_split(const D& dataset, const Count (&sizes)[N], std::uint64_t seed) {
  std::array<std::size_t, N> numbers;
  for (std::size_t k = 0; k < N; ++k) numbers[k] = sizes[k].checked("random_split", "a size");
  auto parts = detail::random_parts(dataset.size(), numbers, seed);
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<Subset<D>, N>{Subset<D>(dataset, std::move(parts[I]))...};
  }
  (std::make_index_sequence<N>());
}

/// All samples of a data set, as one batch.
template <Dataset D>
typename D::Batch whole(const D& dataset) {
  std::vector<std::size_t> rows(dataset.size());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  return dataset.batch(rows);
}

extern template class TensorDataset<float, std::int64_t>;
extern template class TensorDataset<double, std::int64_t>;
extern template class TensorDataset<float, float>;
extern template class TensorDataset<double, double>;

}  // namespace xgrad::data
