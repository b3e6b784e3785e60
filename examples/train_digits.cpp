// Trains a two-layer network on the handwritten digits that come with the library: summary, numerical check
// of the whole network's gradient, mini-batch gradient descent, figures, and a page that shows the training.
#include <charconv>
#include <cstdio>
#include <iostream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <CLI/CLI.hpp>
#include <xgrad/xgrad.hpp>

#include "plot/classification.hpp"

namespace xg = xgrad;

namespace {

constexpr double accuracy_to_reach = 0.96;
constexpr std::size_t pixels = 64, classes = 10;

using Digits = xg::data::TensorDataset<float>;
using Part = xg::data::Subset<Digits>;

struct Options {
  std::size_t epochs = 200;
  std::size_t batch_size = 100;
  std::size_t hidden = 100;
  double learning_rate = 0.1;
  double momentum = 0.9;
  double weight_decay = 0.001;
  std::uint64_t seed = 0;
  std::string output = "out/digits";
  bool no_plots = false;
  bool quick = false;
  /// Of each parameter, so many elements of the gradient are checked numerically.
  std::size_t checked_elements = 10'000;
};

/// Takes finite numbers from `low` to `high`, and says so.
CLI::Validator between(double low, double high) {
  const auto check = [=](const std::string& text) -> std::string {
    double number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error == std::errc() && rest == end && number >= low && number <= high) return {};
    return fmt::format("'{}' is not a number from {} to {}", text, low, high);
  };
  return CLI::Validator(check, fmt::format("{} to {}", low, high));
}

