#include "loader.hpp"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <numeric>
#include <thread>
#include <utility>

#include "../core/array/error.hpp"
#include "../core/kernels/random.hpp"

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
  if (options.batch_size.number() < 1)
    throw ValueError("DataLoader: the batch size is " + std::to_string(options.batch_size.number()) +
                     "; give a positive .batch_size");
  options.prefetch.checked("DataLoader", "prefetch");
  drew_seed_ = options_.shuffle && !options_.seed.number();
  if (drew_seed_) options_.seed = generator().next();
}

std::size_t detail::BatchPlan::batches() const noexcept {
  const std::size_t full = samples_ / options_.batch_size;
  return full + (!options_.drop_last && samples_ % options_.batch_size != 0 ? 1 : 0);
}

detail::BatchPlan::Order detail::BatchPlan::order() {
  if (options_.shuffle) {
    Generator random = pass_generator(*options_.seed.number(), epoch_);
    return std::make_shared<const std::vector<std::size_t>>(permutation(samples_, random));
  }
  if (!unshuffled_) {
    std::vector<std::size_t> order(samples_);
    std::iota(order.begin(), order.end(), std::size_t{0});
    unshuffled_ = std::make_shared<const std::vector<std::size_t>>(std::move(order));
  }
  return unshuffled_;
}

std::span<const std::size_t> detail::BatchPlan::rows(const std::vector<std::size_t>& order,
                                                     std::size_t batch) const noexcept {
  const std::size_t begin = batch * options_.batch_size;
  const std::size_t count = std::min<std::size_t>(options_.batch_size, order.size() - begin);
  return std::span(order).subspan(begin, count);
}

struct detail::Prefetch::State {
  State(std::size_t count_, std::size_t ahead_, std::function<void(std::size_t)> make_)
      : count(count_), ahead(ahead_), make(std::move(make_)), errors(ahead_ + 1), thread([this] { run(); }) {}

  void run() noexcept {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [&] { return stop || again || (next < count && next <= in_use + ahead); });
      if (stop) return;
      const bool anew = again;
      const std::size_t batch = anew ? in_use : next;
      lock.unlock();
      std::exception_ptr thrown;
      try {
        make(batch);
      } catch (...) {
        thrown = std::current_exception();
      }
      lock.lock();
      error_of(batch) = std::move(thrown);
      if (anew)
        again = false;
      else
        ++next;
      changed.notify_all();
    }
  }
  std::exception_ptr& error_of(std::size_t batch) { return errors[batch % errors.size()]; }
  /// Beyond the last batch there is nothing to wait for.
  bool is_ready(std::size_t batch) const { return (next > batch || batch >= count) && !again; }

  const std::size_t count, ahead;
  const std::function<void(std::size_t)> make;
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t in_use = 0, next = 0;
  bool told = false;   ///< the consumer has had the exception of the batch in use
  bool again = false;  ///< and asks for that batch once more
  bool stop = false;
  std::vector<std::exception_ptr> errors;  ///< by place, as the batches are: what make threw; null if nothing
  std::thread thread;                      ///< last: it uses all of the above
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
  state_->changed.wait(lock, [&] { return state_->is_ready(batch); });
}

void detail::Prefetch::get(std::size_t batch) {
  std::exception_ptr thrown;
  {
    std::unique_lock lock(state_->mutex);
    if (state_->told) {
      state_->told = false;
      state_->again = true;
      state_->changed.notify_all();
    }
    state_->changed.wait(lock, [&] { return state_->is_ready(batch); });
    thrown = std::exchange(state_->error_of(batch), nullptr);
    state_->told = thrown != nullptr;
  }
  if (thrown) std::rethrow_exception(std::move(thrown));
}

void detail::Prefetch::move_to(std::size_t batch) noexcept {
  const std::scoped_lock lock(state_->mutex);
  state_->in_use = batch;
  state_->told = false;
  state_->changed.notify_all();
}

}  // namespace xgrad::data
