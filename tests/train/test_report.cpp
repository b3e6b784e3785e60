// The page of a training, whose data are read back.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/train/report_drawing.hpp>
#include <xgrad/train/report_mistakes.hpp>
#include <xgrad/xgrad.hpp>

#include <nlohmann/json.hpp>

#include "../io/temporary_folder.hpp"
#include "../message_of.hpp"
#include "spirals.hpp"

using namespace xgrad::train;
using xgrad::testing::bits;
using xgrad::testing::figures;
using xgrad::testing::message_of;
using xgrad::testing::read_bytes;
using xgrad::testing::TemporaryFolder;
using xgrad::testing::Training;
using Json = nlohmann::json;

namespace {

/// What the page holds; the page is whole, and one file.
Json data_of(const std::string& path) {
  const std::string text = read_bytes(path);
  CHECK(text.starts_with("<!DOCTYPE html>"));
  CHECK(text.ends_with("</html>\n"));
  for (const char* elsewhere : {"<link", "src=", "@import", "url(", "http-equiv"})
    CHECK(text.find(elsewhere) == text.npos);
  const std::string begins = "id=\"data\">\n", ends = "\n</script>";
  const std::size_t begin = text.find(begins) + begins.size();
  return Json::parse(text.substr(begin, text.find(ends, begin) - begin));
}

double number_or_nan(const Json& number) { return number.is_null() ? NAN : number.get<double>(); }

/// The rows are the history's, bit for bit.
void check_rows(const Json& data, const History& history) {
  CHECK(data["columns"] == history.columns());
  REQUIRE(data["rows"].size() == history.epochs.size());
  for (std::size_t i = 0; i < history.epochs.size(); ++i) {
    const std::vector<double> row = detail::row_of(history.epochs[i]);
    REQUIRE(data["rows"][i].size() == row.size() + 1);
    CHECK(data["rows"][i][0] == history.epochs[i].epoch);
    for (std::size_t k = 0; k < row.size(); ++k) {
      const double shown = number_or_nan(data["rows"][i][k + 1]);
      CHECK((shown == row[k] || (std::isnan(shown) && !std::isfinite(row[k]))));
    }
  }
}

/// The text of one of the options or of the machine's facts; empty if it is not there.
std::string fact(const Json& facts, const std::string& name) {
  for (const Json& one : facts)
    if (one[0] == name) return one[1];
  return {};
}

/// Another PATH while it lives.
class SearchPath {
 public:
  explicit SearchPath(const std::string& path) : before_(std::getenv("PATH")) {
    ::setenv("PATH", path.c_str(), 1);
  }
  ~SearchPath() { ::setenv("PATH", before_.c_str(), 1); }

 private:
  std::string before_;
};

/// A folder with a program dot that does what a shell does at `commands`.
std::string with_dot(const TemporaryFolder& folder, const std::string& commands) {
  xgrad::testing::write_bytes(folder / "dot", "#!/bin/sh\n" + commands + "\n");
  std::filesystem::permissions(folder / "dot", std::filesystem::perms::owner_all);
  return std::filesystem::path(folder / "dot").parent_path().string();
}

double norm(const std::vector<xgrad::Variable<double>>& parameters) {
  double squares = 0;
  for (const auto& parameter : parameters) squares += xt::sum(xt::square(parameter.value()))();
  return std::sqrt(squares);
}

}  // namespace

TEST_CASE("the page has the numbers of the history, and of the model after it") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.html";
  Training<double> t;
  auto options = t.options(4);
  options.max_grad_norm = 1e-3;  // the norms that are shown are those before
  options.report = path;
  options.report_options.classes = {"left", "right", "</script>"};
  const History history = t.fit(options);
  const Json data = data_of(path);
  check_rows(data, history);
  CHECK(data["state"] == "finished");
  CHECK(data["sentence"] == "after 4 epochs");
  CHECK(data["epochs"] == 4);
  CHECK(data["class_names"][2] == "</script>");

  REQUIRE(data["norms"].size() == 4);
  CHECK(data["norms"][3][0] == 4);
  CHECK(data["norms"][3][1] > 1e-2);
  CHECK(data["norms"][3][2].get<double>() == doctest::Approx(norm(t.net.parameters())));
  CHECK(data["parameters"].size() == 4);
  CHECK(data["parameters"][0]["name"] == "0.weight");
  CHECK(data["parameters"][0]["shape"] == "[2, 8]");
  double squares = 0;
  for (const Json& parameter : data["parameters"])
    squares += std::pow(parameter["gradient"].get<double>(), 2);
  CHECK(std::sqrt(squares) == doctest::Approx(data["norms"][3][1].get<double>()));

  CHECK(data["summary"].get<std::string>().find("Linear") != std::string::npos);
  CHECK(data["profile"]["which"] == "batches 4 to 6");
  bool has_step = false;
  for (const Json& row : data["profile"]["operation"]) has_step |= row["name"] == "Adam" && row["calls"] == 3;
  CHECK(has_step);
  CHECK(fact(data["options"], "optimizer") == "Adam");
  CHECK(fact(data["options"], "scheduler") == "CosineAnnealingLR");
  CHECK(fact(data["options"], "samples a batch") == "8");
  CHECK(fact(data["options"], "gradients clipped to") == "0.001");
  CHECK(fact(data["options"], "generator's seed") == "7");
  for (const char* name : {"processor", "threads", "instruction set", "BLAS", "xgrad", "xtensor", "compiler"})
    CHECK(fact(data["machine"], name) != "");
}

