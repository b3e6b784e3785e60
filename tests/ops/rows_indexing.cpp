#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/indexing.hpp>

#include "row_refusals.hpp"
#include "row_shapes.hpp"

namespace xgrad::testing {
namespace {

using Arrays = std::vector<Array<double>>;

Indices columns() { return xt::xarray<std::int64_t>{{0, -1, 2, 2}, {3, 1, 1, -4}, {-2, 0, 0, 0}}; }
std::size_t column(const Indices& indices, std::size_t i, std::size_t j) {
  return static_cast<std::size_t>((indices(i, j) + 4) % 4);
}

std::vector<double> squares(std::vector<double> x) {
  for (double& element : x) element *= element;
  return x;
}

std::vector<double> taken_along(const Array<double>& x) {
  std::vector<double> result;
  const Indices indices = columns();
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 4; ++j) result.push_back(x(i, column(indices, i, j)));
  return result;
}

std::vector<double> scattered_along(const Array<double>& x) {
  std::vector<double> result(12, 0);
  const Indices indices = columns();
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 4; ++j) result[4 * i + column(indices, i, j)] += x(i, j);
  return result;
}

/// Positions along the middle axis of [2, 3, 2].
constexpr std::size_t positions[4] = {2, 0, 2, 1};
Indices grid() { return xt::xarray<std::int64_t>{{2, 0}, {-1, -2}}; }

std::vector<double> taken(const Array<double>& x) {
  std::vector<double> result;
  for (std::size_t o = 0; o < x.shape(0); ++o)
    for (std::size_t position : positions)
      for (std::size_t i = 0; i < x.shape(2); ++i) result.push_back(x(o, position, i));
  return result;
}

std::vector<double> scattered(const Array<double>& x) {
  const std::size_t inner = x.shape(3);
  std::vector<double> result(x.shape(0) * 3 * inner, 0);
  for (std::size_t o = 0; o < x.shape(0); ++o)
    for (std::size_t k = 0; k < 4; ++k)
      for (std::size_t i = 0; i < inner; ++i)
        result[(3 * o + positions[k]) * inner + i] += x(o, k / 2, k % 2, i);
  return result;
}

/// A column for each element of [rows, columns], some of them several times in a row.
std::size_t wandering(std::size_t i, std::size_t j, std::size_t columns) { return (3 * i + j * j) % columns; }
Indices wandering(const Shape& shape) {
  Indices made = xt::zeros<std::int64_t>({shape[0], shape[1]});
  for (std::size_t i = 0; i < shape[0]; ++i)
    for (std::size_t j = 0; j < shape[1]; ++j)
      made(i, j) = static_cast<std::int64_t>(wandering(i, j, shape[1]));
  return made;
}

/// Each element of a matrix added to the one of its row that wandering() names, or taken from there.
std::vector<double> wandered(const Array<double>& x, bool adds) {
  const std::size_t columns = x.shape(1);
  std::vector<double> result(x.size(), 0);
  for (std::size_t i = 0; i < x.shape(0); ++i)
    for (std::size_t j = 0; j < columns; ++j) {
      const std::size_t other = wandering(i, j, columns);
      result[i * columns + (adds ? other : j)] += x(i, adds ? j : other);
    }
  return result;
}

}  // namespace

std::vector<OperationRow> indexing_rows() {
  return {
      row(
          "take_along_axis", "", {{{3, 4}}},
          [](const auto& in) { return square(take_along_axis(in[0], columns(), 1)); },
          [](const Arrays& in) { return squares(taken_along(in[0])); }),
      row(
          "take_along_axis", "first axis, fewer", {{{3, 4}}},
          [](const auto& in) {
            const Indices first = xt::xarray<std::int64_t>{{2, 0, -1, 1}};
            return take_along_axis(in[0], first, 0);
          },
          [](const Arrays& in) {
            return std::vector<double>{in[0](2, 0), in[0](0, 1), in[0](2, 2), in[0](1, 3)};
          }),
      row(
          "scatter_along_axis", "", {{{3, 4}}},
          [](const auto& in) {
            return square(scatter_along_axis(in[0], columns(), 1, {3, 4}));
          },
          [](const Arrays& in) { return squares(scattered_along(in[0])); }),
      row(
          "take_along_axis", "indices as many as elements", {{{2, 5}}},
          [](const auto& in) { return take_along_axis(in[0], wandering(in[0].shape()), 1); },
          [](const Arrays& in) { return wandered(in[0], false); }),
      row(
          "scatter_along_axis", "indices as many as elements", {{{2, 5}}},
          [](const auto& in) {
            return scatter_along_axis(in[0], wandering(in[0].shape()), 1, in[0].shape());
          },
          [](const Arrays& in) { return wandered(in[0], true); }),
      row(
          "take", "", {{{2, 3, 2}}}, [](const auto& in) { return square(take(in[0], grid(), 1)); },
          [](const Arrays& in) { return squares(taken(in[0])); }),
      row(
          "scatter_slices", "", {{{2, 2, 2, 2}}},
          [](const auto& in) {
            const Shape& shape = in[0].shape();
            return square(scatter_slices(in[0], grid(), 1, {shape[0], 3, shape.back()}));
          },
          [](const Arrays& in) { return squares(scattered(in[0])); }),
  };
}

