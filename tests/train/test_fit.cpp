#include <cmath>
#include <csignal>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/optim/clip.hpp>
#include <xgrad/optim/sgd.hpp>

#include "../message_of.hpp"
#include "spirals.hpp"

using namespace xgrad::train;
using xgrad::testing::bits;
using xgrad::testing::figures;
using xgrad::testing::message_of;
using xgrad::testing::Training;

namespace {

/// The same training by hand: the losses and accuracies of each epoch, of training and validation.
template <class T>
std::vector<double> by_hand(Training<T>& t, std::size_t epochs) {
  std::vector<double> all;
  const auto pass = [&](auto& loader, auto&& each) {
    double loss = 0, accurate = 0, samples = 0;
    for (const auto& batch : loader) {
      const auto [mean, share] = each(batch);
      const auto n = static_cast<double>(batch.targets.size());
      loss += n * mean;
      accurate += n * share;
      samples += n;
    }
    all.insert(all.end(), {loss / samples, accurate / samples});
  };
  for (std::size_t epoch = 0; epoch < epochs; ++epoch) {
    t.net.train();
    pass(t.loader, [&](const auto& batch) {
      const auto y = t.net(batch.inputs);
      const auto loss = xgrad::nn::cross_entropy(y, batch.targets);
      t.adam.zero_grad();
      loss.backward();
      xgrad::optim::clip_grad_norm(t.net.parameters(), 1.0);
      t.adam.step();
      t.cosine.step();
      return std::pair(static_cast<double>(loss.item()), accuracy(y, batch.targets));
    });
    t.net.eval();
    pass(t.validation, [&](const auto& batch) {
      const auto y = t.net(batch.inputs);
      return std::pair(static_cast<double>(xgrad::nn::cross_entropy(y, batch.targets).item()),
                       accuracy(y, batch.targets));
    });
    t.net.train();
    all.push_back(t.adam.learning_rate());
  }
  t.adam.zero_grad();
  return all;
}

/// A loader of 4 batches of two rows: x and 2x.
auto line() {
  xgrad::Array<double> x(xgrad::Shape{8, 1}), y(xgrad::Shape{8, 1});
  for (std::size_t i = 0; i < 8; ++i) y(i, 0) = 2 * (x(i, 0) = static_cast<double>(i + 1));
  return xgrad::data::DataLoader(xgrad::data::TensorDataset(x, y), {.batch_size = 2});
}

using Line = decltype(line());
using LineOptions = FitOptions<Line::Batch>;

/// y = w x, fitted to the line: what is left of the loss is (w - 2)^2 times the mean of x^2.
struct LineTraining {
  xgrad::nn::Linear<double> net{1, 1};
  xgrad::optim::SGD<double> sgd{net.parameters(), {.learning_rate = 0.001}};
  Line loader = line();

  History fit(const LineOptions& options) {
    return xgrad::train::fit(
        net, sgd, [](const auto& p, const auto& y) { return xgrad::nn::mean_squared_error(p, y); }, loader,
        options);
  }
};

}  // namespace

TEST_CASE_TEMPLATE("fit does what the loop by hand does, bit for bit", T, float, double) {
  Training<T> fitted, expected;
  xgrad::manual_seed(1);
  const History history = fitted.fit(fitted.options(3));
  xgrad::manual_seed(1);
  const std::vector<double> figures_by_hand = by_hand(expected, 3);
  CHECK(bits(fitted) == bits(expected));
  CHECK(figures(history) == figures_by_hand);
  CHECK(history.epochs.size() == 3);
  CHECK(history.epochs[2].epoch == 3);
  CHECK(history.epochs[2].seconds > 0);
  CHECK_FALSE(history.interrupted);
  CHECK_FALSE(history.stopped_early);
}

TEST_CASE("fit leaves no gradient and the model in its mode") {
  Training<double> t;
  t.net.eval();
  t.fit(t.options(1));
  CHECK_FALSE(t.net.is_training());
  for (const auto& parameter : t.net.parameters()) CHECK_FALSE(parameter.has_grad());
}

