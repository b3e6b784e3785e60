// Attention and its gradients by plain loops in double.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <vector>
#include <xgrad/core/array/shape.hpp>
#include <xgrad/core/kernels/random.hpp>

namespace xgrad::testing {

/// What a query may not see: head (all axes in front as one), query, key.
using Forbids = std::function<bool(std::size_t head, std::size_t query, std::size_t key)>;

/// What dropout multiplies element `place` of the weights by, the generator being at the beginning of `seed`.
inline double dropout_factor(std::size_t place, std::uint64_t seed, double p) {
  if (p == 0) return 1;
  const auto block = static_cast<std::uint32_t>(place / 64 * 16 + place % 16);
  const auto words = detail::philox({block, 0, 0, 0}, {static_cast<std::uint32_t>(seed), 0});
  return words[place % 64 / 16] * 0x1p-32 < p ? 0 : 1 / (1 - p);
}

struct AttentionReference {
  std::size_t heads = 1, queries, keys, width, value_width;
  double scale;
  Forbids forbids = {};
  double p = 0;
  std::uint64_t seed = 0;
  std::vector<double> weights, dropped, y;

  AttentionReference(const Shape& q, const Shape& k, const Shape& v)
      : queries(q[q.size() - 2]),
        keys(k[k.size() - 2]),
        width(q.back()),
        value_width(v.back()),
        scale(1 / std::sqrt(static_cast<double>(std::max<std::size_t>(1, width)))) {
    for (std::size_t axis = 0; axis + 2 < q.size(); ++axis) heads *= q[axis];
  }

  bool hidden(std::size_t h, std::size_t i, std::size_t j) const { return forbids && forbids(h, i, j); }
  std::size_t pair(std::size_t h, std::size_t i, std::size_t j) const { return (h * queries + i) * keys + j; }

  /// Fills weights, dropped and y.
  void run(const double* q, const double* k, const double* v) {
    weights.assign(heads * queries * keys, 0);
    for (std::size_t h = 0; h < heads; ++h)
      for (std::size_t i = 0; i < queries; ++i) weigh_row(q + (h * queries + i) * width, k, h, i);
    dropped = weights;
    for (std::size_t place = 0; place < dropped.size(); ++place)
      dropped[place] *= dropout_factor(place, seed, p);
    y.assign(heads * queries * value_width, 0);
    for (std::size_t h = 0; h < heads; ++h)
      for (std::size_t i = 0; i < queries; ++i)
        for (std::size_t j = 0; j < keys; ++j)
          for (std::size_t e = 0; e < value_width; ++e)
            y[(h * queries + i) * value_width + e] +=
                dropped[pair(h, i, j)] * v[(h * keys + j) * value_width + e];
  }

  /// dq, dk and dv, after run().
  std::vector<std::vector<double>> back(const double* q, const double* k, const double* v,
                                        const double* dy) const {
    std::vector<std::vector<double>> all{std::vector<double>(heads * queries * width),
                                         std::vector<double>(heads * keys * width),
                                         std::vector<double>(heads * keys * value_width)};
    for (std::size_t h = 0; h < heads; ++h)
      for (std::size_t i = 0; i < queries; ++i) {
        const std::size_t query = h * queries + i;
        double mean = 0;
        for (std::size_t e = 0; e < value_width; ++e)
          mean += dy[query * value_width + e] * y[query * value_width + e];
        for (std::size_t j = 0; j < keys; ++j) {
          const std::size_t key = h * keys + j, place = pair(h, i, j);
          double slope = 0;
          for (std::size_t e = 0; e < value_width; ++e) {
            slope += dy[query * value_width + e] * v[key * value_width + e];
            all[2][key * value_width + e] +=
                (hidden(h, i, j) ? 0 : dropped[place]) * dy[query * value_width + e];
          }
          slope =
              hidden(h, i, j) ? 0 : weights[place] * (slope * dropout_factor(place, seed, p) - mean) * scale;
          for (std::size_t c = 0; c < width; ++c) {
            all[0][query * width + c] += slope * k[key * width + c];
            all[1][key * width + c] += slope * q[query * width + c];
          }
        }
      }
    return all;
  }

 private:
  void weigh_row(const double* query, const double* k, std::size_t h, std::size_t i) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    double largest = -infinity, total = 0;
    bool sees = false;
    double* const row = weights.data() + pair(h, i, 0);
    for (std::size_t j = 0; j < keys; ++j) {
      double score = 0;
      for (std::size_t c = 0; c < width; ++c) score += query[c] * k[(h * keys + j) * width + c];
      row[j] = hidden(h, i, j) ? -infinity : score * scale;
      sees = sees || !hidden(h, i, j);
      largest = std::isnan(row[j]) || std::isnan(largest) ? NAN : std::max(largest, row[j]);
    }
    for (std::size_t j = 0; j < keys; ++j) total += row[j] = sees ? std::exp(row[j] - largest) : 0;
    for (std::size_t j = 0; j < keys; ++j) row[j] = std::isnan(total) ? NAN : total == 0 ? 0 : row[j] / total;
  }
};

}  // namespace xgrad::testing
