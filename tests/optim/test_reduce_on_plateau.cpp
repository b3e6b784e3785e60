#include <cmath>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/optim/reduce_on_plateau.hpp>
#include <xgrad/optim/sgd.hpp>

#include "../message_of.hpp"
#include "training.hpp"

namespace {

using namespace xgrad::optim;
using xgrad::parameter;
using xgrad::testing::message_of;
using xgrad::testing::same_bits;
using xgrad::testing::sgd_of_rate;

/// The rates after each of the metrics.
std::vector<double> rates_after(LearningRates& optimizer, ReduceLROnPlateau& scheduler,
                                const std::vector<double>& metrics) {
  std::vector<double> rates;
  for (const double metric : metrics) {
    const double before = optimizer.learning_rate();
    const bool fell = scheduler.step(metric);
    rates.push_back(optimizer.learning_rate());
    CHECK(fell == (rates.back() < before));
  }
  return rates;
}

}  // namespace

TEST_CASE("rates fall when a metric has not got better for more than patience calls") {
  SGD<double> sgd = sgd_of_rate(1);
  ReduceLROnPlateau scheduler(sgd, {.factor = 0.5, .patience = 2});
  CHECK(rates_after(sgd, scheduler, {5, 4, 4, 4, 4, 4, 4, 4, 3, 3, 3, 3}) ==
        std::vector<double>{1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.125});
  CHECK(scheduler.best() == 3);
}

TEST_CASE("a larger metric is better in mode max") {
  SGD<double> sgd = sgd_of_rate(1);
  ReduceLROnPlateau scheduler(sgd, {.mode = PlateauMode::max, .factor = 0.5, .patience = 0});
  CHECK(rates_after(sgd, scheduler, {0.5, 0.6, 0.6, 0.5, 0.7}) == std::vector<double>{1, 1, 0.5, 0.25, 0.25});
}

TEST_CASE("a metric must be better by the threshold: by a part of its size, or by an amount") {
  const auto falls_at = [](double first, double second, const ReduceLROnPlateauOptions& options) {
    SGD<double> sgd = sgd_of_rate(1);
    ReduceLROnPlateau scheduler(sgd, options);
    CHECK_FALSE(scheduler.step(first));
    return scheduler.step(second);
  };
  using enum PlateauMode;
  const auto options = [](PlateauMode mode, ThresholdMode threshold_mode) {
    return ReduceLROnPlateauOptions{
        .mode = mode, .patience = 0, .threshold = 0.1, .threshold_mode = threshold_mode};
  };
  CHECK(falls_at(10, 9.1, options(min, ThresholdMode::rel)));
  CHECK_FALSE(falls_at(10, 8.9, options(min, ThresholdMode::rel)));
  CHECK(falls_at(10, 10.9, options(max, ThresholdMode::rel)));
  CHECK_FALSE(falls_at(10, 11.1, options(max, ThresholdMode::rel)));
  CHECK(falls_at(10, 9.95, options(min, ThresholdMode::abs)));
  CHECK_FALSE(falls_at(10, 9.85, options(min, ThresholdMode::abs)));
  CHECK(falls_at(10, 10.05, options(max, ThresholdMode::abs)));
  CHECK_FALSE(falls_at(10, 10.15, options(max, ThresholdMode::abs)));
  // Of a negative best, a part of its size: what is worse is no better.
  CHECK(falls_at(-10, -9.5, options(min, ThresholdMode::rel)));
  CHECK(falls_at(-10, -10.5, options(min, ThresholdMode::rel)));
  CHECK_FALSE(falls_at(-10, -11.5, options(min, ThresholdMode::rel)));
}

TEST_CASE("what is exactly at a threshold has not passed it") {
  // All numbers here are exact in binary: 8 - 8 / 4 = 6, 8 + 8 / 4 = 10, 0.5 - 0.25 = 0.25.
  const auto falls = [](double first, double second, ReduceLROnPlateauOptions options) {
    SGD<double> sgd = sgd_of_rate(1);
    options.patience = 0;
    ReduceLROnPlateau scheduler(sgd, options);
    scheduler.step(first);
    return scheduler.step(second);
  };
  using enum PlateauMode;
  for (const ThresholdMode mode : {ThresholdMode::rel, ThresholdMode::abs}) {
    const double threshold = mode == ThresholdMode::rel ? 0.25 : 2;
    CHECK(falls(8, 6, {.mode = min, .threshold = threshold, .threshold_mode = mode}));
    CHECK(falls(8, 10, {.mode = max, .threshold = threshold, .threshold_mode = mode}));
    CHECK_FALSE(
        falls(8, std::nextafter(6, 0), {.mode = min, .threshold = threshold, .threshold_mode = mode}));
    CHECK_FALSE(
        falls(8, std::nextafter(10, 11), {.mode = max, .threshold = threshold, .threshold_mode = mode}));
    CHECK(falls(8, 8, {.mode = min, .threshold = 0, .threshold_mode = mode}));
    CHECK(falls(8, 8, {.mode = max, .threshold = 0, .threshold_mode = mode}));
  }

  const auto rate_after = [](double rate, const ReduceLROnPlateauOptions& options) {
    SGD<double> sgd = sgd_of_rate(rate);
    ReduceLROnPlateau scheduler(sgd, options);
    scheduler.step(1);
    const bool fell = scheduler.step(1);
    CHECK(fell == (sgd.learning_rate() < rate));
    return sgd.learning_rate();
  };
  CHECK(rate_after(0.5, {.factor = 0.5, .patience = 0, .eps = 0.25}) == 0.5);
  CHECK(rate_after(0.5, {.factor = 0.5, .patience = 0, .eps = std::nextafter(0.25, 0)}) == 0.25);
  CHECK(rate_after(0.5, {.factor = 0.5, .patience = 0, .min_lr = 0.5, .eps = 0}) == 0.5);
}

