#include "measure.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <numeric>
#include <unordered_set>

#include "../core/array/memory.hpp"
#include "../core/graph/activity.hpp"
#include "../core/graph/journal.hpp"
#include "../core/kernels/random.hpp"
#include "profile.hpp"

namespace xgrad {
namespace {

using detail::Handle;
using detail::Node;
using Clock = std::chrono::steady_clock;

/// A run that takes no time at all would fill the memory.
constexpr std::size_t most_runs = 100000;

double seconds_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

double processor_now() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

/// Everything that a run may change, as it was.
class Surroundings {
 public:
  Surroundings() : generator_(generator().state()) {}
  ~Surroundings() { generator().set_state(generator_); }
  Surroundings(const Surroundings&) = delete;
  Surroundings& operator=(const Surroundings&) = delete;

  detail::LeafJournal& leaves() noexcept { return leaves_; }

 private:
  struct Peak {
    ~Peak() { memory::restore_peak(bytes); }
    std::size_t bytes = memory_stats().peak_bytes;
  };
  GeneratorState generator_;
  Peak peak_;  ///< put back last, when nothing of a run is left
  detail::LeafJournal leaves_;
};

template <class T>
void sweep(const Variable<T>& result) {
  result.backward({.grad_output = to_array(Dense<T>::filled(result.shape(), T(1)))});
}

/// The gradients of all elements' sum.
void sweep(const Handle& result) {
  if (result.node()->is_double())
    sweep(Variable<double>(result));
  else
    sweep(Variable<float>(result));
}

struct Run {
  double forward = 0, backward = 0, update = 0;
  bool has_backward = false;
  double total() const noexcept { return forward + backward + update; }
};

/// One function, run again and again.
class Runner {
 public:
  Runner(const std::function<Handle()>& forward, const std::function<void()>& update, Surroundings& around)
      : forward_(forward), update_(update), around_(around) {}

  Run run() {
    Run run;
    around_.leaves().clear_gradients();
    const auto begin = Clock::now();
    Handle result = forward_();
    const auto middle = Clock::now();
    run.forward = seconds_between(begin, middle);
    run.has_backward = result && result.node()->requires_grad();
    if (run.has_backward) sweep(result);
    result.reset();
    const auto end = Clock::now();
    run.backward = run.has_backward ? seconds_between(middle, end) : 0;
    if (!run.has_backward) run.forward = seconds_between(begin, end);
    if (update_) {
      const detail::LeafJournal::Pause made_to_stay;
      update_();
      run.update = seconds_between(end, Clock::now());
    }
    return run;
  }

  /// Until times settle: none of three runs is the fastest yet by a tenth, and the first has long been over.
  void warm_up(double most_seconds) {
    double fastest = run().total(), spent = fastest;
    for (int calm = 0; calm < 3 && spent < most_seconds;) {
      const double seconds = run().total();
      spent += seconds;
      calm = seconds < 0.9 * fastest ? 0 : calm + 1;
      fastest = std::min(fastest, seconds);
    }
  }

  /// A run whose graph is looked at.
  void inspect(Measurement& found) {
    around_.leaves().clear_gradients();
    const std::size_t before = memory_stats().live_bytes;
    reset_peak_memory();
    Handle result = forward_();
    if (result) count(*result.node(), found);
    if (result && result.node()->requires_grad()) sweep(result);
    result.reset();
    found.peak_bytes = memory_stats().peak_bytes - std::min(before, memory_stats().peak_bytes);
    if (detail::watcher() == nullptr) count_work(found);
  }

 private:
  void count_work(Measurement& found) {
    around_.leaves().clear_gradients();
    Profile profile;
    try {
      if (const Handle result = forward_(); result && result.node()->requires_grad()) sweep(result);
    } catch (const GraphError&) {
      return;  // the function has a Profile of its own; it has run before without an error
    }
    profile.stop();
    for (const ProfileTable::Row& row : profile.table().rows) {
      found.flops += row.flops;
      found.bytes += row.bytes;
      found.roof += row.roof;
    }
  }

  static void count(Node& result, Measurement& found) {
    std::unordered_set<const Node*> met{&result};
    std::vector<Node*> pending{&result};
    while (!pending.empty()) {
      Node* node = pending.back();
      pending.pop_back();
      ++found.nodes;
      found.operations += !node->is_leaf() && &node->maker() == node ? 1 : 0;
      for (Node* input : node->inputs())
        if (met.insert(input).second) pending.push_back(input);
    }
  }

