// The programs of docs/debugging.md, letter for letter but for the indentation, as tests/api/check_page.cmake
// compares; and what they print, which the page shows.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>
#include <xgrad/xgrad.hpp>

#include "printed.hpp"
namespace xg = xgrad;
using xgrad::testing::Printed;

namespace {

/// The page's blocks that are no programs, in their order.
std::vector<std::string> shown_results() {
  std::ifstream page(std::filesystem::path(__FILE__).parent_path() / "../../docs/debugging.md");
  REQUIRE(page.good());
  std::vector<std::string> blocks;
  bool inside = false, is_program = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("```")) {
      inside = !inside;
      if (inside) is_program = line != "```";
      if (inside && !is_program) blocks.emplace_back();
    } else if (inside && !is_program) {
      blocks.back() += line;
      blocks.back().push_back('\n');
    }
  }
  return blocks;
}

/// The lines as one.
std::string unbroken(std::string text) {
  text.pop_back();
  for (char& each : text)
    if (each == '\n') each = ' ';
  return text;
}

void search_backward();
void search_forward();

std::string anomaly_in(void (*program)()) {
  try {
    program();
  } catch (const xg::AnomalyError& error) {
    return error.what();
  }
  return "no anomaly";
}

}  // namespace

TEST_CASE("the debugging page's anomalies are found, in the words that it shows") {
  const std::vector<std::string> results = shown_results();
  REQUIRE(results.size() == 4);
  CHECK(anomaly_in(search_backward) == unbroken(results[0]));
  CHECK(anomaly_in(search_forward) == unbroken(results[1]));
}

TEST_CASE("the debugging page's hooks see and change a gradient, and print what it shows") {
  auto x = xg::parameter(xt::xarray<double>{4, 0.25, 0});
  const Printed printed;

  std::cout.precision(4);
  auto h = xg::tanh(x);
  auto watch = h.register_hook([](const xg::Variable<double>& g) { std::cout << "d/dh = " << g << '\n'; });
  auto clip = h.register_hook([](const xg::Variable<double>& g) { return xg::clamp(g, -1, 1); });
  h.retain_grad();  // results forget their gradient; this one keeps it, as a parameter does
  xg::sum(h * h).backward();
  std::cout << h.grad() << '\n' << x.grad() << '\n';
  watch.remove();  // or it stays as long as h's node

  CHECK(printed.text() == shown_results().at(2));
}

TEST_CASE("the debugging page's graph is written as it shows") {
  const Printed printed;

  auto w = xg::parameter(2.0);
  std::cout << xg::io::to_dot(xg::tanh(w * 3), {.names = {{w, "w"}}, .show_values = true});

  CHECK(printed.text() == shown_results().at(3));
}

// Last, for the lines are counted anew: the page calls its program model.cpp.
namespace {

void search_backward() {
#line 1 "model.cpp"
  auto x = xg::parameter(xt::xarray<double>{4, 0.25, 0});
  xg::DetectAnomaly on;
  xg::Scope encoder("encoder");
  xg::Scope layer("layer1");
  auto loss = xg::sum(xg::sqrt(x));  // fine so far: sqrt(0) is 0
  loss.backward();                   // throws an xg::AnomalyError
}

/// With a logarithm in the same place.
void search_forward() {
#line 1 "model.cpp"
  auto x = xg::parameter(xt::xarray<double>{4, 0.25, 0});
  xg::DetectAnomaly on;
  xg::Scope encoder("encoder");
  xg::Scope layer("layer1");
  auto loss = xg::sum(xg::log(x));
}

}  // namespace
