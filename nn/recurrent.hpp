// Recurrent layers: RNN, GRU and LSTM, which go through a sequence step by step and carry a state along.
//
// The names and the order of the parts of their parameters are PyTorch's; matrices are [inputs, outputs], as
// Linear's are. Layer k has "weight_ih_lk" [in, G H], "weight_hh_lk" [H, G H], "bias_ih_lk" and "bias_hh_lk"
// [G H], where H is the number of hidden units and G that of the gates; in is H from the second layer on. All
// start uniform in +- 1 / sqrt(H), from this thread's generator.
#pragma once

#include <vector>

#include "module.hpp"

namespace xgrad::nn {

/// What RNN, LSTM and GRU take.
struct RecurrentOptions {
  Count layers = 1;  ///< each runs over what the one before gives
  Flag bias = true;
  Flag batch_first = false;  ///< inputs and outputs are [N, T, features] rather than [T, N, features]
};

/// What a recurrent layer gives, for its last layer at every time step [T, N, H] and, at the last time step,
/// for every layer [layers, N, H]: `auto [output, state] = gru(x, {});`
template <class T = float>
struct RecurrentResult {
  Variable<T> output, state;
};

/// The two values that an LSTM carries along, each [layers, N, H].
template <class T = float>
struct LSTMState {
  Variable<T> hidden, cell;
};

/// What an LSTM gives: the output as RecurrentResult has it, and both values to go on with.
template <class T = float>
struct LSTMResult {
  Variable<T> output;
  LSTMState<T> state;
};

/// What the three have in common: the steps through time.
template <class T = float>
class Recurrent : public Module<T> {
 public:
  /// The output alone, from a state of zeros, of x [T, N, in], or [N, T, in] with batch_first. ShapeError if
  /// x has another shape, or no time steps.
  Variable<T> forward(const Variable<T>& x) override;

  std::size_t in_features() const noexcept { return in_; }
  std::size_t hidden_features() const noexcept { return hidden_; }
  const RecurrentOptions& options() const noexcept { return options_; }

 protected:
  struct Layer {
    Variable<T> weight_ih, weight_hh, bias_ih, bias_hh;  ///< no biases: empty
  };
  /// ValueError if a number is less than 1.
  Recurrent(const char* type, Count in, Count hidden, std::size_t gates, const RecurrentOptions& options);

  /// All steps of one layer over x [T, N, features], from a state of [N, H] each; `cell` is an LSTM's alone.
  virtual LSTMResult<T> through(const Layer& layer, const Variable<T>& x,
                                const LSTMState<T>& start) const = 0;

  /// All steps of all layers; an empty `hidden` or `cell` stands for zeros.
  LSTMResult<T> run(const Variable<T>& x, const LSTMState<T>& start) const;

 private:
  virtual bool has_cell() const { return false; }
  void check_input(const Shape& x) const;
  Variable<T> start_of(const Variable<T>& state, std::size_t layer, std::size_t samples) const;

  const char* type_;
  std::size_t in_, hidden_;
  RecurrentOptions options_;
  std::vector<Layer> layers_;
};

/// RNN's f.
enum class RecurrentActivation { tanh, relu };

/// h' = f(x weight_ih + bias_ih + h weight_hh + bias_hh), f being tanh or relu. J. L. Elman, "Finding
/// structure in time", Cognitive Science 14, 1990.
template <class T = float>
class RNN : public Recurrent<T> {
 public:
  RNN(Count in, Count hidden, const RecurrentOptions& options = {},
      RecurrentActivation activation = RecurrentActivation::tanh)
      : Recurrent<T>("RNN", in, hidden, 1, options), activation_(activation) {}

  using Module<T>::operator();
  /// From a state [layers, N, H], or {} for zeros. ShapeError if a shape does not fit.
  RecurrentResult<T> operator()(const Variable<T>& x, const Variable<T>& state);

 protected:
  std::unique_ptr<Module<T>> make_another() const override {
    return std::make_unique<RNN>(this->in_features(), this->hidden_features(), this->options(), activation_);
  }

 private:
  LSTMResult<T> through(const typename Recurrent<T>::Layer& layer, const Variable<T>& x,
                        const LSTMState<T>& start) const override;

  RecurrentActivation activation_;
};

/// Three gates in the order r, z, n:
///   r = sigmoid(x W_ir + b_ir + h W_hr + b_hr),   z likewise,
///   n = tanh(x W_in + b_in + r (h W_hn + b_hn)),   h' = (1 - z) n + z h.
/// K. Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014, with the reset
/// gate behind the product, as PyTorch has it.
template <class T = float>
class GRU : public Recurrent<T> {
 public:
  GRU(Count in, Count hidden, const RecurrentOptions& options = {})
      : Recurrent<T>("GRU", in, hidden, 3, options) {}

  using Module<T>::operator();
  /// From a state [layers, N, H], or {} for zeros. ShapeError if a shape does not fit.
  RecurrentResult<T> operator()(const Variable<T>& x, const Variable<T>& state);

 protected:
  std::unique_ptr<Module<T>> make_another() const override {
    return std::make_unique<GRU>(this->in_features(), this->hidden_features(), this->options());
  }

 private:
  LSTMResult<T> through(const typename Recurrent<T>::Layer& layer, const Variable<T>& x,
                        const LSTMState<T>& start) const override;
};

/// Four gates in the order i, f, g, o, each of x W_ih + b_ih + h W_hh + b_hh:
///   c' = sigmoid(f) c + sigmoid(i) tanh(g),   h' = sigmoid(o) tanh(c').
/// S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural Computation 9, 1997; the forget gate is
/// F. A. Gers, J. Schmidhuber and F. Cummins', "Learning to forget", 2000.
template <class T = float>
class LSTM : public Recurrent<T> {
 public:
  LSTM(Count in, Count hidden, const RecurrentOptions& options = {})
      : Recurrent<T>("LSTM", in, hidden, 4, options) {}

  using Module<T>::operator();
  /// From a state of [layers, N, H] each, or {} for zeros. ShapeError if a shape does not fit.
  LSTMResult<T> operator()(const Variable<T>& x, const LSTMState<T>& state);

 protected:
  std::unique_ptr<Module<T>> make_another() const override {
    return std::make_unique<LSTM>(this->in_features(), this->hidden_features(), this->options());
  }

 private:
  LSTMResult<T> through(const typename Recurrent<T>::Layer& layer, const Variable<T>& x,
                        const LSTMState<T>& start) const override;
  bool has_cell() const override { return true; }
};

extern template class Recurrent<float>;
extern template class Recurrent<double>;
extern template class RNN<float>;
extern template class RNN<double>;
extern template class GRU<float>;
extern template class GRU<double>;
extern template class LSTM<float>;
extern template class LSTM<double>;

}  // namespace xgrad::nn
