#include <fstream>
#include <limits>
#include <sstream>
#include <string>

#include <doctest/doctest.h>
#include <xgrad/train/history.hpp>
#include <xgrad/train/metrics.hpp>

#include "../io/temporary_folder.hpp"
#include "../message_of.hpp"

using xgrad::testing::message_of;
using xgrad::testing::read_bytes;
using xgrad::testing::TemporaryFolder;
using xgrad::train::History;

namespace {

History example() {
  return {.metric_names = {"a \"b\", c"},
          .epochs = {{.epoch = 1,
                      .loss = 0.1,
                      .metrics = {0.5},
                      .validation_loss = 0.25,
                      .validation_metrics = {1},
                      .learning_rate = 1e-3,
                      .seconds = 2},
                     {.epoch = 2,
                      .loss = std::numeric_limits<double>::quiet_NaN(),
                      .metrics = {1.0 / 3},
                      .validation_loss = 1e300,
                      .validation_metrics = {0},
                      .learning_rate = 1e-3,
                      .seconds = 2.5}},
          .interrupted = true,
          .best_epoch = 1};
}

const std::string csv =
    "epoch,loss,\"a \"\"b\"\", c\",validation_loss,\"validation_a \"\"b\"\", c\",learning_rate,seconds\n"
    "1,0.1,0.5,0.25,1,0.001,2\n"
    "2,nan,0.3333333333333333,1e+300,0,0.001,2.5\n";

const std::string json = R"({
  "interrupted": true,
  "stopped_early": false,
  "best_epoch": 1,
  "epochs": [
    {"epoch": 1, "loss": 0.1, "a \"b\", c": 0.5, "validation_loss": 0.25, "validation_a \"b\", c": 1, "learning_rate": 0.001, "seconds": 2},
    {"epoch": 2, "loss": null, "a \"b\", c": 0.3333333333333333, "validation_loss": 1e+300, "validation_a \"b\", c": 0, "learning_rate": 0.001, "seconds": 2.5}
  ]
}
)";

}  // namespace

TEST_CASE("a history is a table in CSV, and an object in JSON") {
  CHECK(example().to_csv() == csv);
  CHECK(example().to_json() == json);
  CHECK(History{}.to_csv() == "epoch,loss,learning_rate,seconds\n");
  CHECK(History{}.to_json() ==
        "{\n  \"interrupted\": false,\n  \"stopped_early\": false,\n  \"best_epoch\": 0,\n  \"epochs\": "
        "[]\n}\n");
}

TEST_CASE("a history is saved as the file's ending says") {
  const TemporaryFolder folder;
  example().save(folder / "h.csv");
  example().save(folder / "h.json");
  CHECK(read_bytes(folder / "h.csv") == csv);
  CHECK(read_bytes(folder / "h.json") == json);
  CHECK(message_of<xgrad::IoError>([&] { example().save("h.txt"); }) ==
        "History::save: the ending of h.txt tells no format; let it be .csv or .json");
  CHECK(folder.file_count() == 2);
}

TEST_CASE("accuracy is the share of rows whose largest element stands at the label") {
  const auto y = xgrad::constant(xgrad::Array<float>{{1, 2, 0}, {3, 3, 1}, {0, 1, 2}, {5, 0, 0}});
  CHECK(xgrad::train::accuracy(y, xgrad::Indices{1, 0, 2, 1}) == 0.75);  // a tie goes to the first
  CHECK(xgrad::train::accuracy(y, xgrad::Indices{0, 1, 0, 2}) == 0);
  CHECK(message_of<xgrad::ShapeError>([&] {
          xgrad::train::accuracy(y, xgrad::Indices{1, 0});
        }) == "accuracy: predictions [4, 3] and labels [2] do not fit; give [n, classes] and [n]");
  CHECK(message_of<xgrad::ValueError>([&] {
          xgrad::train::accuracy(y, {1, 0, 3, 1});
        }) == "accuracy: the label of row 2 is 3, and there are 3 classes; count them from 0");
}

TEST_CASE("a row with a NaN is right for no label") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto y = xgrad::constant({{nan, 1.0}, {1.0, nan}, {0.0, 1.0}});
  CHECK(xgrad::train::accuracy(y, {0, 0, 1}) == doctest::Approx(1.0 / 3));
  CHECK(xgrad::train::accuracy(y, {1, 1, 1}) == doctest::Approx(1.0 / 3));
}
