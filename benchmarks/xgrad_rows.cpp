#include "xgrad_rows.hpp"

#include <cmath>
#include <memory>
#include <utility>

#include <xgrad/xgrad.hpp>

#include "workloads.hpp"

namespace xg = xgrad;

namespace {

using Var = xg::Variable<float>;
using Vars = std::vector<Var>;

/// The same numbers on every side; each call has a seed of its own.
Var filled(const xg::Shape& shape, std::uint32_t seed, float scale, float centre = 0) {
  xg::Dense<float> values(shape);
  workloads::fill(values.mutable_data(), values.size(), seed, scale, centre);
  return xg::detail::parameter_from(std::move(values));
}

xg::Indices labels(std::size_t count, std::size_t classes) {
  xg::Indices all(xt::zeros<std::int64_t>({count}));
  workloads::fill_labels(all.data(), count, classes);
  return all;
}

void add(harness::Results& results, const std::string& name, const xg::Dense<float>& values) {
  results.add(name, values.data(), values.size());
}

/// A row that calls `loss`, sweeps back to `leaves` and, with an optimizer, updates.
template <class Loss>
harness::Row row_of(Vars leaves, Loss loss, std::shared_ptr<xg::optim::SGD<float>> optimizer = nullptr) {
  const auto value = std::make_shared<float>(0.f);
  const auto step = [leaves, loss, optimizer, value] {
    for (Var leaf : leaves) leaf.zero_grad();
    const Var y = loss();
    y.backward();
    if (optimizer) optimizer->step();
    *value = y.item();
  };
  const auto results = [leaves, value](harness::Results& all) {
    all.add("value", value.get(), 1);
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      add(all, "gradient " + std::to_string(i), leaves[i].dense_grad());
      add(all, "leaf " + std::to_string(i), leaves[i].dense());
    }
  };
  return {step, results};
}

std::shared_ptr<xg::optim::SGD<float>> sgd(const Vars& parameters, double rate = workloads::learning_rate,
                                           double momentum = 0) {
  return std::make_shared<xg::optim::SGD<float>>(
      parameters, xg::optim::SGDOptions{.learning_rate = rate, .momentum = momentum});
}

Var chain_of(const Var& x, const Var& c) {
  Var y = x;
  for (std::size_t i = 0; i < workloads::chain_rounds; ++i) {
    y = y * x;
    y = y + x;
    y = xg::tanh(y);
    y = y * c;
  }
  return y;
}

harness::Row scalar_chain() {
  const Var x = filled({1}, 0, 0, workloads::chain_x);
  const Var c = filled({1}, 0, 0, workloads::chain_c).detach();
  return row_of({x}, [=] { return chain_of(x, c); });
}

harness::Row deep_chain() {
  const Var x = filled({1}, 0, 0, workloads::chain_x);
  return row_of({x}, [=] {
    Var y = x;
    for (std::size_t i = 0; i < workloads::deep_chain_length; ++i) y = y + x;
    return y;
  });
}

/// Weight and bias of every layer, in turn.
Vars mlp_parameters(const workloads::Mlp& mlp) {
  Vars all;
  for (std::size_t i = 0; i < mlp.layers(); ++i) {
    const std::size_t in = mlp.widths[i], out = mlp.widths[i + 1];
    const auto seed = static_cast<std::uint32_t>(2 * i);
    const float scale = 1 / std::sqrt(static_cast<float>(in));
    all.push_back(filled({in, out}, seed + 1, scale));
    all.push_back(filled({out}, seed + 2, scale));
  }
  return all;
}

template <class Activation>
Var mlp_output(const Vars& p, Var x, Activation activation) {
  for (std::size_t i = 0; i < p.size(); i += 2) {
    x = xg::linear(x, p[i], p[i + 1]);
    if (i + 2 < p.size()) x = activation(x);
  }
  return x;
}

Var mlp_input(const workloads::Mlp& mlp) { return filled({mlp.batch, mlp.widths[0]}, 100, 1).detach(); }

harness::Row spiral() {
  const workloads::Mlp mlp = workloads::spiral();
  const Vars p = mlp_parameters(mlp);
  const Var x = mlp_input(mlp);
  const xg::Indices t = labels(mlp.batch, mlp.widths.back());
  const auto loss = [=] {
    const Var y = mlp_output(p, x, [](const Var& h) { return xg::tanh(h); });
    return xg::nn::cross_entropy(y, t) +
           workloads::spiral_decay / 2 * (xg::sum(xg::square(p[0])) + xg::sum(xg::square(p[2])));
  };
  return row_of(p, loss, sgd(p));
}

