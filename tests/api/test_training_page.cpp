// The programs of docs/training.md, letter for letter but for the indentation: tests/api/check_page.cmake
// compares.
#include <doctest/doctest.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <string>
#include <xgrad/xgrad.hpp>
namespace xg = xgrad;

#include <unistd.h>

namespace {

/// An empty folder to write into while it lives.
class Folder {
 public:
  Folder() : before_(std::filesystem::current_path()) {
    folder_ = std::filesystem::temp_directory_path() / ("xgrad_page_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
    std::filesystem::current_path(folder_);
  }
  ~Folder() {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(folder_);
  }

 private:
  std::filesystem::path before_, folder_;
};

/// What the page's programs find around them.
struct Around {
  Around() { xg::manual_seed(0); }

  xg::data::Digits<float> digits = xg::data::load_digits<float>();
  xg::data::DataLoader<xg::data::TensorDataset<float>> loader{
      {digits.images, digits.labels}, {.batch_size = 100, .shuffle = true, .seed = 0}};
  xg::data::DataLoader<xg::data::TensorDataset<float>> validation{{digits.images, digits.labels},
                                                                  {.batch_size = 600}};
  xg::nn::Sequential<float> net{xg::nn::Linear<float>(64, 32), xg::nn::ReLU<float>(),
                                xg::nn::Linear<float>(32, 10)};
  xg::optim::Adam<float> adam{net.parameters(), {.learning_rate = 0.003}};
};

}  // namespace

TEST_CASE("the training page's figures of a whole data set") {
  Around around;
  auto& [digits, loader, validation, net, adam] = around;

  xg::NoGrad off;
  net.eval();
  xg::Indices counts({10, 10}, 0);
  for (const auto& [images, labels] : validation) counts += xg::train::confusion_matrix(net(images), labels);
  const double macro = xg::train::f1_score(counts);  // or xg::train::Average::micro
  const xg::Array<double> of_each = xg::train::f1_scores(counts);

  CHECK(counts == xg::train::confusion_matrix(net(xg::constant(digits.images)), digits.labels));
  CHECK(of_each.size() == 10);
  CHECK(macro == doctest::Approx(xt::mean(of_each)()));
}

TEST_CASE("the training page's first program trains, and saves its history") {
  const Folder folder;
  Around around;
  auto& [digits, loader, validation, net, adam] = around;

  const auto loss = [](const auto& logits, const auto& labels) {
    return xg::nn::cross_entropy(logits, labels);
  };
  const auto history = xg::train::fit(
      net, adam, loss, loader,
      {.epochs = 20, .validation = &validation, .metrics = {{"accuracy", xg::train::accuracy<float>}}});
  history.save("history.csv");  // or .json

  CHECK(history.epochs.size() == 20);
  CHECK(history.epochs[19].validation_metrics[0] > 0.95);
  CHECK(std::filesystem::file_size("history.csv") > 500);
}

TEST_CASE("the training page's report is written") {
  const Folder folder;
  Around around;
  auto& [digits, loader, validation, net, adam] = around;
  const auto loss = [](const auto& logits, const auto& labels) {
    return xg::nn::cross_entropy(logits, labels);
  };
  const auto history = xg::train::fit(net, adam, loss, loader,
                                      {.epochs = 20,
                                       .validation = &validation,
                                       .metrics = {{"accuracy", xg::train::accuracy<float>}},
                                       .report = "run.html",
                                       .report_options = {.image = {8, 8}}});

  CHECK(history.epochs.size() == 20);
  CHECK(std::filesystem::file_size("run.html") > 50'000);
}

TEST_CASE("the training page's callbacks print, and end the training") {
  Around around;
  auto& [digits, loader, validation, net, adam] = around;
  const auto loss = [](const auto& logits, const auto& labels) {
    return xg::nn::cross_entropy(logits, labels);
  };
  std::ostringstream printed;
  std::streambuf* const console = std::cout.rdbuf(printed.rdbuf());

  const auto history = xg::train::fit(
      net, adam, loss, loader,
      {.epochs = 100,
       .after_batch = [](xg::train::BatchEvent& event) { event.stop = event.loss > 100; },
       .after_epoch =
           [](xg::train::EpochEvent& event) {
             std::cout << event.record.epoch << ": " << event.record.loss << '\n';
             event.stop = event.record.loss < 0.1;
           }});

  std::cout.rdbuf(console);
  CHECK(history.epochs.size() < 100);
  CHECK(history.epochs.back().loss < 0.1);
  CHECK(printed.str().starts_with("1: "));
}

TEST_CASE("the training page's checkpoint is gone on from after a signal") {
  const Folder folder;
  const auto train = [](std::size_t signal_in_epoch) {
    Around around;
    auto& [digits, loader, validation, net, adam] = around;
    const auto loss = [&loader = loader, signal_in_epoch](const auto& logits, const auto& labels) {
      if (loader.epoch() == signal_in_epoch) std::raise(SIGTERM);
      return xg::nn::cross_entropy(logits, labels);
    };

    const auto history =
        xg::train::fit(net, adam, loss, loader,
                       {.epochs = 20,
                        .checkpoints = {.path = "run.safetensors", .every_epochs = 1, .resume = true},
                        .stop_on_signals = true});
    if (history.interrupted) return 1;  // run it again to go on

    CHECK(history.epochs.size() == 20);
    return 0;
  };
  CHECK(train(3) == 1);
  CHECK(std::filesystem::exists("run.safetensors"));
  CHECK(train(1000) == 0);
}

TEST_CASE("the training page's update by hand finds the minimum") {
  const auto target = xg::constant(xt::xarray<double>{1, 2});
  auto w = xg::parameter(xt::zeros<double>({2}));
  for (int step = 0; step < 100; ++step) {
    xg::sum(xg::square(w - target)).backward();
    xg::NoGrad off;
    w -= 0.1 * w.grad();
    w.zero_grad();
  }

  CHECK(xt::allclose(w.value(), target.value()));  // the distance shrinks to 0.8 of itself in a step
}

TEST_CASE("the training page's update by hand changes the network") {
  Around around;
  auto& net = around.net;
  const auto& digits = around.digits;
  const auto loss = [&] { return xg::nn::cross_entropy(net(xg::constant(digits.images)), digits.labels); };
  const auto before = loss();
  before.backward();
  {
    xg::NoGrad off;
    for (auto p : net.parameters()) p -= 0.1 * p.grad();
  }
  CHECK(loss().item() < before.item());
}

TEST_CASE("the training page's steps with a closure lower the loss") {
  Around around;
  auto& net = around.net;
  const auto& digits = around.digits;
  const auto loss = [](const auto& logits, const auto& labels) {
    return xg::nn::cross_entropy(logits, labels);
  };
  const auto constant = xg::constant(digits.images);

  xg::data::DataLoader whole(xg::data::TensorDataset<float>(digits.images, digits.labels),
                             {.batch_size = digits.labels.size()});
  xg::optim::LBFGS<float> lbfgs(net.parameters(), {.max_iter = 10});
  const auto history = xg::train::fit(net, lbfgs, loss, whole, {.epochs = 5});

  const double before = lbfgs.step([&] {
    net.zero_grad();
    const auto mean = xg::nn::cross_entropy(net(constant), digits.labels);
    mean.backward();
    return mean;
  });

  // Ten classes at random: log 10.
  CHECK(history.epochs[0].loss == doctest::Approx(std::log(10.0)).epsilon(0.2));
  CHECK(history.epochs[4].loss < 0.5);
  CHECK(before < history.epochs[4].loss);
}
