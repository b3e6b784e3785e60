#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/io/save.hpp>
#include <xgrad/nn/linear.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/optim/ema.hpp>
#include <xgrad/optim/sgd.hpp>

#include "../io/temporary_folder.hpp"
#include "../message_of.hpp"
#include "../threads.hpp"
#include "training.hpp"

namespace {

using xgrad::Dense;
using xgrad::GraphError;
using xgrad::ShapeError;
using xgrad::ValueError;
using xgrad::Variable;
using xgrad::optim::EMA;
using xgrad::testing::message_of;
using xgrad::testing::normal_numbers;
using xgrad::testing::same_bits;
using xgrad::testing::Threads;

using V = Variable<double>;
using X = xt::xarray<double>;

}  // namespace

TEST_CASE("EMA copies at the first update, and then moves by its share") {
  V w = xgrad::parameter(X{0, 8}), b = xgrad::parameter(1.0);
  EMA<double> average({w, b}, 0.75);
  CHECK(average.averages()[0] == X{0, 8});
  CHECK(average.updates() == 0);
  w.set_value(X{4, 16});
  average.update();
  CHECK(average.averages()[0] == X{4, 16});
  w.set_value(X{8, 0});
  b.set_value(X(5.0));
  average.update();
  CHECK(average.averages()[0] == X{5, 12});  // 3/4 4 + 1/4 8, 3/4 16 + 1/4 0
  CHECK(average.averages()[1](0) == 2);
  average.update();
  CHECK(average.averages()[0] == X{5.75, 9});
  CHECK(average.updates() == 3);
  CHECK(average.decay() == 0.75);
  CHECK(w.value() == X{8, 0});
}

TEST_CASE("applied averages stand in the parameters, and then the weights are back") {
  xgrad::nn::Linear<double> layer(2, 1);
  EMA<double> average(layer.parameters(), 0.5);
  const X x{{1, 2}};
  layer.weight().set_value(xgrad::array<double>({{2}, {4}}));
  layer.bias().set_value(X{0});
  average.update();
  layer.weight().set_value(xgrad::array<double>({{4}, {8}}));
  average.update();
  const auto evaluate = [&] { return layer(xgrad::constant(x)).item(); };
  CHECK(evaluate() == 20);
  {
    const auto applied = average.apply();
    CHECK(evaluate() == 15);  // 3 + 2 * 6
    CHECK(message_of<ValueError>([&] { average.update(); }) ==
          "EMA: update() while the averages stand in the parameters; let what apply() returned end first");
    CHECK(message_of<ValueError>([&] { const auto again = average.apply(); }) ==
          "EMA: apply() while the averages are applied; let what it returned end first");
    xgrad::NoGrad off;
    V weight = layer.weight();
    weight *= 0.0;  // is lost
    CHECK(evaluate() == 0);
  }
  CHECK(evaluate() == 20);
  {
    const auto applied = average.apply();
    CHECK(evaluate() == 15);
  }
  average.update();
  CHECK(evaluate() == 20);
}

TEST_CASE("what apply() returned puts the weights back also when the average has gone") {
  V w = xgrad::parameter(X{1});
  auto average = std::make_unique<EMA<double>>(std::vector<V>{w}, 0.5);
  w.set_value(X{7});
  {
    const auto applied = average->apply();
    CHECK(w.item() == 1);
    average.reset();
  }
  CHECK(w.item() == 7);
}

TEST_CASE("two averages of one parameter are not applied to each other") {
  V w = xgrad::parameter(X{1}), b = xgrad::parameter(X{5});
  EMA<double> first({b, w}, 0.5), second({w}, 0.75);
  Variable<float> other = xgrad::parameter(xt::xarray<float>{1});
  EMA<float> elsewhere({other}, 0.5);
  w.set_value(X{3});
  const auto refused = [](const char* what, auto&& f) {
    CHECK(message_of<ValueError>(f) ==
          std::string("EMA: ") + what +
              " while parameter 0 has the average of another EMA in its place; let what that one's apply() "
              "returned end first");
  };
  {
    const auto applied = first.apply();
    CHECK(w.item() == 1);
    refused("update()", [&] { second.update(); });
    refused("apply()", [&] { const auto both = second.apply(); });
    refused("it is made", [&] { EMA<double>({w}); });
    elsewhere.update();
    const auto also = elsewhere.apply();
    CHECK(second.updates() == 0);
  }
  CHECK(w.item() == 3);
  second.update();
  CHECK(second.averages()[0] == X{3});
  {
    const auto applied = second.apply();
    CHECK(message_of<ValueError>([&] { first.update(); }).find("parameter 1 has") != std::string::npos);
  }
  first.update();
}