TEST_CASE("calls in the cooldown do not count") {
  SGD<double> sgd = sgd_of_rate(1);
  ReduceLROnPlateau scheduler(sgd, {.factor = 0.5, .patience = 1, .cooldown = 2});
  CHECK(rates_after(sgd, scheduler, {1, 1, 1, 1, 1, 1, 1}) ==
        std::vector<double>{1, 1, 0.5, 0.5, 0.5, 0.5, 0.25});
}

TEST_CASE("rates stop at min_lr, and do not fall by eps or less; each group has its own") {
  SGD<double> sgd({{{parameter(1.0)}, {.learning_rate = 1}}, {{parameter(1.0)}, {.learning_rate = 0.3}}});
  ReduceLROnPlateau scheduler(sgd, {.factor = 0.5, .patience = 0, .min_lr = 0.2});
  scheduler.step(1);
  CHECK(scheduler.step(1));
  CHECK(sgd.learning_rate(0) == 0.5);
  CHECK(sgd.learning_rate(1) == 0.2);
  CHECK(scheduler.step(1));
  CHECK(sgd.learning_rate(0) == 0.25);
  CHECK(scheduler.step(1));
  CHECK(sgd.learning_rate(0) == 0.2);
  CHECK_FALSE(scheduler.step(1));
  SGD<double> slow = sgd_of_rate(0.01);
  ReduceLROnPlateau wary(slow, {.factor = 0.5, .patience = 0, .eps = 0.01});
  wary.step(1);
  CHECK_FALSE(wary.step(1));
  CHECK(slow.learning_rate() == 0.01);
}

TEST_CASE("a NaN is no better than anything, and nothing is better than minus infinity") {
  SGD<double> sgd = sgd_of_rate(1);
  ReduceLROnPlateau scheduler(sgd, {.factor = 0.5, .patience = 0});
  CHECK(rates_after(sgd, scheduler, {NAN, 1, NAN, -INFINITY, -INFINITY}) ==
        std::vector<double>{0.5, 0.5, 0.25, 0.25, 0.125});
}

TEST_CASE("it goes on from its state, at the start as well, and is unchanged when it refuses one") {
  const ReduceLROnPlateauOptions options{.factor = 0.5, .patience = 1, .cooldown = 1};
  const std::vector<double> metrics = {3, 3, 3, 3, 3, 2, 2, 2, 2, 2};
  for (std::size_t saved_at = 0; saved_at < metrics.size(); ++saved_at) {
    SGD<double> sgd = sgd_of_rate(1), other = sgd_of_rate(1);
    ReduceLROnPlateau first(sgd, options), second(other, options);
    for (std::size_t i = 0; i < saved_at; ++i) first.step(metrics[i]);
    second.load_state(first.state());
    other.load_state(sgd.state());
    for (std::size_t i = saved_at; i < metrics.size(); ++i) {
      first.step(metrics[i]);
      second.step(metrics[i]);
      CHECK(sgd.learning_rate() == other.learning_rate());
    }
    const auto before = first.state();
    CHECK(same_bits(before, second.state()));
    auto bad = before;
    bad.pop_back();
    CHECK(message_of([&] { first.load_state(bad); }).find("ReduceLROnPlateau: the state has no 'cooldown'") ==
          0);
    bad = before;
    bad[1].second = number_array<double>(-2);
    CHECK_THROWS_AS(first.load_state(bad), xgrad::ValueError);
    CHECK(same_bits(first.state(), before));
  }
}

TEST_CASE("ReduceLROnPlateau: a bad option is an error that names it") {
  SGD<double> sgd = sgd_of_rate(1);
  const auto made_with = [&](const ReduceLROnPlateauOptions& options) {
    return message_of([&] { ReduceLROnPlateau(sgd, options); });
  };
  CHECK(made_with({.factor = 1}) == "ReduceLROnPlateau: factor is 1; it must be above 0 and below 1");
  CHECK(made_with({.factor = 0}) == "ReduceLROnPlateau: factor is 0; it must be above 0 and below 1");
  CHECK(made_with({.threshold = -1}) ==
        "ReduceLROnPlateau: threshold is -1; it must be finite and at least 0");
  CHECK(made_with({.min_lr = -1}) == "ReduceLROnPlateau: min_lr is -1; it must be finite and at least 0");
  CHECK(made_with({.eps = -1}) == "ReduceLROnPlateau: eps is -1; it must be finite and at least 0");
}
