// The workloads in libtorch, as somebody would write them who knows it: products with the bias in one call,
// no transposed weights, gradients let go rather than zeroed, the library's own fused losses.
#include <cmath>
#include <memory>
#include <utility>

#include <torch/torch.h>

#include "harness.hpp"
#include "workloads.hpp"

namespace {

using torch::Tensor;
using Tensors = std::vector<Tensor>;
using Loss = std::function<Tensor()>;

Tensor filled(const std::vector<std::int64_t>& shape, std::uint32_t seed, float scale, float centre = 0) {
  Tensor values = torch::empty(shape);
  workloads::fill(values.data_ptr<float>(), static_cast<std::size_t>(values.numel()), seed, scale, centre);
  return values;
}

Tensor leaf(const std::vector<std::int64_t>& shape, std::uint32_t seed, float scale, float centre = 0) {
  return filled(shape, seed, scale, centre).requires_grad_();
}

std::int64_t extent(std::size_t n) { return static_cast<std::int64_t>(n); }

Tensor labels(std::size_t count, std::size_t classes) {
  Tensor all = torch::empty({extent(count)}, torch::kInt64);
  workloads::fill_labels(all.data_ptr<std::int64_t>(), count, classes);
  return all;
}

void add(harness::Results& results, const std::string& name, const Tensor& values) {
  const Tensor plain = values.detach().contiguous();
  results.add(name, plain.data_ptr<float>(), static_cast<std::size_t>(plain.numel()));
}

using Optimizer = std::shared_ptr<torch::optim::SGD>;

Optimizer sgd(const Tensors& parameters, double rate = workloads::learning_rate, double momentum = 0) {
  return std::make_shared<torch::optim::SGD>(parameters, torch::optim::SGDOptions(rate).momentum(momentum));
}

harness::Row row_of(Tensors leaves, Loss loss, Optimizer optimizer = nullptr) {
  const auto value = std::make_shared<float>(0.f);
  const auto step = [leaves, loss, optimizer, value] {
    for (Tensor each : leaves) each.mutable_grad().reset();
    const Tensor y = loss();
    y.backward();
    if (optimizer) optimizer->step();
    *value = y.item<float>();
  };
  const auto results = [leaves, value](harness::Results& all) {
    all.add("value", value.get(), 1);
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      add(all, "gradient " + std::to_string(i), leaves[i].grad());
      add(all, "leaf " + std::to_string(i), leaves[i]);
    }
  };
  return {step, results};
}

harness::Row scalar_chain() {
  const Tensor x = leaf({1}, 0, 0, workloads::chain_x), c = filled({1}, 0, 0, workloads::chain_c);
  return row_of({x}, [=] {
    Tensor y = x;
    for (std::size_t i = 0; i < workloads::chain_rounds; ++i) {
      y = y * x;
      y = y + x;
      y = torch::tanh(y);
      y = y * c;
    }
    return y;
  });
}

harness::Row deep_chain() {
  const Tensor x = leaf({1}, 0, 0, workloads::chain_x);
  return row_of({x}, [=] {
    Tensor y = x;
    for (std::size_t i = 0; i < workloads::deep_chain_length; ++i) y = y + x;
    return y;
  });
}

Tensors mlp_parameters(const workloads::Mlp& mlp) {
  Tensors all;
  for (std::size_t i = 0; i < mlp.layers(); ++i) {
    const std::size_t in = mlp.widths[i], out = mlp.widths[i + 1];
    const auto seed = static_cast<std::uint32_t>(2 * i);
    const float scale = 1 / std::sqrt(static_cast<float>(in));
    all.push_back(leaf({extent(in), extent(out)}, seed + 1, scale));
    all.push_back(leaf({extent(out)}, seed + 2, scale));
  }
  return all;
}

Tensor mlp_output(const Tensors& p, Tensor x, Tensor (*activation)(const Tensor&)) {
  for (std::size_t i = 0; i < p.size(); i += 2) {
    x = torch::addmm(p[i + 1], x, p[i]);
    if (i + 2 < p.size()) x = activation(x);
  }
  return x;
}

Tensor mlp_input(const workloads::Mlp& mlp) {
  return filled({extent(mlp.batch), extent(mlp.widths[0])}, 100, 1);
}

