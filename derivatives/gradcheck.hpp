// Checks gradients against differences.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "../core/graph/variable.hpp"

namespace xgrad {

/// What gradcheck() takes.
struct GradcheckOptions {
  /// The first step, relative to an element's size: step max(1, |x|).
  double step = 1e-6;
  double relative_tolerance = 1e-5;
  double absolute_tolerance = 1e-7;
  /// Checks the gradients of the gradients too, in the inputs and in the output's gradient.
  Flag second_order = false;
  /// Checks forward mode too, along two random directions of each input: against differences, and against
  /// reverse mode.
  Flag forward_mode = false;
  /// Of an input with more elements, this many are checked, drawn by `seed`.
  Count max_elements = 10'000;
  /// Of the weights and of the elements drawn.
  std::uint64_t seed = 0;
};

/// One element that was looked at.
struct GradcheckElement {
  Shape index;
  double analytic = 0;
  /// From differences, and how far off that may be; at a kink the middle of the two sides.
  double numeric = 0, numeric_error = 0;
  /// |analytic - numeric|, and the most that it may be.
  double error = 0, allowed = 0;
  /// The derivatives to the left and to the right of a kink.
  bool kink = false;
  double left = 0, right = 0;
  /// Why there is no numeric value: "output [2] is nan ...". Empty otherwise.
  std::string problem;

  bool ok() const noexcept { return problem.empty() && error <= allowed; }
};

/// One input, in one comparison.
struct GradcheckPart {
  /// "input 0", "second order, input 0", "second order, output gradient", "input 0, recorded": the gradient
  /// with create_graph against the one without; "forward mode, input 0", or "forward against reverse mode,
  /// input 0", whose elements are directions.
  std::string what;
  Shape shape;
  std::size_t checked = 0;
  /// The largest gradient element, analytic or numeric. One below absolute_tolerance means that nothing was
  /// really checked, and the report says so.
  double largest = 0;
  bool too_small = false;
  /// The element of the largest error relative to what is allowed, kinks apart; none if none was checked.
  std::optional<GradcheckElement> worst;
  /// The first of those that differ, and of the kinks that were stepped over; and how many there are.
  std::vector<GradcheckElement> failures, kinks;
  std::size_t failure_count = 0, kink_count = 0;
};

/// What gradcheck() found.
class GradcheckReport {
 public:
  /// Every gradient that was looked at agrees, and every value is finite.
  bool ok() const noexcept;
  const std::vector<GradcheckPart>& parts() const noexcept { return parts_; }
  /// What kept the check from being made: "output [2] is nan"; empty if nothing did.
  const std::string& problem() const noexcept { return problem_; }
  /// The kinks stepped over in all parts.
  std::size_t kinks() const noexcept;

  void add(GradcheckPart part) { parts_.push_back(std::move(part)); }
  void set_problem(std::string problem) { problem_ = std::move(problem); }

