#include <cmath>
#include <functional>
#include <string>
#include <vector>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/recurrent.hpp>

#include "gradient_of.hpp"
#include "row_refusals.hpp"
#include "row_shapes.hpp"

namespace xgrad::testing {
namespace {

using Arrays = std::vector<Array<double>>;

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

/// A matrix by plain loops.
struct Matrix {
  std::size_t rows, columns;
  std::vector<double> of;
  Matrix(std::size_t rows_, std::size_t columns_)
      : rows(rows_), columns(columns_), of(rows_ * columns_, 0.0) {}
  explicit Matrix(const Array<double>& x)
      : rows(x.dimension() == 1 ? 1 : x.size() / std::max<std::size_t>(1, x.shape().back())),
        columns(x.shape().back()),
        of(x.cbegin(), x.cend()) {}
  double& at(std::size_t r, std::size_t c) { return of[r * columns + c]; }
  double at(std::size_t r, std::size_t c) const { return of[r * columns + c]; }
};

/// One recurrent operation's inputs, x [T, N, in] or [N, in] and the rest in the order of its arguments, and
/// what loops make of them: one sample, one unit, one term at a time.
struct Recurrence {
  std::size_t steps, samples, in, units, gates;
  Matrix x, hidden, cell, weight_ih, weight_hh, bias_ih, bias_hh;
  std::vector<Matrix> h, c, sums_x, sums_h;  ///< h and c before each step, and after the last one

  Recurrence(const Arrays& all, bool has_cell, bool has_bias)
      : steps(all[0].dimension() == 3 ? all[0].shape(0) : 1),
        samples(all[1].shape(0)),
        in(all[0].shape().back()),
        units(all[1].shape(1)),
        gates(has_cell ? 4 : 3),
        x(steps * samples, in),
        hidden(all[1]),
        cell(all[has_cell ? 2 : 1]),
        weight_ih(all[has_cell ? 3 : 2]),
        weight_hh(all[has_cell ? 4 : 3]),
        bias_ih(1, gates * units),
        bias_hh(1, gates * units) {
    x.of.assign(all[0].cbegin(), all[0].cend());
    const std::size_t after = has_cell ? 5 : 4;
    if (has_bias) bias_ih = Matrix(all[after]);
    if (has_bias && !has_cell) bias_hh = Matrix(all[after + 1]);
    h.push_back(hidden);
    c.push_back(cell);
    for (std::size_t t = 0; t < steps; ++t) has_cell ? lstm_step(t) : gru_step(t);
  }

  void sum_up(std::size_t t) {
    Matrix of_x(samples, gates * units), of_h = of_x;
    for (std::size_t n = 0; n < samples; ++n)
      for (std::size_t j = 0; j < gates * units; ++j) {
        of_x.at(n, j) = bias_ih.at(0, j);
        of_h.at(n, j) = bias_hh.at(0, j);
        for (std::size_t i = 0; i < in; ++i) of_x.at(n, j) += x.at(t * samples + n, i) * weight_ih.at(i, j);
        for (std::size_t i = 0; i < units; ++i) of_h.at(n, j) += h[t].at(n, i) * weight_hh.at(i, j);
      }
    sums_x.push_back(of_x);
    sums_h.push_back(of_h);
  }
  double gate(std::size_t t, std::size_t n, std::size_t k, std::size_t u) const {
    return sums_x[t].at(n, k * units + u) + sums_h[t].at(n, k * units + u);
  }
  void lstm_step(std::size_t t) {
    sum_up(t);
    Matrix now_h(samples, units), now_c = now_h;
    for (std::size_t n = 0; n < samples; ++n)
      for (std::size_t u = 0; u < units; ++u) {
        const double i = logistic(gate(t, n, 0, u)), f = logistic(gate(t, n, 1, u)),
                     g = std::tanh(gate(t, n, 2, u)), o = logistic(gate(t, n, 3, u));
        now_c.at(n, u) = f * c[t].at(n, u) + i * g;
        now_h.at(n, u) = o * std::tanh(now_c.at(n, u));
      }
    h.push_back(now_h);
    c.push_back(now_c);
  }
  void gru_step(std::size_t t) {
    sum_up(t);
    Matrix now(samples, units);
    for (std::size_t n = 0; n < samples; ++n)
      for (std::size_t u = 0; u < units; ++u) {
        const double r = logistic(gate(t, n, 0, u)), z = logistic(gate(t, n, 1, u)),
                     a = std::tanh(sums_x[t].at(n, 2 * units + u) + r * sums_h[t].at(n, 2 * units + u));
        now.at(n, u) = (1 - z) * a + z * h[t].at(n, u);
      }
    h.push_back(now);
  }

