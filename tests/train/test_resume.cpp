#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/xgrad.hpp>

#include "../io/temporary_folder.hpp"
#include "../message_of.hpp"
#include "spirals.hpp"

#if defined(__unix__)
#include <sys/wait.h>
#include <unistd.h>
#endif

using namespace xgrad::train;
using xgrad::testing::bits;
using xgrad::testing::figures;
using xgrad::testing::message_of;
using xgrad::testing::TemporaryFolder;
using xgrad::testing::Training;

namespace {

constexpr std::size_t epochs = 5;

/// With all that a checkpoint must keep.
template <class T>
auto options_for(Training<T>& t, const std::string& path) {
  auto options = t.options(epochs);
  options.early_stopping = EarlyStopping{.patience = 100};
  options.checkpoints = {.path = path, .every_epochs = 0, .resume = true};
  return options;
}

template <class T>
struct Outcome {
  std::vector<T> bits;
  std::vector<double> figures;
  std::size_t best_epoch;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

/// A training from the beginning, or from where the file is.
template <class T>
Outcome<T> train_on(const std::string& path) {
  Training<T> t;
  xgrad::manual_seed(11);
  const History history = t.fit(options_for(t, path));
  CHECK(history.epochs.size() == epochs);
  return {bits(t), figures(history), history.best_epoch};
}

/// Ends it after so many batches of epoch `epoch`.
template <class T>
void train_until(const std::string& path, std::size_t epoch, std::size_t batch) {
  Training<T> t;
  xgrad::manual_seed(11);
  auto options = options_for(t, path);
  options.after_batch = [=](BatchEvent& event) { event.stop = event.epoch == epoch && event.batch == batch; };
  t.fit(options);
}

}  // namespace

TEST_CASE_TEMPLATE("a training that is resumed ends as one that was never interrupted, bit for bit", T, float,
                   double) {
  const TemporaryFolder folder;
  const Outcome<T> expected = train_on<T>("");
  for (const char* ending : {".safetensors", ".npz"}) {
    const std::string path = folder / (std::string("training") + ending);
    train_until<T>(path, 1, 1);
    train_until<T>(path, 1, 5);
    train_until<T>(path, 3, 8);  // the last batch of an epoch, before its validation
    train_until<T>(path, 4, 2);
    CHECK(train_on<T>(path) == expected);
    CHECK(train_on<T>(path) == expected);  // there is nothing left to do
  }
}

TEST_CASE("a loader that has drawn its seed goes on in the order in which the training began") {
  using namespace xgrad;
  const TemporaryFolder folder;
  const auto train = [&](std::uint64_t random, std::size_t most, data::LoaderSeed seed = {}) {
    manual_seed(random);
    const data::TensorDataset samples(
        array<double>(std::vector<double>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {10, 1}), zeros<double>({10, 1}));
    data::DataLoader loader(samples, {.batch_size = 2, .shuffle = true, .seed = seed});
    nn::Linear<double> net(1, 1);
    optim::SGD sgd(net.parameters(), {.learning_rate = 1e-3});
    std::size_t batches = 0;
    fit(net, sgd,
        [&](const Variable<double>& y, const Variable<double>& t) { return nn::mean_squared_error(y, t); },
        loader,
        {.epochs = 2,
         .checkpoints = {.path = folder / "training.npz", .resume = true},
         .after_batch = [&](BatchEvent& event) { event.stop = ++batches == most; }});
    return loader.options().seed.number();
  };
  const auto first = train(1, 3), second = train(2, 100);
  CHECK(first == second);
  CHECK(message_of<IoError>([&] { train(3, 100, 5); }).find("; give the loader that .seed, or none") !=
        std::string::npos);
}

TEST_CASE("checkpoints are written after epochs and after batches, as asked") {
  const TemporaryFolder folder;
  const Outcome<double> expected = train_on<double>("");
  for (const auto& [every_epochs, every_batches] :
       {std::pair<std::size_t, std::size_t>{2, 0}, {0, 3}, {1, 8}}) {
    const std::string path = folder / "training.npz";
    std::remove(path.c_str());
    {
      Training<double> t;
      xgrad::manual_seed(11);
      auto options = options_for(t, path);
      options.checkpoints.every_epochs = every_epochs;
      options.checkpoints.every_batches = every_batches;
      options.after_batch = [](BatchEvent& event) {
        if (event.epoch == 4 && event.batch == 5) throw 1;
      };
      CHECK_THROWS_AS(t.fit(options), int);
    }
    Training<double> t;
    auto options = options_for(t, path);
    std::vector<std::size_t> first;
    options.after_batch = [&](BatchEvent& event) {
      if (first.empty()) first = {event.epoch, event.batch};
    };
    t.fit(options);
    const auto next = every_batches == 3   ? std::vector<std::size_t>{4, 4}
                      : every_batches == 8 ? std::vector<std::size_t>{4, 1}
                                           : std::vector<std::size_t>{3, 1};
    CHECK(first == next);
    CHECK(bits(t) == expected.bits);
  }
}

TEST_CASE("the model of a checkpoint is an ordinary state, and more epochs go on from the end") {
  const TemporaryFolder folder;
  const std::string path = folder / "training.safetensors";
  Training<float> t;
  auto options = t.options(1);
  options.checkpoints = {.path = path};
  t.fit(options);
  xgrad::io::NamedArrays<float> model;
  for (const auto& [name, array] : xgrad::io::load_arrays<float>(path))
    if (name.starts_with("model.")) model.emplace_back(name.substr(6), array);
  auto other = xgrad::testing::network<float>();
  other.load_state(model);
  CHECK(xgrad::testing::numbers<float>(other.state()) == xgrad::testing::numbers<float>(t.net.state()));

  Training<float> longer;
  options = longer.options(2);
  options.checkpoints = {.path = path, .resume = true};
  CHECK(longer.fit(options).epochs.size() == 2);
  CHECK(longer.loader.epoch() == 2);
}

TEST_CASE("an early stop stays one when it is resumed") {
  const TemporaryFolder folder;
  for (int run = 0; run < 2; ++run) {
    Training<double> t;
    auto options = t.options(50);
    options.metrics = {{"constant", [](const auto&, const auto&) { return 1.0; }}};
    options.monitor = "constant";
    options.early_stopping = EarlyStopping{.patience = 2};
    options.checkpoints = {.path = folder / "training.npz", .resume = true};
    const History history = t.fit(options);
    CHECK(history.stopped_early);
    CHECK(history.epochs.size() == 3);
    CHECK(history.best_epoch == 1);
  }
}

TEST_CASE("another training's checkpoint is refused, and changes nothing") {
  const TemporaryFolder folder;
  const std::string path = folder / "training.npz";
  train_until<double>(path, 2, 3);
  Training<double> t;
  const auto before = bits(t);
  auto options = options_for(t, path);
  const auto refused = [&] {
    const std::string message = message_of([&] { t.fit(options); });
    CHECK(bits(t) == before);
    CHECK(t.loader.epoch() == 0);
    return message;
  };

  options.scheduler = nullptr;
  CHECK(refused() ==
        "load: " + path +
            ": fit: it has a schedule's state; give the scheduler or plateau that it was written with");
  options = options_for(t, path);
  options.metrics.clear();
  CHECK(refused().find("'sums.accuracy'") != std::string::npos);
  options = options_for(t, path);
  options.validation = {};
  CHECK(refused().find("'history.validation_loss'") != std::string::npos);

  options = options_for(t, path);
  t.loader = Training<double>::Loader(xgrad::testing::spirals<double>(), {.batch_size = 30});
  CHECK(refused() ==
        "load: " + path +
            ": fit: it was written in the middle of an epoch of 8 batches, and here are 2; give the "
            "loader that it was written with");

  xgrad::testing::write_bytes(path, "no checkpoint");
  CHECK_THROWS_AS(t.fit(options), xgrad::IoError);
  CHECK(bits(t) == before);
}

TEST_CASE("the first epoch after a resume has its line of progress") {
  const TemporaryFolder folder;
  const std::string path = folder / "training.npz";
  Training<double> first, second;
  auto options = first.options(12);
  options.checkpoints = {.path = path, .resume = true};
  first.fit(options);
  std::ostringstream out;
  options = second.options(20);
  options.checkpoints = {.path = path, .resume = true};
  options.progress = &out;
  second.fit(options);
  // Every second one has a line otherwise.
  CHECK(out.str().starts_with("epoch 13/20  loss "));
}

TEST_CASE("a validation that a signal cuts short is done again, from the batches that it began with") {
  using Labels = std::vector<std::int64_t>;
  // The labels of every validation batch, in order; a signal comes in the third batch of the second epoch's.
  const auto run = [](Training<double>& t, const std::string& path, bool interrupted) {
    Labels seen;
    int validations = 0;
    auto options = t.options(3);
    options.checkpoints = {.path = path, .every_epochs = 0, .resume = true};
    options.stop_on_signals = true;
    options.metrics = {{"seen", [&](const auto&, const auto& labels) {
                          if (t.net.is_training()) return 0.0;
                          seen.insert(seen.end(), labels.begin(), labels.end());
                          const std::size_t batches = t.validation.size();
                          if (interrupted && ++validations == static_cast<int>(batches) + 3)
                            std::raise(SIGTERM);
                          xgrad::generator().next();
                          return 1.0;
                        }}};
    const History history = t.fit(options);
    CHECK(history.interrupted == interrupted);
    return seen;
  };
  const TemporaryFolder folder;
  Training<double> once, cut, resumed;
  xgrad::manual_seed(11);
  const Labels expected = run(once, folder / "once.npz", false);
  const std::size_t samples = expected.size() / 3;

  const std::string path = folder / "training.npz";
  xgrad::manual_seed(11);
  const Labels before = run(cut, path, true);
  CHECK(before.size() == samples + 15);
  CHECK(cut.validation.epoch() == 1);  // the second pass is still to come
  const Labels after = run(resumed, path, false);
  CHECK(after == Labels(expected.begin() + static_cast<std::ptrdiff_t>(samples), expected.end()));
  CHECK(bits(resumed) == bits(once));
}

#if defined(__unix__)

TEST_CASE("child: a training that a signal ends" * doctest::skip()) {
  const std::string path = std::getenv("XGRAD_TEST_CHECKPOINT");
  Training<float> t;
  xgrad::manual_seed(11);
  auto options = options_for(t, path);
  options.stop_on_signals = true;
  // Batches that take their time, and a file that says that the third epoch has begun.
  options.after_batch = [&](BatchEvent& event) {
    if (event.epoch == 3 && event.batch == 2) xgrad::testing::write_bytes(path + ".begun", "");
    if (event.epoch >= 3) usleep(50'000);
  };
  const History history = t.fit(options);
  _exit(history.interrupted && history.epochs.size() < epochs ? 42 : 1);
}

TEST_CASE("SIGTERM and SIGINT end a training with a checkpoint that it goes on from, bit for bit") {
  const Outcome<float> expected = train_on<float>("");
  for (const int signal : {SIGTERM, SIGINT}) {
    const TemporaryFolder folder;
    const std::string path = folder / "training.safetensors";
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child == 0) {
      setenv("XGRAD_TEST_CHECKPOINT", path.c_str(), 1);
      execl("/proc/self/exe", "test", "--test-case=child: a training that a signal ends", "--no-skip",
            "--minimal", static_cast<char*>(nullptr));
      _exit(1);
    }
    int status = -1;
    while (!std::ifstream(path + ".begun")) {
      REQUIRE(waitpid(child, &status, WNOHANG) == 0);
      usleep(1000);
    }
    kill(child, signal);
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 42);
    REQUIRE(std::ifstream(path).good());
    CHECK(train_on<float>(path) == expected);
  }
}

