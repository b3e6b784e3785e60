// Recurrent layers by plain loops, for tests: one sample, one unit, one product at a time.
#pragma once

#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace xgrad::testing {

/// A layer's numbers by the names of its parameters, and its extents.
struct RecurrentCase {
  std::map<std::string, std::vector<double>> parameters;
  std::size_t steps, samples, in, hidden, layers;
  /// x[t, n, i], and the starting states [layer, n, h]; empty for zeros.
  std::vector<double> x, hidden_start, cell_start;
};

struct RecurrentValues {
  std::vector<double> output, hidden, cell;
};

/// What one unit does: from the sums of its gates over the input and over the hidden state, biases included,
/// to the new hidden value. `cell` is an LSTM's, read and written.
using Unit = std::function<double(const std::vector<double>& of_input, const std::vector<double>& of_hidden,
                                  double before, double& cell)>;

inline double logistic(double x) { return 1 / (1 + std::exp(-x)); }

inline double rnn_tanh_unit(const std::vector<double>& x, const std::vector<double>& h, double, double&) {
  return std::tanh(x[0] + h[0]);
}
inline double rnn_relu_unit(const std::vector<double>& x, const std::vector<double>& h, double, double&) {
  return std::fmax(x[0] + h[0], 0);
}
inline double gru_unit(const std::vector<double>& x, const std::vector<double>& h, double before, double&) {
  const double r = logistic(x[0] + h[0]), z = logistic(x[1] + h[1]), n = std::tanh(x[2] + r * h[2]);
  return (1 - z) * n + z * before;
}
inline double lstm_unit(const std::vector<double>& x, const std::vector<double>& h, double, double& cell) {
  const double i = logistic(x[0] + h[0]), f = logistic(x[1] + h[1]), g = std::tanh(x[2] + h[2]);
  cell = f * cell + i * g;
  return logistic(x[3] + h[3]) * std::tanh(cell);
}

/// The sums of gate 0, 1 ... of one unit: row times column `g hidden + unit`, and the bias if there is one.
inline std::vector<double> gate_sums(const double* row, std::size_t length, const std::vector<double>& weight,
                                     const std::vector<double>& bias, std::size_t hidden, std::size_t unit) {
  const std::size_t width = weight.size() / length;
  std::vector<double> sums;
  for (std::size_t column = unit; column < width; column += hidden) {
    double sum = bias.empty() ? 0 : bias[column];
    for (std::size_t i = 0; i < length; ++i) sum += row[i] * weight[i * width + column];
    sums.push_back(sum);
  }
  return sums;
}

inline RecurrentValues run_by_loops(RecurrentCase c, const Unit& unit) {
  const std::size_t N = c.samples, H = c.hidden;
  c.hidden_start.resize(c.layers * N * H, 0);
  c.cell_start.resize(c.layers * N * H, 0);
  RecurrentValues values{c.x, c.hidden_start, c.cell_start};
  for (std::size_t layer = 0, in = c.in; layer < c.layers; ++layer, in = H) {
    const std::string k = std::to_string(layer);
    const std::vector<double> sequence = values.output;
    values.output.assign(c.steps * N * H, 0);
    for (std::size_t t = 0; t < c.steps; ++t)
      for (std::size_t n = 0; n < N; ++n) {
        double* const state = values.hidden.data() + (layer * N + n) * H;
        const std::vector<double> before(state, state + H);
        for (std::size_t h = 0; h < H; ++h) {
          const auto of_input =
              gate_sums(sequence.data() + (t * N + n) * in, in, c.parameters["weight_ih_l" + k],
                        c.parameters["bias_ih_l" + k], H, h);
          const auto of_hidden = gate_sums(before.data(), H, c.parameters["weight_hh_l" + k],
                                           c.parameters["bias_hh_l" + k], H, h);
          state[h] = unit(of_input, of_hidden, before[h], values.cell[(layer * N + n) * H + h]);
          values.output[(t * N + n) * H + h] = state[h];
        }
      }
  }
  return values;
}

}  // namespace xgrad::testing
