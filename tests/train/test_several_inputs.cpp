// Models of several inputs: their data sets, and fit, which calls them with each input as an argument.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/io/save.hpp>
#include <xgrad/nn/embedding.hpp>
#include <xgrad/ops/creation.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/slice.hpp>
#include <xgrad/optim/sgd.hpp>

#include "../io/temporary_folder.hpp"
#include "../message_of.hpp"
#include "spirals.hpp"

using namespace xgrad::train;
using xgrad::Array;
using xgrad::Indices;
using xgrad::Shape;
using xgrad::Variable;
using xgrad::data::DataLoader;
using xgrad::data::TensorDataset;
using xgrad::testing::message_of;
using xgrad::testing::numbers;
using xgrad::testing::TemporaryFolder;

namespace {

/// first(x) * tanh(second(dropout(y))).
template <class T>
class Gate : public xgrad::nn::Module<T> {
 public:
  Gate()
      : first_(this->register_module("first", xgrad::nn::Linear<T>(2, 1))),
        second_(this->register_module("second", xgrad::nn::Linear<T>(3, 1))),
        dropout_(this->register_module("dropout", xgrad::nn::Dropout<T>(0.25))) {}
  Variable<T> operator()(const Variable<T>& x, const Variable<T>& y) {
    return this->call([&] { return first_(x) * xgrad::tanh(second_(dropout_(y))); }, x, y);
  }

 private:
  xgrad::nn::Linear<T>&first_, &second_;
  xgrad::nn::Dropout<T>& dropout_;
};

/// The same without dropout, whose masks would depend on the batches.
struct Product : xgrad::nn::Module<double> {
  xgrad::nn::Linear<double>& first = register_module("first", xgrad::nn::Linear<double>(2, 1));
  xgrad::nn::Linear<double>& second = register_module("second", xgrad::nn::Linear<double>(3, 1));

  Variable<double> operator()(const Variable<double>& x, const Variable<double>& y) {
    return call([&] { return first(x) * second(y); }, x, y);
  }
};

template <class T>
Array<T> waves(std::size_t rows, std::size_t columns, double start) {
  Array<T> all(Shape{rows, columns});
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j)
      all(i, j) = static_cast<T>(std::sin(start + static_cast<double>(columns * i + j)));
  return all;
}

constexpr std::size_t rows = 10, batch_size = 4;

template <class T>
using Samples = TensorDataset<std::array<T, 2>, T>;

/// Everything that a training changes, made the same way each time.
template <class T>
struct Training {
  using Options = FitOptions<typename Samples<T>::Batch>;

  Array<T> left = waves<T>(rows, 2, 0), right = waves<T>(rows, 3, 1), targets = waves<T>(rows, 1, 2);
  DataLoader<Samples<T>> loader{Samples<T>({left, right}, targets), {.batch_size = batch_size}};
  Gate<T> net = seeded();
  xgrad::optim::Adam<T> adam{net.parameters(), {.learning_rate = 0.05}};

  static Gate<T> seeded() {
    xgrad::manual_seed(3);
    return Gate<T>();
  }
  History fit(const Options& options) {
    xgrad::manual_seed(4);
    return xgrad::train::fit(net, adam, error, loader, options);
  }
  static Variable<T> error(const Variable<T>& p, const Variable<T>& t) {
    return xgrad::nn::mean_squared_error(p, t);
  }
  static double bias(const Variable<T>& p, const Variable<T>& t) {
    return static_cast<double>(xgrad::mean(p - t).item());
  }
  std::vector<T> bits() const { return numbers<T>(net.state()); }
};

/// The rows of an array from `first` on, at most a batch's.
template <class T>
Variable<T> part(const Array<T>& of, std::size_t first) {
  return xgrad::slice(xgrad::constant(of), {xgrad::range(first, std::min(rows, first + batch_size))});
}