#endif

TEST_CASE("io::load takes a checkpoint's model out of it, the last one or the best") {
  const TemporaryFolder folder;
  const std::string path = folder / "training.safetensors";
  Training<float> t;
  auto options = options_for(t, path);
  options.epochs = 2;
  options.checkpoints = {.path = path};
  t.fit(options);
  xgrad::nn::Sequential<float> last = xgrad::testing::network<float>(),
                               best = xgrad::testing::network<float>();
  xgrad::io::load(best, path, {.prefix = "best."});
  const auto report = xgrad::io::load(last, path, {.prefix = "model."});
  CHECK(report.missing.empty());
  CHECK(report.unexpected.empty());
  // fit leaves the best model behind, which may be the last.
  CHECK(xgrad::testing::numbers<float>(best.state()) == xgrad::testing::numbers<float>(t.net.state()));

  // A network that has more: the part that is there is loaded.
  xgrad::nn::Sequential<float> longer = xgrad::testing::network<float>();
  longer.append(xgrad::nn::Linear<float>(3, 2));
  CHECK(xgrad::io::load(longer, path, {.prefix = "model.", .strict = false}).missing ==
        std::vector<std::string>{"4.weight", "4.bias"});
  CHECK(longer.parameters()[0].value() == last.parameters()[0].value());
  CHECK(message_of([&] { xgrad::io::load(longer, path); }).ends_with("give .prefix = \"model.\""));
}