harness::Row relu_mlp(const workloads::Mlp& mlp) {
  const Vars p = mlp_parameters(mlp);
  const Var x = mlp_input(mlp);
  const xg::Indices t = labels(mlp.batch, mlp.widths.back());
  const auto loss = [=] {
    return xg::nn::cross_entropy(mlp_output(p, x, [](const Var& h) { return xg::relu(h); }), t);
  };
  return row_of(p, loss, sgd(p));
}

harness::Row sigmoid100() {
  const workloads::Mlp mlp = workloads::sigmoid100();
  const Vars p = mlp_parameters(mlp);
  const Var x = mlp_input(mlp);
  const Var t = filled({mlp.batch, mlp.widths.back()}, 101, 0.5f, 0.5f).detach();
  const auto loss = [=] {
    const auto sigmoid = [](const Var& h) { return xg::sigmoid(h); };
    return xg::nn::sum_squared_error(sigmoid(mlp_output(p, x, sigmoid)), t);
  };
  return row_of(p, loss, sgd(p));
}

harness::Row hvp() {
  const workloads::Mlp mlp = workloads::hvp();
  const Vars p = mlp_parameters(mlp);
  const Var x = mlp_input(mlp);
  Vars v;
  for (std::size_t i = 0; i < p.size(); ++i)
    v.push_back(filled(p[i].shape(), 200 + static_cast<std::uint32_t>(i), 1).detach());
  const auto products = std::make_shared<Vars>();
  const auto step = [=] {
    const Var y = mlp_output(p, x, [](const Var& h) { return xg::tanh(h); });
    const Vars g = xg::grad(xg::mean(xg::square(y)), p, {.create_graph = true});
    Var along = xg::sum(g[0] * v[0]);
    for (std::size_t i = 1; i < p.size(); ++i) along = along + xg::sum(g[i] * v[i]);
    *products = xg::grad(along, p);
  };
  const auto results = [=](harness::Results& all) {
    for (std::size_t i = 0; i < p.size(); ++i)
      add(all, "product " + std::to_string(i), (*products)[i].dense());
  };
  return {step, results};
}

harness::Row cnn32() {
  const workloads::Cnn cnn;
  const auto scale = [](std::size_t in) { return 1 / std::sqrt(static_cast<float>(in)); };
  const Vars p = {filled({cnn.channels1, 1, 3, 3}, 1, scale(9)),
                  filled({cnn.channels1}, 2, scale(9)),
                  filled({cnn.channels2, cnn.channels1, 3, 3}, 3, scale(9 * cnn.channels1)),
                  filled({cnn.channels2}, 4, scale(9 * cnn.channels1)),
                  filled({cnn.features, cnn.hidden}, 5, scale(cnn.features)),
                  filled({cnn.hidden}, 6, scale(cnn.features)),
                  filled({cnn.hidden, cnn.classes}, 7, scale(cnn.hidden)),
                  filled({cnn.classes}, 8, scale(cnn.hidden))};
  const Var x = filled({cnn.batch, 1, cnn.side, cnn.side}, 100, 1).detach();
  const xg::Indices t = labels(cnn.batch, cnn.classes);
  const auto loss = [=] {
    Var h = xg::max_pool2d(xg::relu(xg::conv2d(x, p[0], p[1])), {.kernel = {2, 2}});
    h = xg::max_pool2d(xg::relu(xg::conv2d(h, p[2], p[3])), {.kernel = {2, 2}});
    h = xg::relu(xg::linear(xg::reshape(h, {cnn.batch, cnn.features}), p[4], p[5]));
    return xg::nn::cross_entropy(xg::linear(h, p[6], p[7]), t);
  };
  return row_of(p, loss, sgd(p, cnn.rate, cnn.momentum));
}

harness::Row elementwise() {
  const Var x = filled({workloads::elementwise_size}, 1, 2);
  return row_of({x}, [=] { return xg::mean(xg::log(xg::exp(x) * 0.5 + 1) * xg::tanh(x)); });
}

harness::Row elementwise_lambda() {
  const Var x = filled({workloads::elementwise_size}, 1, 2);
  const auto f = xg::elementwise("formula", [](auto v) { return log(exp(v) * 0.5f + 1) * tanh(v); });
  return row_of({x}, [=] { return xg::mean(f(x)); });
}

