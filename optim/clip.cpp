#include "clip.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <string>

#include "../core/array/instantiate.hpp"
#include "../core/graph/journal.hpp"
#include "learning_rates.hpp"
#include "update.hpp"

namespace xgrad::optim {
namespace {

/// The parameters that have a gradient.
template <class T>
std::vector<Variable<T>> with_gradients(const char* operation, const std::vector<Variable<T>>& parameters) {
  std::vector<Variable<T>> found;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const std::string which = std::string(operation) + ": parameter " + std::to_string(i);
    if (!parameters[i].defined()) throw GraphError(which + " is an empty Variable; assign it a value first");
    if (parameters[i].node().gradient() == nullptr)
      throw GraphError(which + " of shape " + to_string(parameters[i].shape()) + " is '" +
                       std::string(parameters[i].operation()) +
                       "', which keeps no gradient: only parameters do; leave it out");
    if (parameters[i].has_grad()) found.push_back(parameters[i]);
  }
  return found;
}

/// Every gradient in place, once all of them can be written to.
template <class T>
std::vector<kernels::UpdateLoop> gradients_of(const std::vector<Variable<T>>& parameters) {
  std::vector<kernels::UpdateLoop> loops;
  for (const Variable<T>& parameter : parameters) {
    xgrad::detail::LeafJournal::gradient_changes(parameter.node());
    // Detaches the gradient from arrays that were handed out.
    void* const gradient = parameter.node().gradient()->mutable_data();
    loops.push_back({gradient, gradient, {}, parameter.size()});
  }
  return loops;
}

template <class T>
double largest_of(const std::vector<Variable<T>>& parameters) {
  double largest = 0;
  for (const Variable<T>& parameter : parameters) {
    const Dense<T> gradient = parameter.dense_grad();
    const double own = largest_size(gradient.data(), gradient.size());
    if (!(own <= largest) && !std::isnan(largest)) largest = own;
  }
  return largest;
}

/// The sum of |factor g|^power.
template <class T>
double sum_of_powers(const std::vector<Variable<T>>& parameters, double power, double factor = 1) {
  double total = 0;
  for (const Variable<T>& parameter : parameters) {
    const Dense<T> gradient = parameter.dense_grad();
    total += power == 2 && factor == 1 ? dot(gradient.data(), gradient.data(), gradient.size())
                                       : power_sum(gradient.data(), gradient.size(), power, factor);
  }
  return total;
}

double root_of(double total, double power) {
  return power == 2 ? std::sqrt(total) : std::pow(total, 1 / power);
}

template <class T>
double norm_of(const std::vector<Variable<T>>& parameters, double norm_type) {
  if (std::isinf(norm_type)) return largest_of(parameters);
  const double total = sum_of_powers(parameters, norm_type);
  constexpr double lowest = std::numeric_limits<double>::min() / std::numeric_limits<double>::epsilon();
  if (total > lowest && total <= std::numeric_limits<double>::max()) return root_of(total, norm_type);
  // Powers may have been lost to overflow or underflow: once more, near 1. A power of two is exact, and one
  // of no more than 2^1000 exists for every number.
  const double largest = largest_of(parameters);
  if (largest == 0 || !std::isfinite(largest)) return largest;
  const int exponent = std::max(std::ilogb(largest), -1000);
  const double near = root_of(sum_of_powers(parameters, norm_type, std::ldexp(1.0, -exponent)), norm_type);
  return std::ldexp(near, exponent);
}

/// Multiplies every gradient. A factor that is no normal number of T goes in steps: it would lose its digits.
template <class T>
void scale_gradients(const std::vector<Variable<T>>& parameters, double factor) {
  constexpr double smallest = std::numeric_limits<T>::min(), step = 0x1p-64;
  for (const kernels::UpdateLoop& loop : gradients_of(parameters)) {
    double rest = factor;
    for (; rest > 0 && rest < smallest; rest /= step) run_update<T>(loop, kernels::ScaleStep{step});
    run_update<T>(loop, kernels::ScaleStep{rest});
  }
}

}  // namespace

template <class T>
double clip_grad_norm(const std::vector<Variable<T>>& parameters, double max_norm,
                      const ClipGradNormOptions& options) {
  const OptionCheck check{"clip_grad_norm"};
  check(max_norm >= 0, "max_norm", max_norm, "at least 0");
  check(options.norm_type > 0, "norm_type", options.norm_type, "above 0");
  const std::vector<Variable<T>> found = with_gradients("clip_grad_norm", parameters);
  const double norm = norm_of(found, options.norm_type);
  if (options.error_if_nonfinite && !std::isfinite(norm)) {
    std::ostringstream text;
    text << "clip_grad_norm: the norm of the gradients is " << norm
         << "; lower the learning rate, or look for its cause with DetectAnomaly";
    throw ValueError(text.str());
  }
  const double factor = max_norm / (norm + 1e-6);
  if (!(factor >= 1)) scale_gradients(found, factor);
  return norm;
}

template <class T>
void clip_grad_value(const std::vector<Variable<T>>& parameters, double clip_value) {
  const OptionCheck check{"clip_grad_value"};
  check(clip_value >= 0, "clip_value", clip_value, "at least 0");
  for (const kernels::UpdateLoop& loop : gradients_of(with_gradients("clip_grad_value", parameters)))
    run_update<T>(loop, kernels::ClampStep{clip_value});
}

[[gnu::used]] constexpr auto instances = instantiate::for_variables([]<class V>() {
  using Parameters = std::vector<V>;
  return std::make_tuple(
      instantiate::overload<double(const Parameters&, double, const ClipGradNormOptions&)>(clip_grad_norm),
      instantiate::overload<void(const Parameters&, double)>(clip_grad_value));
});

}  // namespace xgrad::optim
