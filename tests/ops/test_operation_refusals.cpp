// What operations promise of arguments that do not fit: an error of the stated type, in double and in float,
// whose message starts with the operation that was called and names the shapes or the axis.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "../message_of.hpp"
#include "row_refusals.hpp"
#include "row_runs.hpp"

namespace xg = xgrad;
using namespace xgrad::testing;

namespace {

template <class T>
std::string message_for(const OperationRow& row, const Refusal& refusal) {
  const auto in = parameters<T>(sample(row, refusal.shapes, 1));
  const auto called = [&] { call(row, in); };
  const std::string message = refusal.thrown == Thrown::shape_error ? message_of<xg::ShapeError>(called)
                                                                    : message_of<xg::ValueError>(called);
  const auto again = parameters<T>(sample(row, refusal.shapes, 1));
  for (std::size_t k = 0; k < in.size(); ++k) CHECK(same_bits(in[k].dense(), again[k].dense()));
  return message;
}

/// Whether a message is "<some name>: ...": the function called need not be the operation it records.
bool starts_with_a_name(const std::string& message) {
  const std::size_t colon = message.find(": ");
  return colon != std::string::npos && colon > 0 && message.find(' ') == colon + 1;
}

}  // namespace

TEST_CASE("operations refuse the arguments that the table says, and name the shapes or the axis") {
  const std::vector<OperationRow> rows = all_rows();
  for (const Refusal& refusal : all_refusals()) {
    INFO("row: " << refusal.row << ", shapes " << text_of(refusal.shapes));
    const auto row = std::find_if(rows.begin(), rows.end(),
                                  [&](const OperationRow& each) { return name_of(each) == refusal.row; });
    REQUIRE(row != rows.end());
    REQUIRE(refusal.shapes.size() == row->arguments.size());
    const std::string message = message_for<double>(*row, refusal);
    INFO(message);
    CHECK(starts_with_a_name(message));
    CHECK(refusal.says.size() > 0);
    for (const std::string& part : refusal.says) {
      INFO("part: " << part);
      CHECK(message.find(part) != std::string::npos);
    }
    CHECK(message_for<float>(*row, refusal) == message);
  }
}

TEST_CASE("every structural operation has arguments that it refuses, or a reason why it takes all") {
  std::set<std::string> elementwise, stated, lenient;
  const std::vector<Refusal> refusals = all_refusals();
  for_each_row([&](const OperationRow& row) {
    if (row.elementwise) elementwise.insert(row.operation);
    for (const Refusal& refusal : refusals)
      if (refusal.row == name_of(row)) stated.insert(row.operation);
  });
  for (const Lenience& lenience : all_leniences()) {
    CHECK(lenience.reason.size() > 0);
    lenient.insert(lenience.operation);
  }
  for (const std::string& name : registered_operations()) {
    INFO("operation: " << name);
    const int ways = static_cast<int>(stated.count(name) + lenient.count(name));
    CHECK(ways <= 1);
    if (elementwise.count(name) == 0) CHECK(ways == 1);
  }
}
