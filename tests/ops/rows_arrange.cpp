#include <algorithm>
#include <functional>
#include <utility>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/arrange.hpp>

#include "row_refusals.hpp"
#include "row_shapes.hpp"

namespace xgrad::testing {
namespace {

using Arrays = std::vector<Array<double>>;
using Index = std::ptrdiff_t;

Index rows_of(const Array<double>& x) { return static_cast<Index>(x.shape(0)); }
Index columns_of(const Array<double>& x) { return static_cast<Index>(x.shape(1)); }

/// A matrix by its rows and columns: those that `extents` makes of x's.
using Extents = std::pair<Index, Index> (*)(const Array<double>&);
Reference matrix(Extents extents, std::function<double(const Array<double>&, Index, Index)> element) {
  return [=](const Arrays& in) {
    std::vector<double> result;
    const auto [rows, columns] = extents(in[0]);
    for (Index i = 0; i < rows; ++i)
      for (Index j = 0; j < columns; ++j) result.push_back(element(in[0], i, j));
    return result;
  };
}
Reference same_extents(std::function<double(const Array<double>&, Index, Index)> element) {
  return matrix([](const Array<double>& x) { return std::pair(rows_of(x), columns_of(x)); },
                std::move(element));
}

std::vector<OperationRow> moving_rows() {
  const std::vector<Argument> one = {{{4, 5}}};
  return {
      row(
          "slice", "flip", one, [](const auto& in) { return flip(in[0], 1); },
          same_extents([](const auto& x, Index i, Index j) { return x(i, columns_of(x) - 1 - j); })),
      row(
          "roll", "first axis", one, [](const auto& in) { return square(roll(in[0], 3, 0)); },
          same_extents([](const auto& x, Index i, Index j) {
            const double element = x((i - 3 + 4 * rows_of(x)) % rows_of(x), j);
            return element * element;
          })),
      row(
          "roll", "last axis, backwards", one, [](const auto& in) { return roll(in[0], -7, -1); },
          same_extents([](const auto& x, Index i, Index j) { return x(i, (j + 7) % columns_of(x)); })),
      row(
          "broadcast_to", "tile", one,
          [](const auto& in) {
            return tile(in[0], {2, 3});
          },
          matrix([](const auto& x) { return std::pair<Index, Index>(2 * rows_of(x), 3 * columns_of(x)); },
                 [](const auto& x, Index i, Index j) { return x(i % rows_of(x), j % columns_of(x)); })),
      row(
          "broadcast_to", "repeat", one, [](const auto& in) { return repeat(in[0], 3, 1); },
          matrix([](const auto& x) { return std::pair<Index, Index>(rows_of(x), 3 * columns_of(x)); },
                 [](const auto& x, Index i, Index j) { return x(i, j / 3); })),
  };
}

std::vector<OperationRow> framing_rows() {
  return {
      row(
          "pad", "", {{{2, 3}}},
          [](const auto& in) {
            return square(pad(in[0], {{1, 0}, {2, 1}}, 0.5));
          },
          matrix([](const auto& x) { return std::pair<Index, Index>(rows_of(x) + 1, columns_of(x) + 3); },
                 [](const auto& x, Index i, Index j) {
                   const bool inside = i >= 1 && j >= 2 && j < columns_of(x) + 2;
                   return inside ? x(i - 1, j - 2) * x(i - 1, j - 2) : 0.25;
                 })),
      row(
          "diagonal", "", {{{4, 4}}}, [](const auto& in) { return square(diagonal(in[0])); },
          matrix(
              [](const auto& x) { return std::pair<Index, Index>(1, std::min(rows_of(x), columns_of(x))); },
              [](const auto& x, Index, Index j) { return x(j, j) * x(j, j); })),
      row(
          "diagonal", "of other axes, below", {{{3, 2, 5}}},
          [](const auto& in) { return diagonal(in[0], -2, 2, 0); },
          matrix([](const auto&) { return std::pair<Index, Index>(2, 3); },
                 [](const auto& x, Index i, Index j) { return x(j, i, j + 2); })),
      row(
          "diagonal_scatter", "", {{{3}}},
          [](const auto& in) {
            const std::size_t n = in[0].size();
            return square(diagonal_scatter(in[0], {n, n + 2}, 1));
          },
          matrix([](const auto& x) { return std::pair<Index, Index>(rows_of(x), rows_of(x) + 2); },
                 [](const auto& x, Index i, Index j) { return j == i + 1 ? x(i) * x(i) : 0; })),
      row(
          "tril", "", {{{4, 5}}}, [](const auto& in) { return square(tril(in[0], 1)); },
          same_extents([](const auto& x, Index i, Index j) { return j <= i + 1 ? x(i, j) * x(i, j) : 0; })),
      row(
          "triu", "", {{{5, 4}}}, [](const auto& in) { return triu(in[0], -1); },
          same_extents([](const auto& x, Index i, Index j) { return j >= i - 1 ? x(i, j) : 0; })),
  };
}

}  // namespace

std::vector<OperationRow> arrange_rows() {
  std::vector<OperationRow> rows = moving_rows();
  for (OperationRow& made : framing_rows()) rows.push_back(std::move(made));
  return rows;
}

std::vector<FurtherShapes> arrange_shapes() {
  return {
      of_one("roll (first axis)", {{0, 5}, {4, 0}, {1, 5}}, {{401, 701}}),
      of_one("roll (last axis, backwards)", {{0, 5}, {4, 0}}, {{401, 701}}),
      of_one("pad", {{0, 3}, {2, 0}}, {{401, 701}}),
      of_one("diagonal", {{0, 0}, {0, 4}, {4, 0}, {3, 5}}, {{1201, 901}}),
      of_one("diagonal_scatter", {{0}}, {{901}}),
      of_one("tril", {{0, 5}, {4, 0}, {6, 2}}, {{701, 601}}),
      of_one("triu", {{0, 5}, {4, 0}}, {{701, 601}}),
  };
}

std::vector<Refusal> arrange_refusals() {
  return {
      {"roll (first axis)", {{}}, {"axis 0", "[]"}},
      {"roll (last axis, backwards)", {{}}, {"axis -1", "[]"}},
      {"pad", {{2, 3, 4}}, {"2 pairs", "[2, 3, 4]"}},
      {"pad", {{}}, {"2 pairs", "[]"}},
      {"diagonal", {{4}}, {"axis 1", "[4]"}},
      {"diagonal", {{}}, {"axis 0", "[]"}},
      {"diagonal (of other axes, below)", {{4, 4}}, {"axis 2", "[4, 4]"}},
      {"diagonal_scatter", {{2, 2}}, {"[2, 2]", "[4]", "[4, 6]"}},
      {"diagonal_scatter", {{}}, {"[]", "[1]", "[1, 3]"}},
      {"tril", {{4}}, {"[4]", "two axes"}},
      {"tril", {{}}, {"[]", "two axes"}},
      {"triu", {{}}, {"[]", "two axes"}},
  };
}

}  // namespace xgrad::testing
