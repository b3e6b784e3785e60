#include <tuple>
#include <type_traits>

#include "../core/array/instantiate.hpp"
#include "activation.hpp"
#include "arithmetic.hpp"
#include "recurrent.hpp"
#include "recurrent_kernels.hpp"
#include "recurrent_steps.hpp"

namespace xgrad {
using namespace detail;

namespace {

constexpr std::size_t gates_of_lstm = 4;

const kernels::RecurrentKernels& chosen() {
  return chosen_kernels([]<class I>() { return kernels::recurrent_kernels<I>(); });
}

/// The way back through an LSTM. Inputs are the weights [M + H, 4 H], weight_hh below those M rows of
/// weight_ih that are asked for, all or none; the gates and cells of all steps, the cell before them; dy,
/// that of the hidden states, and, as second derivatives need it, what came to the cells and to the gates
/// themselves. Outputs are what comes to the gates' sums at each step, to the first M parts of x, and to the
/// hidden state and the cell before the first step.
struct LstmGradient {
  static constexpr std::string_view name = "lstm_gradient";
  bool to_start = true;  ///< whether the first step's share of x and of the hidden state is asked for
  void fields(auto& visit) const { visit("to_start", to_start); }

  bool saves(std::size_t, const Wanted&) const { return true; }
  /// Of all steps' gates: a product with the weights, and the slopes.
  static double flops(Shapes in, const Shape& out) {
    return count_of(out) * (2 * static_cast<double>(in[0][0]) + 6);
  }

  template <class T>
  auto forward(const Dense<T>& weights, Dense<T> gates, const Dense<T>& cells, const Dense<T>& cell,
               const Dense<T>& dy) const {
    return forward(weights, std::move(gates), cells, cell, dy, Dense<T>());
  }
  template <class T>
  auto forward(const Dense<T>& weights, Dense<T> gates, const Dense<T>& cells, const Dense<T>& cell,
               const Dense<T>& dy, const Dense<T>& dcells) const {
    return forward(weights, std::move(gates), cells, cell, dy, dcells, Dense<T>());
  }
  /// What comes to the gates goes into their own buffer, where it is given away.
  template <class T>
  std::tuple<Dense<T>, Dense<T>, Dense<T>, Dense<T>> forward(const Dense<T>& weights, Dense<T> gates,
                                                             const Dense<T>& cells, const Dense<T>& cell,
                                                             const Dense<T>& dy, const Dense<T>& dcells,
                                                             const Dense<T>& dgates_given) const {
    const RecurrentSizes s(cells.shape, cell.shape);
    const std::size_t H = s.units, width = gates_of_lstm * H, both = weights.shape[0], M = both - H;
    const T* const of_gates = gates.data();
    Dense<T> dgates = gates.buffer.unique() ? std::move(gates) : Dense<T>(gates.shape);
    Dense<T> dx(with_last(cells.shape, M));
    Dense<T> dhidden = Dense<T>::filled(cell.shape, T(0)), dcell = dhidden;
    T *const to_gates = dgates.mutable_data(), *const to_x = dx.mutable_data(),
             *const to_hidden = dhidden.mutable_data(), *const to_cell = dcell.mutable_data();
    const std::size_t back_through = to_start ? s.steps : s.steps - 1;
    const PackedFactor<T> back(weights.data(), width, both, true, back_through * s.samples);
    parallel_for(s.samples, samples_of_a_piece(s, gates_of_lstm), [&](std::size_t begin, std::size_t end) {
      const std::size_t rows = end - begin;
      memory::Buffer room(rows * (both + H) * sizeof(T));
      T *const shares = static_cast<T*>(room.mutable_data()), *const later = shares + rows * both;
      const auto at = [&](auto* data, std::size_t t, std::size_t extent) {
        return rows_at(data, s, t, begin, extent);
      };
      for (std::size_t t = s.steps; t-- > 0;) {
        chosen().lstm_gradient[std::is_same_v<T, double>](
            {rows, H, at(of_gates, t, width), at(cells.data(), t, H),
             t > 0 ? at(cells.data(), t - 1, H) : at(cell.data(), 0, H), at(dy.data(), t, H),
             t + 1 < s.steps ? later : nullptr, at(dcells.data(), t, H), at(dgates_given.data(), t, width),
             at(to_cell, 0, H), at(to_gates, t, width)});
        if (t == 0 && !to_start) break;
        back.multiply(rows, at(to_gates, t, width), shares);
        split_rows(shares, rows, M, H, at(to_x, t, M), t > 0 ? later : at(to_hidden, 0, H));
      }
    });
    return {std::move(dgates), std::move(dx), std::move(dhidden), std::move(dcell)};
  }

