#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/ops/batch_norm.hpp>
#include <xgrad/ops/batch_norm_kernels.hpp>
#include <xgrad/ops/dropout.hpp>
#include <xgrad/ops/embedding.hpp>
#include <xgrad/ops/layer_norm.hpp>

#include "gradient_of.hpp"
#include "row_refusals.hpp"
#include "row_shapes.hpp"

namespace xgrad::testing {
namespace {

using Arrays = std::vector<Array<double>>;

/// Each line of `count` neighbours less its mean, over the root of its variance and epsilon.
std::vector<double> normalized_lines(const Array<double>& x, std::size_t count, double epsilon) {
  std::vector<double> y(x.cbegin(), x.cend());
  const auto n = static_cast<double>(count);
  for (std::size_t first = 0; first < y.size(); first += count) {
    double mean = 0, variance = 0;
    for (std::size_t i = first; i < first + count; ++i) mean += y[i] / n;
    for (std::size_t i = first; i < first + count; ++i) variance += (y[i] - mean) * (y[i] - mean) / n;
    for (std::size_t i = first; i < first + count; ++i) y[i] = (y[i] - mean) / std::sqrt(variance + epsilon);
  }
  return y;
}

void add_layer_norm(std::vector<OperationRow>& rows, const char* variant, const Shape& shape,
                    double epsilon) {
  rows.push_back(row(
      "layer_norm", variant, {{shape}, {{shape.back()}}, {{shape.back()}}},
      [=](const auto& in) { return layer_norm(in[0], in[1], in[2], {.epsilon = epsilon}); },
      [=](const Arrays& in) {
        const std::size_t count = in[1].size();
        std::vector<double> y = normalized_lines(in[0], count, epsilon);
        for (std::size_t i = 0; i < y.size(); ++i)
          y[i] = y[i] * in[1].storage()[i % count] + in[2].storage()[i % count];
        return y;
      }));
}

/// The place of a channel's element i in x [samples, channels, inner].
struct ChannelsOf {
  std::size_t samples, channels, inner;
  explicit ChannelsOf(const Shape& shape)
      : samples(shape[0]), channels(shape[1]), inner(element_count(Shape(shape.begin() + 2, shape.end()))) {}
  std::size_t count() const { return samples * inner; }
  std::size_t at(std::size_t channel, std::size_t i) const {
    return (i / inner * channels + channel) * inner + i % inner;
  }
};

/// Each channel normalised by its own mean and variance, or by given ones.
std::vector<double> normalized_channels(const Array<double>& x, double epsilon,
                                        const BatchStatistics<double>* given = nullptr) {
  std::vector<double> y(x.cbegin(), x.cend());
  const ChannelsOf all(x.shape());
  const auto n = static_cast<double>(all.count());
  for (std::size_t c = 0; c < all.channels; ++c) {
    double mean = 0, variance = 0;
    for (std::size_t i = 0; i < all.count(); ++i) mean += y[all.at(c, i)] / n;
    for (std::size_t i = 0; i < all.count(); ++i) variance += std::pow(y[all.at(c, i)] - mean, 2) / n;
    if (given != nullptr) {
      mean = given->mean.storage()[c];
      variance = given->variance.storage()[c];
    }
    for (std::size_t i = 0; i < all.count(); ++i) {
      double& element = y[all.at(c, i)];
      element = (element - mean) / std::sqrt(variance + epsilon);
    }
  }
  return y;
}

std::vector<double> times_plus(std::vector<double> y, const Arrays& in) {
  const ChannelsOf all(in[0].shape());
  for (std::size_t c = 0; c < all.channels; ++c)
    for (std::size_t i = 0; i < all.count(); ++i) {
      double& element = y[all.at(c, i)];
      element = element * in[1].storage()[c] + in[2].storage()[c];
    }
  return y;
}

template <class T>
BatchStatistics<T> statistics_of(std::size_t channels) {
  Array<T> mean = xt::zeros<T>({channels}), variance = xt::zeros<T>({channels});
  for (std::size_t c = 0; c < channels; ++c) {
    mean(c) = static_cast<T>(0.25 * static_cast<double>(c) - 1);
    variance(c) = static_cast<T>(0.5 + 0.25 * static_cast<double>(c));
  }
  return {mean, variance};
}

void add_batch_norm(std::vector<OperationRow>& rows, const std::string& variant, const Shape& shape,
                    double epsilon) {
  const std::size_t channels = shape[1];
  const std::vector<Argument> arguments = {{shape}, {{channels}}, {{channels}}};
  rows.push_back(row(
      "batch_norm", variant, arguments,
      [=](const auto& in) { return batch_norm(in[0], in[1], in[2], {.epsilon = epsilon}); },
      [=](const Arrays& in) { return times_plus(normalized_channels(in[0], epsilon), in); }));
  rows.push_back(row(
      "standardize", "batch_norm in evaluation, " + variant, arguments,
      [=](const auto& in) {
        using T = typename std::decay_t<decltype(in[0])>::value_type;
        return batch_norm(in[0], in[1], in[2], statistics_of<T>(channels), {.epsilon = epsilon});
      },
      [=](const Arrays& in) {
        const auto statistics = statistics_of<double>(channels);
        return times_plus(normalized_channels(in[0], epsilon, &statistics), in);
      }));
}

/// Where the elements of the lines stand that are normalised, and which gamma is whose.
struct Lines {
  std::size_t count, length;
  std::function<std::size_t(std::size_t, std::size_t)> at, gamma;
};

Lines rows_of(const Shape& shape) {
  const std::size_t length = shape.back(), count = element_count(shape) / std::max<std::size_t>(1, length);
  return {count, length, [=](std::size_t line, std::size_t i) { return line * length + i; },
          [](std::size_t, std::size_t i) { return i; }};
}

Lines channels_of(const Shape& shape) {
  const ChannelsOf all(shape);
  return {all.channels, all.count(), [=](std::size_t line, std::size_t i) { return all.at(line, i); },
          [](std::size_t line, std::size_t) { return line; }};
}

/// The gradients of a normalisation of in[0], with gamma in[1] if there are four, weighed with the last.
struct PassedBack {
  std::vector<double> dx, dgamma;

