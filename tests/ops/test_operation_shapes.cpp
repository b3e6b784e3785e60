// What the table promises of shapes: every structural operation is tried without elements, without axes and
// on arguments that threads share.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "row_refusals.hpp"
#include "row_runs.hpp"
#include "row_shapes.hpp"

namespace xg = xgrad;
using namespace xgrad::testing;

namespace {

std::string text_of(Extent extent) {
  if (extent == Extent::large) return "large arguments";
  return extent == Extent::no_axes ? "an argument without axes" : "an argument without elements";
}

using Ways = std::map<std::string, std::set<Extent>>;

/// The extents on which each operation is tried by a row: its own shapes, or further ones.
Ways tried() {
  Ways ways;
  const std::vector<FurtherShapes> further = all_further_shapes();
  for (const OperationRow& row : all_rows()) {
    std::vector<Shapes> all{own_shapes(row)};
    for (const FurtherShapes& each : further)
      if (each.row == name_of(row)) all.insert(all.end(), each.small.begin(), each.small.end());
    for (const Shapes& shapes : all)
      for (const Extent extent : {Extent::no_elements, Extent::no_axes})
        if (has(extent, shapes)) ways[row.operation].insert(extent);
    if (!row.large.empty()) ways[row.operation].insert(Extent::large);
  }
  return ways;
}

/// The extents that an operation is stated to refuse.
Ways refused() {
  Ways ways;
  const std::vector<OperationRow> rows = all_rows();
  for (const Refusal& refusal : all_refusals())
    for (const OperationRow& row : rows)
      for (const Extent extent : {Extent::no_elements, Extent::no_axes})
        if (name_of(row) == refusal.row && has(extent, refusal.shapes)) ways[row.operation].insert(extent);
  return ways;
}

}  // namespace

TEST_CASE("every structural operation is tried without elements, without axes and on threads, or refuses") {
  std::set<std::string> elementwise;
  for (const OperationRow& row : all_rows())
    if (row.elementwise) elementwise.insert(row.operation);
  const Ways by_rows = tried(), by_refusals = refused();
  std::set<std::pair<std::string, Extent>> untried;
  for (const Untried& each : all_untried()) {
    CHECK(each.reason.size() > 0);
    untried.emplace(each.operation, each.extent);
  }
  const auto says = [](const Ways& ways, const std::string& name, Extent extent) {
    const auto found = ways.find(name);
    return found != ways.end() && found->second.count(extent) > 0;
  };
  for (const std::string& name : registered_operations()) {
    if (elementwise.count(name) > 0) continue;
    for (const Extent extent : {Extent::no_elements, Extent::no_axes, Extent::large}) {
      INFO(name << ", " << text_of(extent));
      const bool tested = says(by_rows, name, extent) || says(by_refusals, name, extent);
      CHECK(tested != (untried.count({name, extent}) > 0));
    }
  }
}

TEST_CASE("further shapes are those of rows that there are, one shape an argument") {
  const std::vector<OperationRow> rows = all_rows();
  for (const FurtherShapes& each : all_further_shapes()) {
    INFO("row: " << each.row);
    const auto row = std::find_if(rows.begin(), rows.end(),
                                  [&](const OperationRow& one) { return name_of(one) == each.row; });
    REQUIRE(row != rows.end());
    for (const auto* lists : {&each.small, &each.large})
      for (const Shapes& shapes : *lists) CHECK(shapes.size() == row->arguments.size());
  }
}
