#include "harness.hpp"

#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <stdexcept>

#include <benchmark/benchmark.h>

#include "workloads.hpp"

namespace harness {
namespace {

/// A field of /proc/self/status, which is in kB.
double status_bytes(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind(field + ":", 0) == 0) return 1024 * std::strtod(line.c_str() + field.size() + 1, nullptr);
  return 0;
}

/// Memory in use now; from here on the kernel's high-water mark starts afresh.
double reset_peak() {
  std::ofstream("/proc/self/clear_refs") << "5";
  return status_bytes("VmRSS");
}

double seconds_of(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double quantile(std::vector<double>& samples, double q) {
  const auto at = samples.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(samples.size() - 1));
  std::nth_element(samples.begin(), at, samples.end());
  return *at;
}

struct Options {
  std::string row, write, compare;
  long threads = 1, steps = 0;
  bool list = false, processor = false;
};

/// Takes ours out of the arguments and leaves Google Benchmark's.
Options take_options(int& argc, char** argv) {
  Options options;
  int kept = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const auto value = [&]() -> std::string {
      if (++i == argc) throw std::invalid_argument(name + " needs a value");
      return argv[i];
    };
    if (name == "--list")
      options.list = true;
    else if (name == "--clock")
      options.processor = value() == "processor";
    else if (name == "--row")
      options.row = value();
    else if (name == "--threads")
      options.threads = std::stol(value());
    else if (name == "--write")
      options.write = value();
    else if (name == "--compare")
      options.compare = value();
    else if (name == "--steps")
      options.steps = std::stol(value());
    else
      argv[kept++] = argv[i];
  }
  argc = kept;
  return options;
}

/// Times every step by itself and leaves the quantiles, in microseconds a unit.
void time_row(benchmark::State& state, const std::string& name, const Row& row, clockid_t clock,
              double memory_at_start) {
  const workloads::Cost cost = workloads::cost_of(name);
  std::vector<double> times;
  for (auto _ : state) {
    const double start = seconds_of(clock);
    row.step();
    times.push_back(1e6 / cost.units * (seconds_of(clock) - start));
  }
  const double median = quantile(times, 0.5);
  state.counters["median_us"] = median;
  state.counters["p10_us"] = quantile(times, 0.1);
  state.counters["p90_us"] = quantile(times, 0.9);
  state.counters["steps"] = static_cast<double>(times.size());
  const double seconds = 1e-6 * median * cost.units;
  state.counters["flops_per_second"] = cost.flops / seconds;
  state.counters["minimal_bytes_per_second"] = cost.bytes / seconds;
  state.counters["peak_bytes"] = std::max(0.0, status_bytes("VmHWM") - memory_at_start);
}

int run_row(const RowSource& source, const Options& options) {
  const double memory_at_start = reset_peak();
  const Row row = source.make();
  if (!options.write.empty() || !options.compare.empty()) {
    if (!row.results) throw std::invalid_argument(source.name + " has no results to compare");
    // Two steps, so that an update that went wrong shows in the second one's value and gradients, too.
    for (int i = 0; i < 2; ++i) row.step();
    Results results;
    row.results(results);
    if (!options.write.empty()) results.write(options.write);
    return options.compare.empty() || results.agree_with(options.compare) ? 0 : 1;
  }
  if (options.steps > 0) {
    for (long i = 0; i < options.steps; ++i) row.step();
    return 0;
  }
  row.step();  // not timed: it fetches memory from the system, which may take longer than the step itself
  auto* const timed = benchmark::RegisterBenchmark(source.name.c_str(), [&](benchmark::State& state) {
    time_row(state, source.name, row, options.processor ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC,
             memory_at_start);
  });
  timed->Unit(benchmark::kMicrosecond);
  if (!options.processor) timed->UseRealTime();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace

int run(int argc, char** argv, const Side& side) {
  try {
    const Options options = take_options(argc, argv);
    if (options.list) {
      for (const RowSource& row : side.rows) std::cout << row.name << '\n';
      return 0;
    }
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    side.set_threads(static_cast<int>(options.threads));
    for (const RowSource& row : side.rows)
      if (row.name == options.row) return run_row(row, options);
    std::cerr << "no row '" << options.row << "' here; --list names them\n";
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
  }
  return 2;
}

}  // namespace harness