TEST_CASE("the page's mistakes are the validation's, the worst samples those of the greatest loss") {
  const TemporaryFolder folder;
  Training<double> t;
  auto options = t.options(3);
  options.report = folder / "run.html";
  const std::uint64_t pass = 2;  // the last of three
  t.fit(options);
  const Json mistakes = data_of(options.report)["mistakes"];

  const xgrad::NoGrad off;
  t.net.eval();
  t.validation.set_epoch(pass);
  xgrad::Indices counts({3, 3}, 0);
  std::vector<std::pair<double, std::size_t>> losses;
  std::vector<std::int64_t> labels;
  for (const auto& [points, truth] : t.validation) {
    const auto logits = t.net(points);
    counts += confusion_matrix(logits, truth);
    const auto each = xgrad::nn::cross_entropy(logits, truth, {.reduction = xgrad::nn::Reduction::none});
    for (std::size_t i = 0; i < truth.size(); ++i) {
      losses.emplace_back(each.value()(i), losses.size());
      labels.push_back(truth(i));
    }
  }
  CHECK(mistakes["samples"] == labels.size());
  CHECK(mistakes["right"] == counts(0, 0) + counts(1, 1) + counts(2, 2));
  xgrad::Indices shown({3, 3}, 0);
  for (const Json& one : mistakes["confusions"])
    shown(one[0].get<std::size_t>(), one[1].get<std::size_t>()) = one[2].get<std::int64_t>();
  CHECK(shown == counts);

  std::sort(losses.rbegin(), losses.rend());
  REQUIRE(mistakes["worst"].size() == std::min<std::size_t>(24, losses.size()));
  for (std::size_t i = 0; i < mistakes["worst"].size(); ++i) {
    const Json& worst = mistakes["worst"][i];
    CHECK(worst["loss"].get<double>() == doctest::Approx(losses[i].first));
    CHECK(worst["number"] == losses[i].second);
    CHECK(worst["truth"] == labels[losses[i].second]);
    CHECK(worst["probability_of_truth"].get<double>() == doctest::Approx(std::exp(-losses[i].first)));
    CHECK(worst["probability"] >= worst["probability_of_truth"]);
    CHECK_FALSE(worst.contains("picture"));
  }
}

TEST_CASE("logits, their log_softmax and their softmax have the same mistakes") {
  const xgrad::Dense<double> inputs = xgrad::constant(xgrad::zeros<double>({2, 3})).dense();
  const auto logits = xgrad::constant(xt::xarray<double>{{2, 0, 1}, {0, 3, -1}});
  const std::int64_t labels[] = {1, -1};
  for (const auto& given : {logits, xgrad::log_softmax(logits, 1), xgrad::softmax(logits, 1)}) {
    detail::Mistakes mistakes;
    mistakes.add(given.dense(), labels, inputs, {});
    CHECK(mistakes.samples() == 1);  // the second one's label is no class
    const auto worst = mistakes.worst();
    REQUIRE(worst.size() == 1);
    const double sum = std::exp(2) + 1 + std::exp(1);
    CHECK(worst[0].predicted == 0);
    CHECK(worst[0].loss == doctest::Approx(std::log(sum)));
    CHECK(worst[0].probability == doctest::Approx(std::exp(2) / sum));
  }
}

TEST_CASE("predictions with a NaN are no class, and leave the others what they are") {
  const xgrad::Dense<double> inputs = xgrad::constant(xgrad::zeros<double>({3, 2})).dense();
  const auto probabilities = xgrad::constant(xt::xarray<double>{{NAN, 0, 1}, {0.5, 0.25, 0.25}, {1, 0, NAN}});
  const std::int64_t labels[] = {0, 1, 0};
  detail::Mistakes mistakes;
  mistakes.add(probabilities.dense(), labels, inputs, {});
  CHECK(mistakes.samples() == 1);
  CHECK(mistakes.not_numbers() == 2);
  REQUIRE(mistakes.confusions().size() == 1);
  CHECK(mistakes.confusions()[0].predicted == 0);
  REQUIRE(mistakes.worst().size() == 1);
  CHECK(mistakes.worst()[0].number == 1);
  CHECK(mistakes.worst()[0].probability == doctest::Approx(0.5));  // taken for the probability that it is
}

