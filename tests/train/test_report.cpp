// The page of a training, whose data are read back.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/train/report_mistakes.hpp>
#include <xgrad/xgrad.hpp>

#include "../io/temporary_folder.hpp"
#include "../message_of.hpp"
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
using xgrad::testing::TemporaryFolder;
using xgrad::testing::Training;

namespace {

/// The text of one of the options or of the machine's facts; empty if it is not there.
std::string fact(const Json& facts, const std::string& name) {
  for (const Json& one : facts)
    if (one[0] == name) return one[1];
  return {};
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
  CHECK(data["profile"]["activities"] == data["profile"]["events"].size());
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
