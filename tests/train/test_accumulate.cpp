// Steps of several batches, and the best model's file.
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/io/save.hpp>
#include <xgrad/optim/lbfgs.hpp>
#include <xgrad/optim/sgd.hpp>

#include "../io/temporary_folder.hpp"
#include "../message_of.hpp"
#include "spirals.hpp"

using namespace xgrad::train;
using xgrad::testing::message_of;
using xgrad::testing::TemporaryFolder;
using Values = xgrad::Array<double>;

namespace {

/// Ten samples of three numbers, some of which are outside the others' range, in batches of so many.
auto samples(std::size_t batch_size) {
  Values x(xgrad::Shape{10, 3}), y(xgrad::Shape{10, 1});
  for (std::size_t i = 0; i < 10; ++i) {
    for (std::size_t j = 0; j < 3; ++j) x(i, j) = std::sin(static_cast<double>(1 + 3 * i + j));
    y(i, 0) = x(i, 0) - 2 * x(i, 1) + 0.1 * static_cast<double>(i);
  }
  return xgrad::data::DataLoader(xgrad::data::TensorDataset(x, y), {.batch_size = batch_size});
}

using Loader = decltype(samples(1));
using Options = FitOptions<Loader::Batch>;

const auto error = [](const auto& p, const auto& y) { return xgrad::nn::mean_squared_error(p, y); };

/// A layer that begins at 0, after a training.
template <class Optimizer = xgrad::optim::Adam<double>>
std::vector<double> trained(std::size_t batch_size, Options options, std::size_t* steps = nullptr) {
  xgrad::nn::Linear<double> net(3, 1);
  for (auto parameter : net.parameters()) parameter.set_value(0.0 * parameter.value());
  Optimizer optimizer(net.parameters(), {.learning_rate = 0.1});
  xgrad::optim::StepLR schedule(optimizer, {.step_size = 2, .gamma = 0.5});
  Loader loader = samples(batch_size);
  options.scheduler = &schedule;
  options.scheduler_step = Every::batch;
  fit(net, optimizer, error, loader, options);
  if (steps != nullptr)
    for (const auto& [name, value] : optimizer.state())
      if (name == "parameters.0.step") *steps = static_cast<std::size_t>(value());
  return xgrad::testing::numbers<double>(net.state());
}

}  // namespace

TEST_CASE("accumulated batches make the step of one batch of all their samples") {
  for (const auto& sizes :
       {std::array<std::size_t, 3>{4, 2, 2}, {6, 2, 3}, {10, 3, 4}, {10, 1, 100}, {9, 3, 3}}) {
    const std::size_t whole = sizes[0], part = sizes[1], accumulate = sizes[2];
    CAPTURE(part);
    CAPTURE(accumulate);
    std::size_t steps = 0, expected_steps = 0;
    const auto expected = trained(whole, {.epochs = 3, .max_grad_norm = 0.5}, &expected_steps);
    const auto found = trained(part, {.epochs = 3, .accumulate = accumulate, .max_grad_norm = 0.5}, &steps);
    for (std::size_t i = 0; i < expected.size(); ++i)
      CHECK(found[i] == doctest::Approx(expected[i]).epsilon(1e-12));
    CHECK(steps == expected_steps);
  }
}

TEST_CASE("accumulated gradients are means of the samples', also of what the optimizer does not train") {
  const auto gradients = [](std::size_t batch_size, std::size_t accumulate) {
    xgrad::manual_seed(7);
    xgrad::nn::Sequential<double> net{xgrad::nn::Linear<double>(3, 2), xgrad::nn::Linear<double>(2, 1)};
    xgrad::optim::SGD<double> sgd(net[1].parameters(), {.learning_rate = 0.1});
    Loader loader = samples(batch_size);
    std::vector<double> all;
    Options options{.epochs = 1, .accumulate = accumulate};
    options.after_batch = [&](BatchEvent& event) {
      if (event.batch < event.batches) return;
      for (const auto& parameter : net.parameters()) {
        const Values gradient = parameter.grad();
        all.insert(all.end(), gradient.storage().begin(), gradient.storage().end());
      }
    };
    fit(net, sgd, error, loader, options);
    return all;
  };
  const std::vector<double> expected = gradients(10, 1), found = gradients(4, 3);
  REQUIRE(expected.size() == 3 * 2 + 2 + 2 + 1);
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    CHECK(found[i] == doctest::Approx(expected[i]).epsilon(1e-12));
}

TEST_CASE("batches of a step that is to come are told one by one, and a stop waits for the step") {
  std::vector<std::size_t> batches;
  trained(2, {.epochs = 2, .accumulate = 2, .after_batch = [&](BatchEvent& event) {
                batches.push_back(event.batch);
                event.stop = event.batch == 3;
              }});
  CHECK(batches == std::vector<std::size_t>{1, 2, 3, 4});
}