 private:
  std::vector<GradcheckPart> parts_;
  std::string problem_;
};

/// A line for each input: elements checked, the worst of them with its index, analytic and numeric value;
/// then what differs, and the kinks.
std::ostream& operator<<(std::ostream& out, const GradcheckReport& report);

namespace detail {

using DoubleVariables = std::vector<Variable<double>>;
using ListFunction = std::function<Variable<double>(const DoubleVariables&)>;

template <class F, class... Arguments>
concept GivesDouble = std::invocable<F&, Arguments...> &&
    std::same_as<std::remove_cvref_t<std::invoke_result_t<F&, Arguments...>>, Variable<double>>;

template <class F, std::size_t... I>
constexpr bool takes_elements(std::index_sequence<I...>) {
  return GivesDouble<F, decltype((void(I), std::declval<const Variable<double>&>()))...>;
}

template <class F>
concept TakesNothing = GivesDouble<F>;
template <class F>
concept TakesList = GivesDouble<F, const DoubleVariables&>;
template <class F, std::size_t N>
concept TakesElements = takes_elements<F>(std::make_index_sequence<N>());

template <class F, std::size_t... I>
Variable<double> call_with_elements(F& f, const DoubleVariables& list, std::index_sequence<I...>) {
  return f(list[I]...);
}

/// How a function is called with the list of inputs, and whether it takes them from where they are.
struct CheckedFunction {
  ListFunction call;
  bool in_place;
};

/// Checks f on new leaves with the values of `inputs`, or, in place, on the inputs themselves.
GradcheckReport check_gradients(const CheckedFunction& f, const DoubleVariables& inputs,
                                const GradcheckOptions& options);

template <std::size_t N, class F>
CheckedFunction checked_function(F& f) {
  if constexpr (N > 0 && TakesElements<F, N>) {
    return {[&f](const DoubleVariables& list) {
              return call_with_elements(f, list, std::make_index_sequence<N>());
            },
            false};
  } else if constexpr (TakesList<F>) {
    return {[&f](const DoubleVariables& list) { return f(list); }, false};
  } else {
    return {[&f](const DoubleVariables&) { return f(); }, true};
  }
}

}  // namespace detail

/// Compares the gradients of f in the listed inputs with central differences, in double. f takes the inputs,
/// as Variables or as one std::vector of them, and gives an output of any shape. It is called on new
/// parameters with the inputs' values, whatever kind of Variable these are: its arguments are what is varied,
/// not what it captures. An f without arguments is called as it is, and the inputs, parameters then, are
/// varied in place and have their values back at the end: gradcheck([&] { return loss(net(x)); },
/// net.parameters()). No grad() is touched.
///
/// What is compared, element by element: with weights w of either sign between 0.5 and 1.5, fixed by the seed
/// (1 for an output of one element), the gradient of sum(w f) and its difference quotient must agree to
///   absolute_tolerance + relative_tolerance max(|analytic|, |numeric|) + floor.
/// The floor is the estimated error of the quotient (rounding of the outputs divided by the step, and what a
/// longer step changes), but at most relative_tolerance times the input's largest gradient element. If the
/// first step does not settle it, others, 8^-6 to 8^5 times as long, are tried, and the estimate of the least
/// error counts.
///
/// Kinks: where the derivatives from the left and from the right differ however short the step is, the
/// analytic value must lie between the two, to the same tolerance; the element is then counted as a kink
/// stepped over.
///
/// Second order: with u, the output's gradient, as another input, and weights v likewise, the gradients of
/// sum(v grad(f, u)) are compared with differences of first gradients; and the first gradients with and
/// without create_graph with each other.
///
/// Forward mode: along random directions v of each input, relative to its elements' sizes, the tangent J v of
/// jvp() is weighed by w, and must agree with the difference quotient of sum(w f) along v, to the tolerances
/// above, and with reverse mode: <w, J v> = <J^T w, v>. Elements at a kink stay where they are in the
/// quotient.
///
/// A report that is not ok(), never an exception, where gradients differ, or are NaN or infinite, or the
/// outputs are. ValueError if f is not deterministic (two calls differ) or changes its output's shape; what f
/// throws passes through.
template <class F, std::size_t N>
requires(detail::TakesElements<F, N> || detail::TakesList<F> || detail::TakesNothing<F>) GradcheckReport
    gradcheck(F&& f, const Variable<double> (&inputs)[N], const GradcheckOptions& options = {}) {
  return detail::check_gradients(detail::checked_function<N>(f), {inputs, inputs + N}, options);
}

/// The same for a std::vector of inputs; f takes the vector, or nothing. (A template, so that a list in
/// braces never gets here: asking a generic lambda whether it takes a vector would compile its body for one.)
template <class F, std::same_as<std::vector<Variable<double>>> List>
requires(detail::TakesList<F> || detail::TakesNothing<F>) GradcheckReport
    gradcheck(F&& f, const List& inputs, const GradcheckOptions& options = {}) {
  return detail::check_gradients(detail::checked_function<0>(f), inputs, options);
}

}  // namespace xgrad