std::vector<FurtherShapes> indexing_shapes() {
  return {
      of_one("take_along_axis (indices as many as elements)", {{0, 4}, {3, 0}}, {{301, 401}}),
      of_one("masked_select (most of any shape)", {{}, {0, 5}, {3, 0}}, {{401, 701}}),
      of_one("masked_scatter", {{0}, {1}}, {{301001}}),
      of_one("sort", {{0, 6}, {3, 0}, {3, 1}}, {{301, 401}}),
      of_one("max_with_indices", {{0, 6}, {3, 1}}, {{301, 401}}),
      of_one("max_with_indices (first axis, kept)", {{3, 0}, {1, 2}}, {{301, 401}}),
      of_one("min_with_indices", {{0, 6}, {3, 1}}, {{301, 401}}),
      of_one("topk", {{0, 6}, {3, 2}}, {{301, 401}}),
      of_one("scatter_along_axis (indices as many as elements)", {{0, 4}, {3, 0}}, {{301, 401}}),
      of_one("take", {{0, 3, 2}, {2, 3, 0}}, {{201, 3, 301}}),
      of_one("scatter_slices", {{0, 2, 2, 2}, {2, 2, 2, 0}}, {{201, 2, 2, 301}}),
      {"scatter_slices (index_put of rows, accumulated)", {{{3, 4}, {}}, {{3, 4}, {1}}}},
  };
}

std::vector<Refusal> indexing_refusals() {
  return {
      {"take_along_axis", {{4, 4}}, {"[3, 4]", "[4, 4]", "axis 0"}},
      {"take_along_axis", {{3, 3}}, {"index 3 at [1, 0]", "axis 1", "[3, 3]"}, value_error},
      {"take_along_axis (first axis, fewer)", {{3}}, {"[1, 4]", "[3]"}},
      {"take_along_axis (gather)", {{1, 4}}, {"[2, 2]", "[1, 4]", "axis 0"}},
      {"take_along_axis", {{}}, {"axis 1", "[]"}},
      {"topk", {{}}, {"axis -1", "[]"}},
      {"max_with_indices", {{}}, {"axis -1", "[]"}},
      {"max_with_indices", {{3, 0}}, {"axis 1", "[3, 0]", "is empty"}, value_error},
      {"min_with_indices", {{}}, {"axis -1", "[]"}},
      {"min_with_indices", {{3, 0}}, {"axis 1", "[3, 0]", "is empty"}, value_error},
      {"topk", {{3, 1}}, {"2 elements", "[3, 1]"}, value_error},
      {"sort", {{}}, {"axis -1", "[]"}},
      {"scatter_along_axis", {{4, 3}}, {"[4, 3]", "[3, 4]"}},
      {"scatter_along_axis", {{}}, {"[]", "[3, 4]"}},
      {"scatter_along_axis (scatter_add)", {{3, 4}, {1, 2}}, {"[1, 2]", "[2, 2]"}},
      {"take", {{2}}, {"axis 1", "[2]"}},
      {"take", {{}}, {"axis 1", "[]"}},
      {"take", {{2, 2, 2}}, {"index 2", "[2, 2, 2]"}, value_error},
      {"masked_select", {{3, 5}}, {"[3, 4]", "[3, 5]"}},
      {"masked_scatter", {{3, 2}}, {"[3, 2]", "[3]"}},
      {"masked_scatter", {{}}, {"[]", "[3, 2]", "[3]"}},
      {"take (embedding)", {{5}}, {"[5]"}},
      {"take (embedding)", {{4, 3}}, {"index 4", "[4, 3]"}, value_error},
      {"scatter_slices", {{2, 4, 2}}, {"[2, 4, 2]", "[2, 3, 2]"}},
      {"scatter_slices (index_put of rows, accumulated)", {{3, 4}, {5}}, {"[5]", "[3, 4]"}},
  };
}

}  // namespace xgrad::testing
