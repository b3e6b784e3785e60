// A group's own rate, and the factors of its schedules. Rates given as numbers are those of PyTorch 1.13.1
// for the same calls, printed to twelve digits, unless a comment says otherwise.
#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/optim/adam.hpp>
#include <xgrad/optim/reduce_on_plateau.hpp>
#include <xgrad/optim/scheduler.hpp>
#include <xgrad/optim/sgd.hpp>

#include "../message_of.hpp"
#include "training.hpp"

namespace {

using namespace xgrad::optim;
using xgrad::parameter;
using xgrad::testing::message_of;
using xgrad::testing::same_bits;
using xgrad::testing::sgd_of_rate;

using Rates = std::vector<double>;

/// The rate in force at first and after each of `count` calls of step(t), t from 1.
Rates rates_of(const LearningRates& optimizer, int count, const std::function<void(int)>& step) {
  Rates rates{optimizer.learning_rate()};
  for (int t = 1; t <= count; ++t) {
    step(t);
    rates.push_back(optimizer.learning_rate());
  }
  return rates;
}

void check_close(const Rates& rates, const Rates& expected) {
  REQUIRE(rates.size() == expected.size());
  for (std::size_t i = 0; i < rates.size(); ++i) {
    CAPTURE(i);
    CHECK(rates[i] == doctest::Approx(expected[i]).epsilon(1e-11));
  }
}

}  // namespace

TEST_CASE("a schedule keeps what a plateau has lowered") {
  SGD<double> sgd = sgd_of_rate(0.01);
  StepLR steps(sgd, {.step_size = 100});
  ReduceLROnPlateau plateau(sgd, {.factor = 0.1, .patience = 0});
  const Rates rates = rates_of(sgd, 4, [&](int) {
    steps.step();
    plateau.step(1);
  });
  check_close(rates, {0.01, 0.01, 1e-3, 1e-4, 1e-5});
  CHECK(sgd.own_learning_rate() == sgd.learning_rate());
}

TEST_CASE("a rate that is set by hand is in force, and the schedule goes on from it") {
  SGD<double> sgd = sgd_of_rate(0.1);
  StepLR scheduler(sgd, {.step_size = 2, .gamma = 0.5});
  const Rates rates = rates_of(sgd, 7, [&](int t) {
    scheduler.step();
    if (t == 3) sgd.set_learning_rate(0.08);
  });
  check_close(rates, {0.1, 0.1, 0.05, 0.08, 0.04, 0.04, 0.02, 0.02});
  CHECK(sgd.own_learning_rate() == doctest::Approx(0.16));
}

TEST_CASE("what is set is read again, to the bit") {
  SGD<double> sgd = sgd_of_rate(0.1);
  ExponentialLR scheduler(sgd, {.gamma = 0.7});
  for (int t = 0; t < 50; ++t) {
    const double rate = 0.3 / (1 + t);
    sgd.set_learning_rate(rate);
    // A quotient and its product may miss by the last bit where no double is right.
    CHECK(sgd.learning_rate() == doctest::Approx(rate).epsilon(3e-16));
    const double own = sgd.own_learning_rate();
    sgd.set_learning_rate(sgd.learning_rate());
    sgd.set_options(sgd.options());
    CHECK(sgd.own_learning_rate() == own);
    scheduler.step();
  }
}

TEST_CASE("two schedules and a plateau multiply one rate") {
  SGD<double> sgd = sgd_of_rate(0.1);
  StepLR steps(sgd, {.step_size = 3, .gamma = 0.5});
  ExponentialLR falling(sgd, {.gamma = 0.9});
  ReduceLROnPlateau plateau(sgd, {.factor = 0.1, .patience = 1});
  const Rates metrics = {3, 2, 2, 2, 2, 2, 1, 1};
  const Rates rates = rates_of(sgd, 8, [&](int t) {
    steps.step();
    falling.step();
    plateau.step(metrics[static_cast<std::size_t>(t - 1)]);
  });
  check_close(rates, {0.1, 0.09, 0.081, 0.03645, 0.0032805, 0.00295245, 0.00013286025, 0.000119574225,
                      0.0001076168025});
}

