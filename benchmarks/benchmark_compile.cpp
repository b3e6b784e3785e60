// A compiled function beside the function itself, forward and backward.
#include <benchmark/benchmark.h>

#include <xgrad/xgrad.hpp>

namespace xg = xgrad;

namespace {

/// Once as it is written, and once as a program; nothing is verified meanwhile.
template <class F>
void measure(benchmark::State& state, const F& function, const std::vector<xg::Variable<float>>& leaves) {
  xg::set_num_threads(1);
  const auto compiled = xg::compile(function, {.verify = false});
  auto cleared = leaves;
  const bool replays = state.range(0) != 0;
  for (auto _ : state) {
    for (auto& leaf : cleared) leaf.zero_grad();
    (replays ? compiled() : function()).backward();
  }
  state.SetLabel(replays ? "replayed" : "called");
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

/// Operators on 10^6 elements.
void elementwise(benchmark::State& state) {
  const auto x = xg::parameter(xg::random_normal<float>({1000, 1000}, 0, 1));
  measure(state, [&] { return xg::sum(xg::log(xg::exp(x) + 1) * xg::tanh(x) + 0.5 * x); }, {x});
}
BENCHMARK(elementwise)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

}  // namespace
