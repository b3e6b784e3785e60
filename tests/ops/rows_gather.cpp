#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/extremes.hpp>
#include <xgrad/ops/gather.hpp>
#include <xgrad/ops/sorting.hpp>

#include "operation_row.hpp"

namespace xgrad::testing {
namespace {

using Arrays = std::vector<Array<double>>;
using Values = std::vector<double>;

Indices columns() { return xt::xarray<std::int64_t>{{0, 3}, {-1, 1}}; }
/// The same, counted from the front.
constexpr std::size_t column[2][2] = {{0, 3}, {3, 1}};

Mask chess() {
  return xt::xarray<bool>{
      {true, false, true, false}, {false, true, false, true}, {false, false, false, true}};
}

/// Holds for every element but each third one.
bool holds_at(std::size_t place) { return place % 3 != 1; }
Mask most_of(const Shape& shape) {
  Dense<bool> mask(shape);
  for (std::size_t k = 0; k < mask.size(); ++k) mask.mutable_data()[k] = holds_at(k);
  return to_array(std::move(mask));
}
/// Of [n, 2], one of the two of each row.
Mask one_of_two(std::size_t n) {
  Dense<bool> mask(Shape{n, 2});
  for (std::size_t k = 0; k < mask.size(); ++k) mask.mutable_data()[k] = k % 2 == k / 2 % 2;
  return to_array(std::move(mask));
}
std::size_t first_extent(const Shape& shape) { return shape.empty() ? 3 : shape[0]; }

/// The first `count` of each row of x in order.
Values rows_in_order(const Array<double>& x, std::size_t count, bool descending) {
  Values result;
  for (std::size_t i = 0; i < x.shape(0); ++i) {
    Values line;
    for (std::size_t j = 0; j < x.shape(1); ++j) line.push_back(x(i, j));
    // A NaN comes last either way.
    std::sort(line.begin(), line.end(), [=](double a, double b) {
      if (std::isnan(a) || std::isnan(b)) return !std::isnan(a) && std::isnan(b);
      return descending ? a > b : a < b;
    });
    result.insert(result.end(), line.begin(), line.begin() + static_cast<std::ptrdiff_t>(count));
  }
  return result;
}

/// x [3, 4] after something was done to a copy of its elements.
Values changed(const Array<double>& x, const std::function<void(Values&)>& change) {
  Values result(x.cbegin(), x.cend());
  change(result);
  return result;
}

std::vector<OperationRow> chosen_rows() {
  const std::vector<Argument> one = {{{3, 4}}};
  const std::vector<Argument> distinct = {{.shape = {3, 6}, .distinct = true}};
  return {
      row(
          "take_along_axis", "gather", one,
          [](const auto& in) { return square(gather(in[0], 1, columns())); },
          [](const Arrays& in) {
            Values result;
            for (std::size_t i = 0; i < 2; ++i)
              for (std::size_t j = 0; j < 2; ++j)
                result.push_back(in[0](i, column[i][j]) * in[0](i, column[i][j]));
            return result;
          }),
      row(
          "masked_select", "", one, [](const auto& in) { return square(masked_select(in[0], chess())); },
          [](const Arrays& in) {
            const auto& x = in[0];
            Values result;
            for (double e : {x(0, 0), x(0, 2), x(1, 1), x(1, 3), x(2, 3)}) result.push_back(e * e);
            return result;
          }),
      row(
          "masked_select", "most of any shape", {{{3, 5}}},
          [](const auto& in) { return masked_select(in[0], most_of(in[0].shape())); },
          [](const Arrays& in) {
            Values result;
            for (std::size_t k = 0; k < in[0].size(); ++k)
              if (holds_at(k)) result.push_back(in[0].storage()[k]);
            return result;
          }),
      row(
          "masked_scatter", "", {{{5}}},
          [](const auto& in) {
            return square(detail::masked_scatter(in[0], one_of_two(first_extent(in[0].shape()))));
          },
          [](const Arrays& in) {
            Values result(2 * in[0].size(), 0);
            for (std::size_t k = 0; k < in[0].size(); ++k) result[2 * k + k % 2] = in[0](k) * in[0](k);
            return result;
          }),
      row(
          "sort", "", distinct, [](const auto& in) { return sort(in[0], -1); },
          [](const Arrays& in) { return rows_in_order(in[0], in[0].shape(1), false); }),
      row(
          "max_with_indices", "", distinct, [](const auto& in) { return max_with_indices(in[0], -1).values; },
          reducing(
              {-1},
              [](const Line& line) { return std::accumulate(line.begin(), line.end(), line[0], larger); })),
      row(
          "max_with_indices", "first axis, kept", distinct,
          [](const auto& in) { return max_with_indices(in[0], 0, {.keep_dims = true}).values; },
          reducing(
              {0},
              [](const Line& line) { return std::accumulate(line.begin(), line.end(), line[0], larger); })),
      row(
          "min_with_indices", "", distinct, [](const auto& in) { return min_with_indices(in[0], -1).values; },
          reducing(
              {-1},
              [](const Line& line) { return std::accumulate(line.begin(), line.end(), line[0], smaller); })),
      row(
          "topk", "", distinct, [](const auto& in) { return topk(in[0], 2).values; },
          [](const Arrays& in) { return rows_in_order(in[0], 2, true); }),
  };
}

std::vector<OperationRow> put_rows() {
  const Indices first = xt::xarray<std::int64_t>{0, -1, 0}, second = xt::xarray<std::int64_t>{1, 3, 1};
  return {
      row(
          "scatter_along_axis", "scatter_add", {{{3, 4}}, {{2, 3}}},
          [](const auto& in) { return square(scatter_add(in[0], 1, columns(), in[1])); },
          [](const Arrays& in) {
            return changed(in[0], [&](Values& x) {
              for (std::size_t i = 0; i < 2; ++i)
                for (std::size_t j = 0; j < 2; ++j) x[4 * i + column[i][j]] += in[1](i, j);
              for (double& e : x) e *= e;
            });
          }),
      row(
          "where", "index_put", {{{3, 4}}, {{3}}},
          [=](const auto& in) {
            return square(index_put(in[0], {first, second}, in[1]));
          },
          [](const Arrays& in) {
            return changed(in[0], [&](Values& x) {
              x[1] = in[1](2);
              x[11] = in[1](1);
              for (double& e : x) e *= e;
            });
          }),
      row(
          "scatter_slices", "index_put of rows, accumulated", {{{3, 4}}, {{4}}},
          [=](const auto& in) { return square(index_put(in[0], {first}, in[1], true)); },
          [](const Arrays& in) {
            return changed(in[0], [&](Values& x) {
              for (std::size_t j = 0; j < 4; ++j) {
                const double value = in[1].storage()[in[1].size() == 1 ? 0 : j];
                x[j] += 2 * value;
                x[8 + j] += value;
              }
              for (double& e : x) e *= e;
            });
          }),
  };
}

}  // namespace

std::vector<OperationRow> gather_rows() {
  std::vector<OperationRow> rows = chosen_rows();
  for (OperationRow& made : put_rows()) rows.push_back(std::move(made));
  return rows;
}

}  // namespace xgrad::testing
