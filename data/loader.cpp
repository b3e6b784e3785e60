#include "loader.hpp"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <numeric>
#include <thread>

#include "../core/error.hpp"
#include "../core/random.hpp"

namespace xgrad::data {
namespace {

/// The generator of one pass. Each has 2^32 numbers of the seed's sequence, in its second half: the first one
/// belongs to those who initialise weights with the same seed.
Generator pass_generator(std::uint64_t seed, std::uint64_t epoch) {
  return Generator(GeneratorState{seed, std::uint64_t{1} << 63 | epoch << 32});
}

}  // namespace

detail::BatchPlan::BatchPlan(std::size_t samples, const LoaderOptions& options)
    : samples_(samples), options_(options) {
  if (options.batch_size == 0)
    throw ValueError("DataLoader: the batch size is 0; give a positive .batch_size");
}

std::size_t detail::BatchPlan::batches() const noexcept {
  const std::size_t full = samples_ / options_.batch_size;
  return full + (!options_.drop_last && samples_ % options_.batch_size != 0 ? 1 : 0);
}

detail::BatchPlan::Order detail::BatchPlan::next_order() {
  if (options_.shuffle) {
    Generator random = pass_generator(options_.seed, epoch_);
    Order shuffled = std::make_shared<const std::vector<std::size_t>>(permutation(samples_, random));
    ++epoch_;
    return shuffled;
  }
  if (!unshuffled_) {
    std::vector<std::size_t> order(samples_);
    std::iota(order.begin(), order.end(), std::size_t{0});
    unshuffled_ = std::make_shared<const std::vector<std::size_t>>(std::move(order));
  }
  ++epoch_;
  return unshuffled_;
}

std::span<const std::size_t> detail::BatchPlan::rows(const std::vector<std::size_t>& order,
                                                     std::size_t batch) const noexcept {
  const std::size_t begin = batch * options_.batch_size;
  const std::size_t count = std::min(options_.batch_size, order.size() - begin);
  return std::span(order).subspan(begin, count);
}

struct detail::Prefetch::State {
  State(std::size_t count_, std::size_t ahead_, std::function<void(std::size_t)> make_)
      : count(count_), ahead(ahead_), make(std::move(make_)), thread([this] { run(); }) {}

  void run() noexcept {
    for (std::size_t batch = 0; batch < count; ++batch) {
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return stop || batch <= in_use + ahead; });
        if (stop) return;
      }
      std::exception_ptr thrown;
      try {
        make(batch);
      } catch (...) {
        thrown = std::current_exception();
      }
      const std::scoped_lock lock(mutex);
      error = std::move(thrown);
      if (!error) made = batch + 1;
      changed.notify_all();
      if (error) return;
    }
  }

  const std::size_t count, ahead;
  const std::function<void(std::size_t)> make;
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t in_use = 0, made = 0;
  bool stop = false;
  std::exception_ptr error;  ///< what make(made) threw
  std::thread thread;        ///< last: it uses all of the above
};

detail::Prefetch::Prefetch(std::size_t count, std::size_t ahead, std::function<void(std::size_t)> make)
    : state_(std::make_unique<State>(count, ahead, std::move(make))) {}

detail::Prefetch::~Prefetch() {
  {
    const std::scoped_lock lock(state_->mutex);
    state_->stop = true;
  }
  state_->changed.notify_all();
  state_->thread.join();
}

void detail::Prefetch::wait_for(std::size_t batch) noexcept {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [&] { return state_->made > batch || state_->error; });
}

void detail::Prefetch::rethrow_if_missing(std::size_t batch) const {
  const std::scoped_lock lock(state_->mutex);
  if (state_->made <= batch) std::rethrow_exception(state_->error);
}

void detail::Prefetch::move_to(std::size_t batch) noexcept {
  const std::scoped_lock lock(state_->mutex);
  state_->in_use = batch;
  state_->changed.notify_all();
}

}  // namespace xgrad::data
