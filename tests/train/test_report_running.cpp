// The page of a training while it runs, when it is resumed, and what is drawn and measured beside it.
#include <chrono>
#include <csignal>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/xgrad.hpp>

#include "../io/temporary_folder.hpp"
#include "../message_of.hpp"
#include "other_dot.hpp"
#include "report_data.hpp"
#include "spirals.hpp"

using namespace xgrad::train;
using xgrad::testing::bits;
using xgrad::testing::check_rows;
using xgrad::testing::data_of;
using xgrad::testing::figures;
using xgrad::testing::Json;
using xgrad::testing::message_of;
using xgrad::testing::norm;
using xgrad::testing::read_bytes;
using xgrad::testing::SearchPath;
using xgrad::testing::TemporaryFolder;
using xgrad::testing::Training;
using xgrad::testing::with_dot;

TEST_CASE("the page is whole after every epoch, and says how far it is") {
  const TemporaryFolder folder;
  Training<double> t;
  auto options = t.options(5);
  options.report = folder / "run.html";
  std::vector<double> losses;
  options.after_batch = [&](BatchEvent& event) {
    if (event.epoch == 1 && event.batch == 1) {
      const Json data = data_of(options.report);
      CHECK(data["rows"].empty());
      CHECK(data["state"] == "running");
    }
  };
  options.after_epoch = [&](EpochEvent& event) {
    const Json data = data_of(options.report);
    CHECK(data["state"] == "running");
    CHECK(data["rows"].size() == event.record.epoch - 1);  // its own page comes after what it does
    losses.push_back(event.record.loss);
  };
  t.fit(options);
  REQUIRE(losses.size() == 5);
  for (std::size_t i = 0; i < 5; ++i) CHECK(data_of(options.report)["rows"][i][1] == losses[i]);
  CHECK(data_of(options.report)["profile"]["which"] == "batch 4");  // the callback may want to profile
  CHECK(folder.file_count() == 1);
}

TEST_CASE("within a long epoch the page says how far it is") {
  const TemporaryFolder folder;
  Training<double> t;
  auto options = t.options(1);
  options.report = folder / "run.html";
  double sum = 0;
  options.after_batch = [&](BatchEvent& event) {
    sum += event.loss;
    if (event.batch == 2) std::this_thread::sleep_for(std::chrono::milliseconds(2100));
    if (event.batch != 4) return;
    const Json progress = data_of(options.report)["progress"];
    CHECK(progress["batch"] == 3);
    CHECK(progress["batches"] == 8);
    CHECK(progress["loss"].get<double>() == doctest::Approx((sum - event.loss) / 3));
  };
  t.fit(options);
}

TEST_CASE("the page says how the training ended") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.html";
  const auto end_of = [&](auto&& change) {
    Training<double> t;
    auto options = t.options(6);
    options.report = path;
    change(options);
    t.fit(options);
    const Json data = data_of(path);
    return data["state"].get<std::string>() + ": " + data["sentence"].get<std::string>();
  };
  CHECK(end_of([](auto& options) {
          options.after_batch = [](BatchEvent& event) { event.stop = event.epoch == 2; };
        }) == "stopped: after 1 whole epoch, by a callback");
  CHECK(end_of([](auto& options) {
          options.stop_on_signals = true;
          options.after_batch = [](BatchEvent& event) {
            if (event.epoch == 3) std::raise(SIGTERM);
          };
        }) == "stopped: after 2 whole epochs, by a signal");
  int epoch = 0;
  CHECK(end_of([&](auto& options) {
          options.metrics = {{"scripted", [&](const auto&, const auto&) { return epoch == 1 ? 0.0 : 1.0; }}};
          options.after_epoch = [&](EpochEvent&) { ++epoch; };
          options.monitor = "scripted";
          options.early_stopping = EarlyStopping{.patience = 2};
        }) ==
        "stopped early: after 4 epochs, of which the last 2 were no better; the model is that of epoch 2");
  CHECK(end_of([](auto& options) {
          options.early_stopping = EarlyStopping{.patience = 100};
        }).starts_with("finished: after 6 epochs; the model is that of epoch "));

  Training<double> t;
  auto options = t.options(6);
  options.report = path;
  options.after_batch = [](BatchEvent& event) {
    if (event.epoch == 2) throw std::runtime_error("the <b>disk</b> is gone");
  };
  CHECK_THROWS_WITH_AS(t.fit(options), "the <b>disk</b> is gone", std::runtime_error);
  const Json data = data_of(path);
  CHECK(data["state"] == "failed");
  CHECK(data["sentence"] == "after 1 whole epoch: the <b>disk</b> is gone");
  CHECK(data["rows"].size() == 1);
}