TEST_CASE("a frozen parameter's average is that parameter, bit for bit") {
  // 0.9 x + 0.1 x of this x is another number.
  const double x = 0.1 + 0.2;
  V frozen = xgrad::parameter(X{x, x / 3, 1e-300}), w = xgrad::parameter(X{1});
  frozen.set_requires_grad(false);
  EMA<double> average({frozen, w}, 0.9);
  for (int step = 0; step < 100; ++step) {
    w.set_value(X{static_cast<double>(step)});
    average.update();
    const auto applied = average.apply();
  }
  CHECK(average.averages()[0] == frozen.value());
  CHECK(average.averages()[1](0) < 99);

  // From where it learns, it is averaged as others are.
  frozen.set_requires_grad(true);
  const X before = frozen.value();
  frozen.set_value(2 * before);
  average.update();
  CHECK(average.averages()[0](0) == doctest::Approx(0.9 * x + 0.1 * 2 * x));
}

TEST_CASE_TEMPLATE("an average arrives at a parameter that stays, and stays there itself", T, float, double) {
  using Values = xt::xarray<T>;
  const Values from{0, 1, -3, 1000, T(1e-30), 2, 1, 7}, to{T(0.1), T(0.7), 3, -1, T(0.3), 1, 2, 7};
  for (const double decay : {0.25, 0.5, 0.75, 0.9, 0.99, 0.999}) {
    CAPTURE(decay);
    Variable<T> w = xgrad::parameter(from);
    EMA<T> average({w}, decay);
    average.update();
    w.set_value(to);
    // The exact distance falls by the decay each time; what rounding holds up goes by one unit a time.
    const double share = 1 - decay, digits = std::numeric_limits<T>::digits * std::log(2.0) + 10;
    const int enough = static_cast<int>(digits / share + 2 / share) + 10;
    for (int step = 0; step < enough; ++step) average.update();
    CHECK(average.averages()[0] == to);
    average.update();
    CHECK(average.averages()[0] == to);
  }
}

TEST_CASE_TEMPLATE("an infinite parameter's average is infinite, and a NaN's a NaN", T, float, double) {
  constexpr T infinity = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  Variable<T> w = xgrad::parameter(xt::xarray<T>{1, 1, 1});
  EMA<T> average({w}, 0.9);
  average.update();
  w.set_value(xt::xarray<T>{infinity, -infinity, nan});
  for (int step = 0; step < 3; ++step) {
    average.update();
    CHECK(average.averages()[0](0) == infinity);
    CHECK(average.averages()[0](1) == -infinity);
    CHECK(std::isnan(average.averages()[0](2)));
  }
  // Infinite it stays, as it does in PyTorch; and a difference may be more than there are numbers for.
  w.set_value(xt::xarray<T>{1, 1, 1});
  average.update();
  CHECK(average.averages()[0](0) == infinity);
  constexpr T most = std::numeric_limits<T>::max();
  w.set_value(xt::xarray<T>{most, -most, 0});
  EMA<T> half({w}, 0.5);
  half.update();
  w.set_value(xt::xarray<T>{-most, most, 0});
  half.update();
  CHECK(half.averages()[0] == xt::xarray<T>{0, 0, 0});
}

TEST_CASE_TEMPLATE("an average is that of a loop in long double, for every size", T, float, double) {
  for (const std::size_t size : {1u, 3u, 8u, 17u, 70001u}) {
    CAPTURE(size);
    Variable<T> w = xgrad::detail::parameter_from(normal_numbers<T>(size, 1));
    EMA<T> average({w}, 0.9);
    average.update();
    std::vector<long double> expected(w.dense().data(), w.dense().data() + size);
    for (std::uint64_t step = 2; step < 12; ++step) {
      w.set_value(xgrad::to_array(normal_numbers<T>(size, step)));
      average.update();
      for (std::size_t i = 0; i < size; ++i)
        expected[i] = 0.9L * expected[i] + 0.1L * static_cast<long double>(w.dense().data()[i]);
    }
    const xgrad::Array<T> found = average.averages()[0];
    long double worst = 0;
    for (std::size_t i = 0; i < size; ++i)
      worst = std::max(worst, std::abs(static_cast<long double>(found.data()[i]) - expected[i]));
    // Numbers below 6 in size; a step loses no more than two units in its last place, and 0.9 of it stays.
    CHECK(worst < 10 * 2 * 4 * static_cast<long double>(std::numeric_limits<T>::epsilon()));
  }
}

