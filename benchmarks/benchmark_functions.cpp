// Elementary functions of the kernels beside SLEEF's of 1 ulp, where that is installed: rows of 4096 elements
// that stay in the cache, by the element, and chains, by the register. XGRAD_ISA chooses the instruction set;
// --benchmark_enable_random_interleaving=true takes the sides in turn.
#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include <xgrad/core/kernels/dispatch.hpp>

#include "function_kernels.hpp"

namespace {

using functions::Function;
using functions::Side;

constexpr std::size_t row_elements = 4096, links = 300;

template <class T>
std::vector<T> drawn(double low, double high, unsigned seed) {
  std::mt19937 from(seed);
  std::uniform_real_distribution<double> between(low, high);
  std::vector<T> numbers(row_elements);
  for (T& number : numbers) number = static_cast<T>(between(from));
  return numbers;
}

template <class T>
void rows(benchmark::State& state, const Function& f, const Side& side) {
  const auto x = drawn<T>(f.low, f.high, 1), y = drawn<T>(f.y_low, f.y_high, 2);
  std::vector<T> out(row_elements);
  for (auto _ : state) {
    side.row(x.data(), y.data(), out.data(), row_elements);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(row_elements));
}

void chains(benchmark::State& state, const Function& f, const Side& side) {
  const double x = 0.3 * f.low + 0.7 * f.high, y = 0.2 * f.y_low + 0.8 * f.y_high;
  for (auto _ : state) benchmark::DoNotOptimize(side.chain(x, y, links));
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(links));
}

void add(const Function& f, const Side& side, const std::string& whose) {
  if (side.row == nullptr) return;
  const std::string name = std::string(f.name) + (f.is_double ? "/double/" : "/float/");
  benchmark::RegisterBenchmark((name + "row/" + whose).c_str(), [&f, &side](benchmark::State& state) {
    f.is_double ? rows<double>(state, f, side) : rows<float>(state, f, side);
  });
  benchmark::RegisterBenchmark((name + "chain/" + whose).c_str(),
                               [&f, &side](benchmark::State& state) { chains(state, f, side); });
}

}  // namespace

int main(int argc, char** argv) {
  for (const Function& f : xgrad::choose_kernels([]<class Isa>() { return functions::all<Isa>(); })) {
    add(f, f.ours, "xgrad");
    add(f, f.sleef, "sleef");
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
