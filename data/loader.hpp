// The loader: a data set in mini-batches, pass after pass.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "dataset.hpp"

namespace xgrad::data {

/// What a DataLoader takes.
struct LoaderOptions {
  std::size_t batch_size = 1;
  /// Every pass in an order of its own, which depends on the seed and the pass's number alone.
  bool shuffle = false;
  /// Leaves out a last batch that is not full.
  bool drop_last = false;
  std::uint64_t seed = 0;
};

namespace detail {

/// The part of a loader that does not depend on what is loaded.
class BatchPlan {
 public:
  using Order = std::shared_ptr<const std::vector<std::size_t>>;

  /// ValueError if the batch size is 0.
  BatchPlan(std::size_t samples, const LoaderOptions& options);

  std::size_t batches() const noexcept;
  const LoaderOptions& options() const noexcept { return options_; }
  std::uint64_t epoch() const noexcept { return epoch_; }
  void set_epoch(std::uint64_t epoch) noexcept { epoch_ = epoch; }
  /// The order of pass `epoch`, which is the next one's number afterwards.
  Order next_order();
  std::span<const std::size_t> rows(const std::vector<std::size_t>& order, std::size_t batch) const noexcept;

 private:
  std::size_t samples_;
  LoaderOptions options_;
  std::uint64_t epoch_ = 0;
  Order unshuffled_;
};

}  // namespace detail

/// Gives a data set's batches: `for (const auto& [inputs, targets] : loader)` is one pass over all samples,
/// and the next such loop is the next pass. ValueError if the batch size is 0. One thread at a time.
template <Dataset D>
class DataLoader {
 public:
  using Batch = typename D::Batch;

  explicit DataLoader(D dataset, const LoaderOptions& options = {})
      : dataset_(std::move(dataset)), plan_(dataset_.size(), options) {}

  /// One pass; the loader must outlive it. Passes do not disturb each other.
  class Iterator {
   public:
    using value_type = Batch;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    /// The batch, gathered anew each time.
    Batch operator*() const { return loader_->dataset_.batch(loader_->plan_.rows(*order_, batch_)); }
    Iterator& operator++() noexcept {
      ++batch_;
      return *this;
    }
    void operator++(int) noexcept { ++batch_; }
    bool operator==(std::default_sentinel_t) const noexcept { return batch_ >= loader_->size(); }

   private:
    friend DataLoader;
    explicit Iterator(DataLoader& loader) : loader_(&loader), order_(loader.plan_.next_order()) {}

    const DataLoader* loader_;
    detail::BatchPlan::Order order_;
    std::size_t batch_ = 0;
  };

  /// Starts a pass.
  Iterator begin() { return Iterator(*this); }
  std::default_sentinel_t end() const noexcept { return {}; }

  /// Batches in a pass.
  std::size_t size() const noexcept { return plan_.batches(); }
  const D& dataset() const noexcept { return dataset_; }
  const LoaderOptions& options() const noexcept { return plan_.options(); }

  /// The number of the next pass, from 0; setting it continues an interrupted training in the same order.
  std::uint64_t epoch() const noexcept { return plan_.epoch(); }
  void set_epoch(std::uint64_t epoch) noexcept { plan_.set_epoch(epoch); }

 private:
  D dataset_;
  detail::BatchPlan plan_;
};

}  // namespace xgrad::data