TEST_CASE("half a cosine goes on below a rate that was set by hand") {
  SGD<double> sgd = sgd_of_rate(0.1);
  CosineAnnealingLR cosine(sgd, {.t_max = 8});
  const Rates rates = rates_of(sgd, 8, [&](int t) {
    cosine.step();
    if (t == 3) sgd.set_learning_rate(0.1 * sgd.learning_rate());
  });
  check_close(rates, {0.1, 0.0961939766256, 0.0853553390593, 0.00691341716183, 0.005, 0.00308658283817,
                      0.00146446609407, 0.000380602337444, 0});
}

TEST_CASE("a warmup and a decay multiply, and other schedules alone are PyTorch's") {
  SGD<double> sgd = sgd_of_rate(0.1);
  LinearWarmup warmup(sgd, {.total_steps = 4, .start_factor = 0.25});
  ExponentialLR falling(sgd, {.gamma = 0.9});
  check_close(rates_of(sgd, 6,
                       [&](int) {
                         warmup.step();
                         falling.step();
                       }),
              {0.025, 0.039375, 0.050625, 0.05923125, 0.06561, 0.059049, 0.0531441});

  SGD<double> floor = sgd_of_rate(0.1);
  CosineAnnealingLR cosine(floor, {.t_max = 4, .eta_min = 0.01});
  check_close(rates_of(floor, 5, [&](int) { cosine.step(); }),
              {0.1, 0.0868198051534, 0.055, 0.0231801948466, 0.01, 0.0231801948466});

  SGD<double> cycled = sgd_of_rate(0.1);
  OneCycleLR cycle(cycled, {.total_steps = 10});
  check_close(rates_of(cycled, 9, [&](int) { cycle.step(); }),
              {0.004, 0.052, 0.1, 0.0950484632013, 0.081174565395, 0.0611262021936, 0.0388741978064,
               0.018825834605, 0.00495193679865, 4e-07});
}

TEST_CASE("milestones and a function of one's own are PyTorch's") {
  const auto milestones = [](int steps, const MultiStepLROptions& options) {
    SGD<double> sgd = sgd_of_rate(0.1);
    MultiStepLR schedule(sgd, options);
    return rates_of(sgd, steps, [&](int) { schedule.step(); });
  };
  check_close(milestones(7, {.milestones = {2, 5}, .gamma = 0.5}),
              {0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025});
  check_close(milestones(7, {.milestones = {5, 2, 2}, .gamma = 0.3}),
              {0.1, 0.1, 0.009, 0.009, 0.009, 0.0027, 0.0027, 0.0027});
  check_close(milestones(4, {.milestones = {0, 3}}), {0.01, 0.01, 0.01, 0.001, 0.001});

  const auto function = [](int steps, const LambdaLROptions& options) {
    SGD<double> sgd = sgd_of_rate(0.1);
    LambdaLR schedule(sgd, options);
    return rates_of(sgd, steps, [&](int) { schedule.step(); });
  };
  check_close(function(6, {.lr_lambda = [](double t) { return 1 / std::sqrt(1 + t); }}),
              {0.1, 0.0707106781187, 0.057735026919, 0.05, 0.04472135955, 0.0408248290464, 0.0377964473009});
  // The warmup of "Attention is all you need": four steps up, then an inverse root.
  check_close(function(6, {.lr_lambda =
                               [](double t) {
                                 return std::min(std::pow(t + 1, -0.5), (t + 1) * std::pow(4, -1.5));
                               }}),
              {0.0125, 0.025, 0.0375, 0.05, 0.04472135955, 0.0408248290464, 0.0377964473009});
}

TEST_CASE("an own rate that changes scales a whole schedule, the least rate with it") {
  // By hand: at 4 of 8 steps half a cosine is (0.1 + 0.02) / 2 = 0.06, at its end 0.02; own rates of 0.1,
  // 0.05.
  SGD<double> sgd = sgd_of_rate(0.1);
  CosineAnnealingLR cosine(sgd, {.t_max = 8, .eta_min = 0.02});
  for (int t = 0; t < 4; ++t) cosine.step();
  CHECK(sgd.learning_rate() == doctest::Approx(0.06));
  sgd.set_own_learning_rate(0.05);
  CHECK(sgd.learning_rate() == doctest::Approx(0.03));
  for (int t = 0; t < 4; ++t) cosine.step();
  CHECK(sgd.learning_rate() == doctest::Approx(0.01));
}