TEST_CASE("pictures are as the shape of the inputs tells, or as the options say") {
  using detail::picture_shape;
  using xgrad::Shape;
  CHECK(*picture_shape({5, 4, 6}, {}) == Shape{1, 4, 6});
  CHECK(*picture_shape({5, 1, 4, 6}, {}) == Shape{1, 4, 6});
  CHECK(*picture_shape({5, 3, 4, 6}, {}) == Shape{3, 4, 6});
  CHECK_FALSE(picture_shape({5, 2, 4, 6}, {}));
  CHECK_FALSE(picture_shape({5, 24}, {}));
  CHECK(*picture_shape({5, 24}, {4, 6}) == Shape{1, 4, 6});
  CHECK(*picture_shape({5, 24}, {3, 4, 2}) == Shape{3, 4, 2});

  const double grey[] = {0, 1, 2, 4};
  CHECK(detail::picture_of(grey, {1, 2, 2}).pixels == "004080ff");
  const double colours[] = {0, 0, 5, 1, 0, 2};  // red, red, green, green, blue, blue
  CHECK(detail::picture_of(colours, {3, 1, 2}).pixels == "00ff00003366");
  const std::vector<float> large(200 * 100, 1);
  const auto smaller = detail::picture_of(large.data(), {1, 200, 100});
  CHECK(smaller.height == 50);
  CHECK(smaller.width == 25);
  CHECK(smaller.pixels.size() == 2 * 50 * 25);
  // A long thin one has a line yet; the last of its pixels are the means of fewer.
  std::vector<float> thin(2 * 130, 0);
  thin[128] = thin[129] = thin[258] = thin[259] = 1;
  const auto line = detail::picture_of(thin.data(), {1, 2, 130});
  CHECK(line.height == 1);
  CHECK(line.width == 44);
  CHECK(line.pixels.ends_with("0055ff"));
}

TEST_CASE_TEMPLATE("with a report a training ends with the same bits", T, float, double) {
  const TemporaryFolder folder;
  Training<T> plain, shown;
  xgrad::manual_seed(5);
  const History expected = plain.fit(plain.options(3));
  const auto random = xgrad::generator().state();
  xgrad::manual_seed(5);
  auto options = shown.options(3);
  options.report = folder / "run.html";
  CHECK(figures(shown.fit(options)) == figures(expected));
  CHECK(bits(shown) == bits(plain));
  CHECK(xgrad::generator().state() == random);
  CHECK(folder.file_count() == 1);
}

TEST_CASE("a report that cannot be written is refused before anything runs") {
  const TemporaryFolder folder;
  Training<double> t;
  const auto before = bits(t);
  const auto refused = [&](const std::string& path, ReportOptions how = {}) {
    auto options = t.options(2);
    options.report = path;
    options.report_options = std::move(how);
    const std::string text = message_of([&] { t.fit(options); });
    CHECK(bits(t) == before);
    CHECK(t.loader.epoch() == 0);
    return text;
  };
  const std::string txt = folder / "run.txt", page = folder / "run.html", nowhere = folder / "no/run.html";
  CHECK(refused(txt) == "fit: the ending of " + txt + " tells no format; let it be .html");
  CHECK(refused(nowhere) ==
        "fit: there is no folder " + (folder / "no") + " for the report " + nowhere + "; make it first");
  CHECK(refused(page, {.image = {64}}) ==
        "fit: report_options.image is [64]; give {height, width}, or {channels, height, width} of 1 or 3 "
        "channels");
  CHECK(refused(page, {.image = {2, 8, 8}}).starts_with("fit: report_options.image is [2, 8, 8]; give "));
  CHECK(refused(page, {.image = {0, 8}}).starts_with("fit: report_options.image is [0, 8]; give "));
  CHECK(folder.file_count() == 0);
  std::filesystem::create_directory(page);
  CHECK(refused(page).find("(Is a directory)") != std::string::npos);
}

TEST_CASE("options that do not fit the data are refused before the first step") {
  const TemporaryFolder folder;
  Training<double> t;
  const auto before = bits(t);
  const auto refused = [&](ReportOptions how) {
    auto options = t.options(2);
    options.report = folder / "run.html";
    options.report_options = std::move(how);
    const std::string text = message_of<xgrad::ValueError>([&] { t.fit(options); });
    CHECK(bits(t) == before);
    CHECK(data_of(options.report)["state"] == "failed");
    return text;
  };
  CHECK(
      refused({.image = {8, 8}}) ==
      "fit: report_options.image is [8, 8], of 64 numbers, and inputs [8, 2] have 2 a sample; give the shape "
      "of one sample");
  CHECK(refused({.classes = {"a", "b"}}) ==
        "fit: report_options.classes has 2 names, and predictions are [8, 3]; give one name for each column");
}

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
  {
    const SearchPath slow(with_dot(folder, "while :; do :; done"));
    detail::GraphDrawing drawing("digraph {}", std::chrono::milliseconds(50));
    drawing.wait();
    CHECK(drawing.is_over());
    CHECK(drawing.svg().empty());
    CHECK(drawing.remark().find("took longer than") != std::string::npos);
    const detail::GraphDrawing left_alone("digraph {}");
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