/// The same training by hand: the means of loss and metric of each epoch, in training and validation.
template <class T>
std::vector<double> by_hand(Training<T>& t, int epochs) {
  std::vector<double> figures;
  const auto pass = [&](auto&& each) {
    double loss = 0, bias = 0;
    for (std::size_t first = 0; first < rows; first += batch_size) {
      const auto target = part(t.targets, first);
      const auto p = t.net(part(t.left, first), part(t.right, first));
      const auto mean = t.error(p, target);
      const auto n = static_cast<double>(target.size());
      each(mean);
      loss += n * static_cast<double>(mean.item());
      bias += n * t.bias(p, target);
    }
    figures.insert(figures.end(), {loss / rows, bias / rows});
  };
  xgrad::manual_seed(4);
  for (int epoch = 0; epoch < epochs; ++epoch) {
    t.net.train();
    pass([&](const Variable<T>& loss) {
      t.adam.zero_grad();
      loss.backward();
      t.adam.step();
    });
    t.net.eval();
    pass([](const Variable<T>&) {});
    figures.push_back(t.adam.learning_rate());
  }
  return figures;
}

}  // namespace

TEST_CASE_TEMPLATE("fit trains a model of two inputs as a loop by hand does, bit for bit", T, float, double) {
  Training<T> fitted, expected;
  DataLoader<Samples<T>> validation(fitted.loader.dataset(), {.batch_size = batch_size});
  const History history =
      fitted.fit({.epochs = 3, .validation = &validation, .metrics = {{"bias", Training<T>::bias}}});
  const std::vector<double> figures = by_hand(expected, 3);
  CHECK(fitted.bits() == expected.bits());
  CHECK(xgrad::testing::figures(history) == figures);
}

TEST_CASE("accumulated batches of several inputs make the step of one batch of all") {
  const auto trained = [](std::size_t size, std::size_t accumulate) {
    Training<double> t;
    Product net;
    for (auto parameter : net.parameters()) parameter.set_value(xgrad::ones<double>(parameter.shape()));
    DataLoader<Samples<double>> loader(t.loader.dataset(), {.batch_size = size});
    xgrad::optim::SGD<double> sgd(net.parameters(), {.learning_rate = 0.1});
    fit(net, sgd, t.error, loader, {.epochs = 2, .accumulate = accumulate});
    return numbers<double>(net.state());
  };
  const auto expected = trained(rows, 1), found = trained(batch_size, 3);
  for (std::size_t i = 0; i < expected.size(); ++i)
    CHECK(found[i] == doctest::Approx(expected[i]).epsilon(1e-12));
}

TEST_CASE("a training of several inputs is resumed bit for bit, and its best model kept") {
  const TemporaryFolder folder;
  Training<float> straight, stopped, resumed;
  const auto options = [&](std::size_t epochs, bool resume) {
    return Training<float>::Options{
        .epochs = epochs,
        .best_model = {.path = folder / (resume ? "resumed.npz" : "best.npz")},
        .checkpoints = {.path = resume ? folder / "run.npz" : std::string(), .resume = resume}};
  };
  const History history = straight.fit(options(4, false));
  stopped.fit(options(2, true));
  resumed.fit(options(4, true));
  CHECK(resumed.bits() == straight.bits());
  Gate<float> best, also_best;
  xgrad::io::load(best, folder / "best.npz");
  xgrad::io::load(also_best, folder / "resumed.npz");
  CHECK(history.best_epoch > 0);
  CHECK(numbers<float>(best.state()) == numbers<float>(also_best.state()));
}

namespace {

/// Words by number, and a weight of each: a data set of a user's own, whose inputs are of two kinds.
struct Words {
  struct Batch {
    std::tuple<Indices, Variable<double>> inputs;
    Variable<double> targets;
  };
  std::size_t size() const { return 4; }
  Batch batch(std::span<const std::size_t> chosen) const {
    Indices words(Shape{chosen.size()});
    Array<double> weights(Shape{chosen.size(), 1}), targets(Shape{chosen.size(), 1});
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      words(i) = static_cast<std::int64_t>(chosen[i] % 2);
      weights(i, 0) = static_cast<double>(chosen[i] + 1);
      targets(i, 0) = weights(i, 0) * (chosen[i] % 2 == 0 ? 3 : -1);
    }
    return {{words, xgrad::constant(weights)}, xgrad::constant(targets)};
  }
};

