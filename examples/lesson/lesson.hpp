// What every program of the course, and of those beyond it, has: options, a folder for pictures, and figures
// that must be met.
#pragma once

#include <filesystem>
#include <string>

#include <xgrad/core.hpp>

#include "../plot/figure.hpp"

namespace lesson {

/// Where a program stands: each figure is printed as it is found, and one that was missed is remembered.
class Lesson {
 public:
  /// Pictures go to `folder`, which is created. xgrad::IoError if that fails.
  Lesson(std::string program, const std::filesystem::path& folder, bool small, bool draws);

  /// Whether the program is to be done in seconds, at the price of smaller figures.
  bool small() const noexcept { return small_; }
  plot::Drawing& drawing() noexcept { return drawing_; }

  /// `found` must be `expected`, give or take `tolerance`.
  void near(const std::string& what, double found, double expected, double tolerance);
  /// The same for every element; the shapes must be equal.
  void near(const std::string& what, const xgrad::Array<double>& found, const xgrad::Array<double>& expected,
            double tolerance);
  void at_least(const std::string& what, double found, double bound);
  void at_most(const std::string& what, double found, double bound);
  void holds(const std::string& what, bool found);

  /// How many figures were missed.
  int missed() const noexcept { return missed_; }

 private:
  void judge(bool met, const std::string& what, const std::string& found, const std::string& expected);

  std::string program_;
  bool small_;
  plot::Drawing drawing_;
  int missed_ = 0;
};

/// Reads the options --out (`folder` unless given), --small and --no-plots, and teaches the lesson. The exit
/// code: 0 if every figure was met, 1 if one was missed or the library threw an error, 2 if the options are
/// wrong.
int run(int argc, char** argv, const std::string& program, const std::string& about, void (*teach)(Lesson&),
        std::string folder = "out/course");

}  // namespace lesson