TEST_CASE("parameters that the optimizer was not given keep their values, and collect no gradients") {
  // y = w x + b, and only b is trained: w's gradient is that of the present batch, 2 mean((y - t) x).
  LineTraining t;
  xgrad::optim::SGD<double> bias({t.net.parameters()[1]}, {.learning_rate = 0.001});
  const auto weight = t.net.parameters()[0];
  const double w = weight.value()(0, 0);
  xgrad::Array<double> p, y;
  LineOptions options{.epochs = 2};
  options.after_batch = [&](BatchEvent&) {
    const double x0 = y(0, 0) / 2, x1 = y(1, 0) / 2;
    CHECK(weight.grad()(0, 0) == doctest::Approx((p(0, 0) - y(0, 0)) * x0 + (p(1, 0) - y(1, 0)) * x1));
  };
  xgrad::train::fit(
      t.net, bias,
      [&](const auto& predictions, const auto& targets) {
        p = predictions.value();
        y = targets.value();
        return xgrad::nn::mean_squared_error(predictions, targets);
      },
      t.loader, options);
  CHECK(weight.value()(0, 0) == w);
  for (const auto& parameter : t.net.parameters()) CHECK_FALSE(parameter.has_grad());
}

TEST_CASE("callbacks find the model in training, with validation and without") {
  Training<double> t;
  auto options = t.options(2);
  int calls = 0;
  options.after_batch = [&](BatchEvent&) { CHECK(t.net.is_training()); };
  options.after_epoch = [&](EpochEvent&) {
    ++calls;
    CHECK(t.net.is_training());
  };
  t.fit(options);
  options.validation = {};
  t.fit(options);
  CHECK(calls == 4);
}

TEST_CASE("callbacks hear of every batch and epoch, and may end the training") {
  LineTraining t;
  std::vector<std::size_t> batches, epochs;
  LineOptions options{.epochs = 3};
  options.after_batch = [&](BatchEvent& event) {
    CHECK(event.batches == 4);
    CHECK(event.samples == 2);
    batches.push_back(10 * event.epoch + event.batch);
    event.stop = event.epoch == 2 && event.batch == 3;
  };
  options.after_epoch = [&](EpochEvent& event) { epochs.push_back(event.record.epoch); };
  History history = t.fit(options);
  CHECK(batches == std::vector<std::size_t>{11, 12, 13, 14, 21, 22, 23});
  CHECK(epochs == std::vector<std::size_t>{1});
  CHECK(history.epochs.size() == 1);
  CHECK_FALSE(history.interrupted);

  options.after_batch = {};
  options.after_epoch = [](EpochEvent& event) { event.stop = event.record.epoch == 2; };
  CHECK(t.fit(options).epochs.size() == 2);
}

TEST_CASE("a callback that throws leaves the training after its last step") {
  Training<double> thrown, stopped;
  auto options = thrown.options(2);
  xgrad::manual_seed(5);
  options.after_batch = [](BatchEvent& event) {
    if (event.epoch == 2 && event.batch == 3) throw std::runtime_error("enough");
  };
  CHECK_THROWS_WITH_AS(thrown.fit(options), "enough", std::runtime_error);
  xgrad::manual_seed(5);
  options = stopped.options(2);
  options.after_batch = [](BatchEvent& event) { event.stop = event.epoch == 2 && event.batch == 3; };
  stopped.fit(options);
  CHECK(bits(thrown) == bits(stopped));
  CHECK(thrown.net.is_training());
  for (const auto& parameter : thrown.net.parameters()) CHECK_FALSE(parameter.has_grad());
}

