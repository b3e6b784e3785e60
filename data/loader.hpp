// The loader: a data set in mini-batches, pass after pass.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "../core/graph/activity.hpp"
#include "dataset.hpp"

namespace xgrad::data {

/// A seed, an integer of any type; or none.
class LoaderSeed {
 public:
  constexpr LoaderSeed() noexcept = default;
  template <xgrad::detail::IntegerType I>
  constexpr LoaderSeed(I number) noexcept : number_(static_cast<std::uint64_t>(number)) {}

  constexpr const std::optional<std::uint64_t>& number() const noexcept { return number_; }

 private:
  std::optional<std::uint64_t> number_;
};

/// What a DataLoader takes.
struct LoaderOptions {
  Count batch_size = 1;
  /// Every pass in an order of its own, which depends on the seed and the pass's number alone.
  Flag shuffle = false;
  /// Leaves out a last batch that is not full.
  Flag drop_last = false;
  /// Without one, a loader that shuffles takes one from this thread's generator() when it is made, so that
  /// manual_seed governs its order; options() has it then.
  LoaderSeed seed = {};
  /// How many batches a thread of its own gathers ahead of the one in use; 0: no thread, each is gathered
  /// when it is asked for. The batches are the same, unless the data set draws from generator(), of which
  /// each thread has one.
  Count prefetch = 0;
};

namespace detail {

/// A thread that calls make(0), make(1), ... make(count - 1), never more than `ahead` beyond the batch in
/// use. An exception is kept for the batch that it belongs to, and the thread goes on with the next.
/// Destruction stops it after the call that it is in.
class Prefetch {
 public:
  Prefetch(std::size_t count, std::size_t ahead, std::function<void(std::size_t)> make);
  Prefetch(const Prefetch&) = delete;
  Prefetch& operator=(const Prefetch&) = delete;
  ~Prefetch();

  /// Waits until make(batch) has ended, by an exception too; the batch is the one in use.
  void wait_for(std::size_t batch) noexcept;
  /// The same, and throws what it threw, once: when it is asked again, the thread calls make(batch) again.
  void get(std::size_t batch);
  /// Says that `batch` is in use now, and those before it are not.
  void move_to(std::size_t batch) noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The part of a loader that does not depend on what is loaded.
class BatchPlan {
 public:
  using Order = std::shared_ptr<const std::vector<std::size_t>>;

  /// ValueError if the batch size is less than 1, or another number negative.
  BatchPlan(std::size_t samples, const LoaderOptions& options);

  std::size_t batches() const noexcept;
  const LoaderOptions& options() const noexcept { return options_; }
  bool drew_seed() const noexcept { return drew_seed_; }
  void set_seed(std::uint64_t seed) noexcept { options_.seed = seed; }
  std::uint64_t epoch() const noexcept { return epoch_; }
  void set_epoch(std::uint64_t epoch) noexcept { epoch_ = epoch; }
  /// The order of pass epoch().
  Order order();
  /// It has begun: epoch() is the next one.
  void count_pass() noexcept { ++epoch_; }
  std::span<const std::size_t> rows(const std::vector<std::size_t>& order, std::size_t batch) const noexcept;

 private:
  std::size_t samples_;
  LoaderOptions options_;
  bool drew_seed_ = false;  ///< none was given
  std::uint64_t epoch_ = 0;
  Order unshuffled_;
};

}  // namespace detail

/// Gives a data set's batches: `for (const auto& [inputs, targets] : loader)` is one pass over all samples,
/// and the next such loop is the next pass. What the data set throws arrives where the batch is asked for;
/// the pass may go on, with that batch once more, or with the next one. ValueError if the batch size is less
/// than 1, or another number negative. One thread at a time.
template <Dataset D>
class DataLoader {
  class Ahead;

 public:
  using Batch = typename D::Batch;

  explicit DataLoader(D dataset, const LoaderOptions& options = {})
      : dataset_(std::move(dataset)), plan_(dataset_.size(), options) {}

  /// One pass; the loader must outlive it. Passes do not disturb each other. With prefetch, each has a thread
  /// of its own, which ends with the last copy of the iterator, and calls the data set's batch() there.
  class Iterator {
   public:
    using value_type = Batch;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    /// The batch, gathered anew each time; with prefetch, a copy of what was gathered, or that itself if a
    /// Batch cannot be copied.
    Batch operator*() const {
      return xgrad::detail::as_activity("DataLoader", [&]() -> Batch {
        return ahead_ ? ahead_->get(batch_) : loader_->gather(*order_, batch_);
      });
    }
    Iterator& operator++() noexcept {
      ++batch_;
      if (ahead_) ahead_->move_to(batch_);
      return *this;
    }
    void operator++(int) noexcept { ++*this; }
    bool operator==(std::default_sentinel_t) const noexcept { return batch_ >= loader_->size(); }

   private:
    friend DataLoader;
    explicit Iterator(DataLoader& loader) : loader_(&loader), order_(loader.plan_.order()) {
      if (loader.options().prefetch > 0) ahead_ = std::make_shared<Ahead>(loader, order_);
      loader.plan_.count_pass();
    }

    const DataLoader* loader_;
    detail::BatchPlan::Order order_;
    std::size_t batch_ = 0;
    std::shared_ptr<Ahead> ahead_;  ///< null without prefetch
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
  /// Whether it shuffles by a seed that it has drawn itself.
  bool drew_seed() const noexcept { return plan_.drew_seed(); }
  /// The seed of the passes that begin from now on. With set_epoch() an interrupted training goes on in the
  /// same order.
  void set_seed(std::uint64_t seed) noexcept { plan_.set_seed(seed); }
  void set_epoch(std::uint64_t epoch) noexcept { plan_.set_epoch(epoch); }

 private:
  Batch gather(const std::vector<std::size_t>& order, std::size_t batch) const {
    return dataset_.batch(plan_.rows(order, batch));
  }

  /// The batches of one pass that are there already: batch i in place i % (prefetch + 1), which the thread
  /// fills and the consumer empties.
  class Ahead {
   public:
    Ahead(const DataLoader& loader, detail::BatchPlan::Order order)
        : gathered_(std::min<std::size_t>(loader.options().prefetch, loader.size()) + 1),
          thread_(loader.size(), gathered_.size() - 1,
                  [this, &loader, order = std::move(order)](std::size_t batch) {
                    place(batch).emplace(loader.gather(*order, batch));
                  }) {}

    Batch get(std::size_t batch) {
      thread_.get(batch);
      if constexpr (std::is_copy_constructible_v<Batch>) {
        return *place(batch);
      } else {
        return *std::move(place(batch));
      }
    }
    void move_to(std::size_t batch) noexcept {
      thread_.wait_for(batch - 1);  // it may not have been looked at
      place(batch - 1).reset();
      thread_.move_to(batch);
    }

   private:
    std::optional<Batch>& place(std::size_t batch) { return gathered_[batch % gathered_.size()]; }

    std::vector<std::optional<Batch>> gathered_;
    detail::Prefetch thread_;  ///< last, so that it ends before what it fills
  };

  D dataset_;
  detail::BatchPlan plan_;
};

}  // namespace xgrad::data
