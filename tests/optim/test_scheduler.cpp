#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/optim/adam.hpp>
#include <xgrad/optim/scheduler.hpp>
#include <xgrad/optim/sgd.hpp>

#include "../message_of.hpp"
#include "training.hpp"

namespace {

using namespace xgrad::optim;
using xgrad::parameter;
using xgrad::testing::message_of;
using xgrad::testing::names_of;
using xgrad::testing::same_bits;

constexpr double pi = 3.14159265358979323846;

/// Two groups, of rates 0.8 and 0.4.
class TwoGroups {
 public:
  SGD<double> sgd{{{{parameter(1.0)}, {.learning_rate = 0.8}}, {{parameter(1.0)}, {.learning_rate = 0.4}}}};
};

/// Whether the rates at every t from 0 to `last` are expected(t) for a group of rate 1, times each group's
/// own.
void check_rates(LearningRates& optimizer, Scheduler& scheduler, int last,
                 const std::function<double(int)>& expected) {
  for (int t = 0; t <= last; ++t) {
    CAPTURE(t);
    CHECK(scheduler.steps() == static_cast<std::uint64_t>(t));
    CHECK(optimizer.learning_rate(0) == doctest::Approx(0.8 * expected(t)).epsilon(1e-13));
    CHECK(optimizer.learning_rate(1) == doctest::Approx(0.4 * expected(t)).epsilon(1e-13));
    scheduler.step();
  }
}

using Make = std::function<std::unique_ptr<Scheduler>(LearningRates&)>;
template <class S, class Options>
Make maker(const Options& options) {
  return [options](LearningRates& optimizer) { return std::make_unique<S>(optimizer, options); };
}

/// A schedule of one's own is one struct: the inverse root of t / 4 + 1.
struct InverseRootOptions {
  double scale = 4;

  static constexpr const char* schedule = "InverseRoot";
  void check(const OptionCheck& check) const { check(scale > 0, "scale", scale, "above 0"); }
  double factor(double, std::uint64_t t) const { return 1 / std::sqrt(static_cast<double>(t) / scale + 1); }
};
using InverseRoot = Schedule<InverseRootOptions>;

std::vector<Make> every_scheduler() {
  return {maker<StepLR>(StepLROptions{.step_size = 3}),
          maker<MultiStepLR>(MultiStepLROptions{.milestones = {2, 6, 9}}),
          maker<LambdaLR>(LambdaLROptions{.lr_lambda = [](double t) { return 1 / (1 + t); }}),
          maker<ExponentialLR>(ExponentialLROptions{.gamma = 0.9}),
          maker<CosineAnnealingLR>(CosineAnnealingLROptions{.t_max = 10, .eta_min = 0.01}),
          maker<OneCycleLR>(OneCycleLROptions{.total_steps = 10}),
          maker<LinearWarmup>(LinearWarmupOptions{.total_steps = 8}),
          maker<InverseRoot>(InverseRootOptions{})};
}

}  // namespace

TEST_CASE("StepLR multiplies by gamma every step_size steps") {
  TwoGroups groups;
  StepLR scheduler(groups.sgd, {.step_size = 3, .gamma = 0.5});
  const std::vector<double> factors = {1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125};
  check_rates(groups.sgd, scheduler, 9, [&](int t) { return factors[static_cast<std::size_t>(t)]; });
}

TEST_CASE("MultiStepLR multiplies by gamma at each milestone, whatever their order") {
  TwoGroups groups;
  MultiStepLR scheduler(groups.sgd, {.milestones = {5, 2}, .gamma = 0.5});
  const std::vector<double> factors = {1, 1, 0.5, 0.5, 0.5, 0.25, 0.25};
  check_rates(groups.sgd, scheduler, 6, [&](int t) { return factors[static_cast<std::size_t>(t)]; });
}

TEST_CASE("LambdaLR takes its factor from a function of the number of steps") {
  TwoGroups groups;
  // An integer division would give 1, 0, 0, ...
  LambdaLR scheduler(groups.sgd, {.lr_lambda = [](auto t) { return 1 / (1 + t); }});
  check_rates(groups.sgd, scheduler, 12, [](int t) { return 1.0 / (1 + t); });

  TwoGroups others;
  const double slope = 0.25;
  const auto falling = [&](int t) { return 1 - slope * t; };
  LambdaLR captured(others.sgd, {.lr_lambda = falling});
  check_rates(others.sgd, captured, 3, falling);
}