TEST_CASE("a rate of 0 stays 0 under every schedule") {
  SGD<double> sgd = sgd_of_rate(0);
  CosineAnnealingLR cosine(sgd, {.t_max = 8, .eta_min = 0.02});
  for (int t = 0; t < 9; ++t) {
    CHECK(sgd.learning_rate() == 0);
    cosine.step();
  }
}

TEST_CASE("rates of groups are set each for itself") {
  SGD<double> sgd({{{parameter(1.0)}, {.learning_rate = 0.8}}, {{parameter(1.0)}, {.learning_rate = 0.4}}});
  StepLR steps(sgd, {.step_size = 1, .gamma = 0.5});
  steps.step();
  sgd.set_learning_rate(0.1, 1);
  CHECK(sgd.learning_rate(0) == 0.4);
  CHECK(sgd.learning_rate(1) == 0.1);
  CHECK(sgd.own_learning_rate(0) == 0.8);
  CHECK(sgd.own_learning_rate(1) == 0.2);
  sgd.set_own_learning_rates({0.6, 0.5});
  CHECK(sgd.learning_rate(0) == 0.3);
  CHECK(sgd.learning_rate(1) == 0.25);
  sgd.set_own_learning_rate(1, 0);
  steps.step();
  CHECK(sgd.learning_rate(0) == 0.25);
  CHECK(sgd.learning_rate(1) == 0.125);
  CHECK(message_of([&] { sgd.own_learning_rate(2); }) ==
        "SGD: there is no group 2; the optimizer has 2, counted from 0");
}

TEST_CASE("a parameter moves by the rate in force") {
  // x = 1, gradient 2 by hand; rates 0.5 and, after one step of the schedule, 0.25.
  auto x = parameter(1.0);
  SGD<double> sgd({x}, {.learning_rate = 0.5});
  StepLR steps(sgd, {.step_size = 1, .gamma = 0.5});
  const auto move = [&] {
    sgd.zero_grad();
    (x * 2.0).backward();
    sgd.step();
    steps.step();
  };
  move();
  CHECK(x.item() == 0.0);
  move();
  CHECK(x.item() == -0.5);
}

TEST_CASE("a training is resumed at any step with the same bits, in whatever order states are loaded") {
  const auto advance = [](auto& cosine, auto& warmup, auto& plateau, int t) {
    cosine.step();
    warmup.step();
    plateau.step(t % 4 == 0 ? 1.0 / (t + 1) : 5);
  };
  const ReduceLROnPlateauOptions options{.factor = 0.3, .patience = 1};
  for (int saved_at = 0; saved_at < 12; ++saved_at)
    for (const bool optimizer_first : {false, true}) {
      Adam<float> adam({parameter(1.0f)}, {.learning_rate = 0.037}),
          other({parameter(1.0f)}, {.learning_rate = 2});
      CosineAnnealingLR cosine(adam, {.t_max = 9, .eta_min = 0.001}),
          other_cosine(other, {.t_max = 9, .eta_min = 0.001});
      LinearWarmup warmup(adam, {.total_steps = 5}), other_warmup(other, {.total_steps = 5});
      ReduceLROnPlateau plateau(adam, options), other_plateau(other, options);
      for (int t = 0; t < saved_at; ++t) advance(cosine, warmup, plateau, t);
      if (saved_at > 2) adam.set_learning_rate(adam.learning_rate() / 3);

      if (optimizer_first) other.load_state(adam.state());
      other_cosine.load_state(cosine.state());
      other_warmup.load_state(warmup.state());
      other_plateau.load_state(plateau.state());
      if (!optimizer_first) other.load_state(adam.state());
      for (int t = saved_at; t < saved_at + 6; ++t) {
        CHECK(other.learning_rate() == adam.learning_rate());
        CHECK(other.own_learning_rate() == adam.own_learning_rate());
        advance(cosine, warmup, plateau, t);
        advance(other_cosine, other_warmup, other_plateau, t);
      }
    }
}

