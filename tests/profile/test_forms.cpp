// What a profile keeps once for many activities is told with each of them.
#include <doctest/doctest.h>

#include <fstream>
#include <string>
#include <vector>
#include <xgrad/profile/page.hpp>
#include <xgrad/xgrad.hpp>

#include <nlohmann/json.hpp>

#include "../io/temporary_folder.hpp"

namespace xg = xgrad;
using xgrad::testing::TemporaryFolder;
using Var = xg::Variable<double>;

namespace {

/// Of each operation in turn: name, attributes, shapes of inputs and of the output.
std::vector<std::string> operations_of(const xg::Profile& profile) {
  const TemporaryFolder folder;
  profile.save_trace(folder / "trace.json");
  std::ifstream in(folder / "trace.json");
  std::vector<std::string> lines;
  const auto file = nlohmann::json::parse(in);
  for (const auto& event : file.at("traceEvents")) {
    if (event.at("ph") != "X" || event.at("cat") != "forward") continue;
    const auto args = event.value("args", nlohmann::json::object());
    const auto text = [&](const char* name) { return args.value(name, std::string()); };
    lines.push_back(event.at("name").get<std::string>() + "(" + text("attributes") + ") " + text("inputs") +
                    " -> " + text("output"));
  }
  return lines;
}

}  // namespace

TEST_CASE("operations that take turns are each told as what they are") {
  const Var a = xg::parameter(xg::ones<double>({2, 3})), b = xg::parameter(xg::ones<double>({4, 3}));
  const xg::Variable<float> c = xg::parameter(xg::ones<float>({2, 3}));
  xg::Profile profile;
  for (int turn = 0; turn < 2; ++turn) {
    xg::softmax(a, 0);
    xg::softmax(a, 1);
    xg::softmax(b, 1);
    xg::exp(a);
    xg::exp(c);
    xg::exp(b);
  }
  profile.stop();
  const std::vector<std::string> once{"softmax(axis = 0) [2, 3] -> [2, 3]",
                                      "softmax(axis = 1) [2, 3] -> [2, 3]",
                                      "softmax(axis = 1) [4, 3] -> [4, 3]",
                                      "exp() [2, 3] -> [2, 3]",
                                      "exp() [2, 3] -> [2, 3]",
                                      "exp() [4, 3] -> [4, 3]"};
  std::vector<std::string> twice = once;
  twice.insert(twice.end(), once.begin(), once.end());
  CHECK(operations_of(profile) == twice);
  for (const auto& row : profile.table().rows)
    if (row.name == "exp") CHECK(row.bytes == 2 * (2 * 6 * 8 + 2 * 6 * 4 + 2 * 12 * 8));
}

TEST_CASE("more forms than are met at one time are told apart") {
  xg::Profile profile;
  std::vector<std::string> expected;
  for (int turn = 0; turn < 2; ++turn)
    for (std::size_t extent = 1; extent <= 300; ++extent) {
      xg::exp(xg::constant(xg::ones<double>({extent})));
      const std::string shape = "[" + std::to_string(extent) + "]";
      expected.push_back("exp() " + shape + " -> " + shape);
    }
  profile.stop();
  CHECK(operations_of(profile) == expected);
}

TEST_CASE("an operation that throws is told without an output") {
  const Var a = xg::constant(xg::ones<double>({2, 2}));
  xg::Profile profile;
  CHECK_THROWS(xg::inverse(a));
  CHECK_THROWS(xg::inverse(a));
  profile.stop();
  CHECK(operations_of(profile) == std::vector<std::string>(2, "inverse() [2, 2] -> "));
}

TEST_CASE("a page's chart may have the first activities alone, and knows how many there were") {
  xg::Profile profile;
  for (int k = 0; k < 5; ++k) xg::exp(xg::constant(1.0));
  profile.stop();
  const auto page = nlohmann::json::parse(xg::detail::profile_data(profile, 3));
  CHECK(page.at("events").size() == 3);
  CHECK(page.at("activities") == 5);
}
