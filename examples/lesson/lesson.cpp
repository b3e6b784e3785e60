#include "lesson.hpp"

#include <cmath>
#include <cstdio>

#include <fmt/core.h>
#include <CLI/CLI.hpp>
#include <xgrad/core.hpp>

namespace lesson {
namespace {

/// An array as it is read: [[1, 2], [3, 4]], or its shape if it is long.
std::string written(const xgrad::Array<double>& a) {
  constexpr std::size_t longest = 12;
  std::string text;
  if (a.size() > longest) {
    for (std::size_t extent : a.shape()) text += fmt::format("{}{}", text.empty() ? "" : " x ", extent);
    return text + " numbers";
  }
  const std::size_t columns = a.dimension() == 0 ? 1 : a.shape().back();
  for (std::size_t i = 0; i < a.size(); ++i) {
    text += i == 0 ? "" : i % columns == 0 ? "; " : ", ";
    text += fmt::format("{:.9g}", a.storage()[i] + 0.0);  // so that -0 is written as 0
  }
  return "(" + text + ")";
}

}  // namespace

Lesson::Lesson(std::string program, const std::filesystem::path& folder, bool small, bool draws)
    : program_(std::move(program)), small_(small), drawing_(folder, draws) {}

void Lesson::judge(bool met, const std::string& what, const std::string& found, const std::string& expected) {
  fmt::print("{}  {}: {} ({})\n", met ? "met   " : "MISSED", what, found, expected);
  std::fflush(stdout);
  if (met) return;
  ++missed_;
  fmt::print(stderr, "{}: missed: {} is {}, expected {}\n", program_, what, found, expected);
}

void Lesson::near(const std::string& what, double found, double expected, double tolerance) {
  judge(std::abs(found - expected) <= tolerance, what, fmt::format("{:.10g}", found),
        fmt::format("{:.10g}, to {:g}", expected, tolerance));
}

void Lesson::near(const std::string& what, const xgrad::Array<double>& found,
                  const xgrad::Array<double>& expected, double tolerance) {
  bool met = found.shape() == expected.shape();
  double largest = 0;
  for (std::size_t i = 0; met && i < found.size(); ++i) {
    const double difference = std::abs(found.storage()[i] - expected.storage()[i]);
    met = difference <= tolerance;
    largest = std::max(largest, difference);
  }
  judge(met, what, written(found),
        fmt::format("{}, to {:g}; differs by {:.2g}", written(expected), tolerance, largest));
}

void Lesson::at_least(const std::string& what, double found, double bound) {
  judge(found >= bound, what, fmt::format("{:.6g}", found), fmt::format("at least {:g}", bound));
}

void Lesson::at_most(const std::string& what, double found, double bound) {
  judge(found <= bound, what, fmt::format("{:.6g}", found), fmt::format("at most {:g}", bound));
}

void Lesson::holds(const std::string& what, bool found) { judge(found, what, found ? "yes" : "no", "yes"); }

int run(int argc, char** argv, const std::string& program, const std::string& about, void (*teach)(Lesson&),
        std::string folder) {
  bool small = false, no_plots = false;
  CLI::App app(about, program);
  app.add_option("--out", folder, "Folder for the pictures and their data; created if missing")
      ->capture_default_str();
  app.add_flag("--small", small, "A run of seconds, for tests");
  app.add_flag("--no-plots", no_plots, "Write the data of the pictures, draw nothing");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    fmt::print(stderr, "{}: {}; --help lists the options\n", program, error.what());
    return 2;
  }
  try {
    Lesson lesson(program, folder, small, !no_plots);
    teach(lesson);
    for (const std::string& remark : lesson.drawing().remarks()) fmt::print("{}\n", remark);
    return lesson.missed() == 0 ? 0 : 1;
  } catch (const xgrad::Error& error) {
    fmt::print(stderr, "{}: {}\n", program, error.what());
    return 1;
  }
}

}  // namespace lesson