TEST_CASE("LambdaLR: a factor that is no rate's is refused by name, and changes nothing") {
  TwoGroups groups;
  LambdaLR scheduler(groups.sgd, {.lr_lambda = [](double t) { return 1 - 0.5 * t; }});
  scheduler.step();
  scheduler.step();
  CHECK(groups.sgd.learning_rate() == 0);
  CHECK(message_of([&] { scheduler.step(); }) ==
        "LambdaLR: lr_lambda gives -0.500000 at step 3; a factor must be finite and at least 0");
  CHECK(scheduler.steps() == 2);
  CHECK(message_of([&] { LambdaLR(groups.sgd, {.lr_lambda = [](double t) { return 1 / t; }}); }) ==
        "LambdaLR: lr_lambda gives inf at step 0; a factor must be finite and at least 0");
}

TEST_CASE("ExponentialLR multiplies by gamma at every step") {
  TwoGroups groups;
  ExponentialLR scheduler(groups.sgd, {.gamma = 0.9});
  check_rates(groups.sgd, scheduler, 30, [](int t) {
    double factor = 1;
    for (int i = 0; i < t; ++i) factor *= 0.9;
    return factor;
  });
}

TEST_CASE("a schedule of one's own is one struct") {
  TwoGroups groups;
  InverseRoot scheduler(groups.sgd, {});
  check_rates(groups.sgd, scheduler, 12, [](int t) { return std::pow(0.25 * t + 1, -0.5); });
  CHECK(message_of([&] { InverseRoot(groups.sgd, {.scale = -1}); }) ==
        "InverseRoot: scale is -1; it must be above 0");
}

TEST_CASE("CosineAnnealingLR falls along half a cosine to eta_min") {
  TwoGroups groups;
  CosineAnnealingLR scheduler(groups.sgd, {.t_max = 10});
  check_rates(groups.sgd, scheduler, 10, [](int t) { return (1 + std::cos(pi * t / 10)) / 2; });

  SGD<double> sgd({parameter(1.0)}, {.learning_rate = 0.5});
  CosineAnnealingLR floor(sgd, {.t_max = 4, .eta_min = 0.1});
  // The quarters of half a cosine: 1, (1 + sqrt(1/2)) / 2, 1/2, (1 - sqrt(1/2)) / 2, 0; then up again.
  const double near = (1 + std::sqrt(0.5)) / 2;
  for (const double part : {1.0, near, 0.5, 1 - near, 0.0, 1 - near, 0.5}) {
    CHECK(sgd.learning_rate() == doctest::Approx(0.1 + 0.4 * part).epsilon(1e-14));
    floor.step();
  }
}

TEST_CASE("OneCycleLR rises to the group's own rate and falls to the last") {
  TwoGroups groups;
  OneCycleLR scheduler(groups.sgd,
                       {.total_steps = 20, .pct_start = 0.25, .div_factor = 10, .final_div_factor = 100});
  // The rise ends at 0.25 * 20 - 1 = 4, the fall at 19; the last rate stays.
  check_rates(groups.sgd, scheduler, 25, [](int t) {
    const double first = 0.1, last = 0.001;
    if (t <= 4) return first + (1 - first) * (1 - std::cos(pi * t / 4)) / 2;
    if (t <= 19) return last + (1 - last) * (1 + std::cos(pi * (t - 4) / 15)) / 2;
    return last;
  });
}

TEST_CASE("OneCycleLR by default starts at a 25th and ends 10^4 times lower; the top may lie between steps") {
  SGD<double> sgd({parameter(1.0)}, {.learning_rate = 1});
  OneCycleLR scheduler(sgd, {.total_steps = 10});
  CHECK(sgd.learning_rate() == doctest::Approx(0.04));
  for (int t = 0; t < 9; ++t) scheduler.step();
  CHECK(sgd.learning_rate() == doctest::Approx(0.04e-4).epsilon(1e-12));
  SGD<double> other({parameter(1.0)}, {.learning_rate = 1});
  OneCycleLR two(other, {.total_steps = 2});  // the top would lie before the first step
  CHECK(other.learning_rate() > 0.04e-4);
  CHECK(other.learning_rate() < 1);
  two.step();
  CHECK(other.learning_rate() == doctest::Approx(0.04e-4).epsilon(1e-12));
}

