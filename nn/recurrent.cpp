#include "recurrent.hpp"

#include <algorithm>
#include <cmath>

#include "../core/array/immortal.hpp"
#include "../core/kernels/random.hpp"
#include "../ops/activation.hpp"
#include "../ops/custom_formula.hpp"
#include "../ops/exponential.hpp"
#include "../ops/linear_algebra.hpp"
#include "../ops/shape.hpp"

namespace xgrad::nn {
using namespace xgrad::detail;

namespace {

// Each of these is one pass over memory, forward and backward.

const auto& tanh_of_sum() {
  return detail::immortal(
      [] { return elementwise("rnn_tanh", [](auto input, auto hidden) { return tanh(input + hidden); }); });
}
const auto& relu_of_sum() {
  return detail::immortal(
      [] { return elementwise("rnn_relu", [](auto input, auto hidden) { return relu(input + hidden); }); });
}
const auto& gru_candidate() {
  return detail::immortal([] {
    return elementwise("gru_candidate", [](auto input, auto reset, auto hidden) {
      return tanh(input + sigmoid(reset) * hidden);
    });
  });
}
const auto& gru_hidden() {
  return detail::immortal([] {
    return elementwise("gru_hidden", [](auto update, auto candidate, auto before) {
      return candidate + sigmoid(update) * (before - candidate);
    });
  });
}
const auto& lstm_cell() {
  return detail::immortal([] {
    return elementwise("lstm_cell", [](auto input, auto forget, auto candidate, auto before) {
      return sigmoid(forget) * before + sigmoid(input) * tanh(candidate);
    });
  });
}
const auto& lstm_hidden() {
  return detail::immortal([] {
    return elementwise("lstm_hidden", [](auto output, auto cell) { return sigmoid(output) * tanh(cell); });
  });
}

}  // namespace

template <class T>
Recurrent<T>::Recurrent(const char* type, Count inputs, Count units, std::size_t gates,
                        const RecurrentOptions& options)
    : type_(type), options_(options) {
  if (inputs.number() < 1 || units.number() < 1 || options.layers.number() < 1)
    throw ValueError(std::string(type) + ": " + std::to_string(inputs.number()) + " inputs, " +
                     std::to_string(units.number()) + " hidden units and " +
                     std::to_string(options.layers.number()) + " layers; all must be at least 1");
  const std::size_t in = in_ = inputs, hidden = hidden_ = units;
  const double bound = 1 / std::sqrt(static_cast<double>(hidden));
  const std::size_t width = checked_product(gates, hidden);
  // All weights of one kind together: no number of layers allocates without end.
  check_possible(type, Shape{options.layers, std::max(in, hidden), width});
  for (std::size_t k = 0; k < options.layers; ++k) {
    const auto parameter = [&](const char* name, const Shape& shape) {
      return this->register_parameter(name + std::to_string(k), random_uniform<T>(shape, -bound, bound),
                                      shape.size() == 2 ? InPyTorch::transposed : InPyTorch::same);
    };
    Layer& layer = layers_.emplace_back();
    layer.weight_ih = parameter("weight_ih_l", Shape{k == 0 ? in : hidden, width});
    layer.weight_hh = parameter("weight_hh_l", Shape{hidden, width});
    if (!options.bias) continue;
    layer.bias_ih = parameter("bias_ih_l", Shape{width});
    layer.bias_hh = parameter("bias_hh_l", Shape{width});
  }
}

template <class T>
Variable<T> Recurrent<T>::forward(const Variable<T>& x) {
  return run(x, {}).output;
}

template <class T>
void Recurrent<T>::check_input(const Shape& x) const {
  const char* const axes = options_.batch_first ? "[samples, time steps, " : "[time steps, samples, ";
  const std::string expected = axes + std::to_string(in_) + "]";
  if (x.size() != 3 || x[2] != in_)
    throw ShapeError(std::string(type_) + ": the input " + to_string(x) + " is not " + expected +
                     "; reshape it, or make the layer for its number of features");
  if (x[options_.batch_first ? 1 : 0] == 0)
    throw ShapeError(std::string(type_) + ": the input " + to_string(x) + " has no time steps; " + expected +
                     " wants at least 1");
}

template <class T>
Variable<T> Recurrent<T>::start_of(const Variable<T>& state, std::size_t layer, std::size_t samples) const {
  if (!state.defined()) return Variable<T>(Dense<T>::filled(Shape{samples, hidden_}, T(0)));
  return slice(state, {layer});
}

template <class T>
Variable<T> Recurrent<T>::projected(const Layer& layer, const Variable<T>& x) const {
  if (!layer.bias_ih.defined()) return linear(x, layer.weight_ih);
  return linear(x, layer.weight_ih, keeps_hidden_bias() ? layer.bias_ih : layer.bias_ih + layer.bias_hh);
}

template <class T>
Variable<T> Recurrent<T>::gates_in(const Variable<T>& gates, std::size_t first, std::size_t last) const {
  const auto begin = static_cast<std::ptrdiff_t>(first * hidden_);
  return slice(gates, {all, range(begin, static_cast<std::ptrdiff_t>(last * hidden_))});
}

template <class T>
LSTMResult<T> Recurrent<T>::run(const Variable<T>& x, const LSTMState<T>& start) const {
  check_input(x.shape());
  Variable<T> sequence = options_.batch_first ? swap_axes(x, 0, 1) : x;
  const std::size_t steps = sequence.shape()[0], samples = sequence.shape()[1];
  const Shape expected{layers_.size(), samples, hidden_};
  for (const auto& [state, what] : {std::pair(&start.hidden, "hidden"), std::pair(&start.cell, "cell")})
    if (state->defined() && !(state->shape() == expected))
      throw ShapeError(std::string(type_) + ": the " + what + " state " + to_string(state->shape()) +
                       " does not fit the input " + to_string(x.shape()) + "; it must be " +
                       to_string(expected) + ", [layers, samples, hidden units]");

  std::vector<Variable<T>> last_hidden, last_cell;
  for (std::size_t k = 0; k < layers_.size(); ++k) {
    // The input's share of all time steps is one product; only the state's must wait for its turn.
    const Variable<T> inputs = projected(layers_[k], sequence);
    LSTMState<T> state{start_of(start.hidden, k, samples), {}};
    if (has_cell()) state.cell = start_of(start.cell, k, samples);
    std::vector<Variable<T>> outputs;
    for (std::size_t t = 0; t < steps; ++t) {
      state = step(layers_[k], slice(inputs, {t}), state);
      outputs.push_back(state.hidden);
    }
    sequence = stack(outputs);
    last_hidden.push_back(state.hidden);
    last_cell.push_back(state.cell);
  }
  return {options_.batch_first ? swap_axes(sequence, 0, 1) : sequence,
          {stack(last_hidden), has_cell() ? stack(last_cell) : Variable<T>()}};
}

template <class T>
LSTMState<T> RNN<T>::step(const typename Recurrent<T>::Layer& layer, const Variable<T>& input,
                          const LSTMState<T>& before) const {
  const Variable<T> hidden = matmul(before.hidden, layer.weight_hh);
  return {
      activation_ == RecurrentActivation::tanh ? tanh_of_sum()(input, hidden) : relu_of_sum()(input, hidden),
      {}};
}

template <class T>
RecurrentResult<T> RNN<T>::operator()(const Variable<T>& x, const Variable<T>& state) {
  return this->call(
      [&]() -> RecurrentResult<T> {
        LSTMResult<T> result = this->run(x, {state, {}});
        return {std::move(result.output), std::move(result.state.hidden)};
      },
      x, state);
}

template <class T>
LSTMState<T> GRU<T>::step(const typename Recurrent<T>::Layer& layer, const Variable<T>& input,
                          const LSTMState<T>& before) const {
  const Variable<T> hidden = layer.bias_hh.defined() ? linear(before.hidden, layer.weight_hh, layer.bias_hh)
                                                     : linear(before.hidden, layer.weight_hh);
  const Variable<T> reset_update = this->gates_in(input, 0, 2) + this->gates_in(hidden, 0, 2);
  const Variable<T> candidate = gru_candidate()(
      this->gates_in(input, 2, 3), this->gates_in(reset_update, 0, 1), this->gates_in(hidden, 2, 3));
  return {gru_hidden()(this->gates_in(reset_update, 1, 2), candidate, before.hidden), {}};
}

template <class T>
RecurrentResult<T> GRU<T>::operator()(const Variable<T>& x, const Variable<T>& state) {
  return this->call(
      [&]() -> RecurrentResult<T> {
        LSTMResult<T> result = this->run(x, {state, {}});
        return {std::move(result.output), std::move(result.state.hidden)};
      },
      x, state);
}

template <class T>
LSTMState<T> LSTM<T>::step(const typename Recurrent<T>::Layer& layer, const Variable<T>& input,
                           const LSTMState<T>& before) const {
  const Variable<T> gates = input + matmul(before.hidden, layer.weight_hh);
  const Variable<T> cell = lstm_cell()(this->gates_in(gates, 0, 1), this->gates_in(gates, 1, 2),
                                       this->gates_in(gates, 2, 3), before.cell);
  return {lstm_hidden()(this->gates_in(gates, 3, 4), cell), cell};
}

template <class T>
LSTMResult<T> LSTM<T>::operator()(const Variable<T>& x, const LSTMState<T>& state) {
  return this->call([&] { return this->run(x, state); }, x, state.hidden, state.cell);
}

template class Recurrent<float>;
template class Recurrent<double>;
template class RNN<float>;
template class RNN<double>;
template class GRU<float>;
template class GRU<double>;
template class LSTM<float>;
template class LSTM<double>;

}  // namespace xgrad::nn
