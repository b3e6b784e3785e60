#include <string>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/ops/operators.hpp>
#include <xgrad/optim/sgd.hpp>

#include "../message_of.hpp"

namespace {

using xgrad::Dense;
using xgrad::parameter;
using xgrad::Variable;
using xgrad::optim::SGD;
using xgrad::testing::message_of;

/// One step with gradient 1 everywhere.
void step(SGD<double>& sgd) {
  for (Variable<double> x : sgd.parameters()) x.set_grad(Dense<double>::filled(x.shape(), 1));
  sgd.step();
}

}  // namespace

TEST_CASE("each group steps with its own options") {
  auto x = parameter(1.0), y = parameter(2.0), z = parameter(3.0);
  SGD<double> sgd(
      {{{x, y}, {.learning_rate = 0.1}},
       {.parameters = {z}, .options = {.learning_rate = 0.5, .momentum = 0.5, .weight_decay = 1}}});
  CHECK(sgd.group_count() == 2);
  CHECK(sgd.parameters().size() == 3);
  step(sgd);
  CHECK(x.item() == 0.9);
  CHECK(y.item() == 1.9);
  CHECK(z.item() == 3 - 0.5 * (1 + 3));
  step(sgd);
  CHECK(x.item() == doctest::Approx(0.8));
  CHECK(z.item() == 1 - 0.5 * (0.5 * 4 + 1 + 1));
  sgd.zero_grad();
  CHECK_FALSE((x.has_grad() || y.has_grad() || z.has_grad()));
}

TEST_CASE("one group in a list is the same as its Variables alone, and options have their defaults") {
  auto x = parameter(1.0), y = parameter(1.0);
  SGD<double> listed({{{x}, {.learning_rate = 0.25}}});
  SGD<double> plain({y}, {.learning_rate = 0.25});
  step(listed);
  step(plain);
  CHECK(x.item() == y.item());
  SGD<double> defaults(std::vector<SGD<double>::Group>{{{x}}});
  CHECK(defaults.learning_rate() == 0.01);
}

TEST_CASE("groups in braces know their element type") {
  auto x = parameter(1.0), y = parameter(2.0);
  SGD sgd({{{x}, {.learning_rate = 0.1}}, {.parameters = {y}, .options = {.learning_rate = 0.5}}});
  static_assert(std::is_same_v<decltype(sgd), SGD<double>>);
  CHECK(sgd.group_count() == 2);
  CHECK(sgd.learning_rate(1) == 0.5);
  step(sgd);
  CHECK(x.item() == 0.9);
  CHECK(y.item() == 1.5);
  auto single = parameter(1.0f);
  SGD one({{std::vector{single}, {.learning_rate = 0.25}}});
  static_assert(std::is_same_v<decltype(one), SGD<float>>);
  CHECK(one.learning_rate() == 0.25);
}

TEST_CASE("learning rates and options are set for one group or for all") {
  auto x = parameter(1.0), y = parameter(1.0);
  SGD<double> sgd({{{x}, {.learning_rate = 0.1}}, {{y}, {.learning_rate = 0.2, .momentum = 0.5}}});
  CHECK(sgd.learning_rate() == 0.1);
  CHECK(sgd.learning_rate(1) == 0.2);
  sgd.set_learning_rate(0.3, 1);
  CHECK(sgd.learning_rate(0) == 0.1);
  CHECK(sgd.options(1).learning_rate == 0.3);
  CHECK(sgd.options(1).momentum == 0.5);
  sgd.set_learning_rate(0.4);
  CHECK(sgd.learning_rate(0) == 0.4);
  CHECK(sgd.learning_rate(1) == 0.4);
  sgd.set_options({.learning_rate = 1, .weight_decay = 2}, 0);
  CHECK(sgd.options(0).weight_decay == 2);
  CHECK(sgd.options(1).weight_decay == 0);
  sgd.set_options({.learning_rate = 0.5});
  CHECK(sgd.options(0).weight_decay == 0);
  CHECK(sgd.options(1).momentum == 0);
  CHECK(sgd.learning_rate(1) == 0.5);
}

TEST_CASE("a bad group is refused, and what refuses changes nothing") {
  auto x = parameter(1.0), y = parameter(1.0);
  using Groups = std::vector<SGD<double>::Group>;
  const auto made_of = [](Groups groups) { return message_of([&] { SGD<double>(std::move(groups)); }); };
  CHECK(made_of({}) == "SGD: there are no groups; pass at least one");
  CHECK(made_of({{{x}}, {}}) == "SGD: group 1 has no parameters; pass at least one Variable");
  CHECK(made_of({{{x}}, {{y, x}}}) ==
        "SGD: parameter 2 of shape [] is the same Variable as parameter 0; list it once, or a step would "
        "update "
        "it twice");
  CHECK(made_of({{{x}}, {{y}, {.momentum = 1}}}) == "SGD: momentum is 1; it must be at least 0 and below 1");
  CHECK(made_of({{{x}}, {{y}, {.learning_rate = -1}}}) ==
        "SGD: learning_rate is -1; it must be finite and at least 0");

  SGD<double> sgd({{{x}, {.learning_rate = 0.1}}, {{y}, {.learning_rate = 0.2}}});
  const std::string nowhere = "SGD: there is no group 2; the optimizer has 2, counted from 0";
  CHECK(message_of([&] { sgd.learning_rate(2); }) == nowhere);
  CHECK(message_of([&] { sgd.set_learning_rate(0.1, 2); }) == nowhere);
  CHECK(message_of([&] { sgd.options(2); }) == nowhere);
  CHECK(message_of([&] { sgd.set_options({}, 2); }) == nowhere);
  CHECK_THROWS_AS(sgd.set_learning_rate(-1), xgrad::ValueError);
  CHECK_THROWS_AS(sgd.set_learning_rate(-1, 1), xgrad::ValueError);
  CHECK_THROWS_AS(sgd.set_options({.learning_rate = 1, .momentum = 2}), xgrad::ValueError);
  CHECK_THROWS_AS(sgd.set_options({.learning_rate = 1, .momentum = 2}, 1), xgrad::ValueError);
  CHECK(sgd.learning_rate(0) == 0.1);
  CHECK(sgd.learning_rate(1) == 0.2);
}

TEST_CASE("a state keeps the learning rate of every group") {
  auto x = parameter(1.0), y = parameter(1.0);
  SGD<double> sgd({{{x}, {.learning_rate = 0.1}}, {{y}, {.learning_rate = 0.2}}});
  const auto state = sgd.state();
  sgd.set_learning_rate(7);
  sgd.load_state(state);
  CHECK(sgd.learning_rate(0) == 0.1);
  CHECK(sgd.learning_rate(1) == 0.2);
  SGD<double> one({parameter(1.0), parameter(1.0)});
  CHECK(message_of([&] {
          one.load_state(state);
        }).find("SGD: nothing here is called 'groups.1.learning_rate'") == 0);
}