TEST_CASE("a loss that throws leaves the training after the step before") {
  LineTraining t;
  const auto before = t.net.state();
  const auto says = [&](const auto& loss, const char* text) {
    CHECK_THROWS_WITH_AS(xgrad::train::fit(t.net, t.sgd, loss, t.loader), text, xgrad::ValueError);
  };
  says([](const auto& p, const auto&) { return p; },
       "fit: the loss is of shape [2, 1]; return one number, the mean over the batch's samples");
  says([](const auto&, const auto&) { return xgrad::Variable<double>(); },
       "fit: the loss is an empty Variable; return what was computed");
  CHECK(xgrad::testing::numbers<double>(t.net.state()) == xgrad::testing::numbers<double>(before));
}

TEST_CASE("early stopping gives back the best epoch") {
  LineTraining t;
  std::vector<std::vector<double>> states;
  // The monitored figures, by epoch: the best is the third, and after it two that are no better.
  const std::vector<double> scripted{5, 4, 3, 3, 6, 1};
  LineOptions options{.epochs = 6};
  options.metrics = {{"scripted", [&](const auto&, const auto&) { return scripted[states.size()]; }}};
  options.monitor = "scripted";
  options.early_stopping = EarlyStopping{.patience = 2};
  options.after_epoch = [&](EpochEvent&) {
    states.push_back(xgrad::testing::numbers<double>(t.net.state()));
  };
  const History history = t.fit(options);
  CHECK(history.epochs.size() == 5);
  CHECK(history.stopped_early);
  CHECK(history.best_epoch == 3);
  CHECK(xgrad::testing::numbers<double>(t.net.state()) == states[2]);
  CHECK(states[2] != states[4]);

  SUBCASE("also at the end of the epochs") {
    states.clear();
    options.epochs = 4;
    CHECK_FALSE(t.fit(options).stopped_early);
    CHECK(xgrad::testing::numbers<double>(t.net.state()) == states[2]);
  }
  SUBCASE("the larger may be the better") {
    states.clear();
    options.early_stopping = EarlyStopping{.patience = 3, .mode = xgrad::optim::PlateauMode::max};
    const History larger = t.fit(options);
    CHECK(larger.best_epoch == 1);
    CHECK(larger.epochs.size() == 4);
  }
  SUBCASE("better by a margin") {
    states.clear();
    options.early_stopping = EarlyStopping{.patience = 2, .min_delta = 1.5};
    const History coarse = t.fit(options);
    CHECK(coarse.best_epoch == 3);  // 4 is not better than 5 by more than 1.5, 3 is
    CHECK(coarse.epochs.size() == 5);
  }
}

TEST_CASE("a plateau of the monitored figure lowers the rate") {
  LineTraining t;
  xgrad::optim::ReduceLROnPlateau plateau(t.sgd, {.factor = 0.5, .patience = 0});
  LineOptions options{.epochs = 3};
  options.metrics = {{"constant", [](const auto&, const auto&) { return 1.0; }}};
  options.plateau = &plateau;
  options.monitor = "constant";
  const History history = t.fit(options);
  CHECK(history.epochs[0].learning_rate == 0.001);
  CHECK(history.epochs[1].learning_rate == 0.001);
  CHECK(history.epochs[2].learning_rate == 0.0005);
  CHECK(t.sgd.learning_rate() == 0.00025);
}

TEST_CASE("a schedule beside a plateau takes nothing back") {
  // PyTorch 1.13.1, StepLR(step_size=100) and ReduceLROnPlateau(patience=0) of a constant: the rates of
  // epochs.
  LineTraining t;
  t.sgd.set_learning_rate(0.01);
  xgrad::optim::StepLR steps(t.sgd, {.step_size = 100});
  xgrad::optim::ReduceLROnPlateau plateau(t.sgd, {.factor = 0.1, .patience = 0});
  LineOptions options{.epochs = 5};
  options.metrics = {{"constant", [](const auto&, const auto&) { return 1.0; }}};
  options.scheduler = &steps;
  options.plateau = &plateau;
  options.monitor = "constant";
  const History history = t.fit(options);
  const std::vector<double> expected{0.01, 0.01, 1e-3, 1e-4, 1e-5};
  for (std::size_t i = 0; i < expected.size(); ++i)
    CHECK(history.epochs[i].learning_rate == doctest::Approx(expected[i]).epsilon(1e-12));
}

