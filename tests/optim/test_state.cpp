#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/optim/sgd.hpp>

#include "../message_of.hpp"
#include "training.hpp"

namespace {

using xgrad::Array;
using xgrad::Dense;
using xgrad::parameter;
using xgrad::Shape;
using xgrad::Variable;
using xgrad::optim::number_array;
using xgrad::optim::SGD;
using xgrad::optim::StateReader;
using xgrad::testing::message_of;
using xgrad::testing::names_of;
using xgrad::testing::same_bits;

template <class T>
using State = xgrad::testing::OptimizerState<T>;

/// Steps of descent on sum (x^4 / 4).
template <class T>
void train(SGD<T>& sgd, int steps) {
  for (int i = 0; i < steps; ++i) {
    for (Variable<T> x : sgd.parameters()) x.set_grad((x * x * x).dense());
    sgd.step();
  }
}

}  // namespace

TEST_CASE_TEMPLATE("a number in a state comes back bit for bit", T, float, double) {
  using Limits = std::numeric_limits<double>;
  const double infinity = Limits::infinity();
  for (const double number :
       {0.0, 1.0, 0.1, -0.1, 1.0 / 3, 16777217.0, 0x1p53 - 1, 1e-30, 1e-60, 3e-300, 1e300, Limits::max(),
        Limits::min(), Limits::denorm_min(), infinity, -infinity, std::nextafter(1.0, 0.0)}) {
    CAPTURE(number);
    StateReader<T> reader("test", {{"n", number_array<T>(number)}});
    CHECK(reader.number("n") == number);
  }
  StateReader<T> reader("test", {{"n", number_array<T>(std::nan(""))}});
  CHECK(std::isnan(reader.number("n")));
}

TEST_CASE_TEMPLATE("a reader refuses what is missing, twice there, left over, or of another shape", T, float,
                   double) {
  const Array<T> a = xt::ones<T>({2, 3});
  const auto error = [&](const State<T>& state, auto read) {
    return message_of([&] {
      StateReader<T> reader("Test", state);
      read(reader);
    });
  };
  CHECK(error({{"a", a}, {"a", a}}, [](auto&) {}) == "Test: the state has 'a' twice; keep one of the two");
  CHECK(error({{"a", a}},
              [](auto& reader) {
                reader.array("b", Shape{2, 3});
              }) ==
        "Test: the state has no 'b'; load what state() of the same kind of Test gave, made with the same "
        "groups and options");
  CHECK(error({{"a", a}}, [](auto& reader) {
          reader.array("a", Shape{2, 3});
          reader.array("a", Shape{2, 3});
        }).find("Test: the state has no 'a'") == 0);
  CHECK(
      error({{"a", a}},
            [](auto& reader) {
              reader.array("a", Shape{3, 2});
            }) ==
      "Test: 'a' of the state is [2, 3], not [3, 2] as here; list the parameters in the order in which they "
      "were saved");
  CHECK(error({{"a", a}}, [](auto& reader) {
          reader.number("a");
        }).find("Test: 'a' of the state is [2, 3]") == 0);
  CHECK(
      error({{"a", a}, {"b", a}},
            [](auto& reader) {
              reader.array("a", Shape{2, 3});
              reader.finish();
            }) ==
      "Test: nothing here is called 'b' as in the state; load it into what has the same groups and options");
  for (const double bad : {-1.0, 0.5, 0x1p54, std::nan("")})
    CHECK(error({{"n", number_array<T>(bad)}}, [](auto& reader) {
            reader.count("n");
          }).find("it must be a whole number, 0 or more") != std::string::npos);
  CHECK(error({{"n", number_array<T>(-1)}}, [](auto& reader) { reader.count("n"); }) ==
        "Test: 'n' of the state is -1; it must be a whole number, 0 or more");
}

