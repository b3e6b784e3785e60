#include <xgrad/core/graph/broadcast.hpp>
#include <xgrad/ops/operators.hpp>

#include "row_refusals.hpp"
#include "row_shapes.hpp"

namespace xgrad::testing {
namespace {

using Arrays = std::vector<Array<double>>;

std::vector<OperationRow> broadcast_rows() {
  const auto repeated = [](const Arrays& in) {
    std::vector<double> result;
    for (std::size_t i = 0; i < 2 * 3 * 4; ++i)
      result.push_back(in[0].storage()[in[0].size() == 1 ? 0 : i / 4 % 3]);
    return result;
  };
  return {
      row(
          "broadcast_to", "a new axis and an extent of 1", {{{3, 1}}},
          [](const auto& in) {
            return broadcast_to(in[0], Shape{2, 3, 4});
          },
          repeated),
      row(
          "broadcast_to", "no elements", {{{3, 1}}},
          [](const auto& in) {
            return broadcast_to(in[0], Shape{3, 0}) * in[0];
          },
          [](const Arrays&) { return std::vector<double>(); }),
      row(
          "broadcast_to", "17 rows", {{{3}}},
          [](const auto& in) {
            return broadcast_to(in[0], Shape{17, in[0].size()});
          },
          [](const Arrays& in) {
            std::vector<double> result;
            for (std::size_t i = 0; i < 17 * in[0].size(); ++i)
              result.push_back(in[0].storage()[i % in[0].size()]);
            return result;
          }),
      row(
          "broadcast_to", "a row of its own", {{{3}}},
          [](const auto& in) {
            return broadcast_to(in[0], Shape{1, in[0].size()});
          },
          [](const Arrays& in) { return std::vector<double>(in[0].begin(), in[0].end()); }),
  };
}

std::vector<OperationRow> sum_rows() {
  const auto column = [](const Arrays& in) {
    std::vector<double> result(3, 0.0);
    for (std::size_t i = 0; i < 2 * 3 * 4; ++i) result[i / 4 % 3] += in[0](i / 12, i / 4 % 3, i % 4);
    return result;
  };
  const auto rows = [](const Arrays& in) {
    std::vector<double> result(12, 0.0);
    for (std::size_t i = 0; i < 2 * 3 * 4; ++i) result[i % 12] += in[0](i / 12, i / 4 % 3, i % 4);
    return result;
  };
  return {
      row(
          "sum_to", "a column", {{{2, 3, 4}}},
          [](const auto& in) {
            return sum_to(in[0], Shape{3, 1});
          },
          column),
      row(
          "sum_to", "without the leading axis", {{{2, 3, 4}}},
          [](const auto& in) {
            return sum_to(in[0], Shape{3, 4});
          },
          rows),
      row(
          "sum_to", "one row", {{{2, 3}}},
          [](const auto& in) {
            return sum_to(in[0], Shape{1, in[0].shape()[1]});
          },
          [](const Arrays& in) {
            std::vector<double> result(in[0].shape(1), 0.0);
            for (std::size_t i = 0; i < in[0].size(); ++i) result[i % result.size()] += in[0].storage()[i];
            return result;
          }),
      row(
          "sum_to", "the only row", {{{1, 3}}},
          [](const auto& in) { return sum_to(in[0], Shape{in[0].shape()[1]}); },
          [](const Arrays& in) { return std::vector<double>(in[0].begin(), in[0].end()); }),
      row(
          "sum_to", "one number", {{{5}}}, [](const auto& in) { return sum_to(in[0], Shape{}); },
          [](const Arrays& in) {
            double total = 0;
            for (double x : in[0]) total += x;
            return std::vector<double>{total};
          }),
  };
}

}  // namespace

std::vector<OperationRow> core_rows() {
  std::vector<OperationRow> all = broadcast_rows();
  for (OperationRow& made : sum_rows()) all.push_back(std::move(made));
  all.push_back(elementwise_row(
      "identity", "", {{{3, 4}}},
      [](const auto& in) { return detail::apply<formulas::Identity, formulas::Core>(in[0]); },
      [](const std::vector<double>& x) { return x[0]; }));
  all.push_back(elementwise_row(
      "add", "", {{{3, 4}}, {{3, 4}}}, [](const auto& in) { return in[0] + in[1]; },
      [](const std::vector<double>& x) { return x[0] + x[1]; }));
  all.push_back(elementwise_row(
      "add", "a scalar first", {{{3, 4}}}, [](const auto& in) { return 2.5 + in[0]; },
      [](const std::vector<double>& x) { return 2.5 + x[0]; }));
  all.push_back(elementwise_row(
      "add", "to itself", {{{3, 4}}}, [](const auto& in) { return in[0] + in[0]; },
      [](const std::vector<double>& x) { return x[0] + x[0]; }));
  return all;
}

std::vector<FurtherShapes> core_shapes() {
  return {
      of_one("broadcast_to (a new axis and an extent of 1)", {{}, {1, 1}}),
      of_one("broadcast_to (no elements)", {{}, {1, 0}}),
      of_one("broadcast_to (17 rows)", {{0}}, {{16411}}),
      of_one("broadcast_to (tile)", {{0, 5}, {4, 0}}, {{400, 400}}),
      of_one("broadcast_to (repeat)", {{0, 5}, {4, 0}}, {{400, 400}}),
      of_one("sum_to (one row)", {{0, 3}, {2, 0}}, {{401, 701}, {5001, 40}}),
      of_one("sum_to (one number)", {{}, {0}}, {{301001}}),
  };
}

std::vector<Refusal> core_refusals() {
  return {
      {"broadcast_to (a new axis and an extent of 1)", {{2, 1}}, {"[2, 1]", "[2, 3, 4]", "axis 1: 2 vs 3"}},
      {"broadcast_to (a new axis and an extent of 1)", {{1, 2, 3, 4}}, {"[1, 2, 3, 4]", "[2, 3, 4]"}},
      {"sum_to (a column)", {{2, 4, 3}}, {"[3, 1]", "[2, 4, 3]"}},
      {"sum_to (without the leading axis)", {{4}}, {"[3, 4]", "[4]"}},
  };
}

}  // namespace xgrad::testing