  template <class V>
  void vjp(Backward<V>& b) const {
    if (b.input_count() == 5) return give_inputs<5>(b);
    b.input_count() == 6 ? give_inputs<6>(b) : give_inputs<7>(b);
  }

 private:
  /// The same in differentiable operations, weighed with what came for its outputs.
  template <std::size_t N, class V>
  static void give_inputs(Backward<V>& b) {
    using X = Variable<typename V::value_type>;
    give_gradients_of_sum<N>(b, [&](const std::array<X, N>& in) {
      const auto& [weights, gates, cells, cell, dy] = std::tie(in[0], in[1], in[2], in[3], in[4]);
      const Shape& shape = shape_of(cells);
      const std::size_t steps = shape.size() == 3 ? shape[0] : 1, H = shape.back();
      const auto M = static_cast<Integer>(shape_of(weights)[0] - H);
      std::vector<X> to_gates(steps), to_x(steps);
      X dh_later, dc_later;
      for (std::size_t t = steps; t-- > 0;) {
        const X gate = step_of(gates, t), y = tanh(step_of(cells, t));
        const X before = t > 0 ? step_of(cells, t - 1) : cell;
        const X i = gate_of(gate, 0, H), f = gate_of(gate, 1, H), g = gate_of(gate, 2, H),
                o = gate_of(gate, 3, H);
        X dh = step_of(dy, t);
        if (dh_later.defined()) dh = dh + dh_later;
        X dc = dh * o * (1 - square(y));
        if (dc_later.defined()) dc = dc + dc_later;
        if constexpr (N > 5) dc = dc + step_of(in[5], t);
        X to = concatenate({dc * g, dc * before, dc * i, dh * y}, 1);
        if constexpr (N > 6) to = to + step_of(in[6], t);
        to_gates[t] = to * concatenate({i * (1 - i), f * (1 - f), 1 - square(g), o * (1 - o)}, 1);
        const X shares = matmul(to_gates[t], weights, {.transpose_b = true});
        to_x[t] = slice(shares, {all, range(0, M)});
        dh_later = slice(shares, {all, range(M, std::nullopt)});
        dc_later = dc * f;
      }
      X sum_of_all = weighed(to_gates, as_weights(b.gradient()));
      if (b.has_gradient(1)) sum_of_all = sum_of_all + weighed(to_x, as_weights(b.gradient(1)));
      if (b.has_gradient(2)) sum_of_all = sum_of_all + sum(dh_later * as_weights(b.gradient(2)));
      if (b.has_gradient(3)) sum_of_all = sum_of_all + sum(dc_later * as_weights(b.gradient(3)));
      return sum_of_all;
    });
  }
};

/// Outputs are the hidden states, the cells and the gates of all steps, [T, N, H] or [T, N, 4 H] each. Of one
/// step, x and they are without the first axis.
struct Lstm {
  static constexpr std::string_view name = "lstm";
  static constexpr bool saves_output = true, writes_outputs = true;
  bool saves(std::size_t input, const Wanted& wanted) const {
    return input == 0 ? wanted[3] : input == 1 ? wanted[4] : input == 3 ? wanted[0] : input < 5;
  }
  /// Of each unit at each step: four gates' products, their activations, and the bias.
  static double flops(Shapes in, const Shape& out) {
    const double factors = static_cast<double>(in[3][0]) + static_cast<double>(in[4][0]);
    return count_of(out) * (8 * factors + 13 + (in.size() > 5 ? 4 : 0));
  }