  const std::function<Handle()>& forward_;
  const std::function<void()>& update_;
  Surroundings& around_;
};

void check_seconds(const char* operation, double seconds) {
  if (!(seconds > 0) || !std::isfinite(seconds))
    throw ValueError(std::string(operation) + ": seconds is " + std::to_string(seconds) +
                     "; it must be finite and above 0");
}

}  // namespace

double Timing::quantile(double q) const {
  if (seconds.empty()) throw ValueError("Timing: no run was timed, and so there is no quantile");
  if (!(q >= 0 && q <= 1))
    throw ValueError("Timing: the quantile of " + std::to_string(q) + " is none; give one from 0 to 1");
  std::vector<double> sorted = seconds;
  std::sort(sorted.begin(), sorted.end());
  const double place = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

Measurement detail::measure_function(const std::function<Handle()>& forward, const MeasureOptions& options) {
  check_seconds("measure", options.seconds);
  const std::size_t least = options.least_runs.checked("measure", "least_runs", 1);
  Measurement found;
  found.name = options.name;
  Surroundings around;
  Runner runner(forward, options.update, around);
  runner.inspect(found);
  runner.warm_up(options.seconds / 2);
  const double processor = processor_now();
  const auto begin = Clock::now();
  while (found.total.seconds.size() < least ||
         (seconds_between(begin, Clock::now()) < options.seconds && found.total.seconds.size() < most_runs)) {
    const Run run = runner.run();
    found.forward.seconds.push_back(run.forward);
    if (run.has_backward) found.backward.seconds.push_back(run.backward);
    if (options.update) found.update.seconds.push_back(run.update);
    found.total.seconds.push_back(run.total());
  }
  found.wall_seconds = seconds_between(begin, Clock::now());
  found.processor_seconds = processor_now() - processor;
  return found;
}

Comparison detail::compare_functions(const std::function<Handle()>& first,
                                     const std::function<Handle()>& second, const CompareOptions& options) {
  check_seconds("compare", options.seconds);
  const std::size_t least = options.least_pairs.checked("compare", "least_pairs", 6);
  Surroundings around;
  const std::function<void()> no_update;
  Runner one(first, no_update, around), other(second, no_update, around);
  one.warm_up(options.seconds / 4);
  other.warm_up(options.seconds / 4);
  Comparison found;
  found.first = options.first;
  found.second = options.second;
  const auto begin = Clock::now();
  while (found.ratios.size() < least ||
         (seconds_between(begin, Clock::now()) < options.seconds && found.ratios.size() < most_runs)) {
    // Whoever comes first leaves the caches to the other.
    double times[2];
    const bool swapped = found.ratios.size() % 2 == 1;
    times[swapped] = (swapped ? other : one).run().total();
    times[!swapped] = (swapped ? one : other).run().total();
    found.ratios.push_back(times[1] / times[0]);
  }
  std::vector<double> sorted = found.ratios;
  std::sort(sorted.begin(), sorted.end());
  found.ratio = Timing{found.ratios}.median();
  // Ranks n / 2 -+ 1.96 sqrt(n) / 2, counted from 1, the normal approximation of the binomial distribution.
  const auto n = static_cast<double>(sorted.size());
  const double reach = 1.96 * std::sqrt(n) / 2;
  found.low = sorted[static_cast<std::size_t>(std::max(0.0, std::floor(n / 2 - reach) - 1))];
  found.high = sorted[static_cast<std::size_t>(std::min(n - 1, std::ceil(n / 2 + reach)))];
  return found;
}

Growth detail::growth_of(std::span<const Count> sizes,
                         const std::function<Measurement(std::size_t)>& measured) {
  if (sizes.size() < 2)
    throw ValueError("measure_growth: " + std::to_string(sizes.size()) +
                     " sizes tell no growth; give two at least, such as {64, 256, 1024}");
  Growth found;
  for (const Count& size : sizes) found.sizes.push_back(size.checked("measure_growth", "a size", 1));
  if (std::all_of(found.sizes.begin(), found.sizes.end(), [&](std::size_t s) { return s == found.sizes[0]; }))
    throw ValueError("measure_growth: all sizes are the same; give two different ones");
  double x = 0, y = 0, xx = 0, xy = 0;
  for (const std::size_t size : found.sizes) {
    found.measurements.push_back(measured(size));
    found.measurements.back().name += "/" + std::to_string(size);
    const double u = std::log(static_cast<double>(size)),
                 v = std::log(found.measurements.back().total.median());
    x += u;
    y += v;
    xx += u * u;
    xy += u * v;
  }
  const auto n = static_cast<double>(found.sizes.size());
  found.exponent = (n * xy - x * y) / (n * xx - x * x);
  found.scale = std::exp((y - found.exponent * x) / n);
  return found;
}

}  // namespace xgrad
