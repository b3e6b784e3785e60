// A compiled function beside the function itself, forward and backward.
#include <benchmark/benchmark.h>

#include <xgrad/xgrad.hpp>

namespace xg = xgrad;

namespace {

/// As it is written for 0, as a program for 1, and for 2 what was written by hand, as it is; nothing is
/// verified meanwhile.
template <class F>
void measure(benchmark::State& state, const F& function, const std::vector<xg::Variable<float>>& leaves) {
  xg::set_num_threads(1);
  const auto compiled = xg::compile(function, {.verify = false});
  auto cleared = leaves;
  const bool replays = state.range(0) == 1;
  for (auto _ : state) {
    for (auto& leaf : cleared) leaf.zero_grad();
    (replays ? compiled() : function()).backward();
  }
  state.SetLabel(state.range(0) == 2 ? "by hand" : replays ? "replayed" : "called");
}

/// 250 x (multiply, add, tanh, multiply) on one element.
void scalar_chain(benchmark::State& state) {
  const auto x = xg::parameter({0.5F}), c = xg::constant({0.99F});
  const auto chain = [&] {
    xg::Variable<float> y = x;
    for (int i = 0; i < 250; ++i) y = xg::tanh(y * x + x) * c;
    return y;
  };
  measure(state, chain, {x});
}
BENCHMARK(scalar_chain)->Arg(0)->Arg(1);

/// A network of widths 8, 64, 64 and 4, on one sample.
void small_network(benchmark::State& state) {
  xg::manual_seed(1);
  xg::nn::Sequential<float> net(xg::nn::Linear<float>(8, 64), xg::nn::ReLU<float>(),
                                xg::nn::Linear<float>(64, 64), xg::nn::ReLU<float>(),
                                xg::nn::Linear<float>(64, 4));
  const auto x = xg::constant(xg::randn<float>({1, 8}));
  const xg::Indices label{2};
  measure(
      state, [&] { return xg::cross_entropy(net(x), label); }, net.parameters());
}
BENCHMARK(small_network)->Arg(0)->Arg(1);

/// The product of a Hessian with a vector: the network of widths 64, 128 and 1, on 256 samples.
void hvp(benchmark::State& state) {
  xg::manual_seed(1);
  const auto drawn = [](const xg::Shape& shape, float scale) {
    return xg::random_normal<float>(shape, 0, scale);
  };
  std::vector<xg::Variable<float>> p, along;
  for (const xg::Shape& shape : {xg::Shape{64, 128}, xg::Shape{128}, xg::Shape{128, 1}, xg::Shape{1}}) {
    p.push_back(xg::parameter(drawn(shape, 0.1F)));
    along.push_back(xg::constant(drawn(shape, 1)));
  }
  const auto x = xg::constant(drawn({256, 64}, 1));
  const auto function = [&] {
    const auto y = xg::linear(xg::tanh(xg::linear(x, p[0], p[1])), p[2], p[3]);
    const auto slope = xg::grad(xg::mean(xg::square(y)), p, {.create_graph = true});
    auto sum = xg::sum(slope[0] * along[0]);
    for (std::size_t i = 1; i < p.size(); ++i) sum = sum + xg::sum(slope[i] * along[i]);
    return xg::grad(sum, p);
  };
  xg::set_num_threads(1);
  const auto compiled = xg::compile(function, {.verify = false});
  const bool replays = state.range(0) == 1;
  for (auto _ : state) benchmark::DoNotOptimize(replays ? compiled() : function());
  state.SetLabel(replays ? "replayed" : "called");
}
BENCHMARK(hvp)->Arg(0)->Arg(1);

/// Operators on `elements` elements, beside one operation made of the same formula.
void elementwise(benchmark::State& state, std::size_t elements) {
  const auto x = xg::parameter(xg::random_normal<float>({elements}, 0, 1));
  const auto by_hand = xg::elementwise("formula", [](auto v) { return log(exp(v) * 0.5F + 1) * tanh(v); });
  if (state.range(0) == 2) return measure(state, [&] { return xg::mean(by_hand(x)); }, {x});
  measure(state, [&] { return xg::mean(xg::log(xg::exp(x) * 0.5 + 1) * xg::tanh(x)); }, {x});
}
BENCHMARK_CAPTURE(elementwise, large, 1000000)->Arg(0)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(elementwise, huge, 10000000)->Arg(0)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);

/// The same without functions, so that all of it waits for memory.
void polynomial(benchmark::State& state, std::size_t elements) {
  const auto x = xg::parameter(xg::random_normal<float>({elements}, 0, 1));
  const auto y = xg::parameter(xg::random_normal<float>({elements}, 0, 1));
  const auto by_hand =
      xg::elementwise("formula", [](auto v, auto w) { return v * w + v - w * 0.5F + square(v - w); });
  if (state.range(0) == 2) return measure(state, [&] { return xg::sum(by_hand(x, y)); }, {x, y});
  measure(state, [&] { return xg::sum(x * y + x - y * 0.5 + xg::square(x - y)); }, {x, y});
}
BENCHMARK_CAPTURE(polynomial, small, 100)->Arg(0)->Arg(1)->Arg(2);
BENCHMARK_CAPTURE(polynomial, large, 1000000)->Arg(0)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);

struct Rows {
  xg::Variable<float> x = xg::parameter(xg::random_normal<float>({4096, 1024}, 0, 1)),
                      gamma = xg::parameter(xg::random_normal<float>({1024}, 0, 1)),
                      beta = xg::parameter(xg::random_normal<float>({1024}, 0, 1)),
                      weight = xg::constant(xg::random_normal<float>({4096, 1024}, 0, 1));
};

/// Layer norm and softmax of 4096 rows made of operators, beside the library's operations.
void layer_norm(benchmark::State& state) {
  const Rows rows;
  const auto &x = rows.x, &gamma = rows.gamma, &beta = rows.beta, &weight = rows.weight;
  const auto primitives = [&] {
    const auto centred = x - xg::mean(x, {-1}, {.keep_dims = true});
    const auto variance = xg::mean(xg::square(centred), {-1}, {.keep_dims = true});
    return xg::sum((centred / xg::sqrt(variance + 1e-5) * gamma + beta) * weight);
  };
  if (state.range(0) == 2)
    return measure(state, [&] { return xg::sum(xg::layer_norm(x, gamma, beta) * weight); }, {x, gamma, beta});
  measure(state, primitives, {x, gamma, beta});
}
BENCHMARK(layer_norm)->Arg(0)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);

void softmax(benchmark::State& state) {
  const Rows rows;
  const auto& x = rows.x;
  const auto primitives = [&] {
    const auto powers = xg::exp(x - xg::max(x, {-1}, {.keep_dims = true}).detach());
    return xg::sum(powers / xg::sum(powers, {-1}, {.keep_dims = true}) * rows.weight);
  };
  if (state.range(0) == 2) return measure(state, [&] { return xg::sum(xg::softmax(x) * rows.weight); }, {x});
  measure(state, primitives, {x});
}
BENCHMARK(softmax)->Arg(0)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);

}  // namespace