TEST_CASE_TEMPLATE("SGD goes on bit for bit from its state", T, float, double) {
  const auto start = [] {
    return std::vector<Variable<T>>{parameter(xt::xarray<T>{T(0.3), T(-1.1), T(0.7)}),
                                    parameter(xt::xarray<T>{T(0.9)})};
  };
  SGD<T> first(start(), {.learning_rate = 0.1, .momentum = 0.9});
  first.set_learning_rate(1.0 / 3);
  train(first, 5);
  const State<T> state = first.state();
  CHECK(names_of(state) == std::vector<std::string>{"groups.0.learning_rate", "parameters.0.step",
                                                    "parameters.0.momentum_buffer", "parameters.1.step",
                                                    "parameters.1.momentum_buffer"});

  SGD<T> second(start(), {.learning_rate = 0.1, .momentum = 0.9});
  for (std::size_t i = 0; i < 2; ++i)
    Variable<T>(second.parameters()[i]).set_value(first.parameters()[i].value());
  second.load_state(state);
  CHECK(second.learning_rate() == 1.0 / 3);
  train(first, 7);
  train(second, 7);
  for (std::size_t i = 0; i < 2; ++i)
    CHECK(same_bits(first.parameters()[i].value(), second.parameters()[i].value()));
  CHECK(same_bits(first.state(), second.state()));
}

TEST_CASE("a state stays as it was when the optimizer goes on, and can be loaded twice") {
  SGD<double> sgd({parameter(xt::xarray<double>{1, 2})}, {.learning_rate = 0.1, .momentum = 0.5});
  train(sgd, 2);
  const State<double> state = sgd.state();
  const xt::xarray<double> velocity = state[2].second;
  train(sgd, 3);
  CHECK(state[2].second == velocity);
  sgd.load_state(state);
  train(sgd, 1);
  CHECK(state[2].second == velocity);
  sgd.load_state(state);
  CHECK(same_bits(sgd.state(), state));
}

TEST_CASE("the state of an optimizer that has not stepped has no slots, and loading it forgets them") {
  SGD<double> sgd({parameter(1.0)}, {.learning_rate = 0.1, .momentum = 0.5});
  const State<double> fresh = sgd.state();
  CHECK(names_of(fresh) == std::vector<std::string>{"groups.0.learning_rate", "parameters.0.step"});
  train(sgd, 3);
  sgd.load_state(fresh);
  CHECK(same_bits(sgd.state(), fresh));
}

TEST_CASE("a momentum that comes into use between steps is in the state as the next step would make it") {
  SGD<double> sgd({parameter(1.0)}, {.learning_rate = 0.1});
  train(sgd, 1);
  sgd.set_options({.learning_rate = 0.1, .momentum = 0.5});
  const State<double> state = sgd.state();
  REQUIRE(state.back().first == "parameters.0.momentum_buffer");
  CHECK(state.back().second() == 0);
  sgd.load_state(state);
  train(sgd, 1);
  const double x = sgd.parameters()[0].item();
  CHECK(x == doctest::Approx(0.9 - 0.1 * 0.9 * 0.9 * 0.9).epsilon(1e-14));
}

TEST_CASE("an optimizer that refuses a state is unchanged") {
  const auto make = [](xt::xarray<double> x, double momentum) {
    return std::make_unique<SGD<double>>(
        std::vector<Variable<double>>{parameter(x)},
        xgrad::optim::SGDOptions{.learning_rate = 0.1, .momentum = momentum});
  };
  const auto sgd = make({1, 2}, 0.9);
  train(*sgd, 2);
  const State<double> before = sgd->state();
  const auto refused = [&](const State<double>& state) {
    const std::string text = message_of([&] { sgd->load_state(state); });
    CHECK(same_bits(sgd->state(), before));
    return text;
  };
  const auto trained = [&](xt::xarray<double> x, double momentum) {
    const auto other = make(x, momentum);
    train(*other, 1);
    return other->state();
  };
  CHECK(refused({}).find("SGD: the state has no 'groups.0.learning_rate'") == 0);
  CHECK(refused(trained({1, 2}, 0)).find("SGD: the state has no 'parameters.0.momentum_buffer'") == 0);
  CHECK(refused(trained({1, 2, 3}, 0.9))
            .find("SGD: 'parameters.0.momentum_buffer' of the state is [3], not [2] as here") == 0);
  State<double> state = before;
  state.emplace_back("parameters.1.step", number_array<double>(0));
  CHECK(refused(state).find("SGD: nothing here is called 'parameters.1.step'") == 0);
  state = before;
  state[0].second = number_array<double>(-1);
  CHECK(refused(state) == "SGD: learning_rate is -1; it must be finite and at least 0");

  const auto plain = make({1, 2}, 0);
  CHECK(message_of([&] {
          plain->load_state(before);
        }).find("SGD: nothing here is called 'parameters.0.momentum_buffer'") == 0);
}
