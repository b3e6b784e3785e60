// Gradients that are too long or too large are made smaller, between backward() and an optimizer's step().
#pragma once

#include <initializer_list>
#include <vector>

#include "../core/graph/variable.hpp"

namespace xgrad::optim {

/// What clip_grad_norm takes.
struct ClipGradNormOptions {
  /// p of the norm (sum |g|^p)^(1/p): above 0; infinity for the largest |g|.
  double norm_type = 2;
  /// A norm that is infinite or NaN is a ValueError, and every gradient stays.
  Flag error_if_nonfinite = false;
};

/// The norm of all gradients of the parameters together, as if they were one vector; parameters without a
/// gradient count as 0. Before it returns, every gradient is multiplied by min(1, max_norm / (norm + 1e-6)):
/// PyTorch's clip_grad_norm_, after Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent
/// neural networks", ICML 2013. Sums are kept in double. ValueError unless max_norm is at least 0;
/// GraphError for a Variable that keeps no gradient. Arrays that share a gradient's buffer stay as they were.
template <class T>
double clip_grad_norm(const std::vector<Variable<T>>& parameters, double max_norm,
                      const ClipGradNormOptions& options = {});
template <class T>
double clip_grad_norm(std::initializer_list<Variable<T>> parameters, double max_norm,
                      const ClipGradNormOptions& options = {}) {
  return clip_grad_norm(std::vector<Variable<T>>(parameters), max_norm, options);
}

/// Every element of every gradient is moved into [-clip_value, clip_value]; NaN stays NaN. PyTorch's
/// clip_grad_value_. ValueError unless clip_value is at least 0; otherwise as above.
template <class T>
void clip_grad_value(const std::vector<Variable<T>>& parameters, double clip_value);
template <class T>
void clip_grad_value(std::initializer_list<Variable<T>> parameters, double clip_value) {
  clip_grad_value(std::vector<Variable<T>>(parameters), clip_value);
}

}  // namespace xgrad::optim
