#include <functional>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/arrange.hpp>

#include "operation_row.hpp"

namespace xgrad::testing {
namespace {

using Arrays = std::vector<Array<double>>;
using Index = std::ptrdiff_t;

/// A matrix by its rows and columns.
Reference matrix(Index rows, Index columns,
                 std::function<double(const Array<double>&, Index, Index)> element) {
  return [=](const Arrays& in) {
    std::vector<double> result;
    for (Index i = 0; i < rows; ++i)
      for (Index j = 0; j < columns; ++j) result.push_back(element(in[0], i, j));
    return result;
  };
}

std::vector<OperationRow> moving_rows() {
  const std::vector<Argument> one = {{{4, 5}}};
  return {
      row(
          "slice", "flip", one, [](const auto& in) { return flip(in[0], 1); },
          matrix(4, 5, [](const auto& x, Index i, Index j) { return x(i, 4 - j); })),
      row(
          "roll", "first axis", one, [](const auto& in) { return square(roll(in[0], 3, 0)); },
          matrix(4, 5,
                 [](const auto& x, Index i, Index j) { return x((i + 1) % 4, j) * x((i + 1) % 4, j); })),
      row(
          "roll", "last axis, backwards", one, [](const auto& in) { return roll(in[0], -7, -1); },
          matrix(4, 5, [](const auto& x, Index i, Index j) { return x(i, (j + 7) % 5); })),
      row(
          "broadcast_to", "tile", one,
          [](const auto& in) {
            return tile(in[0], {2, 3});
          },
          matrix(8, 15, [](const auto& x, Index i, Index j) { return x(i % 4, j % 5); })),
      row(
          "broadcast_to", "repeat", one, [](const auto& in) { return repeat(in[0], 3, 1); },
          matrix(4, 15, [](const auto& x, Index i, Index j) { return x(i, j / 3); })),
  };
}

std::vector<OperationRow> framing_rows() {
  return {
      row(
          "pad", "", {{{2, 3}}},
          [](const auto& in) {
            return square(pad(in[0], {{1, 0}, {2, 1}}, 0.5));
          },
          matrix(3, 6,
                 [](const auto& x, Index i, Index j) {
                   return i < 1 || j < 2 || j > 4 ? 0.25 : x(i - 1, j - 2) * x(i - 1, j - 2);
                 })),
      row(
          "diagonal", "", {{{4, 4}}}, [](const auto& in) { return square(diagonal(in[0])); },
          matrix(1, 4, [](const auto& x, Index, Index j) { return x(j, j) * x(j, j); })),
      row(
          "diagonal", "of other axes, below", {{{3, 2, 5}}},
          [](const auto& in) { return diagonal(in[0], -2, 2, 0); },
          matrix(2, 3, [](const auto& x, Index i, Index j) { return x(j, i, j + 2); })),
      row(
          "diagonal_scatter", "", {{{3}}},
          [](const auto& in) {
            return square(diagonal_scatter(in[0], {3, 5}, 1));
          },
          matrix(3, 5, [](const auto& x, Index i, Index j) { return j == i + 1 ? x(i) * x(i) : 0; })),
      row(
          "tril", "", {{{4, 5}}}, [](const auto& in) { return square(tril(in[0], 1)); },
          matrix(4, 5, [](const auto& x, Index i, Index j) { return j <= i + 1 ? x(i, j) * x(i, j) : 0; })),
      row(
          "triu", "", {{{5, 4}}}, [](const auto& in) { return triu(in[0], -1); },
          matrix(5, 4, [](const auto& x, Index i, Index j) { return j >= i - 1 ? x(i, j) : 0; })),
  };
}

}  // namespace

std::vector<OperationRow> arrange_rows() {
  std::vector<OperationRow> rows = moving_rows();
  for (OperationRow& made : framing_rows()) rows.push_back(std::move(made));
  return rows;
}

}  // namespace xgrad::testing