TEST_CASE("a training with accumulation is resumed bit for bit") {
  const TemporaryFolder folder;
  const auto options = [](const std::string& path, std::size_t last) {
    return Options{.epochs = 2,
                   .accumulate = 2,
                   .checkpoints = {.path = path, .every_batches = 1, .resume = true},
                   .after_batch = [=](BatchEvent& event) { event.stop = event.batch == last; }};
  };
  const auto expected = trained(2, options("", 0));
  for (const unsigned last : {1u, 2u, 3u, 5u}) {
    const std::string path = folder / (std::to_string(last) + ".npz");
    CHECK(trained(2, options(path, last)) != expected);
    CHECK(trained(2, options(path, 0)) == expected);
  }
}

TEST_CASE("what cannot accumulate says so") {
  CHECK(message_of([] { trained(2, {.accumulate = 0}); }).find("fit: accumulate is 0") == 0);
  CHECK(
      message_of([] { trained<xgrad::optim::LBFGS<double>>(2, {.accumulate = 2}); }) ==
      "fit: the optimizer evaluates its loss several times in a step, and accumulate goes through each batch "
      "once; make batches larger instead");
}

TEST_CASE("the best model is in its file, by the monitored figure") {
  const TemporaryFolder folder;
  const std::string path = folder / "best.safetensors";
  std::vector<std::vector<double>> after;  // each epoch
  xgrad::nn::Linear<double> net(3, 1);
  xgrad::optim::SGD<double> sgd(net.parameters(), {.learning_rate = 0.3});
  Loader loader = samples(5);
  // A figure that is smallest after the third epoch.
  std::size_t evaluations = 0;
  const Metric<Loader::Batch> figure = {"figure", [&](const auto&, const auto&) {
                                          return std::fabs(static_cast<double>(evaluations++ / 2) - 2.0);
                                        }};
  const auto history = fit(
      net, sgd, error, loader,
      {.epochs = 5,
       .metrics = {figure},
       .monitor = "figure",
       .best_model = {.path = path},
       .after_epoch = [&](EpochEvent&) { after.push_back(xgrad::testing::numbers<double>(net.state())); }});
  CHECK(history.best_epoch == 3);
  xgrad::nn::Linear<double> best(3, 1);
  xgrad::io::load(best, path);
  CHECK(xgrad::testing::numbers<double>(best.state()) == after[2]);
  CHECK(xgrad::testing::numbers<double>(net.state()) == after[4]);  // which goes on from where it ended

  evaluations = 0;
  fit(net, sgd, error, loader,
      {.epochs = 5,
       .metrics = {figure},
       .monitor = "figure",
       .best_model = {.path = path, .mode = xgrad::optim::PlateauMode::max}});
  xgrad::io::load(best, path);  // the first epoch's and the last one's figure are equal: the first stays
  CHECK(xgrad::testing::numbers<double>(best.state()) != xgrad::testing::numbers<double>(net.state()));
}

TEST_CASE("a best model's options that contradict others are refused") {
  const auto refused = [](const Options& options) { return message_of([&] { trained(2, options); }); };
  CHECK(refused({.best_model = {.path = "./a.npz"}, .checkpoints = {.path = "a.npz"}}) ==
        "fit: best_model and checkpoints would both write './a.npz'; give each a file of its own");
  CHECK(refused({.best_model = {.path = "a.npz"}, .checkpoints = {.path = "a.npz"}}) ==
        "fit: best_model and checkpoints would both write 'a.npz'; give each a file of its own");
  CHECK(
      refused({.early_stopping = EarlyStopping{},
               .best_model = {.path = "a.npz", .mode = xgrad::optim::PlateauMode::max}}) ==
      "fit: best_model and early_stopping have different modes, and there is one monitored figure; give both "
      "PlateauMode::min or max");
  CHECK_THROWS_AS(trained(2, {.best_model = {.path = "no/such/folder/a.npz"}}), xgrad::IoError);
  CHECK_THROWS_AS(trained(2, {.best_model = {.path = "a.txt"}}), xgrad::IoError);
}

TEST_CASE("a model whose parameters are all frozen is not trained in silence") {
  xgrad::nn::Linear<double> net(3, 1);
  net.freeze();
  xgrad::optim::SGD<double> sgd(net.parameters(), {.learning_rate = 0.3});
  Loader loader = samples(5);
  CHECK(message_of([&] { fit(net, sgd, error, loader); }) ==
        "fit: all of the model's parameters that the optimizer has are frozen, so nothing would be trained; "
        "unfreeze() some");
}
