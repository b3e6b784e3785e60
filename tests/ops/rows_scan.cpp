#include <xgrad/ops/cumprod.hpp>
#include <xgrad/ops/scan.hpp>

#include "gradient_of.hpp"
#include "operation_row.hpp"

namespace xgrad::testing {
namespace {

using Arrays = std::vector<Array<double>>;

/// x seen as [outer, extent, inner] around an axis.
struct Around {
  std::size_t outer = 1, extent, inner = 1;
  Around(const Array<double>& x, std::size_t axis) : extent(x.shape(axis)) {
    for (std::size_t k = 0; k < axis; ++k) outer *= x.shape(k);
    for (std::size_t k = axis + 1; k < x.dimension(); ++k) inner *= x.shape(k);
  }
};

Reference running_sums(std::size_t axis) {
  return [=](const Arrays& in) {
    std::vector<double> result(in[0].cbegin(), in[0].cend());
    const Around around(in[0], axis);
    for (std::size_t k = 0; k < result.size(); ++k)
      if (k / around.inner % around.extent > 0) result[k] += result[k - around.inner];
    return result;
  };
}

Reference running_products(std::size_t axis) {
  return [=](const Arrays& in) {
    std::vector<double> result(in[0].cbegin(), in[0].cend());
    const Around around(in[0], axis);
    for (std::size_t k = 0; k < result.size(); ++k)
      if (k / around.inner % around.extent > 0) result[k] *= result[k - around.inner];
    return result;
  };
}

Reference recurrence(std::size_t axis, bool from_the_end) {
  return [=](const Arrays& in) {
    std::vector<double> result(in[1].cbegin(), in[1].cend());
    const Around around(in[1], axis);
    for (std::size_t n = 0; n < result.size(); ++n) {
      const std::size_t k = from_the_end ? result.size() - 1 - n : n,
                        place = k / around.inner % around.extent;
      if (from_the_end && place + 1 < around.extent)
        result[k] += in[0].storage()[k + around.inner] * result[k + around.inner];
      if (!from_the_end && place > 0) result[k] += in[0].storage()[k] * result[k - around.inner];
    }
    return result;
  };
}

Reference products(const Axes& axes) {
  return [=](const Arrays& in) {
    std::vector<double> result;
    for (const Line& line : lines_of(in[0], axes)) {
      result.push_back(1);
      for (double x : line) result.back() *= x;
    }
    return result;
  };
}

/// For each element of a matrix the product of the others in its row, times the row's number.
std::vector<double> products_of_others(const Arrays& in) {
  const std::size_t lines = in[0].shape(0), count = in[0].shape(1);
  std::vector<double> result;
  for (std::size_t i = 0; i < lines; ++i)
    for (std::size_t j = 0; j < count; ++j) {
      result.push_back(in[1](i, 0));
      for (std::size_t other = 0; other < count; ++other) result.back() *= other == j ? 1 : in[0](i, other);
    }
  return result;
}

}  // namespace

std::vector<OperationRow> scan_rows() {
  return {
      row(
          "cumsum", "last axis", {{{3, 7}}}, [](const auto& in) { return cumsum(in[0], -1); },
          running_sums(1)),
      row(
          "cumsum", "first axis, more columns than a strip", {{{3, 150}}},
          [](const auto& in) { return cumsum(in[0], 0); }, running_sums(0)),
      row(
          "cumsum", "middle axis", {{{2, 4, 3}}}, [](const auto& in) { return cumsum(in[0], 1); },
          running_sums(1)),
      row(
          "cumsum", "all", {{{3, 4}}}, [](const auto& in) { return cumsum(in[0]); },
          [](const Arrays& in) {
            std::vector<double> result;
            for (double x : in[0]) result.push_back(x + (result.empty() ? 0 : result.back()));
            return result;
          }),
      row(
          "cumprod", "last axis", {{{3, 7}}}, [](const auto& in) { return cumprod(in[0], -1); },
          running_products(1)),
      row(
          "cumprod", "first axis", {{{3, 5}}}, [](const auto& in) { return cumprod(in[0], 0); },
          running_products(0)),
      row(
          "cumprod", "middle axis", {{{2, 4, 3}}}, [](const auto& in) { return cumprod(in[0], 1); },
          running_products(1)),
      row(
          "cumprod", "all", {{{3, 4}}}, [](const auto& in) { return cumprod(in[0]); },
          [](const Arrays& in) {
            std::vector<double> result;
            for (double x : in[0]) result.push_back(x * (result.empty() ? 1 : result.back()));
            return result;
          }),
      row(
          "linear_recurrence", "last axis", {{{3, 5}}, {{3, 5}}},
          [](const auto& in) { return detail::linear_recurrence(in[0], in[1], -1, false); },
          recurrence(1, false)),
      row(
          "linear_recurrence", "first axis, from the end", {{{4, 3}}, {{4, 3}}},
          [](const auto& in) { return detail::linear_recurrence(in[0], in[1], 0, true); },
          recurrence(0, true)),
      row(
          "prod", "last axis", {{{3, 7}}}, [](const auto& in) { return prod(in[0], {.axes = {-1}}); },
          products({1})),
      row(
          "prod", "first axis, kept", {{{4, 5}}},
          [](const auto& in) { return prod(in[0], {.axes = {0}, .keep_dims = true}); }, products({0})),
      row(
          "prod", "middle axis", {{{2, 3, 4}}}, [](const auto& in) { return prod(in[0], {.axes = {1}}); },
          products({1})),
      row(
          "prod", "all", {{{11}}}, [](const auto& in) { return prod(in[0]); }, products({})),
      row(
          "prod_gradient", "", {{{3, 7}}, {{3, 1}}},
          [](const auto& in) { return detail::prod_gradient(in[0], in[1]); }, products_of_others),
  };
}

}  // namespace xgrad::testing
