#include "onednn_layers.hpp"

#include <memory>
#include <numeric>
#include <stdexcept>
#include <string_view>

namespace onednn {
namespace {

using dnnl::algorithm;
using dnnl::prop_kind;

dnnl::inner_product_forward::desc forward_of(InnerProduct, const memory::desc& x, const memory::desc& w,
                                             const memory::desc& b, const memory::desc& y) {
  return {prop_kind::forward_training, x, w, b, y};
}
dnnl::inner_product_backward_data::desc data_of(InnerProduct, const memory::desc& dx, const memory::desc& w,
                                                const memory::desc& dy) {
  return {dx, w, dy};
}
dnnl::inner_product_backward_weights::desc weights_of(InnerProduct, const memory::desc& x,
                                                      const memory::desc& dw, const memory::desc& db,
                                                      const memory::desc& dy) {
  return {x, dw, db, dy};
}

// Direct, and not auto: the weights of Winograd's algorithm have a layout in which they cannot be updated.
constexpr algorithm convolution = algorithm::convolution_direct;
const Dims by_one = {1, 1}, by_two = {2, 2}, no_padding = {0, 0};

dnnl::convolution_forward::desc forward_of(Convolution, const memory::desc& x, const memory::desc& w,
                                           const memory::desc& b, const memory::desc& y) {
  return {prop_kind::forward_training, convolution, x, w, b, y, by_one, no_padding, no_padding};
}
dnnl::convolution_backward_data::desc data_of(Convolution, const memory::desc& dx, const memory::desc& w,
                                              const memory::desc& dy) {
  return {convolution, dx, w, dy, by_one, no_padding, no_padding};
}
dnnl::convolution_backward_weights::desc weights_of(Convolution, const memory::desc& x,
                                                    const memory::desc& dw, const memory::desc& db,
                                                    const memory::desc& dy) {
  return {convolution, x, dw, db, dy, by_one, no_padding, no_padding};
}

algorithm forward_algorithm(Activation activation) {
  return activation == Activation::relu ? algorithm::eltwise_relu : algorithm::eltwise_logistic;
}

dnnl::primitive_attr followed_by(Activation activation) {
  dnnl::primitive_attr attributes;
  if (activation == Activation::none) return attributes;
  dnnl::post_ops after;
  after.append_eltwise(1, forward_algorithm(activation), 0, 0);
  attributes.set_post_ops(after);
  return attributes;
}

/// Of a backward pass: in the first choice of layouts for which oneDNN has more than its reference, or else
/// the last. The forward pass's come first: left to itself oneDNN takes others for large matrices, and to
/// reorder these takes half as long as to multiply them.
template <class Backward, class Forward>
typename Backward::primitive_desc first_optimised(const std::vector<typename Backward::desc>& choices,
                                                  const dnnl::engine& engine, const Forward& forward) {
  for (const typename Backward::desc& choice : choices) {
    const typename Backward::primitive_desc pd(choice, engine, forward, true);
    if (pd && std::string_view(pd.impl_info_str()).find("ref") == std::string_view::npos) return pd;
  }
  return {choices.back(), engine, forward};
}

}  // namespace

memory activation_backward(Step& step, Activation activation, const memory& output, const memory& gradient) {
  const memory::desc layout = output.get_desc();
  const dnnl::eltwise_forward::primitive_desc forward(
      {prop_kind::forward_training, forward_algorithm(activation), layout, 0, 0}, step.engine());
  const algorithm backward = activation == Activation::relu ? algorithm::eltwise_relu_use_dst_for_bwd
                                                            : algorithm::eltwise_logistic_use_dst_for_bwd;
  const memory d = step.in_layout(gradient, layout);
  step.add(dnnl::eltwise_backward({{backward, layout, layout, 0, 0}, step.engine(), forward}),
           {{DNNL_ARG_DST, output}, {DNNL_ARG_DIFF_DST, d}, {DNNL_ARG_DIFF_SRC, d}});
  return d;
}

template <class Kind>
Layer<Kind>::Layer(Step& step, const memory& input, const memory::desc& output, const Weights& weights,
                   Activation activation)
    : with_bias_(weights.with_bias), plain_(weights.plain) {
  const memory::desc bias = with_bias_ ? desc({weights.dims[0]}, Tag::a) : memory::desc();
  forward_ = {forward_of(Kind(), any_of(input), desc(weights.dims), bias, output), followed_by(activation),
              step.engine()};
  weights_ = step.filled(forward_.weights_desc(), weights.plain, weights.seed, weights.scale);
  output_ = step.make(forward_.dst_desc());
  source_ = step.in_layout(input, forward_.src_desc());
  Arguments arguments = {{DNNL_ARG_SRC, source_}, {DNNL_ARG_WEIGHTS, weights_}, {DNNL_ARG_DST, output_}};
  if (with_bias_) {
    bias_ = step.filled(bias, Tag::a, weights.seed + 1, weights.scale);
    arguments.emplace(DNNL_ARG_BIAS, bias_);
  }
  step.add(typename Kind::Forward(forward_), arguments);
}

template <class Kind>
void Layer<Kind>::backward(Step& step, const memory& output_gradient) {
  const memory::desc bias = with_bias_ ? bias_.get_desc() : memory::desc();
  const auto of = [&](const memory::desc& x, const memory::desc& w, const memory::desc& y) {
    return weights_of(Kind(), x, w, bias, y);
  };
  const Dims x = source_.get_desc().dims(), y = output_.get_desc().dims();
  std::vector<typename Kind::BackwardWeights::desc> choices = {
      of(source_.get_desc(), weights_.get_desc(), output_.get_desc()),
      of(any_of(source_), any_of(weights_), any_of(output_))};
  // Blocked, an image of one channel is padded to eight of them, and takes 2.5 times as long.
  if (x.size() == 4 && x[1] == 1 && y.size() == 4)
    choices.insert(choices.end() - 1, of(desc(x, Tag::nhwc), any_of(weights_), desc(y, Tag::nhwc)));
  const auto pd = first_optimised<typename Kind::BackwardWeights>(choices, step.engine(), forward_);
  const memory gradient = step.make(pd.diff_weights_desc());
  Arguments arguments = {{DNNL_ARG_SRC, step.in_layout(source_, pd.src_desc())},
                         {DNNL_ARG_DIFF_DST, step.in_layout(output_gradient, pd.diff_dst_desc())},
                         {DNNL_ARG_DIFF_WEIGHTS, gradient}};
  if (with_bias_) {
    bias_gradient_ = step.make(bias);
    arguments.emplace(DNNL_ARG_DIFF_BIAS, bias_gradient_);
  }
  step.add(typename Kind::BackwardWeights(pd), arguments);
  weights_gradient_ = step.in_layout(gradient, weights_.get_desc());
}

template <class Kind>
memory Layer<Kind>::backward_data(Step& step, const memory& output_gradient) {
  const auto pd = first_optimised<typename Kind::BackwardData>(
      {data_of(Kind(), source_.get_desc(), weights_.get_desc(), output_.get_desc()),
       data_of(Kind(), any_of(source_), any_of(weights_), any_of(output_))},
      step.engine(), forward_);
  const memory gradient = step.make(pd.diff_src_desc());
  step.add(typename Kind::BackwardData(pd),
           {{DNNL_ARG_WEIGHTS, step.in_layout(weights_, pd.weights_desc())},
            {DNNL_ARG_DIFF_DST, step.in_layout(output_gradient, pd.diff_dst_desc())},
            {DNNL_ARG_DIFF_SRC, gradient}});
  return gradient;
}

template <class Kind>
void Layer<Kind>::update(Step& step, float rate, float momentum) {
  const auto one = [&](const memory& w, const memory& g) {
    if (momentum == 0) return descend(step, w, g, rate);
    const memory v = step.make(w.get_desc());
    step.add([=] { descend(data(w), data(v), data(g), count(w), rate, momentum); });
  };
  one(weights_, weights_gradient_);
  if (with_bias_) one(bias_, bias_gradient_);
}

template <class Kind>
void Layer<Kind>::report(Step& step) const {
  step.report({weights_, weights_gradient_, plain_});
  if (with_bias_) step.report({bias_, bias_gradient_, Tag::a});
}

template class Layer<InnerProduct>;
template class Layer<Convolution>;

PaddedLinear::PaddedLinear(Step& step, const memory& input, const memory::desc& output,
                           const Weights& weights, Activation activation)
    : source_(input), output_(step.make(desc(output.dims(), Tag::nc))) {
  const memory::dim out = weights.dims[0], in = weights.dims[1];
  weights_ = step.filled(desc({in, out}, Dims{out + padding, 1}), Tag::ab, weights.seed, weights.scale);
  bias_ = step.filled(desc({1, out}, Tag::ab), Tag::ab, weights.seed + 1, weights.scale);
  weights_gradient_ = step.make(weights_.get_desc());
  bias_gradient_ = step.make(bias_.get_desc());
  const dnnl::matmul::primitive_desc pd(
      {source_.get_desc(), weights_.get_desc(), bias_.get_desc(), output_.get_desc()},
      followed_by(activation), step.engine());
  step.add(dnnl::matmul(pd), {{DNNL_ARG_SRC, source_},
                              {DNNL_ARG_WEIGHTS, weights_},
                              {DNNL_ARG_BIAS, bias_},
                              {DNNL_ARG_DST, output_}});
}

void PaddedLinear::backward(Step& step, const memory& output_gradient) {
  multiply(step, transposed(step, source_), output_gradient, weights_gradient_);
  step.add([dy = output_gradient, db = bias_gradient_] {
    const Dims dims = dy.get_desc().dims();
    column_sums(data(dy), data(db), static_cast<std::size_t>(dims[0]), static_cast<std::size_t>(dims[1]));
  });
}

memory PaddedLinear::backward_data(Step& step, const memory& output_gradient) {
  const memory gradient = step.make(source_.get_desc());
  multiply(step, output_gradient, transposed(step, weights_), gradient);
  return gradient;
}

void PaddedLinear::update(Step& step, float rate) {
  descend(step, weights_, weights_gradient_, rate);
  descend(step, bias_, bias_gradient_, rate);
}

void PaddedLinear::report(Step& step) const {
  step.report({weights_, weights_gradient_, Tag::ab});
  step.report({bias_, bias_gradient_, Tag::ab});
}

MaxPool::MaxPool(Step& step, const memory& input) : input_(input) {
  Dims pooled = input.get_desc().dims();
  pooled[2] /= 2;
  pooled[3] /= 2;
  const dnnl::pooling_forward::desc largest(prop_kind::forward_training, algorithm::pooling_max,
                                            input.get_desc(), desc(pooled), by_two, by_two, no_padding,
                                            no_padding);
  forward_ = {largest, step.engine()};
  output_ = step.make(forward_.dst_desc());
  workspace_ = memory(forward_.workspace_desc(), step.engine());
  step.add(dnnl::pooling_forward(forward_),
           {{DNNL_ARG_SRC, input}, {DNNL_ARG_DST, output_}, {DNNL_ARG_WORKSPACE, workspace_}});
}

memory MaxPool::backward(Step& step, const memory& output_gradient) const {
  const memory gradient = step.make(input_.get_desc());
  const dnnl::pooling_backward::desc largest(algorithm::pooling_max, input_.get_desc(), output_.get_desc(),
                                             by_two, by_two, no_padding, no_padding);
  step.add(dnnl::pooling_backward({largest, step.engine(), forward_}),
           {{DNNL_ARG_DIFF_DST, step.in_layout(output_gradient, output_.get_desc())},
            {DNNL_ARG_WORKSPACE, workspace_},
            {DNNL_ARG_DIFF_SRC, gradient}});
  return gradient;
}

memory softmax_cross_entropy(Step& step, const memory& logits) {
  const Dims dims = logits.get_desc().dims();
  const auto rows = static_cast<std::size_t>(dims[0]), classes = static_cast<std::size_t>(dims[1]);
  const memory plain = step.in_layout(logits, desc(dims, Tag::nc));
  step.add(dnnl::softmax_forward({{prop_kind::forward_training, plain.get_desc(), 1}, step.engine()}),
           {{DNNL_ARG_SRC, plain}, {DNNL_ARG_DST, plain}});
  const auto labels = std::make_shared<std::vector<std::int64_t>>(rows);
  workloads::fill_labels(labels->data(), rows, classes);
  step.add([&step, plain, labels, rows, classes] {
    step.value = cross_entropy(data(plain), labels->data(), rows, classes);
  });
  return plain;
}

void descend(Step& step, const memory& w, const memory& g, float rate) {
  if (w.get_desc() != g.get_desc()) throw std::logic_error("an update's memories have one layout");
  step.add([=] { descend(data(w), data(g), count(w), rate); });
}

void multiply(Step& step, const memory& a, const memory& b, const memory& c, float scale) {
  dnnl::primitive_attr attributes;
  if (scale != 1) attributes.set_output_scales(0, {scale});
  step.add(dnnl::matmul({{a.get_desc(), b.get_desc(), c.get_desc()}, attributes, step.engine()}),
           {{DNNL_ARG_SRC, a}, {DNNL_ARG_WEIGHTS, b}, {DNNL_ARG_DST, c}});
}

memory transposed(Step& step, const memory& matrices) {
  const memory::desc layout = matrices.get_desc();
  std::vector<int> axes(layout.dims().size());
  std::iota(axes.begin(), axes.end(), 0);
  std::swap(axes[axes.size() - 2], axes.back());
  return step.view(matrices, layout.permute_axes(axes));
}

memory mean_square(Step& step, const memory& y) {
  const auto n = static_cast<double>(count(y));
  step.add(
      [&step, y, n] { step.value = square_and_scale(data(y), count(y), static_cast<float>(2 / n)) / n; });
  return y;
}

}  // namespace onednn