struct Weighted : xgrad::nn::Module<double> {
  struct Result {
    Variable<double> output;
    std::size_t count = 0;
  };
  xgrad::nn::Embedding<double>& table = register_module("table", xgrad::nn::Embedding<double>(2, 1));

  Result operator()(const Indices& words, const Variable<double>& weights) {
    return call([&] { return Result{table(words) * weights, words.size()}; }, weights);
  }
};

}  // namespace

TEST_CASE("inputs may be of several kinds, and the model may give a struct with an output") {
  Weighted net;
  xgrad::optim::SGD<double> sgd(net.parameters(), {.learning_rate = 0.05});
  DataLoader loader(Words(), {.batch_size = 2});
  fit(net, sgd, [](const auto& p, const auto& t) { return xgrad::nn::mean_squared_error(p, t); }, loader,
      {.epochs = 200});
  CHECK(net.table.parameters()[0].value()(0, 0) == doctest::Approx(3));
  CHECK(net.table.parameters()[0].value()(1, 0) == doctest::Approx(-1));
}

TEST_CASE("a data set of several inputs gives their rows, and deduces what it holds") {
  const xt::xarray<float> a{{1, 2}, {3, 4}, {5, 6}}, b = xgrad::array<float>({{7}, {8}, {9}});
  const TensorDataset samples({a, b}, xt::xarray<int>{0, 1, 2});
  static_assert(std::is_same_v<decltype(samples), const TensorDataset<std::array<float, 2>, std::int64_t>>);
  CHECK(samples.size() == 3);
  const auto [inputs, labels] = samples.batch(std::vector<std::size_t>{2, 0});
  CHECK(inputs[0].value() == Array<float>{{5, 6}, {1, 2}});
  CHECK(inputs[1].value() == xgrad::array<float>({{9}, {7}}));
  CHECK(labels == Indices{2, 0});
  CHECK_FALSE(inputs[1].requires_grad());
  CHECK(samples.inputs()[1] == b);
  CHECK(samples.targets() == Indices{0, 1, 2});

  const auto x = xgrad::array<double>({{1}, {2}});
  // Expressions of several types: what they are is said.
  const TensorDataset<std::array<double, 3>, double> real({x, 2 * x, 3 * x}, x);
  const auto [train, test] = xgrad::data::random_split(real, {1, 1}, 0);
  const auto batch = xgrad::data::whole(train);
  CHECK(batch.inputs[2].value() == 3 * batch.targets.value());
}

TEST_CASE("inputs of which one has other rows are refused") {
  const Array<float> a{{1, 2}, {3, 4}}, b = xgrad::array<float>({{1}, {2}, {3}});
  const Indices labels{0, 1};
  CHECK(message_of<xgrad::ShapeError>([&] {
          TensorDataset({a, b}, labels);
        }) ==
        "TensorDataset: input 1 is [3, 1] and input 0 [2, 2], which differ in axis 0 (3 vs 2); give one row "
        "a sample");
  CHECK(message_of<xgrad::ShapeError>([&] {
          TensorDataset({b, b}, labels);
        }) ==
        "TensorDataset: inputs [3, 1] and targets [2] differ in axis 0 (3 vs 2); give one target a sample");
  CHECK(message_of<xgrad::ShapeError>([&] {
          TensorDataset({a, Array<float>(1.0f)}, labels);
        }) == "TensorDataset: input 1 is []; it needs a first axis, one row a sample");
  CHECK(message_of<xgrad::ValueError>([&] {
          TensorDataset({a, a}, labels).batch(std::vector<std::size_t>{2});
        }) == "TensorDataset: row 2 of a data set of 2; rows count from 0 and must be below its size");
}
