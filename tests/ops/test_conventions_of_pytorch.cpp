// What docs/conventions.md says of PyTorch, in columns that scripts/pytorch_conventions.py fills: rows that
// differ are marked, counted and explained.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "conventions_page.hpp"

namespace {

using namespace xgrad::testing;

/// Whether a cell of ours and PyTorch's say the same: no gradient and one of zeros do, too, and so do two
/// errors. Tolerates what formulas differ by in rounding.
bool same_in_pytorch(const std::string& ours, const std::string& theirs) {
  if (theirs == "-" || (ours == "ValueError" && theirs == "error")) return true;
  if (theirs == "none" || theirs == "error" || ours == "ValueError") return ours == theirs;
  const auto right = numbers(theirs);
  if (ours == "none") return std::all_of(right.begin(), right.end(), [](double x) { return x == 0; });
  const auto left = numbers(ours);
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](double a, double b) {
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
    if (std::isinf(a) || std::isinf(b)) return a == b;
    return std::fabs(a - b) <= 1e-12 * std::fabs(a) + 1e-300;
  });
}

/// "max" of "first of max(x...)".
std::string name_of(const std::string& operation) {
  const std::string head = operation.substr(0, operation.find('('));
  const auto space = head.rfind(' ');
  return space == std::string::npos ? head : head.substr(space + 1);
}

}  // namespace

TEST_CASE("rows that differ in PyTorch are marked, counted and named") {
  std::size_t rows = 0, differing = 0, absent = 0;
  std::set<std::string> names;
  for (const Line& line : table_rows()) {
    INFO(line.text);
    const auto cells = split(line.text, '|');
    const bool second = line.is_second_order();
    REQUIRE(cells.size() == (second ? 6 : 8));
    const bool differs =
        second ? !same_in_pytorch(cells.at(3), cells.at(4))
               : !same_in_pytorch(cells.at(3), cells.at(5)) || !same_in_pytorch(cells.at(4), cells.at(6));
    CHECK(cells.back() == (differs ? "yes" : ""));
    ++rows;
    differing += differs;
    absent += cells.at(second ? 4 : 5) == "-";
    if (differs) names.insert(name_of(cells.at(1)));
  }
  const std::string page = page_text();
  const std::string count = "Of " + std::to_string(rows) + " rows, " + std::to_string(differing) +
                            " differ in PyTorch 1.13, and " + std::to_string(absent) + " it has not.";
  CAPTURE(count);
  CHECK(page.find(count) != std::string::npos);
  // The section on what differs names these operations in its list, and no others.
  std::set<std::string> named;
  std::istringstream section(page.substr(page.find("## Where PyTorch differs")));
  std::string line;
  std::getline(section, line);
  while (std::getline(section, line) && line.rfind("## ", 0) != 0)
    if (line.rfind("- ", 0) == 0)
      for (std::size_t open = line.find('`'); open != std::string::npos;) {
        const std::size_t close = line.find('`', open + 1);
        REQUIRE(close != std::string::npos);
        named.insert(line.substr(open + 1, close - open - 1));
        open = line.find('`', close + 1);
      }
  for (const std::string& name : names) CHECK_MESSAGE(named.count(name) == 1, name << " is not in the list");
  for (const std::string& name : named) CHECK_MESSAGE(names.count(name) == 1, name << " does not differ");
}
