// Layers of a step in oneDNN. The constructor appends the forward pass, backward() the other one.
#pragma once

#include "onednn_loops.hpp"
#include "onednn_step.hpp"
#include "workloads.hpp"

namespace onednn {

/// What is computed with the output before it is written.
enum class Activation { none, relu, sigmoid };

/// The gradient before an activation, of its output and the output's gradient, into whose place it comes.
memory activation_backward(Step& step, Activation activation, const memory& output, const memory& gradient);

/// Weights as a layer is told of them.
struct Weights {
  Dims dims;
  Tag plain;  ///< the order of their initial numbers
  std::uint32_t seed;
  float scale;
  bool with_bias = true;
};

/// w and b of an inner product or a convolution (Kind), kept in the layout that its forward pass likes best.
template <class Kind>
class Layer {
 public:
  /// `output` is the layout of the output, any unless it has to be one.
  Layer(Step& step, const memory& input, const memory::desc& output, const Weights& weights,
        Activation activation = Activation::none);

  /// Gradients of weights and bias.
  void backward(Step& step, const memory& output_gradient);
  memory backward_data(Step& step, const memory& output_gradient);
  /// SGD; with a momentum, as PyTorch defines it.
  void update(Step& step, float rate, float momentum = 0);
  /// Weights and, if there is one, the bias are leaves of the row.
  void report(Step& step) const;

  const memory& output() const { return output_; }
  const memory& weights() const { return weights_; }
  const memory& weights_gradient() const { return weights_gradient_; }

 private:
  typename Kind::Forward::primitive_desc forward_;
  memory source_, weights_, bias_, output_, weights_gradient_, bias_gradient_;
  bool with_bias_;
  Tag plain_;
};

struct InnerProduct {
  using Forward = dnnl::inner_product_forward;
  using BackwardData = dnnl::inner_product_backward_data;
  using BackwardWeights = dnnl::inner_product_backward_weights;
};

/// Without padding, by steps of 1.
struct Convolution {
  using Forward = dnnl::convolution_forward;
  using BackwardData = dnnl::convolution_backward_data;
  using BackwardWeights = dnnl::convolution_backward_weights;
};

extern template class Layer<InnerProduct>;
extern template class Layer<Convolution>;

/// The same as Layer<InnerProduct> by bare products, for rows of weights that are a multiple of 4 KB apart:
/// all of a column then falls on the same lines of the cache, and a product without AVX-512 takes up to 2.3
/// times as long. oneDNN pads such rows for its LSTM; its inner product takes none that are padded.
class PaddedLinear {
 public:
  PaddedLinear(Step& step, const memory& input, const memory::desc& output, const Weights& weights,
               Activation activation = Activation::none);

  void backward(Step& step, const memory& output_gradient);
  memory backward_data(Step& step, const memory& output_gradient);
  void update(Step& step, float rate);
  void report(Step& step) const;

  const memory& output() const { return output_; }

 private:
  static constexpr memory::dim padding = 16;
  memory source_, weights_, bias_, output_, weights_gradient_, bias_gradient_;
};

/// The largest of each 2 x 2.
class MaxPool {
 public:
  MaxPool(Step& step, const memory& input);
  memory backward(Step& step, const memory& output_gradient) const;
  const memory& output() const { return output_; }

 private:
  dnnl::pooling_forward::primitive_desc forward_;
  memory input_, output_, workspace_;
};

/// The step's value is the mean cross entropy of logits [rows, classes]; returns their gradient, into whose
/// place it comes. The labels are those of workloads::fill_labels.
memory softmax_cross_entropy(Step& step, const memory& logits);

/// Appends w -= rate g.
void descend(Step& step, const memory& w, const memory& g, float rate);

/// Appends c = scale a b, of matrices or stacks of them, in any strides.
void multiply(Step& step, const memory& a, const memory& b, const memory& c, float scale = 1);
/// The same elements, seen as the transposes.
memory transposed(Step& step, const memory& matrices);

/// The step's value is the mean of y's squares; returns its gradient, into whose place it comes.
memory mean_square(Step& step, const memory& y);

}  // namespace onednn
