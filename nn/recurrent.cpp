#include "recurrent.hpp"

#include <algorithm>
#include <cmath>

#include "../core/array/immortal.hpp"
#include "../core/kernels/random.hpp"
#include "../ops/activation.hpp"
#include "../ops/custom_formula.hpp"
#include "../ops/exponential.hpp"
#include "../ops/linear_algebra.hpp"
#include "../ops/recurrent.hpp"
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
LSTMResult<T> Recurrent<T>::run(const Variable<T>& x, const LSTMState<T>& start) const {
  check_input(x.shape());
  Variable<T> sequence = options_.batch_first ? swap_axes(x, 0, 1) : x;
  const std::size_t samples = sequence.shape()[1];
  const Shape expected{layers_.size(), samples, hidden_};
  for (const auto& [state, what] : {std::pair(&start.hidden, "hidden"), std::pair(&start.cell, "cell")})
    if (state->defined() && !(state->shape() == expected))
      throw ShapeError(std::string(type_) + ": the " + what + " state " + to_string(state->shape()) +
                       " does not fit the input " + to_string(x.shape()) + "; it must be " +
                       to_string(expected) + ", [layers, samples, hidden units]");

  std::vector<Variable<T>> last_hidden, last_cell;
  for (std::size_t k = 0; k < layers_.size(); ++k) {
    LSTMState<T> state{start_of(start.hidden, k, samples), {}};
    if (has_cell()) state.cell = start_of(start.cell, k, samples);
    LSTMResult<T> result = through(layers_[k], sequence, state);
    sequence = std::move(result.output);
    last_hidden.push_back(std::move(result.state.hidden));
    last_cell.push_back(std::move(result.state.cell));
  }
  return {options_.batch_first ? swap_axes(sequence, 0, 1) : sequence,
          {stack(last_hidden), has_cell() ? stack(last_cell) : Variable<T>()}};
}

template <class T>
LSTMResult<T> RNN<T>::through(const typename Recurrent<T>::Layer& layer, const Variable<T>& x,
                              const LSTMState<T>& start) const {
  // The input's share of all time steps is one product; only the state's must wait for its turn.
  const Variable<T> inputs = layer.bias_ih.defined()
                                 ? linear(x, layer.weight_ih, layer.bias_ih + layer.bias_hh)
                                 : linear(x, layer.weight_ih);
  const auto& after = activation_ == RecurrentActivation::tanh ? tanh_of_sum() : relu_of_sum();
  Variable<T> hidden = start.hidden;
  std::vector<Variable<T>> outputs;
  for (std::size_t t = 0; t < x.shape()[0]; ++t)
    outputs.push_back(hidden = after(slice(inputs, {t}), matmul(hidden, layer.weight_hh)));
  return {stack(outputs), {hidden, {}}};
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
LSTMResult<T> GRU<T>::through(const typename Recurrent<T>::Layer& layer, const Variable<T>& x,
                              const LSTMState<T>& start) const {
  auto [output, hidden] = layer.bias_ih.defined() ? gru(x, start.hidden, layer.weight_ih, layer.weight_hh,
                                                        layer.bias_ih, layer.bias_hh)
                                                  : gru(x, start.hidden, layer.weight_ih, layer.weight_hh);
  return {std::move(output), {std::move(hidden), {}}};
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
LSTMResult<T> LSTM<T>::through(const typename Recurrent<T>::Layer& layer, const Variable<T>& x,
                               const LSTMState<T>& start) const {
  auto [output, hidden, cell] =
      layer.bias_ih.defined()
          ? lstm(x, start.hidden, start.cell, layer.weight_ih, layer.weight_hh, layer.bias_ih + layer.bias_hh)
          : lstm(x, start.hidden, start.cell, layer.weight_ih, layer.weight_hh);
  return {std::move(output), {std::move(hidden), std::move(cell)}};
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
