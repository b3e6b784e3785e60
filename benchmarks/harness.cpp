#include "harness.hpp"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>

#include <benchmark/benchmark.h>

#include "workloads.hpp"

namespace harness {
namespace {

constexpr std::size_t longest_kept = 65536;

/// Relative, in the norm of each array. Both sides work in float, and sum in orders of their own.
constexpr double tolerance = 1e-4;

double norm(const std::vector<float>& values) {
  double sum = 0;
  for (const float v : values) sum += static_cast<double>(v) * v;
  return std::sqrt(sum);
}

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

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double quantile(std::vector<double>& samples, double q) {
  const auto at = samples.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(samples.size() - 1));
  std::nth_element(samples.begin(), at, samples.end());
  return *at;
}

struct Options {
  std::string row, write, compare;
  long threads = 1, steps = 0;
  bool list = false;
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

/// Times every step by itself, wall and processor, and leaves the quantiles, in microseconds a unit.
void time_row(benchmark::State& state, const std::string& name, const Row& row, double memory_at_start) {
  const workloads::Cost cost = workloads::cost_of(name);
  std::vector<double> wall, processor;
  for (auto _ : state) {
    const double p0 = processor_seconds(), w0 = wall_seconds();
    row.step();
    const double w1 = wall_seconds(), p1 = processor_seconds();
    wall.push_back(1e6 / cost.units * (w1 - w0));
    processor.push_back(1e6 / cost.units * (p1 - p0));
  }
  const double median = quantile(wall, 0.5);
  state.counters["median_us"] = median;
  state.counters["p10_us"] = quantile(wall, 0.1);
  state.counters["p90_us"] = quantile(wall, 0.9);
  state.counters["processor_median_us"] = quantile(processor, 0.5);
  state.counters["steps"] = static_cast<double>(wall.size());
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
    row.step();
    Results results;
    row.results(results);
    if (!options.write.empty()) results.write(options.write);
    return options.compare.empty() || results.agree_with(options.compare) ? 0 : 1;
  }
  if (options.steps > 0) {
    for (long i = 0; i < options.steps; ++i) row.step();
    return 0;
  }
  if (workloads::cost_of(source.name).warm) row.step();
  benchmark::RegisterBenchmark(
      source.name.c_str(),
      [&](benchmark::State& state) { time_row(state, source.name, row, memory_at_start); })
      ->UseRealTime()
      ->Unit(benchmark::kMicrosecond);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace

void Results::add(const std::string& name, const float* values, std::size_t count) {
  if (count <= longest_kept) {
    entries_.push_back({name, std::vector<float>(values, values + count)});
    return;
  }
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < count; ++i) {
    sum += values[i];
    squares += static_cast<double>(values[i]) * values[i];
  }
  // The sum alone may all but cancel: beside the norm it is compared to the norm's precision.
  entries_.push_back({name + " (sum and norm)",
                      {static_cast<float>(sum / std::sqrt(static_cast<double>(count))),
                       static_cast<float>(std::sqrt(squares))}});
  std::vector<float> part;
  const std::size_t stride = count / longest_kept | 1;
  for (std::size_t i = 0; i < count; i += stride) part.push_back(values[i]);
  entries_.push_back({name, std::move(part)});
}

void Results::write(const std::string& path) const {
  std::ofstream out(path, std::ios::binary);
  for (const Entry& entry : entries_) {
    out << entry.name << '\n' << entry.values.size() << '\n';
    out.write(reinterpret_cast<const char*>(entry.values.data()),
              static_cast<std::streamsize>(entry.values.size() * sizeof(float)));
  }
  if (!out.flush()) throw std::runtime_error("cannot write " + path);
}

std::vector<Results::Entry> Results::read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path);
  std::vector<Entry> entries;
  for (std::string name, count; std::getline(in, name) && std::getline(in, count);) {
    Entry entry{name, std::vector<float>(std::stoul(count))};
    in.read(reinterpret_cast<char*>(entry.values.data()),
            static_cast<std::streamsize>(entry.values.size() * sizeof(float)));
    if (!in) throw std::runtime_error(path + " ends early");
    entries.push_back(std::move(entry));
  }
  return entries;
}

bool Results::agree_with(const std::string& path) const {
  const std::vector<Entry> others = read(path);
  bool agree = !entries_.empty() && others.size() == entries_.size();
  if (!agree) std::cerr << path << ": " << others.size() << " arrays against " << entries_.size() << '\n';
  for (std::size_t i = 0; agree && i < entries_.size(); ++i) {
    const Entry &mine = entries_[i], &other = others[i];
    if (mine.name != other.name || mine.values.size() != other.values.size()) {
      std::cerr << path << ": " << other.name << " [" << other.values.size() << "] against " << mine.name
                << " [" << mine.values.size() << "]\n";
      return false;
    }
    std::vector<float> difference(mine.values.size());
    for (std::size_t k = 0; k < difference.size(); ++k) difference[k] = mine.values[k] - other.values[k];
    const double error = norm(difference) / norm(mine.values);
    // Written so that a NaN, also one from nothing but zeros, does not agree.
    if (!(error <= tolerance)) {
      std::cerr << path << ": " << mine.name << " differs by " << error << " of its norm "
                << norm(mine.values) << '\n';
      agree = false;
    }
  }
  return agree;
}

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
