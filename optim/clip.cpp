#include "clip.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>

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

/// Runs a step's kernel on every gradient in place, once all of them can be written to.
template <class T, class Step>
void change_gradients(const std::vector<Variable<T>>& parameters, const Step& step) {
  std::vector<kernels::UpdateLoop> loops;
  for (const Variable<T>& parameter : parameters) {
    // Detaches the gradient from arrays that were handed out.
    void* const gradient = parameter.node().gradient()->mutable_data();
    loops.push_back({gradient, gradient, {}, parameter.size()});
  }
  for (const kernels::UpdateLoop& loop : loops) run_update<T>(loop, step);
}

template <class T>
double norm_of(const std::vector<Variable<T>>& parameters, double norm_type) {
  double total = 0;
  for (const Variable<T>& parameter : parameters) {
    const Dense<T> gradient = parameter.dense_grad();
    if (std::isinf(norm_type)) {
      const double largest = largest_size(gradient.data(), gradient.size());
      if (!(largest <= total)) total = std::isnan(total) ? total : largest;
    } else if (norm_type == 2) {
      total += dot(gradient.data(), gradient.data(), gradient.size());
    } else {
      total += power_sum(gradient.data(), gradient.size(), norm_type);
    }
  }
  if (std::isinf(norm_type)) return total;
  return norm_type == 2 ? std::sqrt(total) : std::pow(total, 1 / norm_type);
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
  if (!(factor >= 1)) change_gradients(found, kernels::ScaleStep{factor});
  return norm;
}

template <class T>
void clip_grad_value(const std::vector<Variable<T>>& parameters, double clip_value) {
  const OptionCheck check{"clip_grad_value"};
  check(clip_value >= 0, "clip_value", clip_value, "at least 0");
  change_gradients(with_gradients("clip_grad_value", parameters), kernels::ClampStep{clip_value});
}

template double clip_grad_norm(const std::vector<Variable<float>>&, double, const ClipGradNormOptions&);
template double clip_grad_norm(const std::vector<Variable<double>>&, double, const ClipGradNormOptions&);
template void clip_grad_value(const std::vector<Variable<float>>&, double);
template void clip_grad_value(const std::vector<Variable<double>>&, double);

}  // namespace xgrad::optim
