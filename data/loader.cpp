#include "loader.hpp"

#include <algorithm>
#include <numeric>

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

}  // namespace xgrad::data