  std::vector<double> output() const {
    std::vector<double> all;
    for (std::size_t t = 1; t <= steps; ++t) all.insert(all.end(), h[t].of.begin(), h[t].of.end());
    return all;
  }

  /// The gradients that dy [T, N, H] gives: back through the steps, by the chain rule.
  struct Gradients {
    Matrix x, hidden, cell, weight_ih, weight_hh, bias_ih, bias_hh;
  };
  Gradients gradients(const std::vector<double>& dy) const {
    Gradients d{x, hidden, cell, weight_ih, weight_hh, bias_ih, bias_hh};
    for (Matrix* each : {&d.x, &d.hidden, &d.cell, &d.weight_ih, &d.weight_hh, &d.bias_ih, &d.bias_hh})
      each->of.assign(each->of.size(), 0.0);
    Matrix dh(samples, units), dc = dh;
    for (std::size_t t = steps; t-- > 0;) {
      for (std::size_t k = 0; k < dh.of.size(); ++k) dh.of[k] += dy[t * dh.of.size() + k];
      Matrix to_x(samples, gates * units), to_h = to_x, before(samples, units);
      for (std::size_t n = 0; n < samples; ++n)
        for (std::size_t u = 0; u < units; ++u)
          gates == 4 ? lstm_back(t, n, u, dh, dc, to_x) : gru_back(t, n, u, dh, to_x, to_h, before);
      if (gates == 4) to_h = to_x;
      spread(t, to_x, to_h, d, before);
      dh = before;
    }
    d.hidden = dh;
    d.cell = dc;
    return d;
  }
  void lstm_back(std::size_t t, std::size_t n, std::size_t u, const Matrix& dh, Matrix& dc,
                 Matrix& to) const {
    const double i = logistic(gate(t, n, 0, u)), f = logistic(gate(t, n, 1, u)),
                 g = std::tanh(gate(t, n, 2, u)), o = logistic(gate(t, n, 3, u)),
                 y = std::tanh(c[t + 1].at(n, u));
    const double of_cell = dc.at(n, u) + dh.at(n, u) * o * (1 - y * y);
    to.at(n, u) = of_cell * g * i * (1 - i);
    to.at(n, units + u) = of_cell * c[t].at(n, u) * f * (1 - f);
    to.at(n, 2 * units + u) = of_cell * i * (1 - g * g);
    to.at(n, 3 * units + u) = dh.at(n, u) * y * o * (1 - o);
    dc.at(n, u) = of_cell * f;
  }
  void gru_back(std::size_t t, std::size_t n, std::size_t u, const Matrix& dh, Matrix& to_x, Matrix& to_h,
                Matrix& before) const {
    const double r = logistic(gate(t, n, 0, u)), z = logistic(gate(t, n, 1, u)),
                 share = sums_h[t].at(n, 2 * units + u),
                 a = std::tanh(sums_x[t].at(n, 2 * units + u) + r * share);
    const double da = dh.at(n, u) * (1 - z) * (1 - a * a);
    to_x.at(n, u) = to_h.at(n, u) = da * share * r * (1 - r);
    to_x.at(n, units + u) = to_h.at(n, units + u) = dh.at(n, u) * (h[t].at(n, u) - a) * z * (1 - z);
    to_x.at(n, 2 * units + u) = da;
    to_h.at(n, 2 * units + u) = da * r;
    before.at(n, u) = dh.at(n, u) * z;
  }
  void spread(std::size_t t, const Matrix& to_x, const Matrix& to_h, Gradients& d, Matrix& before) const {
    for (std::size_t n = 0; n < samples; ++n)
      for (std::size_t j = 0; j < gates * units; ++j) {
        for (std::size_t i = 0; i < in; ++i) {
          d.x.at(t * samples + n, i) += to_x.at(n, j) * weight_ih.at(i, j);
          d.weight_ih.at(i, j) += x.at(t * samples + n, i) * to_x.at(n, j);
        }
        for (std::size_t i = 0; i < units; ++i) {
          before.at(n, i) += to_h.at(n, j) * weight_hh.at(i, j);
          d.weight_hh.at(i, j) += h[t].at(n, i) * to_h.at(n, j);
        }
        d.bias_ih.at(0, j) += to_x.at(n, j);
        d.bias_hh.at(0, j) += to_h.at(n, j);
      }
  }
};

std::vector<Argument> arguments_of(const std::vector<Shape>& shapes) {
  std::vector<Argument> all;
  for (const Shape& shape : shapes) all.push_back({shape, -1, 1});
  return all;
}

/// x, the states, both weights, and biases, of `gates` gates; and dy [T, N, H] if it is asked for.
std::vector<Shape> shapes_of(std::size_t gates, Shape x, std::size_t units, bool has_bias,
                             bool has_dy = false) {
  const std::size_t in = x.back(), samples = x[x.size() - 2], width = gates * units;
  std::vector<Shape> all{x};
  for (std::size_t k = 0; k < gates - 2; ++k) all.push_back({samples, units});
  all.push_back({in, width});
  all.push_back({units, width});
  for (std::size_t k = 0; has_bias && k < 5 - gates; ++k) all.push_back({width});
  x.back() = units;
  if (has_dy) all.push_back(x);
  return all;
}
std::vector<Shape> lstm_shapes(const Shape& x, std::size_t units, bool has_bias, bool has_dy = false) {
  return shapes_of(4, x, units, has_bias, has_dy);
}
std::vector<Shape> gru_shapes(const Shape& x, std::size_t units, bool has_bias, bool has_dy = false) {
  return shapes_of(3, x, units, has_bias, has_dy);
}

const auto lstm_output = [](const auto& in) { return lstm(in[0], in[1], in[2], in[3], in[4], in[5]).output; };
const auto gru_output = [](const auto& in) { return gru(in[0], in[1], in[2], in[3], in[4], in[5]).output; };

void add_lstm(std::vector<OperationRow>& rows) {
  rows.push_back(row("lstm", "", arguments_of(lstm_shapes({3, 2, 4}, 5, true)), lstm_output,
                     [](const Arrays& in) { return Recurrence(in, true, true).output(); }));
  rows.push_back(row(
      "lstm", "the last cell, without a bias", arguments_of(lstm_shapes({2, 3, 2}, 3, false)),
      [](const auto& in) { return lstm(in[0], in[1], in[2], in[3], in[4]).cell; },
      [](const Arrays& in) { return Recurrence(in, true, false).c.back().of; }));
  rows.push_back(row(
      "lstm", "one step", arguments_of(lstm_shapes({3, 2}, 7, true)),
      [](const auto& in) {
        const auto [h, c] = lstm_cell(in[0], in[1], in[2], in[3], in[4], in[5]);
        return h + 2 * c;
      },
      [](const Arrays& in) {
        const Recurrence all(in, true, true);
        std::vector<double> sum = all.h[1].of;
        for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += 2 * all.c[1].of[k];
        return sum;
      }));
}

void add_gru(std::vector<OperationRow>& rows) {
  rows.push_back(row("gru", "", arguments_of(gru_shapes({3, 2, 4}, 5, true)), gru_output,
                     [](const Arrays& in) { return Recurrence(in, false, true).output(); }));
  rows.push_back(row(
      "gru", "the last state, without biases", arguments_of(gru_shapes({2, 3, 2}, 3, false)),
      [](const auto& in) { return gru(in[0], in[1], in[2], in[3]).hidden; },
      [](const Arrays& in) { return Recurrence(in, false, false).h.back().of; }));
  rows.push_back(row(
      "gru", "one step", arguments_of(gru_shapes({3, 2}, 7, true)),
      [](const auto& in) { return gru_cell(in[0], in[1], in[2], in[3], in[4], in[5]); },
      [](const Arrays& in) { return Recurrence(in, false, true).output(); }));
}

/// The gradient in argument `which`, of an output that is weighed with the last argument.
template <class Output>
void add_gradient(std::vector<OperationRow>& rows, const char* name, const char* of,
                  const std::vector<Shape>& shapes, const Output& output, std::size_t which,
                  Matrix Recurrence::Gradients::*gradient, bool has_cell) {
  rows.push_back(row(name, of, arguments_of(shapes), gradient_of(output, which), [=](const Arrays& in) {
    const std::vector<double> dy(in.back().cbegin(), in.back().cend());
    return (Recurrence(in, has_cell, true).gradients(dy).*gradient).of;
  }));
}

void add_gradients(std::vector<OperationRow>& rows) {
  using G = Recurrence::Gradients;
  const std::vector<Shape> of_lstm = lstm_shapes({3, 2, 2}, 3, true, true),
                           of_gru = gru_shapes({3, 2, 2}, 3, true, true);
  add_gradient(rows, "lstm_gradient", "of x", of_lstm, lstm_output, 0, &G::x, true);
  add_gradient(rows, "lstm_gradient", "of the hidden state", of_lstm, lstm_output, 1, &G::hidden, true);
  add_gradient(rows, "lstm_gradient", "of the cell", of_lstm, lstm_output, 2, &G::cell, true);
  add_gradient(rows, "lstm_gradient", "of weight_ih", of_lstm, lstm_output, 3, &G::weight_ih, true);
  add_gradient(rows, "lstm_gradient", "of the bias", of_lstm, lstm_output, 5, &G::bias_ih, true);
  add_gradient(rows, "states_before", "in lstm, of weight_hh", of_lstm, lstm_output, 4, &G::weight_hh, true);
  add_gradient(rows, "gru_gradient", "of x", of_gru, gru_output, 0, &G::x, false);
  add_gradient(rows, "gru_gradient", "of the state", of_gru, gru_output, 1, &G::hidden, false);
  add_gradient(rows, "gru_gradient", "of weight_ih", of_gru, gru_output, 2, &G::weight_ih, false);
  add_gradient(rows, "gru_gradient", "of bias_ih", of_gru, gru_output, 4, &G::bias_ih, false);
  add_gradient(rows, "gru_gradient", "of bias_hh", of_gru, gru_output, 5, &G::bias_hh, false);
  add_gradient(rows, "states_before", "in gru, of weight_hh", of_gru, gru_output, 3, &G::weight_hh, false);
}

}  // namespace

std::vector<OperationRow> recurrent_rows() {
  std::vector<OperationRow> rows;
  add_lstm(rows);
  add_gru(rows);
  add_gradients(rows);
  // Each step's sums are rounded, and the next step goes on from them.
  for (OperationRow& each : rows) each.float_tolerance = 1e-5;
  return rows;
}

std::vector<FurtherShapes> recurrent_shapes() {
  // Without samples, features and units; one of each; and more units than lanes, with samples for threads.
  const Shape none[] = {{3, 0, 4}, {3, 2, 0}};
  const Shape large{9, 70, 20};
  std::vector<FurtherShapes> all;
  const auto add = [&](const char* name, const auto& shapes, bool has_dy) {
    all.push_back({name,
                   {shapes(none[0], 5, true, has_dy), shapes(none[1], 5, true, has_dy),
                    shapes({3, 2, 4}, 0, true, has_dy), shapes({1, 1, 1}, 1, true, has_dy),
                    shapes({2, 1, 3}, 17, true, has_dy)},
                   {shapes(large, 37, true, has_dy)}});
  };
  add("lstm", lstm_shapes, false);
  add("gru", gru_shapes, false);
  add("lstm_gradient (of x)", lstm_shapes, true);
  add("lstm_gradient (of the cell)", lstm_shapes, true);
  add("gru_gradient (of x)", gru_shapes, true);
  add("gru_gradient (of bias_hh)", gru_shapes, true);
  add("states_before (in lstm, of weight_hh)", lstm_shapes, true);
  add("states_before (in gru, of weight_hh)", gru_shapes, true);
  return all;
}

std::vector<Refusal> recurrent_refusals() {
  std::vector<Refusal> all;
  const auto add = [&](const char* name, std::vector<Shape> shapes, std::size_t at, const Shape& wrong,
                       std::vector<std::string> says) {
    shapes[at] = wrong;
    all.push_back({name, std::move(shapes), std::move(says)});
  };
  const std::vector<Shape> of_lstm = lstm_shapes({3, 2, 4}, 5, true), of_gru = gru_shapes({3, 2, 4}, 5, true);
  const auto add_both = [&](std::size_t in_lstm, std::size_t in_gru, const Shape& wrong,
                            const std::vector<std::string>& says) {
    add("lstm", of_lstm, in_lstm, wrong, says);
    add("gru", of_gru, in_gru, wrong, says);
  };
  add_both(0, 0, {2, 4}, {"[2, 4]", "time steps"});
  add_both(0, 0, {}, {"[]", "time steps"});
  add_both(0, 0, {0, 2, 4}, {"[0, 2, 4]", "no time steps"});
  add_both(1, 1, {3, 5}, {"hidden", "[3, 5]", "[3, 2, 4]", "[2, 5]"});
  add("lstm", of_lstm, 2, {2, 6}, {"cell", "[2, 6]", "[2, 5]"});
  add_both(3, 2, {20, 4}, {"weight_ih", "[20, 4]", "PyTorch"});
  add_both(4, 3, {20, 5}, {"weight_hh", "[20, 5]", "units", "PyTorch"});
  add("lstm", of_lstm, 5, {5}, {"bias", "[5]", "[20]"});
  add("gru", of_gru, 5, {5}, {"bias_hh", "[5]", "[15]"});
  all.push_back({"lstm (one step)", lstm_shapes({3, 2, 4}, 7, true), {"[3, 2, 4]", "[samples, features]"}});
  std::vector<Shape> short_dy = lstm_shapes({3, 2, 2}, 3, true, true);
  short_dy.back() = {2, 2, 3};
  all.push_back({"lstm_gradient (of x)", short_dy, {"[2, 2, 3]", "[3, 2, 3]"}});
  all.push_back({"states_before (in lstm, of weight_hh)", short_dy, {"[2, 2, 3]", "[3, 2, 3]"}});
  short_dy = gru_shapes({3, 2, 2}, 3, true, true);
  short_dy.back() = {};
  all.push_back({"gru_gradient (of x)", short_dy, {"[]", "[3, 2, 3]"}});
  const auto without_axes = [&](const char* name, std::vector<Shape> shapes) {
    shapes[0] = {};
    all.push_back({name, std::move(shapes), {"[]", "time steps"}});
  };
  without_axes("lstm_gradient (of x)", lstm_shapes({3, 2, 2}, 3, true, true));
  without_axes("gru_gradient (of x)", gru_shapes({3, 2, 2}, 3, true, true));
  without_axes("states_before (in lstm, of weight_hh)", lstm_shapes({3, 2, 2}, 3, true, true));
  return all;
}

}  // namespace xgrad::testing