TEST_CASE("LinearWarmup rises in equal steps and then stays") {
  TwoGroups groups;
  LinearWarmup scheduler(groups.sgd, {.total_steps = 4, .start_factor = 0.2});
  const std::vector<double> factors = {0.2, 0.4, 0.6, 0.8, 1, 1, 1};
  check_rates(groups.sgd, scheduler, 6, [&](int t) { return factors[static_cast<std::size_t>(t)]; });
}

TEST_CASE("a schedule that follows a warmup is stepped from its end, and is part of its state") {
  TwoGroups groups;
  StepLR steps(groups.sgd, {.step_size = 2, .gamma = 0.5});
  LinearWarmup scheduler(groups.sgd, {.total_steps = 4, .start_factor = 0.2}, steps);
  const std::vector<double> factors = {0.2, 0.4, 0.6, 0.8, 1, 1, 0.5, 0.5, 0.25};
  check_rates(groups.sgd, scheduler, 8, [&](int t) { return factors[static_cast<std::size_t>(t)]; });
  CHECK(names_of(scheduler.state()) ==
        std::vector<std::string>{"steps", "own_learning_rates", "then.steps", "then.own_learning_rates"});

  for (const int saved_at : {0, 2, 4, 7}) {
    CAPTURE(saved_at);
    TwoGroups first, second;
    StepLR first_steps(first.sgd, {.step_size = 2}), second_steps(second.sgd, {.step_size = 2});
    LinearWarmup first_warmup(first.sgd, {.total_steps = 4}, first_steps);
    LinearWarmup second_warmup(second.sgd, {.total_steps = 4}, second_steps);
    for (int t = 0; t < saved_at; ++t) first_warmup.step();
    second_warmup.load_state(first_warmup.state());
    second.sgd.load_state(first.sgd.state());
    for (int t = 0; t < 5; ++t) {
      CHECK(first.sgd.learning_rate() == second.sgd.learning_rate());
      first_warmup.step();
      second_warmup.step();
    }
  }
}

TEST_CASE(
    "every scheduler goes on bit for bit from its state and the optimizer's, whatever the rates before") {
  for (const Make& make : every_scheduler()) {
    TwoGroups first;
    const auto scheduler = make(first.sgd);
    for (int t = 0; t < 5; ++t) scheduler->step();
    SGD<double> fresh({{{parameter(1.0)}, {.learning_rate = 3}}, {{parameter(1.0)}, {.learning_rate = 5}}});
    const auto second = make(fresh);
    second->load_state(scheduler->state());
    fresh.load_state(first.sgd.state());
    for (int t = 0; t < 8; ++t) {
      CHECK(first.sgd.learning_rate(0) == fresh.learning_rate(0));
      CHECK(first.sgd.learning_rate(1) == fresh.learning_rate(1));
      scheduler->step();
      second->step();
    }
    CHECK(same_bits(scheduler->state(), second->state()));
  }
}

TEST_CASE("a scheduler that refuses a state is unchanged, and so are the rates") {
  for (const Make& make : every_scheduler()) {
    TwoGroups groups;
    const auto scheduler = make(groups.sgd);
    scheduler->step();
    const auto before = scheduler->state();
    const double rate = groups.sgd.learning_rate(1);
    const auto refused = [&](std::vector<NamedArray<double>> state) {
      CHECK_THROWS_AS(scheduler->load_state(state), xgrad::Error);
      CHECK(same_bits(scheduler->state(), before));
      CHECK(groups.sgd.learning_rate(1) == rate);
    };
    refused({});
    refused({before[0]});
    refused({before[0], before[0], before[1]});
    refused({before[0], before[1], {"other", before[1].second}});
    refused({before[0], {"own_learning_rates", number_array<double>(1)}});
    refused({before[0], {"own_learning_rates", xt::xarray<double>{0.1, -0.1}}});
    refused({{"steps", number_array<double>(0.5)}, before[1]});
  }
  TwoGroups groups;
  StepLR steps(groups.sgd, {.step_size = 2});
  LinearWarmup warmup(groups.sgd, {.total_steps = 4}, steps);
  warmup.step();
  auto state = warmup.state();
  const auto before = state;
  state[3].second = number_array<double>(1);  // the follower's rates
  CHECK_THROWS_AS(warmup.load_state(state), xgrad::ShapeError);
  state = before;
  state[0].second = number_array<double>(-1);
  state[2].second = number_array<double>(3);
  CHECK_THROWS_AS(warmup.load_state(state), xgrad::ValueError);
  CHECK(same_bits(warmup.state(), before));
}

