// Networks of layers: fully connected, and the convolutional one.
#include <algorithm>
#include <cmath>

#include "onednn_layers.hpp"
#include "onednn_rows.hpp"

namespace onednn {
namespace {

using Linear = Layer<InnerProduct>;
using Conv = Layer<Convolution>;

float scale_of(std::size_t inputs) { return 1 / std::sqrt(static_cast<float>(inputs)); }

/// The layers' forward pass; `last` follows the last, `activation` the others.
template <class Linear>
std::vector<Linear> mlp_layers(Step& step, const workloads::Mlp& mlp, Activation activation,
                               Activation last) {
  memory x = step.filled(desc({dim(mlp.batch), dim(mlp.widths[0])}, Tag::nc), Tag::nc, 100, 1);
  std::vector<Linear> layers;
  for (std::size_t i = 0; i < mlp.layers(); ++i) {
    const std::size_t in = mlp.widths[i], out = mlp.widths[i + 1];
    const Weights weights = {
        {dim(out), dim(in)}, Tag::io, static_cast<std::uint32_t>(2 * i) + 1, scale_of(in)};
    layers.emplace_back(step, x, desc({dim(mlp.batch), dim(out)}), weights,
                        i + 1 < mlp.layers() ? activation : last);
    x = layers.back().output();
  }
  return layers;
}

template <class Linear>
void mlp_backward(Step& step, std::vector<Linear>& layers, memory gradient, Activation activation) {
  for (std::size_t i = layers.size(); i-- > 0;) {
    layers[i].backward(step, gradient);
    if (i > 0)
      gradient = activation_backward(step, activation, layers[i - 1].output(),
                                     layers[i].backward_data(step, gradient));
  }
  for (Linear& layer : layers) {
    layer.update(step, workloads::learning_rate);
    layer.report(step);
  }
}

template <class Linear>
void relu_mlp_of(Step& step, const workloads::Mlp& mlp) {
  std::vector<Linear> layers = mlp_layers<Linear>(step, mlp, Activation::relu, Activation::none);
  mlp_backward(step, layers, softmax_cross_entropy(step, layers.back().output()), Activation::relu);
}

/// With AVX-512 inner products have blocked weights, and no rows.
bool has_distant_rows(const workloads::Mlp& mlp) {
  const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
  const bool blocked = isa != dnnl::cpu_isa::sse41 && isa != dnnl::cpu_isa::avx &&
                       isa != dnnl::cpu_isa::avx2 && isa != dnnl::cpu_isa::avx2_vnni;
  return !blocked &&
         std::any_of(mlp.widths.begin() + 1, mlp.widths.end(), [](std::size_t n) { return n % 1024 == 0; });
}

}  // namespace

void relu_mlp(Step& step, const workloads::Mlp& mlp) {
  if (has_distant_rows(mlp))
    relu_mlp_of<PaddedLinear>(step, mlp);
  else
    relu_mlp_of<Linear>(step, mlp);
}

void sigmoid_mlp(Step& step, const workloads::Mlp& mlp) {
  std::vector<Linear> layers = mlp_layers<Linear>(step, mlp, Activation::sigmoid, Activation::sigmoid);
  const Dims dims = {dim(mlp.batch), dim(mlp.widths.back())};
  const memory y = step.in_layout(layers.back().output(), desc(dims, Tag::nc));
  const memory t = step.filled(desc(dims, Tag::nc), Tag::nc, 101, 0.5f, 0.5f);
  step.add(
      [&step, y, t, batch = mlp.batch] { step.value = sigmoid_error(data(y), data(t), count(y), batch); });
  mlp_backward(step, layers, y, Activation::sigmoid);
}

void cnn(Step& step, const workloads::Cnn& sizes) {
  const memory::dim batch = dim(sizes.batch), side = dim(sizes.side), c1 = dim(sizes.channels1),
                    c2 = dim(sizes.channels2), hidden = dim(sizes.hidden), classes = dim(sizes.classes);
  const memory x = step.filled(desc({batch, 1, side, side}, Tag::nchw), Tag::nchw, 100, 1);
  const memory::dim side1 = side - 2, side2 = side1 / 2 - 2;
  Conv conv1(step, x, desc({batch, c1, side1, side1}), {{c1, 1, 3, 3}, Tag::oihw, 1, scale_of(9)},
             Activation::relu);
  const MaxPool pool1(step, conv1.output());
  Conv conv2(step, pool1.output(), desc({batch, c2, side2, side2}),
             {{c2, c1, 3, 3}, Tag::oihw, 3, scale_of(9 * sizes.channels1)}, Activation::relu);
  const MaxPool pool2(step, conv2.output());
  // An inner product reads the blocked images as they are; its weights are ordered to match.
  Linear linear1(step, pool2.output(), desc({batch, hidden}),
                 {{hidden, c2, side2 / 2, side2 / 2}, Tag::ihwo, 5, scale_of(sizes.features)},
                 Activation::relu);
  Linear linear2(step, linear1.output(), desc({batch, classes}),
                 {{classes, hidden}, Tag::io, 7, scale_of(sizes.hidden)});

  memory gradient = softmax_cross_entropy(step, linear2.output());
  linear2.backward(step, gradient);
  gradient =
      activation_backward(step, Activation::relu, linear1.output(), linear2.backward_data(step, gradient));
  linear1.backward(step, gradient);
  // relu's gradient is taken where it is a quarter of the size: what the pool chose is 0 where relu made it
  // 0.
  gradient =
      activation_backward(step, Activation::relu, pool2.output(), linear1.backward_data(step, gradient));
  gradient = pool2.backward(step, gradient);
  conv2.backward(step, gradient);
  gradient = activation_backward(step, Activation::relu, pool1.output(), conv2.backward_data(step, gradient));
  conv1.backward(step, pool1.backward(step, gradient));

  const auto finish = [&](auto& layer) {
    layer.update(step, sizes.rate, sizes.momentum);
    layer.report(step);
  };
  finish(conv1);
  finish(conv2);
  finish(linear1);
  finish(linear2);
}

}  // namespace onednn
