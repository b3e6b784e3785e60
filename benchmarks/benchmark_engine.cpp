// What the engine itself costs: recording and backward of one operation, and a large result in fresh memory.
#include <benchmark/benchmark.h>

#include <xgrad/core.hpp>
#include <xgrad/core/formula/add_multiply.hpp>
#include <xgrad/core/formula/broadcast_loop.hpp>
#include <xgrad/core/formula/elementwise.hpp>
#include <xgrad/core/graph/broadcast.hpp>
#include <xgrad/xgrad.hpp>

namespace xg = xgrad;

namespace {

/// 250 x (multiply, add, tanh, multiply) on one element, forward and backward; `per_operation` is the time of
/// one.
template <class T>
void scalar_chain(benchmark::State& state) {
  xg::set_num_threads(1);
  constexpr int rounds = 250;
  auto x = xg::parameter(xt::ones<T>({1}) * T(0.5));
  auto c = xg::constant(xt::ones<T>({1}) * T(0.99));
  for (auto _ : state) {
    xg::Variable<T> y = x;
    for (int i = 0; i < rounds; ++i) {
      y = y * x;
      y = y + x;
      y = xg::tanh(y);
      y = y * c;
    }
    x.zero_grad();
    y.backward();
    benchmark::DoNotOptimize(x.dense_grad().data());
  }
  state.counters["per_operation"] = benchmark::Counter(
      4.0 * rounds, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK_TEMPLATE(scalar_chain, float);
BENCHMARK_TEMPLATE(scalar_chain, double);

/// A million additions, backward and destruction.
void deep_chain(benchmark::State& state) {
  xg::set_num_threads(1);
  for (auto _ : state) {
    auto x = xg::parameter(xt::ones<float>({1}));
    xg::Variable<float> y = x;
    for (int i = 0; i < 1'000'000; ++i) y = y + x;
    y.backward();
  }
}
BENCHMARK(deep_chain)->Unit(benchmark::kMillisecond);

constexpr std::size_t large = 10'000'000;

/// A result of 10^7 elements, each time in memory of its own.
void large_add_fresh(benchmark::State& state) {
  xg::set_num_threads(1);
  auto x = xg::constant(xt::ones<float>({large}));
  for (auto _ : state) {
    auto y = x + x;
    benchmark::DoNotOptimize(y.dense().data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(3 * large * sizeof(float)));
}
BENCHMARK(large_add_fresh)->Unit(benchmark::kMillisecond);

/// The same kernel into a buffer that is there.
void large_add_in_place(benchmark::State& state) {
  xg::set_num_threads(1);
  auto x = xg::constant(xt::ones<float>({large}));
  xg::Dense<float> y(x.shape());
  float* out = y.mutable_data();
  const xg::detail::Source operands[] = {{x.dense().data(), &x.shape()}, {x.dense().data(), &x.shape()}};
  const auto kernel = xg::detail::core_operations()[0]().kernels()->value[0];
  for (auto _ : state) {
    xg::detail::run_broadcast(kernel, sizeof(float), out, x.shape(), operands);
    benchmark::DoNotOptimize(out);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(3 * large * sizeof(float)));
}
BENCHMARK(large_add_in_place)->Unit(benchmark::kMillisecond);

}  // namespace