TEST_CASE("a page that cannot be written any more costs neither the training nor its history") {
  const TemporaryFolder folder;
  const std::string sub = folder / "sub";
  for (const std::size_t back : {std::size_t{4}, std::size_t{99}}) {
    std::filesystem::create_directory(sub);
    Training<double> plain, t;
    xgrad::manual_seed(5);
    const History expected = plain.fit(plain.options(6));
    xgrad::manual_seed(5);
    auto options = t.options(6);
    options.report = sub + "/run.html";
    std::ostringstream printed;
    options.progress = &printed;
    options.checkpoints = {.path = folder / "run.npz"};
    options.after_epoch = [&](EpochEvent& event) {
      if (event.record.epoch == 2) std::filesystem::remove_all(sub);
      if (event.record.epoch == back) std::filesystem::create_directory(sub);
      if (event.record.epoch == back + 1) CHECK(data_of(options.report)["rows"].size() == back);
    };
    CHECK(figures(t.fit(options)) == figures(expected));
    CHECK(bits(t) == bits(plain));
    CHECK(std::filesystem::exists(sub) == (back == 4));
    if (back == 4) CHECK(data_of(options.report)["state"] == "finished");
    CHECK((printed.str().find("The report was not finished: ") != std::string::npos) == (back == 99));
    // Said while there is time to do something about it, and not at every epoch.
    const std::string told = "The report could not be written, and the training goes on: ";
    const std::size_t first = printed.str().find(told);
    CHECK(first < printed.str().find("epoch 4/"));
    CHECK(printed.str().find(told, first + 1) == std::string::npos);
    CHECK(std::filesystem::exists(folder / "run.npz"));
  }
}

TEST_CASE("a page's profile is of batches alone, however short the epochs are") {
  const TemporaryFolder folder;
  for (const std::size_t batches : {std::size_t{1}, std::size_t{3}}) {
    Training<double> t;
    Training<double>::Loader loader(xgrad::testing::spirals<double>(),
                                    {.batch_size = batches == 1 ? 60u : 20u});
    REQUIRE(loader.size() == batches);
    auto options = t.options(6);
    options.report = folder / "run.html";
    const auto loss = [](const auto& y, const auto& labels) { return xgrad::nn::cross_entropy(y, labels); };
    xgrad::train::fit(t.net, t.adam, loss, loader, options);
    const Json profile = data_of(options.report)["profile"];
    const std::size_t profiled = batches == 1 ? 1 : 3;
    CHECK(profile["which"] == (batches == 1 ? "batch 4" : "batches 4 to 6"));
    std::size_t seen = 0;
    for (const Json& row : profile["operation"])
      if (row["name"] == "cross_entropy" || row["name"] == "Adam") {
        CHECK(row["calls"] == profiled);
        ++seen;
      }
    CHECK(seen == 2);
  }
}

TEST_CASE("an epoch that is resumed after its last batch has no norm of gradients") {
  const TemporaryFolder folder;
  const auto options_for = [&](Training<double>& t) {
    auto options = t.options(2);
    options.report = folder / "run.html";
    options.checkpoints = {.path = folder / "run.npz", .resume = true};
    return options;
  };
  Training<double> first, second;
  auto options = options_for(first);
  options.after_batch = [](BatchEvent& event) { event.stop = event.batch == event.batches; };
  first.fit(options);
  second.fit(options_for(second));
  const Json norms = data_of(options.report)["norms"];
  REQUIRE(norms.size() == 2);
  CHECK(norms[0][1] == "not measured");
  CHECK(norms[0][2].is_number());
  CHECK(norms[1][1].is_number());
}

TEST_CASE("a resumed training shows the epochs of before, and what their page had") {
  const TemporaryFolder folder;
  const auto options_for = [&](Training<double>& t, std::size_t epochs) {
    auto options = t.options(epochs);
    options.report = folder / "run.html";
    options.checkpoints = {.path = folder / "run.npz", .resume = true};
    return options;
  };
  Training<double> first, second, third;
  first.fit(options_for(first, 3));
  const Json before = data_of(folder / "run.html");
  const History history = second.fit(options_for(second, 5));
  Json data = data_of(folder / "run.html");
  check_rows(data, history);
  CHECK(data["rows"].size() == 5);
  CHECK(data["resumed_after"] == 3);
  REQUIRE(data["norms"].size() == 5);
  for (std::size_t i = 0; i < 3; ++i) CHECK(data["norms"][i] == before["norms"][i]);

  // Nothing is left to do, and nothing is lost.
  third.fit(options_for(third, 5));
  const Json after = data_of(folder / "run.html");
  for (const char* part : {"rows", "norms", "summary", "graph", "profile", "mistakes", "parameters"})
    CHECK(after[part] == data[part]);

  // The page of another training is none of this one's, nor is what is no page.
  for (const std::string& other : {read_bytes(folder / "run.html"), std::string("{}")}) {
    std::filesystem::remove(folder / "run.npz");
    Training<double> again;
    auto options = options_for(again, 1);
    again.adam.set_learning_rate(0.5);
    options.scheduler = nullptr;
    options.report = {};
    again.fit(options);
    xgrad::testing::write_bytes(folder / "run.html", other);
    options.epochs = 2;
    options.report = folder / "run.html";
    Training<double> resumed;
    options.validation = &resumed.validation;
    resumed.fit(options);
    data = data_of(folder / "run.html");
    CHECK(data["rows"].size() == 2);
    CHECK(data["norms"].size() == 1);
  }
}