  template <class T>
  auto forward(const Dense<T>& x, const Dense<T>& hidden, const Dense<T>& cell, const Dense<T>& weight_ih,
               const Dense<T>& weight_hh) const {
    return forward(x, hidden, cell, weight_ih, weight_hh, Dense<T>());
  }
  template <class T>
  std::tuple<Dense<T>, Dense<T>, Dense<T>> forward(const Dense<T>& x, const Dense<T>& hidden,
                                                   const Dense<T>& cell, const Dense<T>& weight_ih,
                                                   const Dense<T>& weight_hh, const Dense<T>& bias) const {
    const RecurrentSizes s(x.shape, hidden.shape);
    const std::size_t H = s.units, width = gates_of_lstm * H;
    Dense<T> output(with_last(x.shape, H)), cells(output.shape), gates(with_last(x.shape, width));
    T *const h = output.mutable_data(), *const c = cells.mutable_data(), *const g = gates.mutable_data();
    const std::size_t all = s.steps * s.samples;
    const PackedFactor<T> of_input(weight_ih.data(), s.in, width, false, all),
        of_state(weight_hh.data(), H, width, false, all);
    parallel_for(s.samples, samples_of_a_piece(s, gates_of_lstm), [&](std::size_t begin, std::size_t end) {
      const std::size_t rows = end - begin;
      memory::Buffer room(rows * width * sizeof(T));
      T* const sums = static_cast<T*>(room.mutable_data());
      const auto at = [&](auto* data, std::size_t t, std::size_t extent) {
        return rows_at(data, s, t, begin, extent);
      };
      for (std::size_t t = 0; t < s.steps; ++t) {
        const T* const before = t > 0 ? at(static_cast<const T*>(h), t - 1, H) : at(hidden.data(), 0, H);
        of_input.multiply(rows, at(x.data(), t, s.in), sums);
        of_state.multiply(rows, before, sums, Into::add);
        chosen().lstm[std::is_same_v<T, double>](
            {rows, H, sums, bias.data(),
             t > 0 ? at(static_cast<const T*>(c), t - 1, H) : at(cell.data(), 0, H), at(g, t, width),
             at(c, t, H), at(h, t, H)});
      }
    });
    return {std::move(output), std::move(cells), std::move(gates)};
  }

  template <class V>
  void vjp(Backward<V>& b) const {
    const Shape& shape = b.output_shape();
    const bool has_steps = shape.size() == 3 && shape[0] > 1;
    auto [dgates, dx, dhidden, dcell] = gradients(b, b.wants(0) && has_steps);
    const V sums = as_rows(dgates);
    if (b.wants(0) && has_steps) b.give(0, std::move(dx));
    if (b.wants(0) && !has_steps) give_product(b, 0, sums, b.input(3), {.transpose_b = true});
    if (b.wants(1)) b.give(1, std::move(dhidden));
    if (b.wants(2)) b.give(2, std::move(dcell));
    if (b.input_count() > 5 && b.wants(5)) b.give(5, sum_to(sums, b.shape(5)));
    give_weights(b, sums, has_steps);
  }

