// fit with an optimizer that evaluates a batch several times in a step.
#include <cmath>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/nn/linear.hpp>
#include <xgrad/nn/loss.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/optim/clip.hpp>
#include <xgrad/optim/lbfgs.hpp>
#include <xgrad/train/fit.hpp>

#include "../io/temporary_folder.hpp"
#include "../message_of.hpp"
#include "spirals.hpp"

using namespace xgrad::train;
using xgrad::Variable;
using xgrad::optim::LBFGS;
using xgrad::optim::LBFGSOptions;
using xgrad::testing::message_of;
using xgrad::testing::numbers;

namespace {

/// Rows x = 1, 2, 3 ... and 2x.
auto line(std::size_t rows, std::size_t batch_size) {
  xgrad::Array<double> x(xgrad::Shape{rows, 1}), y(xgrad::Shape{rows, 1});
  for (std::size_t i = 0; i < rows; ++i) y(i, 0) = 2 * (x(i, 0) = static_cast<double>(i + 1));
  return xgrad::data::DataLoader(xgrad::data::TensorDataset(x, y), {.batch_size = batch_size});
}

using Line = decltype(line(1, 1));
using Options = FitOptions<Line::Batch>;

/// y = w x + b from w = 1/2, b = -1.
struct Training {
  explicit Training(std::size_t batch_size = 8, const LBFGSOptions& options = {})
      : lbfgs(net.parameters(), options), loader(line(8, batch_size)) {
    weight().set_value(xgrad::Array<double>({1, 1}, 0.5));
    net.parameters()[1].set_value(xgrad::Array<double>({1}, -1.0));
  }

  xgrad::nn::Linear<double> net{1, 1};
  LBFGS<double> lbfgs;
  Line loader;
  int calls = 0;  ///< of the loss

  Variable<double> weight() const { return net.parameters()[0]; }
  double w() const { return weight().item(); }
  double b() const { return net.parameters()[1].item(); }

  History fit(const Options& options) {
    return xgrad::train::fit(
        net, lbfgs,
        [&](const auto& p, const auto& y) {
          ++calls;
          return xgrad::nn::mean_squared_error(p, y);
        },
        loader, options);
  }
  std::vector<double> state() const {
    std::vector<double> all = numbers<double>(net.state()), rest = numbers<double>(lbfgs.state());
    all.insert(all.end(), rest.begin(), rest.end());
    return all;
  }
};

/// One parameter x as a network of one weight: the loss is x - log(x) / 2, which is NaN below 0 and least at
/// 1/2.
struct Logarithm {
  xgrad::nn::Linear<double> net{1, 1, false};
  LBFGS<double> lbfgs{net.parameters(), {.learning_rate = 100, .max_iter = 50}};
  Line loader = line(1, 1);
  bool met_nan = false;

  explicit Logarithm(double x) { place().set_value(xgrad::Array<double>({1, 1}, x)); }
  Variable<double> place() const { return net.parameters()[0]; }
  History fit(const Options& options = {}) {
    return xgrad::train::fit(
        net, lbfgs,
        [&](const auto& p, const auto&) {
          const auto loss = mean(p - 0.5 * log(p));
          met_nan = met_nan || std::isnan(loss.item());
          return loss;
        },
        loader, options);
  }
};

}  // namespace

TEST_CASE("fit trains with LBFGS, to the line's own slope and intercept") {
  Training t;
  const History history = t.fit({.epochs = 5});
  CHECK(t.w() == doctest::Approx(2).epsilon(1e-6));
  CHECK(std::abs(t.b()) < 1e-5);
  CHECK(history.epochs.size() == 5);
  CHECK(history.epochs[4].loss < 1e-10);
  CHECK(t.calls > 5);
  for (const auto& parameter : t.net.parameters()) CHECK_FALSE(parameter.has_grad());
}

TEST_CASE("a batch's figures are those before its step, and each metric is asked once") {
  Training t;
  int asked = 0;
  double told = 0;
  Options options{.metrics = {{"first", [&](const auto& p, const auto&) {
                                 ++asked;
                                 return p.value()(0, 0);
                               }}}};
  options.after_batch = [&](BatchEvent& event) {
    told = event.loss;
    CHECK(event.samples == 8);
  };
  const History history = t.fit(options);
  double expected = 0;  // the mean of (x / 2 - 1 - 2x)^2
  for (int x = 1; x <= 8; ++x) expected += std::pow(-1.5 * x - 1, 2) / 8;
  CHECK(told == doctest::Approx(expected).epsilon(1e-14));
  CHECK(history.epochs[0].loss == doctest::Approx(expected).epsilon(1e-14));
  CHECK(asked == 1);
  CHECK(history.epochs[0].metrics[0] == -0.5);  // of x = 1
  CHECK(t.calls > 1);
}