TEST_CASE("a page that is further on than the checkpoint lends nothing of a later epoch") {
  const TemporaryFolder folder;
  const auto options_for = [&](Training<double>& t) {
    auto options = t.options(3);
    options.report = folder / "run.html";
    options.checkpoints = {.path = folder / "run.npz", .resume = true};
    return options;
  };
  Training<double> first, second;
  auto options = options_for(first);
  options.checkpoints.every_epochs = 1;
  options.after_epoch = [&](EpochEvent& event) {
    if (event.record.epoch == 2) std::filesystem::copy_file(folder / "run.npz", folder / "kept.npz");
  };
  first.fit(options);
  REQUIRE(data_of(folder / "run.html")["mistakes"]["epoch"] == 3);
  std::filesystem::rename(folder / "kept.npz", folder / "run.npz");
  options = options_for(second);
  options.after_batch = [&](BatchEvent& event) { event.stop = true; };
  CHECK(second.fit(options).epochs.size() == 1);
  const Json data = data_of(folder / "run.html");
  CHECK(data["rows"].size() == 1);
  CHECK(data["norms"].size() == 1);
  CHECK_FALSE(data.contains("mistakes"));
  CHECK_FALSE(data.contains("parameters"));
  CHECK(data.contains("summary"));
}

TEST_CASE("a thread's own Profile sees the training, and the page says so") {
  const TemporaryFolder folder;
  Training<double> t;
  auto options = t.options(2);
  options.report = folder / "run.html";
  const xgrad::Profile profile;
  t.fit(options);
  CHECK(data_of(options.report)["profile"]["remark"] ==
        "This thread had a Profile of its own, which saw the batches.");
  CHECK(profile.table().rows.size() > 3);
}

TEST_CASE("to a Profile that the loss begins the page's makes way") {
  const TemporaryFolder folder;
  Training<double> t;
  auto options = t.options(1);
  options.report = folder / "run.html";
  std::size_t seen = 0, calls = 0;
  const auto loss = [&](const auto& y, const auto& labels) {
    const xgrad::Profile profile;
    ++calls;
    const auto result = xgrad::nn::cross_entropy(y, labels);
    seen += profile.table().rows.size();
    return result;
  };
  xgrad::train::fit(t.net, t.adam, loss, t.loader, options);
  CHECK(calls > 6);
  CHECK(seen == calls);  // the loss alone
  CHECK(data_of(options.report)["profile"].contains("operation"));
}

TEST_CASE("the graph is drawn if Graphviz is there, and never breaks a training") {
  const TemporaryFolder folder;
  const auto graph = [&] {
    const TemporaryFolder page;
    Training<float> t;
    auto options = t.options(1);
    options.report = page / "run.html";
    t.fit(options);
    return data_of(options.report)["graph"];
  };
  {
    const SearchPath nowhere(std::filesystem::path(folder / "x").parent_path().string());
    CHECK(graph()["remark"].get<std::string>().starts_with("To see the graph here, install Graphviz"));
  }
  {
    const SearchPath other(with_dot(folder, "echo no picture"));
    CHECK(graph()["remark"] ==
          "The graph was not drawn: the program dot on the PATH gave no SVG; is it Graphviz's?");
  }
  {
    // It is given the graph, with the parameters' names and the options of operations.
    const SearchPath copies(
        with_dot(folder, "echo '<svg>'\nwhile read -r line; do echo \"$line\"; done\necho '</svg>'"));
    const std::string text = graph()["svg"];
    CHECK(text.starts_with("<svg>"));
    for (const char* part : {"digraph", "3.weight", "inputs", "dropout", "cross_entropy"})
      CHECK(text.find(part) != text.npos);
  }
}

TEST_CASE("targets that are no labels have curves, and no mistakes") {
  using namespace xgrad;
  const TemporaryFolder folder;
  nn::Linear<double> net(1, 1);
  optim::SGD<double> sgd(net.parameters(), {.learning_rate = 0.01});
  const data::TensorDataset samples(array<double>({{1}, {2}, {3}}), array<double>({{2}, {4}, {6}}));
  data::DataLoader loader(samples);
  const auto loss = [](const auto& p, const auto& y) { return nn::mean_squared_error(p, y); };
  const std::string path = folder / "run.html";
  const History history = fit(net, sgd, loss, loader, {.epochs = 2, .validation = &loader, .report = path});
  const Json data = data_of(path);
  check_rows(data, history);
  CHECK_FALSE(data.contains("mistakes"));
  CHECK(message_of<ValueError>(
            [&] { fit(net, sgd, loss, loader, {.report = path, .report_options = {.classes = {"one"}}}); }) ==
        "fit: report_options.classes names classes, and there are none: predictions are [1, 1]; leave it "
        "out, or "
        "give targets that are labels");
}
