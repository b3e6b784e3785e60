#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/indexing.hpp>

#include "operation_row.hpp"

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

}  // namespace xgrad::testing