TEST_CASE_TEMPLATE("two threads and any place in a parameter give an average the same bits", T, float,
                   double) {
  const auto averaged_by = [](std::size_t threads) {
    Threads use(threads);
    Variable<T> w = xgrad::detail::parameter_from(normal_numbers<T>(600'001, 1));
    EMA<T> average({w}, 0.99);
    average.update();
    w.set_value(xgrad::to_array(normal_numbers<T>(600'001, 2)));
    use.shared_a_loop();
    average.update();
    CHECK(use.shared_a_loop() == (threads > 1));
    return average.averages()[0];
  };
  const auto whole = averaged_by(1);
  CHECK(same_bits(whole, averaged_by(2)));

  // The last elements once more, as parameters of their own.
  const Dense<T> before = normal_numbers<T>(600'001, 1), after = normal_numbers<T>(600'001, 2);
  for (std::size_t i = 600'001 - 20; i < 600'001; ++i) {
    Variable<T> w = xgrad::parameter(static_cast<T>(before.data()[i]));
    EMA<T> average({w}, 0.99);
    average.update();
    w.set_value(xt::xarray<T>(after.data()[i]));
    average.update();
    CHECK(average.averages()[0]() == whole.data()[i]);
  }
}

TEST_CASE("with a decay of 0 the average is the parameter as it is") {
  V w = xgrad::parameter(X{1e300, 1});
  EMA<double> average({w}, 0);
  average.update();
  w.set_value(X{1e-3, 0.1});
  average.update();
  CHECK(average.averages()[0] == X{1e-3, 0.1});
}

TEST_CASE("an optimizer's steps leave the average alone") {
  Variable<float> w = xgrad::parameter(xt::xarray<float>{1, 2});
  xgrad::optim::SGD<float> sgd({w}, {.learning_rate = 0.5});
  EMA<float> average({w}, 0.5);
  for (int step = 0; step < 3; ++step) {
    sgd.zero_grad();
    xgrad::sum(w).backward();
    sgd.step();
    average.update();
  }
  CHECK(w.value() == xt::xarray<float>{-0.5, 0.5});
  CHECK(average.averages()[0] == xt::xarray<float>{-0.125, 0.875});  // of 0.5, 0, -0.5: 0.5, 0.25, -0.125
}

TEST_CASE("EMA goes on from its state bit for bit") {
  const auto run = [](EMA<float>& average, Variable<float>& w, int from, int to) {
    for (int i = from; i < to; ++i) {
      w.set_value(xt::xarray<float>{std::sin(static_cast<float>(i)), static_cast<float>(i)});
      average.update();
    }
  };
  Variable<float> a = xgrad::parameter(xt::xarray<float>{0, 0}),
                  b = xgrad::parameter(xt::xarray<float>{3, 3});
  EMA<float> whole({a}, 0.9), resumed({b}, 0.9);
  run(whole, a, 0, 5);
  resumed.load_state(whole.state());
  CHECK(resumed.updates() == 5);
  run(whole, a, 5, 9);
  run(resumed, b, 5, 9);
  CHECK(whole.averages()[0] == resumed.averages()[0]);

  auto state = whole.state();
  CHECK(state[0].first == "updates");
  CHECK(state[1].first == "parameters.0.average");
  state[1].second = xt::xarray<float>{1};
  CHECK(
      message_of<ShapeError>([&] { whole.load_state(state); }) ==
      "EMA: 'parameters.0.average' of the state is [1], not [2] as here; list the parameters in the order in "
      "which they were saved");
  state.pop_back();
  CHECK_THROWS_AS(whole.load_state(state), ValueError);
  CHECK(whole.averages()[0] == resumed.averages()[0]);
  CHECK(whole.updates() == 9);
}

TEST_CASE("an average is saved and loaded as optimizers are") {
  const xgrad::testing::TemporaryFolder folder;
  const std::string path = folder / "average.safetensors";
  const V w = xgrad::parameter(X{1, 2});
  EMA<double> average({w}, 0.5), other({xgrad::parameter(X{0, 0})}, 0.5);
  average.update();
  xgrad::io::save(average, path);
  xgrad::io::load(other, path);
  CHECK(other.averages()[0] == X{1, 2});
  CHECK(other.updates() == 1);
}

TEST_CASE("EMA refuses what cannot be averaged") {
  const V w = xgrad::parameter(X{1});
  const auto text = [](auto&& list, double decay) {
    return message_of([&] { EMA<double>(std::vector<V>(list), decay); });
  };
  CHECK(text(std::vector<V>{w}, 1) ==
        "EMA: decay is 1; give the share of the average that is kept, at least 0 and below 1");
  CHECK(text(std::vector<V>{w}, -0.1).starts_with("EMA: decay is -0.1; "));
  CHECK(text(std::vector<V>{w}, std::nan("")).starts_with("EMA: decay is "));
  CHECK(text(std::vector<V>{}, 0.5) == "EMA: there are no parameters; pass at least one Variable");
  CHECK(text(std::vector<V>{w, w}, 0.5) ==
        "EMA: parameter 1 is the same Variable as parameter 0; list it once");
  CHECK(text(std::vector<V>{2 * w}, 0.5) ==
        "EMA: parameter 0 of shape [1] is the result of 'multiply'; only leaves can be averaged");
  CHECK_THROWS_AS(EMA<double>({V()}), GraphError);
}
