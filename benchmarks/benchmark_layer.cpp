// What layers cost beside products and convolutions.
#include <benchmark/benchmark.h>

#include <xgrad/xgrad.hpp>

namespace xg = xgrad;

namespace {

constexpr std::size_t rows = 4096, columns = 1024;

/// Forward and backward of mean(y * y), y = layer_norm(x, gamma, beta), with all three gradients.
template <class T>
void layer_norm_training(benchmark::State& state) {
  xg::set_num_threads(static_cast<std::size_t>(state.range(0)));
  const auto x = xg::parameter(xg::random_normal<T>({rows, columns}, 0, 1));
  const auto gamma = xg::parameter(xg::random_normal<T>({columns}, 1, 0.1));
  const auto beta = xg::parameter(xg::random_normal<T>({columns}, 0, 0.1));
  std::vector<xg::Variable<T>> inputs = {x, gamma, beta};
  for (auto _ : state) {
    for (auto& input : inputs) input.zero_grad();
    const auto y = xg::layer_norm(x, gamma, beta);
    xg::mean(y * y).backward();
    benchmark::DoNotOptimize(x.dense_grad().data());
  }
}
BENCHMARK_TEMPLATE(layer_norm_training, float)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_TEMPLATE(layer_norm_training, double)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

/// The two passes of layer_norm alone.
void layer_norm_forward(benchmark::State& state) {
  xg::set_num_threads(static_cast<std::size_t>(state.range(0)));
  const auto x = xg::to_dense(xg::random_normal<float>({rows, columns}, 0, 1));
  const auto gamma = xg::to_dense(xg::random_normal<float>({columns}, 1, 0.1)),
             beta = xg::to_dense(xg::random_normal<float>({columns}, 0, 1));
  for (auto _ : state) benchmark::DoNotOptimize(xg::layer_norm(x, gamma, beta).data());
}
BENCHMARK(layer_norm_forward)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

void layer_norm_backward(benchmark::State& state) {
  xg::set_num_threads(static_cast<std::size_t>(state.range(0)));
  const auto x = xg::parameter(xg::random_normal<float>({rows, columns}, 0, 1));
  const auto gamma = xg::parameter(xg::random_normal<float>({columns}, 1, 0.1));
  const auto beta = xg::parameter(xg::random_normal<float>({columns}, 0, 0.1));
  const auto y = xg::layer_norm(x, gamma, beta);
  const auto dy = xg::random_normal<float>({rows, columns}, 0, 1);
  std::vector<xg::Variable<float>> inputs = {x, gamma, beta};
  for (auto _ : state) {
    for (auto& input : inputs) input.zero_grad();
    y.backward({.retain_graph = true, .grad_output = dy});
    benchmark::DoNotOptimize(x.dense_grad().data());
  }
}
BENCHMARK(layer_norm_backward)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

/// Forward and backward of mean(y * y), y the outputs of a recurrent layer of 128 units over `steps` steps of
/// 32 samples. Twice the steps should cost twice the time.
template <class Layer>
void recurrent_training(benchmark::State& state) {
  xg::set_num_threads(1);
  const auto steps = static_cast<std::size_t>(state.range(0));
  Layer layer(128, 128);
  const auto x = xg::parameter(xg::random_normal<float>({steps, 32, 128}, 0, 1));
  for (auto _ : state) {
    layer.zero_grad();
    const auto y = layer(x);
    xg::mean(y * y).backward();
    benchmark::DoNotOptimize(layer.parameters()[0].dense_grad().data());
  }
}
BENCHMARK_TEMPLATE(recurrent_training, xg::nn::LSTM<float>)->Arg(64)->Arg(128)->Unit(benchmark::kMillisecond);
BENCHMARK_TEMPLATE(recurrent_training, xg::nn::GRU<float>)->Arg(64)->Unit(benchmark::kMillisecond);

/// The floor: the traffic of a value that is read and another that is written.
void copy_of_that_size(benchmark::State& state) {
  xg::set_num_threads(static_cast<std::size_t>(state.range(0)));
  const auto x = xg::to_dense(xg::random_normal<float>({rows, columns}, 0, 1));
  for (auto _ : state) benchmark::DoNotOptimize((-x).data());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(2 * rows * columns * sizeof(float)));
}
BENCHMARK(copy_of_that_size)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
