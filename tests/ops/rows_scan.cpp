#include <xgrad/ops/scan.hpp>
#include <xgrad/ops/shape.hpp>

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

Reference products(std::size_t axis) {
  return [=](const Arrays& in) {
    const Around around(in[0], axis);
    std::vector<double> result(around.outer * around.inner, 1);
    for (std::size_t k = 0; k < in[0].size(); ++k)
      result[k / (around.extent * around.inner) * around.inner + k % around.inner] *= in[0].storage()[k];
    return result;
  };
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
          "cumsum", "all", {{{12}}},
          [](const auto& in) {
            return cumsum(reshape(in[0], {3, 4}));
          },
          running_sums(0)),
      row(
          "prod", "last axis", {{{3, 7}}}, [](const auto& in) { return prod(in[0], {.axes = {-1}}); },
          products(1)),
      row(
          "prod", "first axis, kept", {{{4, 5}}},
          [](const auto& in) { return prod(in[0], {.axes = {0}, .keep_dims = true}); }, products(0)),
      row(
          "prod", "middle axis", {{{2, 3, 4}}}, [](const auto& in) { return prod(in[0], {.axes = {1}}); },
          products(1)),
      row(
          "prod", "all", {{{11}}}, [](const auto& in) { return prod(in[0]); }, products(0)),
  };
}

}  // namespace xgrad::testing