TEST_CASE("a schedule's end leaves the rates in force, as the groups' own") {
  SGD<double> sgd = sgd_of_rate(0.8);
  ExponentialLR falling(sgd, {.gamma = 0.5});
  {
    StepLR steps(sgd, {.step_size = 1, .gamma = 0.25});
    steps.step();
    falling.step();
    CHECK(sgd.learning_rate() == 0.1);
  }
  CHECK(sgd.learning_rate() == 0.1);
  CHECK(sgd.own_learning_rate() == 0.2);
  falling.step();
  CHECK(sgd.learning_rate() == 0.05);
}

TEST_CASE("a schedule may outlive its optimizer") {
  std::optional<SGD<double>> sgd;
  sgd.emplace(std::vector{parameter(1.0)}, SGDOptions{.learning_rate = 0.5});
  StepLR steps(*sgd, {.step_size = 1});
  sgd.reset();
  steps.step();
  CHECK(steps.steps() == 1);
}

TEST_CASE("a schedule that is refused leaves the rates and their factors") {
  SGD<double> sgd = sgd_of_rate(0.5), other = sgd_of_rate(0.25);
  StepLR steps(other, {.step_size = 1});
  CHECK(message_of([&] { LinearWarmup(sgd, {.total_steps = 3}, steps); }) ==
        "LinearWarmup: the schedule to follow drives another optimizer; make both of one");
  CHECK_THROWS_AS(StepLR(sgd, {}), xgrad::ValueError);
  CHECK(sgd.own_learning_rate() == 0.5);
  CHECK(sgd.learning_rate() == 0.5);
  CHECK(steps.drives(other));
  CHECK_FALSE(steps.drives(sgd));
}

TEST_CASE("a rate that no own rate can give is refused, and nothing has changed") {
  SGD<double> sgd = sgd_of_rate(0.5);
  CosineAnnealingLR cosine(sgd, {.t_max = 1});
  cosine.step();
  REQUIRE(sgd.learning_rate() == 0);
  const std::string text =
      "SGD: the schedules' factor of group 0 is 0, and so is its learning rate for now, whatever its own; "
      "call "
      "set_own_learning_rate, which counts once the factor is another";
  CHECK(message_of([&] { sgd.set_learning_rate(0.1); }) == text);
  CHECK(message_of([&] { sgd.set_options({.learning_rate = 0.1, .momentum = 0.5}); }) == text);
  CHECK(sgd.options().momentum == 0);
  CHECK(sgd.own_learning_rate() == 0.5);
  sgd.set_own_learning_rate(0.2);
  cosine.step();  // a cosine rises again
  CHECK(sgd.learning_rate() == doctest::Approx(0.2));

  SGD<double> steep = sgd_of_rate(1);
  ExponentialLR rising(steep, {.gamma = 1e200});
  rising.step();
  CHECK(message_of([&] { steep.set_own_learning_rate(1e200); }) ==
        "SGD: learning_rate is inf; it must be finite and at least 0");
  CHECK(message_of([&] { steep.set_own_learning_rate(NAN); }) ==
        "SGD: learning_rate is nan; it must be finite and at least 0");
  CHECK(steep.own_learning_rate() == 1);
  CHECK(steep.learning_rate() == 1e200);
}

TEST_CASE("a schedule's state of the earlier format is refused, and says why") {
  SGD<double> sgd = sgd_of_rate(0.5);
  StepLR steps(sgd, {.step_size = 1, .gamma = 0.5});
  steps.step();
  std::vector<NamedArray<double>> earlier = {{"steps", number_array<double>(3)},
                                             {"base_learning_rates", number_array<double>(0.5)}};
  CHECK(message_of([&] { steps.load_state(earlier); }) ==
        "StepLR: the state is of an earlier format, in which the optimizer's learning rates were saved times "
        "the schedule's factor; give the optimizer its own rates, and step the schedule to where it was");
  CHECK(steps.steps() == 1);
  CHECK(sgd.learning_rate() == 0.25);
}