TEST_CASE("progress is a line for every tenth part of the epochs where it cannot be redrawn") {
  Training<double> t;
  std::ostringstream out;
  auto options = t.options(20);
  options.progress = &out;
  const History history = t.fit(options);
  std::vector<std::string> lines;
  std::istringstream text(out.str());
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  REQUIRE(lines.size() == 11);  // the first, and every second
  CHECK(lines[0].starts_with("epoch  1/20  loss 1."));
  CHECK(lines[10].starts_with("epoch 20/20  loss "));
  CHECK(lines[10].find("  accuracy 0.") != std::string::npos);
  CHECK(lines[10].find("  validation: loss ") != std::string::npos);
  CHECK(out.str().find('\x1b') == std::string::npos);
}

TEST_CASE("a signal is somebody else's unless it is asked for, and handlers come back") {
  static int seen = 0;
  const auto before = std::signal(SIGTERM, [](int) { ++seen; });
  LineTraining t;
  LineOptions options{.epochs = 2};
  options.after_batch = [](BatchEvent& event) {
    if (event.batch == 3) std::raise(SIGTERM);
  };
  CHECK_FALSE(t.fit(options).interrupted);
  CHECK(seen == 2);
  options.stop_on_signals = true;
  const History history = t.fit(options);
  CHECK(history.interrupted);
  CHECK(history.epochs.empty());
  CHECK(seen == 2);
  std::raise(SIGTERM);
  CHECK(seen == 3);
  std::signal(SIGTERM, before);
}

TEST_CASE("fit refuses what it cannot do, and says what to do") {
  LineTraining t;
  const auto refused = [&](const LineOptions& options) {
    return message_of<xgrad::ValueError>([&] { t.fit(options); });
  };
  const auto one = [](const auto&, const auto&) { return 1.0; };
  CHECK(refused({.metrics = {{"loss", one}}}) ==
        "fit: two columns of the history would be called 'loss'; give each metric a name of its own");
  CHECK(refused({.monitor = "validation_loss"}) ==
        "fit: nothing to monitor is called 'validation_loss'; give 'loss', a metric's name, or with "
        "validation one "
        "of these after 'validation_'");
  CHECK(refused({.max_grad_norm = -1.0}) == "fit: max_grad_norm is -1; it must be above 0");
  CHECK(refused({.early_stopping = EarlyStopping{.patience = 0}}) ==
        "fit: early_stopping.patience is 0; it must be at least 1");
  Line empty(xgrad::data::TensorDataset(xgrad::Array<double>(xgrad::Shape{1, 1}, 0.0),
                                        xgrad::Array<double>(xgrad::Shape{1, 1}, 0.0)),
             {.batch_size = 2, .drop_last = true});
  CHECK(refused({.validation = &empty}) ==
        "fit: the validation loader has no batches; give it samples, or a smaller batch_size");
  // Before an epoch is spent on what could not be kept.
  const auto batches = [](BatchEvent&) { FAIL("it has begun"); };
  const auto cannot_write = [&](const std::string& path) {
    return message_of<xgrad::IoError>(
        [&] { t.fit({.checkpoints = {.path = path}, .after_batch = batches}); });
  };
  CHECK(cannot_write("run.ckpt").find("save: the ending of run.ckpt tells no format; let it be ") == 0);
  CHECK(cannot_write("no/such/folder/run.npz") ==
        "save: there is no folder no/such/folder for no/such/folder/run.npz; make it first");
  LineOptions nested{.stop_on_signals = true};
  nested.after_batch = [&](BatchEvent&) { t.fit({.stop_on_signals = true}); };
  CHECK(refused(nested) ==
        "fit: another training watches the signals; let one of the two have stop_on_signals");
}