 private:
  /// To both weights in one product, where there are steps: what it reads of them is read once.
  template <class V>
  static void give_weights(Backward<V>& b, const V& sums, bool has_steps) {
    const MatmulOptions over_rows{.transpose_a = true};
    if (has_steps && b.wants(3) && b.wants(4)) {
      const V left = as_rows(states_before(b.input(1), b.output(), b.input(0)));
      const V weights = matmul(left, sums, over_rows);
      const auto in = static_cast<Integer>(b.shape(3)[0]);
      b.give(3, slice(weights, {range(0, in)}));
      return b.give(4, slice(weights, {range(in, std::nullopt)}));
    }
    if (b.wants(3)) give_product(b, 3, as_rows(b.input(0)), sums, over_rows);
    if (!b.wants(4)) return;
    const V before = has_steps ? states_before(b.input(1), b.output()) : b.input(1);
    give_product(b, 4, as_rows(before), sums, over_rows);
  }
  template <class V>
  static std::tuple<V, V, V, V> gradients(Backward<V>& b, bool with_x) {
    const V weights = with_x ? stacked(b.input(3), b.input(4)) : b.input(4);
    const V cells = b.output(1), cell = b.input(2);
    V gates = b.take_output(2);
    const LstmGradient op{with_x || b.wants(1)};
    if (!b.has_gradient(1) && !b.has_gradient(2))
      return apply_all(op, weights, std::move(gates), cells, cell, b.gradient());
    const V dcells =
        b.has_gradient(1) ? b.gradient(1) : V(Dense<typename V::value_type>::filled(b.output_shape(), 0));
    if (!b.has_gradient(2))
      return apply_all(op, weights, std::move(gates), cells, cell, b.gradient(), dcells);
    return apply_all(op, weights, std::move(gates), cells, cell, b.gradient(), dcells, b.gradient(2));
  }
};

template <class T, class... Bias>
LSTMSequence<T> whole_sequence(const Variable<T>& x, const Variable<T>& hidden, const Variable<T>& cell,
                               const Variable<T>& weight_ih, const Variable<T>& weight_hh,
                               const Bias&... bias) {
  check_recurrent("lstm", gates_of_lstm, 3, x.shape(), weight_ih.shape(), weight_hh.shape(),
                  {{"hidden", hidden.shape()}, {"cell", cell.shape()}}, {{"the bias", bias.shape()}...});
  const auto made = apply_all(Lstm{}, x, hidden, cell, weight_ih, weight_hh, bias...);
  const Variable<T>& output = std::get<0>(made);
  return {output, slice(output, {-1}), slice(std::get<1>(made), {-1})};
}

template <class T, class... Bias>
LSTMCellState<T> one_step(const Variable<T>& x, const Variable<T>& hidden, const Variable<T>& cell,
                          const Variable<T>& weight_ih, const Variable<T>& weight_hh, const Bias&... bias) {
  check_recurrent("lstm_cell", gates_of_lstm, 2, x.shape(), weight_ih.shape(), weight_hh.shape(),
                  {{"hidden", hidden.shape()}, {"cell", cell.shape()}}, {{"the bias", bias.shape()}...});
  const auto made = apply_all(Lstm{}, x, hidden, cell, weight_ih, weight_hh, bias...);
  return {std::get<0>(made), std::get<1>(made)};
}

}  // namespace

template <class T>
LSTMSequence<T> lstm(const Variable<T>& x, const Variable<T>& hidden, const Variable<T>& cell,
                     const Variable<T>& weight_ih, const Variable<T>& weight_hh, const Variable<T>& bias) {
  return whole_sequence(x, hidden, cell, weight_ih, weight_hh, bias);
}
template <class T>
LSTMSequence<T> lstm(const Variable<T>& x, const Variable<T>& hidden, const Variable<T>& cell,
                     const Variable<T>& weight_ih, const Variable<T>& weight_hh) {
  return whole_sequence(x, hidden, cell, weight_ih, weight_hh);
}
template <class T>
LSTMCellState<T> lstm_cell(const Variable<T>& x, const Variable<T>& hidden, const Variable<T>& cell,
                           const Variable<T>& weight_ih, const Variable<T>& weight_hh,
                           const Variable<T>& bias) {
  return one_step(x, hidden, cell, weight_ih, weight_hh, bias);
}
template <class T>
LSTMCellState<T> lstm_cell(const Variable<T>& x, const Variable<T>& hidden, const Variable<T>& cell,
                           const Variable<T>& weight_ih, const Variable<T>& weight_hh) {
  return one_step(x, hidden, cell, weight_ih, weight_hh);
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() {
  using V = const Variable<T>&;
  using instantiate::overload;
  return std::make_tuple(overload<LSTMSequence<T>(V, V, V, V, V, V)>(lstm),
                         overload<LSTMSequence<T>(V, V, V, V, V)>(lstm),
                         overload<LSTMCellState<T>(V, V, V, V, V, V)>(lstm_cell),
                         overload<LSTMCellState<T>(V, V, V, V, V)>(lstm_cell));
});

}  // namespace xgrad