/// x, gamma and beta.
Vars norm_leaves() {
  return {filled({workloads::norm_rows, workloads::norm_columns}, 1, 1),
          filled({workloads::norm_columns}, 2, 1), filled({workloads::norm_columns}, 3, 1)};
}

harness::Row layernorm() {
  const Vars p = norm_leaves();
  return row_of(p, [=] {
    const Var centred = p[0] - xg::mean(p[0], {.axes = {-1}, .keep_dims = true});
    const Var variance = xg::mean(xg::square(centred), {.axes = {-1}, .keep_dims = true});
    const Var y = centred * xg::rsqrt(variance + workloads::norm_epsilon) * p[1] + p[2];
    return xg::mean(xg::square(y));
  });
}

harness::Row layernorm_fused() {
  const Vars p = norm_leaves();
  return row_of(p, [=] {
    return xg::mean(xg::square(xg::layer_norm(p[0], p[1], p[2], {.epsilon = workloads::norm_epsilon})));
  });
}

harness::Row attention() {
  const workloads::Attention a;
  Vars p = {filled({a.batch, a.length, a.width}, 1, 1)};
  for (std::uint32_t i = 0; i < 4; ++i)
    p.push_back(filled({a.width, a.width}, 2 + i, 1 / std::sqrt(static_cast<float>(a.width))));
  const auto heads = [=](const Var& v) {
    return xg::permute(xg::reshape(v, {a.batch, a.length, a.heads, a.head_width()}), {0, 2, 1, 3});
  };
  const auto loss = [=] {
    const Var q = heads(xg::linear(p[0], p[1])), k = heads(xg::linear(p[0], p[2])),
              v = heads(xg::linear(p[0], p[3]));
    const Var mixed = xg::permute(xg::scaled_dot_product_attention(q, k, v), {0, 2, 1, 3});
    return xg::mean(xg::square(xg::linear(xg::reshape(mixed, {a.batch, a.length, a.width}), p[4])));
  };
  return row_of(p, loss, sgd(p));
}

harness::Row lstm() {
  const workloads::Lstm l;
  const float scale = 1 / std::sqrt(static_cast<float>(l.width));
  const Vars p = {filled({l.in, 4 * l.width}, 1, scale), filled({l.width, 4 * l.width}, 2, scale),
                  filled({4 * l.width}, 3, scale)};
  Vars leaves = p;
  for (std::size_t i = 0; i < l.steps; ++i)
    leaves.push_back(filled({l.batch, l.in}, 100 + static_cast<std::uint32_t>(i), 1));
  const Var zero = filled({l.batch, l.width}, 0, 0).detach();
  const auto loss = [=] {
    const Var x = xg::stack(Vars(leaves.begin() + static_cast<std::ptrdiff_t>(p.size()), leaves.end()));
    return xg::mean(xg::square(xg::lstm(x, zero, zero, p[0], p[1], p[2]).hidden));
  };
  return row_of(leaves, loss, sgd(p));
}

}  // namespace

harness::Row small_mlp() { return relu_mlp(workloads::small_mlp()); }

harness::Row tangent_chain() {
  const Var x = filled({1}, 0, 0, workloads::chain_x);
  const Var c = filled({1}, 0, 0, workloads::chain_c).detach();
  const auto tangent = std::make_shared<Var>();
  const auto step = [=] {
    *tangent = xg::jvp([&](const Var& z) { return chain_of(z, c); }, x, xg::ones<float>({1})).tangent;
  };
  return {step, [=](harness::Results& all) { add(all, "tangent", tangent->dense()); }};
}

std::vector<harness::RowSource> xgrad_rows() {
  return {{"scalar_chain", scalar_chain},
          {"spiral", spiral},
          {"mlp100", [] { return relu_mlp(workloads::mlp100()); }},
          {"mlp500", [] { return relu_mlp(workloads::mlp500()); }},
          {"sigmoid100", sigmoid100},
          {"cnn32", cnn32},
          {"wide", [] { return relu_mlp(workloads::wide()); }},
          {"elementwise", elementwise},
          {"elementwise_lambda", elementwise_lambda},
          {"layernorm", layernorm},
          {"layernorm_fused", layernorm_fused},
          {"attention", attention},
          {"lstm", lstm},
          {"deep_chain", deep_chain},
          {"hvp", hvp}};
}
