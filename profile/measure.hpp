// How long a model or an operation takes forward and backward, and how two of them compare.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "../core/array/number.hpp"
#include "../core/graph/variable.hpp"
#include "machine.hpp"

namespace xgrad {

/// The times of one part of what was measured, one a run, in seconds.
struct Timing {
  std::vector<double> seconds;

  bool empty() const noexcept { return seconds.empty(); }
  /// The time that a share `q` of the runs stays below, between two runs in proportion, as NumPy's quantile
  /// has it. ValueError without a run, and unless q is from 0 to 1.
  double quantile(double q) const;
  double median() const { return quantile(0.5); }
};

/// What measure() found; printed, it is a table.
struct Measurement {
  std::string name;
  Timing forward;   ///< the function, until it returns
  Timing backward;  ///< the gradients, and the end of the graph; empty if nothing requires any
  Timing update;    ///< MeasureOptions::update; empty without one
  Timing total;     ///< all of them together
  /// Operations that the result was recorded with, and all nodes: theirs and their inputs'.
  std::size_t operations = 0, nodes = 0;
  /// The most bytes that one run held beside what was there before.
  std::size_t peak_bytes = 0;
  /// Floating-point operations of one run, forward and backward, bytes that it reads and writes, as a Profile
  /// counts them, and the seconds that it would take at machine_peaks(). 0 where this thread or the function
  /// has one.
  double flops = 0, bytes = 0, roof = 0;
  /// Of all timed runs together: by the clock, and by the process's processors, which is more with several
  /// threads.
  double wall_seconds = 0, processor_seconds = 0;

  /// To a .json file as Google Benchmark writes it, which its compare.py reads: an entry a part,
  /// "digits/forward", with median, mean and standard deviation. IoError if it cannot be written or has
  /// another ending.
  void save(const std::string& path) const;
  friend std::ostream& operator<<(std::ostream& out, const Measurement& found);
};

struct MeasureOptions {
  std::string name = "measured";  ///< in tables and files
  double seconds = 1;    ///< of the timed runs in all, about, or 100 000 of them; warm-up comes first
  Count least_runs = 5;  ///< also where they take longer; at least 1
  /// Called after each backward, and timed apart: an optimizer's step.
  std::function<void()> update = nullptr;
};

namespace detail {

/// Of a function whose result, if it has one, is swept.
Measurement measure_function(const std::function<Handle()>& forward, const MeasureOptions& options);

template <class R>
inline constexpr bool is_measurable = std::is_void_v<R> || is_variable<R>;

template <class F>
std::function<Handle()> forward_of(F& f) {
  using R = std::remove_cvref_t<std::invoke_result_t<F&>>;
  static_assert(is_measurable<R>,
                "measure: the function returns a Variable, whose backward is measured too, or nothing");
  return [&f] {
    if constexpr (std::is_void_v<R>) {
      f();
      return Handle();
    } else {
      return Handle(f().handle());
    }
  };
}

}  // namespace detail

/// Times f() and the backward pass of what it returns, run after run. f gives a Variable of any shape, whose
/// elements all count with a gradient of 1, or nothing; a result that requires no gradient has no backward.
/// Timed runs begin without gradients, as after zero_grad(). Runs before the first timed one go on until
/// times settle.
///
/// Gradients, the values of parameters and buffers, this thread's generator and the peak of memory_stats()
/// are afterwards what they were, also if f throws; but what `update` changes stays. An optimizer's own state
/// is not looked after: a step in f leaves momenta and counts, and belongs into `update`. ValueError for
/// seconds that are not above 0, and for no runs.
///
/// ```cpp
/// std::cout << xg::measure([&] { return xg::cross_entropy(net(x), labels); }, {.name = "digits"});
/// ```
template <class F>
requires std::invocable<F&> Measurement measure(F&& f, const MeasureOptions& options = {}) {
  return detail::measure_function(detail::forward_of(f), options);
}

/// The same of f(inputs), such as a custom_operation().
template <class F, class T>
Measurement measure(F&& f, const std::vector<Variable<T>>& inputs, const MeasureOptions& options = {}) {
  return measure([&] { return f(inputs); }, options);
}

/// How times grow with a size.
struct Growth {
  std::vector<std::size_t> sizes;
  std::vector<Measurement> measurements;  ///< one a size
  /// Of a power of the size that goes through the medians of whole runs, by least squares of logarithms:
  /// time = scale size^exponent. With constant costs in small sizes it is less than the theory's.
  double exponent = 0, scale = 0;
  friend std::ostream& operator<<(std::ostream& out, const Growth& found);
};

namespace detail {

Growth growth_of(std::span<const Count> sizes, const std::function<Measurement(std::size_t)>& measured);

}  // namespace detail

/// measure() of what make(size) gives, a function of no arguments, at each of the sizes. ValueError for less
/// than two sizes, and for one that is not above 0.
template <class Make>
requires std::invocable<Make&, std::size_t> Growth measure_growth(Make&& make,
                                                                  const std::vector<Count>& sizes,
                                                                  const MeasureOptions& options = {}) {
  return detail::growth_of(sizes, [&](std::size_t size) { return measure(make(size), options); });
}

/// Which of two is faster, and how sure that is: ratios of the second's time to the first's, one of each pair
/// of runs; printed, it is a sentence.
struct Comparison {
  std::string first, second;   ///< names
  std::vector<double> ratios;  ///< of whole runs
  double ratio = 1;            ///< their median
  /// Between these the true median lies in 95 of 100 such comparisons: the interval of the sign test (order
  /// statistics of the binomial distribution; W. Conover, "Practical Nonparametric Statistics", 3.2).
  double low = 0, high = 0;

  /// Whether the interval leaves 1 out.
  bool differs() const noexcept { return low > 1 || high < 1; }
  friend std::ostream& operator<<(std::ostream& out, const Comparison& found);
};

struct CompareOptions {
  std::string first = "the first", second = "the second";  ///< names
  double seconds = 2;                                      ///< of all timed runs, about
  Count least_pairs = 10;                                  ///< at least 6, for less tell nothing
};

namespace detail {

Comparison compare_functions(const std::function<Handle()>& first, const std::function<Handle()>& second,
                             const CompareOptions& options);

}  // namespace detail

/// Runs f() and g() in turn, forward and backward, so that whatever slows the machine down slows both, and
/// compares them pair by pair; which one begins alternates. As for measure(), nothing is changed afterwards.
template <class F, class G>
requires(std::invocable<F&>&& std::invocable<G&>) Comparison
    compare(F&& f, G&& g, const CompareOptions& options = {}) {
  return detail::compare_functions(detail::forward_of(f), detail::forward_of(g), options);
}

}  // namespace xgrad