TEST_CASE("a step to a rate that is not finite is refused, and changes nothing") {
  TwoGroups groups;
  ExponentialLR scheduler(groups.sgd, {.gamma = 1e200});
  scheduler.step();
  const double rate = groups.sgd.learning_rate(0);
  CHECK(message_of([&] { scheduler.step(); }) ==
        "SGD: learning_rate is inf; it must be finite and at least 0");
  CHECK(scheduler.steps() == 1);
  CHECK(groups.sgd.learning_rate(0) == rate);
}

TEST_CASE("schedulers take any optimizer of either element type") {
  Adam<float> adam({parameter(1.0f)}, {.learning_rate = 0.5});
  StepLR scheduler(adam, {.step_size = 1, .gamma = 0.5});
  scheduler.step();
  CHECK(adam.options().learning_rate == 0.25);
}

TEST_CASE("schedulers: a bad option is an error that names it, and the rates stay") {
  TwoGroups groups;
  const auto made = [&](auto make) {
    const std::string text = message_of([&] { make(groups.sgd); });
    CHECK(groups.sgd.learning_rate() == 0.8);
    return text;
  };
  CHECK(made([](auto& o) { StepLR(o, {}); }) == "StepLR: step_size is 0; it must be at least 1");
  CHECK(made([](auto& o) { StepLR(o, {.step_size = 1, .gamma = 0}); }) ==
        "StepLR: gamma is 0; it must be finite and above 0");
  CHECK(made([](auto& o) { MultiStepLR(o, {}); }) ==
        "MultiStepLR: there are no milestones; give the numbers of steps at which the rate falls");
  CHECK(made([](auto& o) {
          MultiStepLR(o, {.milestones = {3, -1}});
        }) == "MultiStepLR: a milestone is -1; it must be finite and at least 0");
  CHECK(made([](auto& o) { MultiStepLR(o, {.milestones = {3}, .gamma = -1}); }) ==
        "MultiStepLR: gamma is -1; it must be finite and above 0");
  const std::string no_function = "LambdaLR: there is no lr_lambda; give a function of the number of steps";
  CHECK(made([](auto& o) { LambdaLR(o, {}); }) == no_function);
  CHECK(made([](auto& o) { LambdaLR(o, {.lr_lambda = std::function<double(int)>()}); }) == no_function);
  CHECK(made([](auto& o) { ExponentialLR(o, {}); }) ==
        "ExponentialLR: gamma is 0; it must be finite and above 0");
  CHECK(made([](auto& o) { CosineAnnealingLR(o, {}); }) ==
        "CosineAnnealingLR: t_max is 0; it must be at least 1");
  CHECK(made([](auto& o) { CosineAnnealingLR(o, {.t_max = 2, .eta_min = -1}); }) ==
        "CosineAnnealingLR: eta_min is -1; it must be finite and at least 0");
  CHECK(made([](auto& o) { OneCycleLR(o, {.total_steps = 1}); }) ==
        "OneCycleLR: total_steps is 1; it must be at least 2, a first and a last");
  for (const double bad : {0.0, 1.0})
    CHECK(made([&](auto& o) {
            OneCycleLR(o, {.total_steps = 9, .pct_start = bad});
          }).find("it must be above 0 and below 1") != std::string::npos);
  CHECK(made([](auto& o) { OneCycleLR(o, {.total_steps = 9, .div_factor = 0.5}); }) ==
        "OneCycleLR: div_factor is 0.5; it must be finite and at least 1");
  CHECK(made([](auto& o) { OneCycleLR(o, {.total_steps = 9, .final_div_factor = 0}); }) ==
        "OneCycleLR: final_div_factor is 0; it must be finite and at least 1");
  CHECK(made([](auto& o) { LinearWarmup(o, {}); }) ==
        "LinearWarmup: total_steps is 0; it must be at least 1");
  CHECK(made([](auto& o) { LinearWarmup(o, {.total_steps = 2, .start_factor = 0}); }) ==
        "LinearWarmup: start_factor is 0; it must be above 0 and at most 1");
  CHECK(message_of([&] { groups.sgd.set_learning_rates({0.1}); }) ==
        "SGD: 1 learning rates for 2 groups; give one for each");
  CHECK_THROWS_AS(groups.sgd.set_learning_rates({0.1, -1}), xgrad::ValueError);
  CHECK(groups.sgd.learning_rate() == 0.8);
}