harness::Row spiral() {
  const workloads::Mlp mlp = workloads::spiral();
  const Tensors p = mlp_parameters(mlp);
  const Tensor x = mlp_input(mlp), t = labels(mlp.batch, mlp.widths.back());
  const auto loss = [=] {
    return torch::cross_entropy_loss(mlp_output(p, x, torch::tanh), t) +
           workloads::spiral_decay / 2 * (p[0].square().sum() + p[2].square().sum());
  };
  return row_of(p, loss, sgd(p));
}

harness::Row relu_mlp(const workloads::Mlp& mlp) {
  const Tensors p = mlp_parameters(mlp);
  const Tensor x = mlp_input(mlp), t = labels(mlp.batch, mlp.widths.back());
  const auto loss = [=] { return torch::cross_entropy_loss(mlp_output(p, x, torch::relu), t); };
  return row_of(p, loss, sgd(p));
}

harness::Row sigmoid100() {
  const workloads::Mlp mlp = workloads::sigmoid100();
  const Tensors p = mlp_parameters(mlp);
  const Tensor x = mlp_input(mlp);
  const Tensor t = filled({extent(mlp.batch), extent(mlp.widths.back())}, 101, 0.5f, 0.5f);
  const auto loss = [=] {
    const Tensor y = torch::sigmoid(mlp_output(p, x, torch::sigmoid));
    return torch::mse_loss(y, t, torch::Reduction::Sum) * (0.5 / static_cast<double>(mlp.batch));
  };
  return row_of(p, loss, sgd(p));
}

harness::Row hvp() {
  const workloads::Mlp mlp = workloads::hvp();
  const Tensors p = mlp_parameters(mlp);
  const Tensor x = mlp_input(mlp);
  Tensors v;
  for (std::size_t i = 0; i < p.size(); ++i)
    v.push_back(filled(p[i].sizes().vec(), 200 + static_cast<std::uint32_t>(i), 1));
  const auto products = std::make_shared<Tensors>();
  const auto step = [=] {
    const Tensor y = mlp_output(p, x, torch::tanh);
    const Tensors g = torch::autograd::grad({y.square().mean()}, p, {}, true, true);
    Tensor along = (g[0] * v[0]).sum();
    for (std::size_t i = 1; i < p.size(); ++i) along = along + (g[i] * v[i]).sum();
    *products = torch::autograd::grad({along}, p);
  };
  const auto results = [=](harness::Results& all) {
    for (std::size_t i = 0; i < p.size(); ++i) add(all, "product " + std::to_string(i), (*products)[i]);
  };
  return {step, results};
}

harness::Row cnn32() {
  const workloads::Cnn cnn;
  const auto scale = [](std::size_t in) { return 1 / std::sqrt(static_cast<float>(in)); };
  const std::int64_t c1 = extent(cnn.channels1), c2 = extent(cnn.channels2), features = extent(cnn.features),
                     hidden = extent(cnn.hidden), classes = extent(cnn.classes), batch = extent(cnn.batch),
                     side = extent(cnn.side);
  const Tensors p = {leaf({c1, 1, 3, 3}, 1, scale(9)),
                     leaf({c1}, 2, scale(9)),
                     leaf({c2, c1, 3, 3}, 3, scale(9 * cnn.channels1)),
                     leaf({c2}, 4, scale(9 * cnn.channels1)),
                     leaf({features, hidden}, 5, scale(cnn.features)),
                     leaf({hidden}, 6, scale(cnn.features)),
                     leaf({hidden, classes}, 7, scale(cnn.hidden)),
                     leaf({classes}, 8, scale(cnn.hidden))};
  const Tensor x = filled({batch, 1, side, side}, 100, 1), t = labels(cnn.batch, cnn.classes);
  const auto loss = [=] {
    Tensor h = torch::max_pool2d(torch::relu(torch::conv2d(x, p[0], p[1])), 2);
    h = torch::max_pool2d(torch::relu(torch::conv2d(h, p[2], p[3])), 2);
    h = torch::relu(torch::addmm(p[5], h.reshape({batch, features}), p[4]));
    return torch::cross_entropy_loss(torch::addmm(p[7], h, p[6]), t);
  };
  return row_of(p, loss, sgd(p, cnn.rate, cnn.momentum));
}

harness::Row elementwise() {
  const Tensor x = leaf({extent(workloads::elementwise_size)}, 1, 2);
  return row_of({x}, [=] { return (torch::log(torch::exp(x) * 0.5 + 1) * torch::tanh(x)).mean(); });
}

