// Trainings that cannot go well: refused before they begin, or ended where they go wrong.
#include <cmath>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/nn/linear.hpp>
#include <xgrad/nn/loss.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/optim/reduce_on_plateau.hpp>
#include <xgrad/optim/scheduler.hpp>
#include <xgrad/optim/sgd.hpp>
#include <xgrad/train/fit.hpp>

#include "../io/temporary_folder.hpp"
#include "../message_of.hpp"
#include "spirals.hpp"

using namespace xgrad::train;
using xgrad::testing::message_of;
using xgrad::testing::numbers;

namespace {

/// Batches of two rows: x and 2x.
auto line(std::size_t rows = 8) {
  xgrad::Array<double> x(xgrad::Shape{rows, 1}), y(xgrad::Shape{rows, 1});
  for (std::size_t i = 0; i < rows; ++i) y(i, 0) = 2 * (x(i, 0) = static_cast<double>(i + 1));
  return xgrad::data::DataLoader(xgrad::data::TensorDataset(x, y), {.batch_size = 2});
}

using Line = decltype(line());
using Options = FitOptions<Line::Batch>;

/// A straight line, 4 batches an epoch, whose loss is multiplied by `factor` at call `call` of the loss.
struct Training {
  xgrad::nn::Linear<double> net{1, 1};
  xgrad::optim::SGD<double> sgd{net.parameters(), {.learning_rate = 0.001, .momentum = 0.5}};
  Line loader = line(), validation = line(4);
  double factor = 1;
  int call = 0, calls = 0;

  History fit(const Options& options, xgrad::optim::Optimizer<double>& optimizer) {
    calls = 0;
    return xgrad::train::fit(
        net, optimizer,
        [&](const auto& p, const auto& y) {
          return xgrad::nn::mean_squared_error(p, y) * (++calls == call ? factor : 1.0);
        },
        loader, options);
  }
  History fit(const Options& options) { return fit(options, sgd); }
  std::vector<double> state() const {
    std::vector<double> all = numbers<double>(net.state()), rest = numbers<double>(sgd.state());
    all.insert(all.end(), rest.begin(), rest.end());
    return all;
  }
};

constexpr double infinity = std::numeric_limits<double>::infinity();

/// What a training says that is refused before anything runs.
std::string refused(Training& t, Options options, xgrad::optim::Optimizer<double>& optimizer) {
  const auto before = t.state();
  options.epochs = 2;
  const std::string text = message_of<xgrad::ValueError>([&] { t.fit(options, optimizer); });
  CHECK(t.calls == 0);
  CHECK(t.loader.epoch() == 0);
  CHECK(t.state() == before);
  return text;
}

}  // namespace

TEST_CASE("an optimizer that has none of the model's parameters is refused") {
  Training t, other;
  CHECK(
      refused(t, {}, other.sgd) ==
      "fit: the optimizer has none of the model's parameters, so nothing would be trained; make it from the "
      "model's parameters()");
  // One that is shared is enough: the others are frozen, or are no module's.
  const auto loose = xgrad::parameter(1.0);
  xgrad::optim::SGD<double> some({loose, t.net.parameters()[1]}, {.learning_rate = 0.001});
  CHECK(t.fit({}, some).epochs.size() == 1);
}

TEST_CASE("a scheduler or a plateau of another optimizer is refused") {
  Training t;
  xgrad::optim::SGD<double> twin(t.net.parameters(), {.learning_rate = 0.001});
  xgrad::optim::StepLR steps(twin, {.step_size = 1});
  xgrad::optim::ReduceLROnPlateau plateau(twin);
  CHECK(refused(t, {.scheduler = &steps}, t.sgd) ==
        "fit: the scheduler drives another optimizer; make it of the one given");
  CHECK(refused(t, {.plateau = &plateau}, t.sgd) ==
        "fit: the plateau drives another optimizer; make it of the one given");
  CHECK(t.fit({.scheduler = &steps, .plateau = &plateau}, twin).epochs.size() == 1);
}

TEST_CASE("options that would train nothing, or judge nothing, are refused") {
  Training t;
  CHECK(refused(t, {.max_grad_norm = 0.0}, t.sgd) == "fit: max_grad_norm is 0; it must be above 0");
  CHECK(refused(t, {.max_grad_norm = -1.0}, t.sgd) == "fit: max_grad_norm is -1; it must be above 0");
  CHECK(refused(t, {.max_grad_norm = NAN}, t.sgd) == "fit: max_grad_norm is nan; it must be above 0");
  CHECK(refused(t, {.metrics = {{"empty", {}}}}, t.sgd) ==
        "fit: the metric 'empty' has no function; give it one");
  CHECK(message_of<xgrad::ValueError>([&] { fit(t.net, t.sgd, {}, t.loader); }) ==
        "fit: there is no loss; give a function of predictions and targets");
}