  PassedBack(const Arrays& in, const Lines& lines, double epsilon) : dx(in[0].size()) {
    const bool has_gamma = in.size() == 4;
    if (has_gamma) dgamma.resize(in[1].size());
    const auto &x = in[0].storage(), &dy = in.back().storage();
    const auto n = static_cast<double>(lines.length);
    for (std::size_t line = 0; line < lines.count; ++line) {
      double mean = 0, variance = 0, mean_g = 0, slope = 0;
      const auto place = [&](std::size_t i) { return lines.at(line, i); };
      const auto weight = [&](std::size_t i) {
        return has_gamma ? in[1].storage()[lines.gamma(line, i)] : 1;
      };
      for (std::size_t i = 0; i < lines.length; ++i) mean += x[place(i)] / n;
      for (std::size_t i = 0; i < lines.length; ++i) variance += std::pow(x[place(i)] - mean, 2) / n;
      const double scale = 1 / std::sqrt(variance + epsilon);
      const auto normal = [&](std::size_t i) { return (x[place(i)] - mean) * scale; };
      // A gamma for the whole line stands in front.
      const bool in_front = lines.gamma(line, 0) == lines.gamma(line, 1);
      const auto g = [&](std::size_t i) { return dy[place(i)] * (in_front ? 1 : weight(i)); };
      for (std::size_t i = 0; i < lines.length; ++i) {
        mean_g += g(i) / n;
        slope += g(i) * normal(i) / n;
        if (has_gamma) dgamma[lines.gamma(line, i)] += dy[place(i)] * normal(i);
      }
      for (std::size_t i = 0; i < lines.length; ++i)
        dx[place(i)] = (g(i) - mean_g - normal(i) * slope) * (in_front ? weight(i) * scale : scale);
    }
  }
};

void add_layer_norm_gradient(std::vector<OperationRow>& rows, const std::string& variant, const Shape& shape,
                             double epsilon) {
  const Shape last{shape.back()};
  const std::vector<Argument> arguments = {{shape}, {last}, {last}, {shape}};
  const auto value = [=](const auto& in) { return layer_norm(in[0], in[1], in[2], {.epsilon = epsilon}); };
  const auto expected = [=](const Arrays& in) { return PassedBack(in, rows_of(in[0].shape()), epsilon); };
  rows.push_back(row("layer_norm_gradient", variant + " of x", arguments, gradient_of(value),
                     [=](const Arrays& in) { return expected(in).dx; }));
  rows.push_back(row("layer_norm_gradient", variant + " of gamma", arguments, gradient_of(value, 1),
                     [=](const Arrays& in) { return expected(in).dgamma; }));
}

void add_batch_norm_gradient(std::vector<OperationRow>& rows, const std::string& variant, const Shape& shape,
                             double epsilon) {
  const Shape channels{shape[1]};
  const std::vector<Argument> arguments = {{shape}, {channels}, {channels}, {shape}};
  const auto value = [=](const auto& in) { return batch_norm(in[0], in[1], in[2], {.epsilon = epsilon}); };
  const auto expected = [=](const Arrays& in) { return PassedBack(in, channels_of(in[0].shape()), epsilon); };
  rows.push_back(row("batch_norm_gradient", variant + " of x", arguments, gradient_of(value),
                     [=](const Arrays& in) { return expected(in).dx; }));
  rows.push_back(row("batch_norm_gradient", variant + " of gamma", arguments, gradient_of(value, 1),
                     [=](const Arrays& in) { return expected(in).dgamma; }));
}

void add_normalization_gradients(std::vector<OperationRow>& rows) {
  add_layer_norm_gradient(rows, "two axes,", {5, 7}, 1e-5);
  add_layer_norm_gradient(rows, "three axes, large epsilon,", {2, 3, 37}, 0.5);
  rows.push_back(row("layer_norm_gradient", "without gamma and beta", {{{6, 19}}, {{6, 19}}},
                     gradient_of([](const auto& in) { return layer_norm(in[0]); }),
                     [](const Arrays& in) { return PassedBack(in, rows_of(in[0].shape()), 1e-5).dx; }));
  add_batch_norm_gradient(rows, "two axes,", {5, 19}, 1e-5);
  add_batch_norm_gradient(rows, "four axes, large epsilon,", {2, 3, 3, 6}, 0.5);
  rows.push_back(row("batch_norm_gradient", "without gamma and beta", {{{4, 3, 5}}, {{4, 3, 5}}},
                     gradient_of([](const auto& in) { return batch_norm(in[0]); }),
                     [](const Arrays& in) { return PassedBack(in, channels_of(in[0].shape()), 1e-5).dx; }));
}

constexpr std::uint64_t dropout_seed = 21;

/// Element 16 k + j of each 64 stays if word k of the group's random block j is large enough.
std::vector<double> dropped(const Array<double>& x, double p) {
  std::vector<double> y(x.cbegin(), x.cend());
  for (std::size_t i = 0; i < y.size(); ++i) {
    const auto block = static_cast<std::uint32_t>(i / 64 * 16 + i % 16);
    const auto words = detail::philox({block, 0, 0, 0}, {dropout_seed, 0});
    y[i] *= words[i % 64 / 16] * 0x1p-32 < p ? 0 : 1 / (1 - p);
  }
  return y;
}

void add_dropout(std::vector<OperationRow>& rows, const char* variant, const Shape& shape, double p) {
  rows.push_back(row(
      "dropout", variant, {{shape}},
      [=](const auto& in) {
        Generator from(dropout_seed);
        return dropout(in[0], p, from);
      },
      [=](const Arrays& in) { return dropped(in[0], p); }));
}

}  // namespace

std::vector<OperationRow> layer_rows() {
  std::vector<OperationRow> rows;
  add_layer_norm(rows, "", {5, 7}, 1e-5);
  add_layer_norm(rows, "three axes, large epsilon", {2, 3, 37}, 0.5);
  rows.push_back(row(
      "layer_norm", "without gamma and beta", {{{6, 19}}}, [](const auto& in) { return layer_norm(in[0]); },
      [](const Arrays& in) { return normalized_lines(in[0], in[0].shape(1), 1e-5); }));
  add_batch_norm(rows, "two axes", {5, 19}, 1e-5);
  add_batch_norm(rows, "three axes", {3, 2, 7}, 0.5);
  add_batch_norm(rows, "four axes", {2, 3, 3, 6}, 1e-5);
  rows.push_back(row(
      "batch_norm", "without gamma and beta", {{{4, 3, 5}}}, [](const auto& in) { return batch_norm(in[0]); },
      [](const Arrays& in) { return normalized_channels(in[0], 1e-5); }));
  rows.push_back(elementwise_row(
      "standardize", "", {{{3, 4}}, {{4}}, {{4}}, {{4}}},
      [](const auto& in) {
        return detail::apply<formulas::Standardize, formulas::LayerFormulas>(in[0], in[1], in[2], in[3]);
      },
      [](const std::vector<double>& in) { return (in[0] - in[1]) * in[2] + in[3]; }));
  add_normalization_gradients(rows);
  add_dropout(rows, "", {7, 11}, 0.5);
  add_dropout(rows, "of a few, p = 0.1", {5}, 0.1);
  add_dropout(rows, "of many, p = 0.9", {3, 67}, 0.9);
  rows.push_back(row(
      "take", "embedding", {{{5, 3}}},
      [](const auto& in) {
        return embedding(in[0], xt::xarray<std::int64_t>{{4, 0, 4}, {1, 4, 2}});
      },
      [](const Arrays& in) {
        std::vector<double> y;
        for (const std::size_t chosen : {4u, 0u, 4u, 1u, 4u, 2u})
          for (std::size_t i = 0; i < 3; ++i) y.push_back(in[0](chosen, i));
        return y;
      }));
  return rows;
}

std::vector<FurtherShapes> layer_shapes() {
  return {
      {"layer_norm", {{{0, 7}, {7}, {7}}, {{5, 0}, {0}, {0}}}, {{{401, 701}, {701}, {701}}}},
      of_one("layer_norm (without gamma and beta)", {{0, 19}, {6, 0}, {6, 1}}),
      {"batch_norm (two axes)", {{{5, 0}, {0}, {0}}}, {{{5001, 19}, {19}, {19}}}},
      {"batch_norm (three axes)", {{{3, 0, 7}, {0}, {0}}}, {{{50, 20, 301}, {20}, {20}}}},
      {"standardize (batch_norm in evaluation, two axes)", {{{0, 19}, {19}, {19}}}},
      of_one("dropout", {{}, {0, 11}}, {{401, 701}}),
      {"layer_norm_gradient (two axes, of x)",
       {{{0, 7}, {7}, {7}, {0, 7}}, {{5, 0}, {0}, {0}, {5, 0}}},
       {{{401, 701}, {701}, {701}, {401, 701}}}},
      {"layer_norm_gradient (two axes, of gamma)",
       {{{0, 7}, {7}, {7}, {0, 7}}},
       {{{401, 701}, {701}, {701}, {401, 701}}}},
      {"batch_norm_gradient (two axes, of x)",
       {{{5, 0}, {0}, {0}, {5, 0}}},
       {{{5001, 19}, {19}, {19}, {5001, 19}}}},
      {"batch_norm_gradient (without gamma and beta)",
       {{{3, 0, 7}, {3, 0, 7}}},
       {{{50, 20, 301}, {50, 20, 301}}}},
  };
}

std::vector<Refusal> layer_refusals() {
  return {
      {"layer_norm", {{5, 6}, {7}, {7}}, {"[7]", "[5, 6]", "axis 1"}},
      {"layer_norm (without gamma and beta)", {{}}, {"without axes"}},
      {"batch_norm (two axes)", {{5, 18}, {19}, {19}}, {"[19]", "[5, 18]", "axis 1"}},
      {"batch_norm (without gamma and beta)", {{4}}, {"[4]", "channels"}},
      {"batch_norm (without gamma and beta)", {{}}, {"[]", "channels"}},
      {"batch_norm (without gamma and beta)", {{1, 3, 1}}, {"[1, 3, 1]", "one value"}, value_error},
      {"layer_norm_gradient (without gamma and beta)", {{3, 4}, {3, 5}}, {"[3, 4]", "[3, 5]"}},
      {"layer_norm_gradient (without gamma and beta)", {{}, {}}, {"without axes"}},
      {"batch_norm_gradient (without gamma and beta)", {{3, 4}, {3, 5}}, {"[3, 4]", "[3, 5]"}},
      {"batch_norm_gradient (without gamma and beta)", {{}, {}}, {"[]", "channels"}},
  };
}

}  // namespace xgrad::testing