void describe(CLI::App& app, Options& options) {
  app.option_defaults()->always_capture_default();
  app.add_option("--epochs", options.epochs, "How often the training set is gone through")
      ->check(between(1, 100'000));
  app.add_option("--batch-size", options.batch_size, "Samples to one step of gradient descent")
      ->check(between(1, 1437));
  app.add_option("--hidden", options.hidden, "Neurons in the hidden layer")->check(between(1, 10'000));
  app.add_option("--learning-rate", options.learning_rate, "Length of a step, times the gradient")
      ->check(between(0, 1000));
  app.add_option("--momentum", options.momentum, "Part of the last step's velocity that is kept")
      ->check(between(0, 0.9999));
  app.add_option("--weight-decay", options.weight_decay,
                 "Pull of the parameters towards 0, times each of them")
      ->check(between(0, 1000));
  app.add_option("--seed", options.seed, "Of the initial weights and of the order of the training samples")
      ->check(between(0, 1e15));
  app.add_option("--output", options.output, "Folder for the figures and their data; created if missing");
  app.add_flag("--no-plots", options.no_plots, "Write the data of the figures, draw nothing");
  app.add_flag("--quick", options.quick,
               "A small run for tests: 100 epochs, and 20 elements of each parameter's gradient checked");
}

template <class T>
xg::nn::Sequential<T> make_network(std::size_t hidden) {
  return xg::nn::Sequential<T>{xg::nn::Linear<T>(pixels, hidden), xg::nn::ReLU<T>(),
                               xg::nn::Linear<T>(hidden, classes)};
}

/// Compares the gradient of the loss in every parameter with differences, in double; false if they differ.
bool check_gradient(const xg::nn::Sequential<float>& net, const Part& samples, const Options& options) {
  auto precise = make_network<double>(options.hidden);
  const auto from = net.parameters();
  const auto to = precise.parameters();
  for (std::size_t i = 0; i < from.size(); ++i)
    xg::Variable<double>(to[i]).set_value(xt::cast<double>(from[i].value()));

  const auto batch = samples.batch(std::vector<std::size_t>{0, 1, 2, 3, 4});
  const auto images = xg::constant(xt::cast<double>(batch.inputs.value()));
  const auto report = xg::gradcheck([&] { return xg::nn::cross_entropy(precise(images), batch.targets); },
                                    precise.parameters(), {.max_elements = options.checked_elements});
  std::cout << "The network's gradient against central differences, in double, on 5 samples:\n"
            << report << '\n';
  return report.ok();
}

/// Every fifth sample is for the test, whatever the seed: samples by the same hand stand together in the
/// file, so each writer has a part in both, and runs compare.
std::pair<Part, Part> split(const Digits& digits) {
  std::vector<std::size_t> training, test;
  for (std::size_t i = 0; i < digits.size(); ++i) (i % 5 == 0 ? test : training).push_back(i);
  return {Part(digits, training), Part(digits, test)};
}

std::size_t count_right(const xg::Indices& predicted, const xg::Indices& truth) {
  std::size_t right = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) right += predicted(i) == truth(i) ? 1 : 0;
  return right;
}

xg::Indices predict(xg::nn::Module<float>& net, const xg::Variable<float>& images) {
  const xg::NoGrad off;
  return xg::argmax(net(images), 1);
}

std::vector<plot::EpochRecord> train(xg::nn::Sequential<float>& net, const Part& samples, const Part& test,
                                     const Options& options, const std::string& report) {
  xg::optim::SGD<float> sgd(net.parameters(), {.learning_rate = options.learning_rate,
                                               .momentum = options.momentum,
                                               .weight_decay = options.weight_decay});
  xg::data::DataLoader loader(samples,
                              {.batch_size = options.batch_size, .shuffle = true, .seed = options.seed});
  xg::data::DataLoader test_loader(test, {.batch_size = test.size()});
  const auto loss = [](const auto& logits, const auto& labels) {
    return xg::nn::cross_entropy(logits, labels);
  };
  const auto history = xg::train::fit(net, sgd, loss, loader,
                                      {.epochs = options.epochs,
                                       .validation = &test_loader,
                                       .metrics = {{"accuracy", xg::train::accuracy<float>}},
                                       .progress = &std::cout,
                                       .report = report,
                                       .report_options = {.image = {8, 8}}});
  std::vector<plot::EpochRecord> epochs;
  for (const auto& e : history.epochs)
    epochs.push_back({e.epoch, e.loss, *e.validation_loss, e.metrics[0], e.validation_metrics[0], e.seconds});
  return epochs;
}

/// Mistakes first, at most a row of them for each row of what is right.
std::vector<plot::Sample> choose_samples(const Digits::Batch& test, const xg::Indices& predicted) {
  constexpr std::size_t shown = 32, most_mistakes = 16;
  const xg::Array<float> images = test.inputs.value();
  std::vector<plot::Sample> right, chosen;
  for (std::size_t i = 0; i < predicted.size(); ++i) {
    const float* first = images.storage().data() + i * pixels;
    plot::Sample sample{{first, first + pixels},
                        static_cast<std::size_t>(test.targets(i)),
                        static_cast<std::size_t>(predicted(i))};
    if (sample.truth == sample.predicted) {
      right.push_back(std::move(sample));
    } else if (chosen.size() < most_mistakes) {
      chosen.push_back(std::move(sample));
    }
  }
  for (std::size_t i = 0; i < right.size() && chosen.size() < shown; ++i)
    chosen.push_back(std::move(right[i]));
  return chosen;
}

std::vector<std::vector<std::size_t>> confusion(const xg::Indices& truth, const xg::Indices& predicted) {
  std::vector<std::vector<std::size_t>> counts(classes, std::vector<std::size_t>(classes));
  for (std::size_t i = 0; i < truth.size(); ++i)
    ++counts[static_cast<std::size_t>(truth(i))][static_cast<std::size_t>(predicted(i))];
  return counts;
}

void draw(plot::Drawing& drawing, xg::nn::Sequential<float>& net, const Digits::Batch& test,
          const xg::Indices& predicted, const std::vector<plot::EpochRecord>& history,
          const Options& options) {
  plot::training_curves(
      drawing, fmt::format("A {}-{}-{} network learns handwritten digits", pixels, options.hidden, classes),
      history, accuracy_to_reach);
  plot::confusion_matrix(drawing,
                         fmt::format("The network is right on {} of {} test samples",
                                     count_right(predicted, test.targets), test.targets.size()),
                         confusion(test.targets, predicted));
  plot::sample_predictions(drawing, "What the network says to test samples (mistakes in orange)",
                           choose_samples(test, predicted), 8);

  xg::io::DotOptions<float> names{.names = {{test.inputs, "images"}}};
  for (const auto& [name, parameter] : net.named_parameters()) names.names.emplace_back(parameter, name);
  drawing.graphviz("graph", xg::io::to_dot(xg::nn::cross_entropy(net(test.inputs), test.targets), names));
}

int run(const Options& options) {
  plot::Drawing drawing(options.output, !options.no_plots);
  xg::manual_seed(options.seed);
  const auto digits = xg::data::load_digits<float>();
  const auto [training, test_part] = split(xg::data::TensorDataset(digits.images, digits.labels));
  const auto test = xg::data::whole(test_part);

  auto net = make_network<float>(options.hidden);
  std::cout << net.summary({options.batch_size, pixels}) << '\n';
  if (!check_gradient(net, training, options)) {
    std::cerr << "train_digits: the network's gradient is wrong, see the report above\n";
    return 1;
  }
  const std::string report = (drawing.folder() / "report.html").string();
  std::cout << fmt::format(
                   "Training on {} samples, testing on {}; {} shows it in a browser while it goes on:\n",
                   training.size(), test_part.size(), report)
            << std::flush;
  const auto history = train(net, training, test_part, options, report);
  const xg::Indices predicted = predict(net, test.inputs);
  draw(drawing, net, test, predicted, history, options);

  const std::size_t right = count_right(predicted, test.targets);
  const double accuracy = static_cast<double>(right) / static_cast<double>(test_part.size());
  for (const std::string& remark : drawing.remarks()) std::cout << remark << '\n';
  std::cout << fmt::format(
      "Test accuracy {:.2f} % ({} of {}). Figures and their data are in {}, the report is {}\n",
      100 * accuracy, right, test_part.size(), drawing.folder().string(), report);
  if (accuracy >= accuracy_to_reach) return 0;
  std::cerr << fmt::format(
      "train_digits: {:.0f} % were to be reached; try more --epochs or another --learning-rate\n",
      100 * accuracy_to_reach);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Trains a two-layer network on 8x8 images of handwritten digits, and draws what became of it.",
               "train_digits");
  describe(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    std::cerr << "train_digits: " << error.what() << "; --help lists the options\n";
    return 2;
  }
  if (options.quick) {
    options.checked_elements = 20;
    if (app.count("--epochs") == 0) options.epochs = 100;
  }
  try {
    return run(options);
  } catch (const xg::Error& error) {
    std::cerr << "train_digits: " << error.what() << '\n';
    return 1;
  }
}