TEST_CASE("a loss that is not finite ends the training before that batch's step") {
  for (const double factor : {static_cast<double>(NAN), infinity, -infinity}) {
    CAPTURE(factor);
    Training t, expected;
    t.factor = factor;
    t.call = 7;  // batch 3 of epoch 2
    const auto begin = t.net.state();
    expected.net.load_state(begin);
    std::string number = std::isnan(factor) ? "nan" : factor > 0 ? "inf" : "-inf";
    const std::string text = message_of<xgrad::ValueError>([&] { t.fit({.epochs = 3}); });
    // The sign of a NaN is nobody's.
    CHECK((text == "fit: the loss of batch 3 of epoch 2 is " + number +
                       "; lower the learning rate, clip with max_grad_norm, or look for its cause with "
                       "DetectAnomaly, or let it go on with allow_nonfinite_loss" ||
           (number == "nan" && text.find("fit: the loss of batch 3 of epoch 2 is -nan; ") == 0)));
    expected.fit({.epochs = 3, .after_batch = [](BatchEvent& event) {
                    event.stop = event.epoch == 2 && event.batch == 2;
                  }});
    CHECK(t.state() == expected.state());
    for (const auto& parameter : t.net.parameters()) CHECK_FALSE(parameter.has_grad());
    CHECK(t.net.is_training());
  }
}

TEST_CASE("a loss that is not finite may be let go on") {
  Training t;
  t.factor = infinity;
  t.call = 7;
  const History history = t.fit({.epochs = 3, .allow_nonfinite_loss = true});
  CHECK(history.epochs.size() == 3);
  CHECK(std::isinf(history.epochs[1].loss));
  CHECK(std::isnan(history.epochs[2].loss));
}

TEST_CASE("the checkpoint before a loss that is not finite stays, and is gone on from") {
  const xgrad::testing::TemporaryFolder folder;
  Training t, expected;
  expected.net.load_state(t.net.state());
  Options options{.epochs = 3, .checkpoints = {.path = folder / "run.npz", .resume = true}};
  t.factor = NAN;
  t.call = 7;
  CHECK_THROWS_AS(t.fit(options), xgrad::ValueError);
  Training again;
  CHECK(again.fit(options).epochs.size() == 3);
  expected.fit({.epochs = 3});
  CHECK(again.state() == expected.state());
}

TEST_CASE("a checkpoint that could not be saved is refused before anything runs") {
  const xgrad::testing::TemporaryFolder folder;
  xgrad::testing::write_bytes(folder / "one.npz", "");
  std::filesystem::create_hard_link(folder / "one.npz", folder / "two.npz");
  Training t;
  CHECK(message_of<xgrad::IoError>([&] {
          t.fit({.checkpoints = {.path = folder / "two.npz"}});
        }).find("(it is one file of 2 names, hard links") != std::string::npos);
  std::filesystem::create_directory(folder / "folder.npz");
  CHECK(message_of<xgrad::IoError>([&] {
          t.fit({.checkpoints = {.path = folder / "folder.npz"}});
        }).find("(Is a directory)") != std::string::npos);
  CHECK(t.calls == 0);
}

TEST_CASE("a validation loss that is not finite ends the training after the epoch's steps") {
  Training t, expected;
  expected.net.load_state(t.net.state());
  t.factor = infinity;
  t.call = 6;  // 4 batches, and the second of validation
  CHECK(message_of<xgrad::ValueError>([&] { t.fit({.epochs = 3, .validation = &t.validation}); }) ==
        "fit: the loss of validation batch 2 of epoch 1 is inf; look for its cause in that batch and in the "
        "model's state, or let it go on with allow_nonfinite_loss");
  expected.fit({.epochs = 1});
  CHECK(t.state() == expected.state());
  CHECK(t.net.is_training());
}

TEST_CASE("gradients whose norm is not finite are not clipped into the parameters") {
  // The loss is sqrt of what is 0 at the third batch: its slope there is infinite, and times 0 a NaN.
  Training t;
  int calls = 0;
  std::vector<double> before_third;
  const auto loss = [&](const auto& p, const auto& y) {
    const auto mean = xgrad::nn::mean_squared_error(p, y);
    if (++calls != 3) return mean;
    before_third = t.state();
    return mean + sqrt(mean * 0.0);
  };
  const std::string text =
      message_of<xgrad::ValueError>([&] { fit(t.net, t.sgd, loss, t.loader, {.max_grad_norm = 1.0}); });
  CHECK(text.find("fit: the gradients' norm of batch 3 of epoch 1 is ") == 0);
  CHECK(t.state() == before_third);
}

TEST_CASE("a metric that is NaN is recorded, and is no better than any") {
  Training t;
  const std::vector<double> scripted{NAN, 3, NAN, 2, NAN, NAN, 1};
  std::size_t epoch = 0;
  Options options{.epochs = 7,
                  .metrics = {{"scripted", [&](const auto&, const auto&) { return scripted[epoch]; }}}};
  options.monitor = "scripted";
  options.early_stopping = EarlyStopping{.patience = 2};
  options.after_epoch = [&](EpochEvent&) { ++epoch; };
  const History history = t.fit(options);
  CHECK(history.epochs.size() == 6);
  CHECK(history.stopped_early);
  CHECK(history.best_epoch == 4);
  CHECK(std::isnan(history.epochs[0].metrics[0]));
}

TEST_CASE("the training data may be the validation's, and are resumed bit for bit") {
  const xgrad::testing::TemporaryFolder folder;
  Training once, first, second;
  first.net.load_state(once.net.state());
  once.fit({.epochs = 4, .validation = &once.loader});
  Options options{.epochs = 4, .checkpoints = {.path = folder / "run.npz", .resume = true}};
  options.validation = &first.loader;
  options.after_batch = [](BatchEvent& event) { event.stop = event.epoch == 2 && event.batch == 3; };
  first.fit(options);
  options.validation = &second.loader;
  options.after_batch = {};
  second.fit(options);
  CHECK(second.state() == once.state());
  CHECK(second.loader.epoch() == once.loader.epoch());
}