Tensors norm_leaves() {
  const std::int64_t rows = extent(workloads::norm_rows), columns = extent(workloads::norm_columns);
  return {leaf({rows, columns}, 1, 1), leaf({columns}, 2, 1), leaf({columns}, 3, 1)};
}

harness::Row layernorm() {
  const Tensors p = norm_leaves();
  return row_of(p, [=] {
    const Tensor centred = p[0] - p[0].mean(-1, true);
    const Tensor variance = centred.square().mean(-1, true);
    const Tensor y = centred * (variance + workloads::norm_epsilon).rsqrt() * p[1] + p[2];
    return y.square().mean();
  });
}

harness::Row layernorm_fused() {
  const Tensors p = norm_leaves();
  return row_of(p, [=] {
    const Tensor y =
        torch::layer_norm(p[0], {extent(workloads::norm_columns)}, p[1], p[2], workloads::norm_epsilon);
    return y.square().mean();
  });
}

harness::Row attention() {
  const workloads::Attention a;
  const std::int64_t batch = extent(a.batch), length = extent(a.length), width = extent(a.width),
                     heads = extent(a.heads), head_width = extent(a.head_width());
  Tensors p = {leaf({batch, length, width}, 1, 1)};
  for (std::uint32_t i = 0; i < 4; ++i)
    p.push_back(leaf({width, width}, 2 + i, 1 / std::sqrt(static_cast<float>(width))));
  const auto split = [=](const Tensor& v) {
    return v.reshape({batch, length, heads, head_width}).permute({0, 2, 1, 3});
  };
  const auto loss = [=] {
    const Tensor q = split(torch::matmul(p[0], p[1])), k = split(torch::matmul(p[0], p[2])),
                 v = split(torch::matmul(p[0], p[3]));
    const double scale = 1 / std::sqrt(static_cast<double>(head_width));
    const Tensor shares = torch::softmax(torch::matmul(q, k.transpose(-1, -2)) * scale, -1);
    const Tensor mixed = torch::matmul(shares, v).permute({0, 2, 1, 3}).reshape({batch, length, width});
    return torch::matmul(mixed, p[4]).square().mean();
  };
  return row_of(p, loss, sgd(p));
}

harness::Row lstm() {
  const workloads::Lstm l;
  const std::int64_t batch = extent(l.batch), in = extent(l.in), width = extent(l.width);
  const float scale = 1 / std::sqrt(static_cast<float>(l.width));
  const Tensors p = {leaf({in, 4 * width}, 1, scale), leaf({width, 4 * width}, 2, scale),
                     leaf({4 * width}, 3, scale)};
  Tensors leaves = p;
  for (std::size_t i = 0; i < l.steps; ++i)
    leaves.push_back(leaf({batch, in}, 100 + static_cast<std::uint32_t>(i), 1));
  const Tensor zero = torch::zeros({batch, width});
  const auto loss = [=] {
    Tensor h = zero, c = zero;
    for (std::size_t i = 0; i < l.steps; ++i) {
      const Tensors gates = torch::addmm(torch::addmm(p[2], leaves[p.size() + i], p[0]), h, p[1]).chunk(4, 1);
      c = torch::sigmoid(gates[1]) * c + torch::sigmoid(gates[0]) * torch::tanh(gates[2]);
      h = torch::sigmoid(gates[3]) * torch::tanh(c);
    }
    return h.square().mean();
  };
  return row_of(leaves, loss, sgd(p));
}

harness::Side side() {
  return {[](int threads) { torch::set_num_threads(threads); },
          {{"scalar_chain", scalar_chain},
           {"spiral", spiral},
           {"mlp100", [] { return relu_mlp(workloads::mlp100()); }},
           {"mlp500", [] { return relu_mlp(workloads::mlp500()); }},
           {"sigmoid100", sigmoid100},
           {"cnn32", cnn32},
           {"wide", [] { return relu_mlp(workloads::wide()); }},
           {"elementwise", elementwise},
           {"elementwise_lambda", elementwise},
           {"layernorm", layernorm},
           {"layernorm_fused", layernorm_fused},
           {"attention", attention},
           {"lstm", lstm},
           {"deep_chain", deep_chain},
           {"hvp", hvp}}};
}

}  // namespace

int main(int argc, char** argv) { return harness::run(argc, argv, side()); }
