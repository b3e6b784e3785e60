// Layer normalisation, attention and the LSTM.
#include <algorithm>
#include <cmath>

#include "onednn_layers.hpp"
#include "onednn_rows.hpp"

namespace onednn {
namespace {

using dnnl::prop_kind;
using Linear = Layer<InnerProduct>;

/// Rows [batch length, columns], of which a part is seen as matrices [batch, heads, length, head width]
/// without being moved: the part that begins at `column`, or its matrices transposed.
memory heads(Step& step, const workloads::Attention& a, const memory& rows, std::size_t column,
             bool swapped) {
  const memory::dim row = rows.get_desc().dims()[1], d = dim(a.head_width()), n = dim(a.length),
                    batch = dim(a.batch), all = dim(a.heads);
  const memory::desc as = swapped ? desc({batch, all, d, n}, Dims{n * row, d, 1, row})
                                  : desc({batch, all, n, d}, Dims{n * row, d, row, 1});
  return step.view(rows, as, column);
}

}  // namespace

void layer_norm(Step& step) {
  const memory::dim rows = dim(workloads::norm_rows), columns = dim(workloads::norm_columns);
  const memory::desc layout = desc({rows, columns}, Tag::ab), statistics = desc({rows}, Tag::a),
                     row = desc({columns}, Tag::a);
  const memory x = step.filled(layout, Tag::ab, 1, 1), gamma = step.filled(row, Tag::a, 2, 1),
               beta = step.filled(row, Tag::a, 3, 1);
  const memory y = step.make(layout), mean = step.make(statistics), variance = step.make(statistics),
               dx = step.make(layout), dgamma = step.make(row), dbeta = step.make(row);
  const auto flags = dnnl::normalization_flags::use_scale | dnnl::normalization_flags::use_shift;
  const dnnl::layer_normalization_forward::primitive_desc forward(
      {prop_kind::forward_training, layout, statistics, workloads::norm_epsilon, flags}, step.engine());
  step.add(dnnl::layer_normalization_forward(forward), {{DNNL_ARG_SRC, x},
                                                        {DNNL_ARG_SCALE, gamma},
                                                        {DNNL_ARG_SHIFT, beta},
                                                        {DNNL_ARG_MEAN, mean},
                                                        {DNNL_ARG_VARIANCE, variance},
                                                        {DNNL_ARG_DST, y}});
  const memory dy = mean_square(step, y);
  const dnnl::layer_normalization_backward::desc back(prop_kind::backward, layout, layout, statistics,
                                                      workloads::norm_epsilon, flags);
  step.add(dnnl::layer_normalization_backward({back, step.engine(), forward}),
           {{DNNL_ARG_SRC, x},
            {DNNL_ARG_SCALE, gamma},
            {DNNL_ARG_SHIFT, beta},
            {DNNL_ARG_MEAN, mean},
            {DNNL_ARG_VARIANCE, variance},
            {DNNL_ARG_DIFF_DST, dy},
            {DNNL_ARG_DIFF_SRC, dx},
            {DNNL_ARG_DIFF_SCALE, dgamma},
            {DNNL_ARG_DIFF_SHIFT, dbeta}});
  step.report({x, dx, Tag::ab});
  step.report({gamma, dgamma, Tag::a});
  step.report({beta, dbeta, Tag::a});
}

void attention(Step& step, const workloads::Attention& a) {
  const memory::dim rows = dim(a.batch * a.length), width = dim(a.width), n = dim(a.length);
  const float weight_scale = 1 / std::sqrt(static_cast<float>(a.width)),
              scale = 1 / std::sqrt(static_cast<float>(a.head_width()));
  const memory::desc plain = desc({rows, width}, Tag::nc), plain3 = desc({rows, 3 * width}, Tag::nc);
  const memory x = step.filled(plain, Tag::nc, 1, 1);

  // The weights of q, k and v stand side by side: one product makes all three.
  Linear inputs(step, x, plain3, {{3 * width, width}, Tag::io, 2, 0, false});
  for (std::uint32_t i = 0; i < 3; ++i) {
    const memory::desc part = inputs.weights().get_desc().submemory_desc({width, width}, {dim(i) * width, 0});
    step.fill(step.view(inputs.weights(), part), Tag::io, 2 + i, weight_scale);
  }
  const memory qkv = inputs.output();
  const auto part_of = [&](const memory& from, std::size_t i, bool swapped = false) {
    return heads(step, a, from, i * a.width, swapped);
  };

  const memory p = step.make(desc({dim(a.batch), dim(a.heads), n, n}, Tag::abcd)), mixed = step.make(plain);
  multiply(step, part_of(qkv, 0), part_of(qkv, 1, true), p, scale);
  step.add(dnnl::softmax_forward({{prop_kind::forward_training, p.get_desc(), 3}, step.engine()}),
           {{DNNL_ARG_SRC, p}, {DNNL_ARG_DST, p}});
  multiply(step, p, part_of(qkv, 2), part_of(mixed, 0));
  Linear result(step, mixed, plain, {{width, width}, Tag::io, 5, weight_scale, false});

  const memory dy = mean_square(step, result.output());
  result.backward(step, dy);
  const memory dmixed = step.in_layout(result.backward_data(step, dy), plain);
  const memory dqkv = step.make(plain3), dp = step.make(p.get_desc());
  multiply(step, transposed(step, p), part_of(dmixed, 0), part_of(dqkv, 2));
  multiply(step, part_of(dmixed, 0), part_of(qkv, 2, true), dp);
  // Without AVX-512 oneDNN 2.6 has but its reference for this, which takes ten times as long as the loop.
  step.add([p, dp, n] {
    softmax_gradient(data(p), data(dp), count(p) / static_cast<std::size_t>(n), static_cast<std::size_t>(n));
  });
  multiply(step, dp, part_of(qkv, 1), part_of(dqkv, 0), scale);
  multiply(step, transposed(step, dp), part_of(qkv, 0), part_of(dqkv, 1), scale);
  inputs.backward(step, dqkv);
  const memory dx = step.in_layout(inputs.backward_data(step, dqkv), plain);

  descend(step, x, dx, workloads::learning_rate);
  inputs.update(step, workloads::learning_rate);
  result.update(step, workloads::learning_rate);
  step.report({x, dx, Tag::nc});
  for (memory::dim i = 0; i < 3; ++i) {
    const auto part = [&](const memory& of) {
      return step.view(of, of.get_desc().submemory_desc({width, width}, {i * width, 0}));
    };
    step.report({part(inputs.weights()), part(inputs.weights_gradient()), Tag::io});
  }
  result.report(step);
}

void lstm(Step& step, const workloads::Lstm& l) {
  const memory::dim steps = dim(l.steps), batch = dim(l.batch), in = dim(l.in), width = dim(l.width);
  const float weight_scale = 1 / std::sqrt(static_cast<float>(l.width));
  const memory::desc none, input = desc({steps, batch, in}, Tag::tnc),
                           output = desc({steps, batch, width}, Tag::tnc), layer = desc({1, 1, in, 4, width}),
                           iter = desc({1, 1, width, 4, width}), bias = desc({1, 1, 4, width}, Tag::ldgo),
                           state = desc({1, 1, batch, width}, Tag::ldnc);
  const auto direction = dnnl::rnn_direction::unidirectional_left2right;
  // The states before the first step are given although they are zero: without them oneDNN 2.6.3 takes the
  // outputs one step late for the gradient of wh.
  const dnnl::lstm_forward::desc there(prop_kind::forward_training, direction, input, state, state, layer,
                                       iter, bias, output, none, none);
  const dnnl::lstm_backward::desc back(prop_kind::backward, direction, input, state, state, layer, iter, bias,
                                       output, none, none, input, state, state, layer, iter, bias, output,
                                       none, none);
  const dnnl::lstm_forward::primitive_desc forward(there, step.engine());
  const dnnl::lstm_backward::primitive_desc backward(back, step.engine(), forward);

  const memory x = step.make(input), y = step.make(output), b = step.filled(bias, Tag::ldgo, 3, weight_scale),
               wx = step.filled(forward.weights_layer_desc(), Tag::ldigo, 1, weight_scale),
               wh = step.filled(forward.weights_iter_desc(), Tag::ldigo, 2, weight_scale),
               h = step.make(state), c = step.make(state), dh = step.make(state), dc = step.make(state),
               workspace(forward.workspace_desc(), step.engine());
  const std::size_t input_size = l.batch * l.in, output_size = l.batch * l.width;
  for (std::size_t i = 0; i < l.steps; ++i)
    workloads::fill(data(x) + i * input_size, input_size, 100 + static_cast<std::uint32_t>(i), 1);
  step.add(dnnl::lstm_forward(forward), {{DNNL_ARG_SRC_LAYER, x},
                                         {DNNL_ARG_SRC_ITER, h},
                                         {DNNL_ARG_SRC_ITER_C, c},
                                         {DNNL_ARG_WEIGHTS_LAYER, wx},
                                         {DNNL_ARG_WEIGHTS_ITER, wh},
                                         {DNNL_ARG_BIAS, b},
                                         {DNNL_ARG_DST_LAYER, y},
                                         {DNNL_ARG_WORKSPACE, workspace}});

  // Only the last output has a gradient.
  const memory dy = step.make(output), dx = step.make(input),
               dwx = step.make(backward.diff_weights_layer_desc()),
               dwh = step.make(backward.diff_weights_iter_desc()), db = step.make(bias);
  step.add([&step, y, dy, output_size] {
    const auto n = static_cast<double>(output_size);
    float* const last = data(dy) + count(dy) - output_size;
    std::copy_n(data(y) + count(y) - output_size, output_size, last);
    step.value = square_and_scale(last, output_size, static_cast<float>(2 / n)) / n;
  });
  // The primitive adds to the gradients of its weights.
  step.add([=] {
    for (const memory& m : {dwx, dwh, db}) std::fill_n(data(m), count(m), 0.f);
  });
  step.add(dnnl::lstm_backward(backward),
           {{DNNL_ARG_SRC_LAYER, x},
            {DNNL_ARG_SRC_ITER, h},
            {DNNL_ARG_SRC_ITER_C, c},
            {DNNL_ARG_WEIGHTS_LAYER, step.in_layout(wx, backward.weights_layer_desc())},
            {DNNL_ARG_WEIGHTS_ITER, step.in_layout(wh, backward.weights_iter_desc())},
            {DNNL_ARG_BIAS, b},
            {DNNL_ARG_DST_LAYER, y},
            {DNNL_ARG_WORKSPACE, workspace},
            {DNNL_ARG_DIFF_DST_LAYER, dy},
            {DNNL_ARG_DIFF_SRC_LAYER, dx},
            {DNNL_ARG_DIFF_SRC_ITER, dh},
            {DNNL_ARG_DIFF_SRC_ITER_C, dc},
            {DNNL_ARG_DIFF_WEIGHTS_LAYER, dwx},
            {DNNL_ARG_DIFF_WEIGHTS_ITER, dwh},
            {DNNL_ARG_DIFF_BIAS, db}});

  const auto finish = [&](const memory& w, const memory& g, Tag plain) {
    const memory gradient = step.in_layout(g, w.get_desc());
    descend(step, w, gradient, workloads::learning_rate);
    step.report({w, gradient, plain});
  };
  finish(wx, dwx, Tag::ldigo);
  finish(wh, dwh, Tag::ldigo);
  finish(b, db, Tag::ldgo);
  const memory::desc one = desc({1, batch, in}, Tag::tnc);
  for (std::size_t i = 0; i < l.steps; ++i)
    step.report({step.view(x, one, i * input_size), step.view(dx, one, i * input_size), Tag::tnc});
}

}  // namespace onednn
