// Recurrent cells, and their runs through whole sequences, as single operations. Matrices are [inputs,
// outputs], as linear's are: PyTorch's are the transposed ones. Gates stand side by side along the last axis.
// Beside a Variable an Array or xtensor expression stands for any other operand.
#pragma once

#include "../core/graph/variable.hpp"
#include "operands.hpp"

namespace xgrad {

/// What lstm gives: h at every time step [T, N, H], and h and c after the last one [N, H].
template <class T>
struct LSTMSequence {
  Variable<T> output, hidden, cell;
};

/// What an LSTM carries from step to step, [N, H] each.
template <class T>
struct LSTMCellState {
  Variable<T> hidden, cell;
};

/// What gru gives: h at every time step [T, N, H], and after the last one [N, H].
template <class T>
struct GRUSequence {
  Variable<T> output, hidden;
};

/// An LSTM over x [T, N, in] from the states `hidden` and `cell` [N, H], as one operation. At each step the
/// gates i, f, g, o are the parts of x weight_ih + h weight_hh + bias, and
///   c' = sigmoid(f) c + sigmoid(i) tanh(g),   h' = sigmoid(o) tanh(c'),
/// where weight_ih is [in, 4 H], weight_hh [H, 4 H] and bias [4 H]: PyTorch's two biases, added up. S.
/// Hochreiter and J. Schmidhuber, "Long short-term memory", Neural Computation 9, 1997; F. A. Gers, J.
/// Schmidhuber and F. Cummins, "Learning to forget", 2000. ShapeError if a shape does not fit, or there are
/// no time steps.
template <class T>
LSTMSequence<T> lstm(const Variable<T>& x, const Variable<T>& hidden, const Variable<T>& cell,
                     const Variable<T>& weight_ih, const Variable<T>& weight_hh, const Variable<T>& bias);
/// The same without a bias.
template <class T>
LSTMSequence<T> lstm(const Variable<T>& x, const Variable<T>& hidden, const Variable<T>& cell,
                     const Variable<T>& weight_ih, const Variable<T>& weight_hh);
template <class... Operands>
requires detail::are_mixed<Operands...>
auto lstm(Operands&&... operands) {
  return detail::with_operands([](const auto&... in) { return xgrad::lstm(in...); },
                               std::forward<Operands>(operands)...);
}

/// One step of lstm, of x [N, in]: for loops of one's own. A whole sequence is faster in lstm, which prepares
/// its weights and adds up their gradients once. ShapeError if a shape does not fit.
template <class T>
LSTMCellState<T> lstm_cell(const Variable<T>& x, const Variable<T>& hidden, const Variable<T>& cell,
                           const Variable<T>& weight_ih, const Variable<T>& weight_hh,
                           const Variable<T>& bias);
/// The same without a bias.
template <class T>
LSTMCellState<T> lstm_cell(const Variable<T>& x, const Variable<T>& hidden, const Variable<T>& cell,
                           const Variable<T>& weight_ih, const Variable<T>& weight_hh);
template <class... Operands>
requires detail::are_mixed<Operands...>
auto lstm_cell(Operands&&... operands) {
  return detail::with_operands([](const auto&... in) { return xgrad::lstm_cell(in...); },
                               std::forward<Operands>(operands)...);
}

/// A GRU over x [T, N, in] from the state `hidden` [N, H], as one operation. With a = x weight_ih + bias_ih
/// and b = h weight_hh + bias_hh in three parts r, z, n each, every step is
///   r = sigmoid(a_r + b_r),   z = sigmoid(a_z + b_z),   n = tanh(a_n + r b_n),   h' = (1 - z) n + z h,
/// where weight_ih is [in, 3 H], weight_hh [H, 3 H] and each bias [3 H]. K. Cho et al., "Learning phrase
/// representations using RNN encoder-decoder", EMNLP 2014, with the reset gate behind the product, as PyTorch
/// has it. ShapeError if a shape does not fit, or there are no time steps.
template <class T>
GRUSequence<T> gru(const Variable<T>& x, const Variable<T>& hidden, const Variable<T>& weight_ih,
                   const Variable<T>& weight_hh, const Variable<T>& bias_ih, const Variable<T>& bias_hh);
/// The same without biases.
template <class T>
GRUSequence<T> gru(const Variable<T>& x, const Variable<T>& hidden, const Variable<T>& weight_ih,
                   const Variable<T>& weight_hh);
template <class... Operands>
requires detail::are_mixed<Operands...>
auto gru(Operands&&... operands) {
  return detail::with_operands([](const auto&... in) { return xgrad::gru(in...); },
                               std::forward<Operands>(operands)...);
}

/// One step of gru, of x [N, in]: the new state [N, H]. ShapeError if a shape does not fit.
template <class T>
Variable<T> gru_cell(const Variable<T>& x, const Variable<T>& hidden, const Variable<T>& weight_ih,
                     const Variable<T>& weight_hh, const Variable<T>& bias_ih, const Variable<T>& bias_hh);
/// The same without biases.
template <class T>
Variable<T> gru_cell(const Variable<T>& x, const Variable<T>& hidden, const Variable<T>& weight_ih,
                     const Variable<T>& weight_hh);
template <class... Operands>
requires detail::are_mixed<Operands...>
auto gru_cell(Operands&&... operands) {
  return detail::with_operands([](const auto&... in) { return xgrad::gru_cell(in...); },
                               std::forward<Operands>(operands)...);
}

}  // namespace xgrad