TEST_CASE("fit with LBFGS does what the loop by hand does, bit for bit, clipping too") {
  for (const bool clips : {false, true}) {
    CAPTURE(clips);
    Training fitted(4, {.max_iter = 3}), expected(4, {.max_iter = 3});
    Options options{.epochs = 3};
    if (clips) options.max_grad_norm = 2.0;
    fitted.fit(options);
    for (int epoch = 0; epoch < 3; ++epoch)
      for (const auto& batch : expected.loader)
        expected.lbfgs.step([&] {
          expected.lbfgs.zero_grad();
          const auto loss = xgrad::nn::mean_squared_error(expected.net(batch.inputs), batch.targets);
          loss.backward();
          if (clips) xgrad::optim::clip_grad_norm(expected.net.parameters(), 2.0);
          return loss;
        });
    CHECK(fitted.state() == expected.state());
    CHECK(fitted.w() != 0.5);
  }
}

TEST_CASE("a trial of the line search that is not finite is the optimizer's affair, a first loss is fit's") {
  Logarithm t(1);
  t.fit();
  CHECK(t.met_nan);
  CHECK(t.place().item() == doctest::Approx(0.5).epsilon(1e-6));

  Logarithm bad(-1);
  const std::string text = message_of<xgrad::ValueError>([&] { bad.fit(); });
  CHECK(text.find("fit: the loss of batch 1 of epoch 1 is ") == 0);
  CHECK(text.find("nan; lower the learning rate") != std::string::npos);
  CHECK(bad.place().item() == -1);
  // Let go on, it is the optimizer that refuses.
  CHECK(message_of<xgrad::ValueError>([&] {
          bad.fit({.allow_nonfinite_loss = true});
        }).find("LBFGS: the closure's loss is ") == 0);
  CHECK(bad.place().item() == -1);
}

TEST_CASE("what throws inside a step leaves model and optimizer as after the last step") {
  for (const int good_calls : {0, 1, 2, 3}) {
    CAPTURE(good_calls);
    Training t, before;
    int calls = 0;
    const auto failing = [&](const auto& p, const auto& y) {
      if (calls++ == good_calls) throw std::runtime_error("the data ran out");
      return xgrad::nn::mean_squared_error(p, y);
    };
    CHECK_THROWS_AS(fit(t.net, t.lbfgs, failing, t.loader), std::runtime_error);
    CHECK(calls == good_calls + 1);
    CHECK(t.state() == before.state());
    CHECK(t.net.is_training());
    for (const auto& parameter : t.net.parameters()) CHECK_FALSE(parameter.has_grad());
  }
}

TEST_CASE("a training with LBFGS that was resumed ends with the bits of one that was not interrupted") {
  const xgrad::testing::TemporaryFolder folder;
  for (const auto* const name : {"run.npz", "run.safetensors"}) {
    const LBFGSOptions few{.max_iter = 2, .tolerance_change = 0};
    Training once(4, few), first(4, few), second(4, few);
    once.fit({.epochs = 4});
    Options options{.epochs = 4, .checkpoints = {.path = folder / name, .resume = true}};
    options.after_batch = [](BatchEvent& event) { event.stop = event.epoch == 2 && event.batch == 1; };
    first.fit(options);
    CHECK(first.state() != once.state());
    options.after_batch = {};
    second.fit(options);
    CHECK(second.state() == once.state());
  }
}

TEST_CASE("an optimizer whose step never asks for the loss is told so") {
  class Idle final : public xgrad::optim::Optimizer<double> {
   public:
    explicit Idle(std::vector<Variable<double>> parameters)
        : Optimizer<double>("Idle", {std::move(parameters)}, {0.1}) {}
    double step(const Closure&) override { return 0; }
    std::vector<xgrad::optim::NamedArray<double>> state() const override { return {}; }
    void load_state(const std::vector<xgrad::optim::NamedArray<double>>&) override {}
  };
  Training t;
  Idle idle(t.net.parameters());
  CHECK(message_of<xgrad::ValueError>([&] {
          fit(
              t.net, idle, [](const auto& p, const auto& y) { return xgrad::nn::mean_squared_error(p, y); },
              t.loader);
        }) == "fit: the optimizer's step did not call the closure; call it, at least once");
}
