// LBFGS: a quasi-Newton method for losses without noise, with a line search that evaluates the loss again.
#pragma once

#include <cstdint>
#include <vector>

#include "optimizer.hpp"

namespace xgrad::optim {

/// What LBFGS takes.
struct LBFGSOptions {
  /// The length of the first step that a line search tries, in units of the quasi-Newton step.
  double learning_rate = 1;
  /// The most iterations in a call of step(); at least 1.
  Count max_iter = 20;
  /// The most evaluations of the loss in a call of step(), but that a line search is brought to its end;
  /// 0 stands for 5 / 4 * max_iter.
  Count max_eval = 0;
  /// Ends a call when no element of the gradient is larger.
  double tolerance_grad = 1e-7;
  /// Ends a call when no element moved by more, or the loss changed by less.
  double tolerance_change = 1e-9;
  /// How many differences of parameters and gradients are kept; at least 1.
  Count history_size = 100;
};

/// Why a call of step() ended.
enum class LBFGSEnding {
  none,              ///< there was no call
  tolerance_grad,    ///< no element of the gradient is larger
  tolerance_change,  ///< no element moved by more, or the loss changed by less
  max_iter,
  max_eval,
  no_decrease,  ///< the line search along the gradient found no lower loss: see step()
};

/// Limited-memory BFGS: algorithms 7.4 and 7.5 of Nocedal and Wright, "Numerical optimization", second
/// edition, 2006, with their line search for the strong Wolfe conditions, algorithms 3.5 and 3.6, at
/// c1 = 1e-4 and c2 = 0.9. Options as in PyTorch. The first step, without a history, is shortened to
/// min(1, 1 / sum |g|) times the learning rate. Where the history's direction leads to no lower loss the
/// history is forgotten. Products are summed up in double.
template <class T>
class LBFGS final : public Optimizer<T> {
 public:
  using typename Optimizer<T>::Closure;

  /// One group. A bad option is a ValueError; for what is refused as a parameter see Optimizer.
  explicit LBFGS(std::vector<Variable<T>> parameters, const LBFGSOptions& options = {});
  template <xgrad::detail::Real N>
  LBFGS(std::vector<Variable<T>>, N) = delete;  // options go by name: {.max_iter = 20}

  /// Iterates until a tolerance or a limit is met, or no progress can be made; returns the loss at the start,
  /// and ending() says which it was. There is no step() without a closure, for a step evaluates the loss
  /// several times. A parameter without a gradient stays; the history is forgotten where
  /// it has moved that one. ValueError if the loss at the start is no one
  /// finite number, or the gradient not finite; further on such a place is one whose loss is too large. When
  /// it throws, or the closure does, parameters, history and ending() are what they were; the gradients are
  /// the closure's.
  ///
  /// It ends with no_decrease, and stays where it is, when not even a line search along the gradient finds a
  /// lower loss. With both tolerances 0 this is how it ends at a minimum, where the loss has no digit left
  /// that a step could gain; elsewhere the gradient is not the loss's, the loss is noisy, or the learning
  /// rate is 0.
  double step(const Closure& closure) override;

  /// Of the last call of step() that did not throw; not part of the state.
  LBFGSEnding ending() const noexcept { return ending_; }

  LBFGSOptions options() const;

  /// The learning rate, and the history as vectors of all parameters' elements, one parameter after another:
  /// "history.count", and from the oldest on "history.0.s" and "history.0.y", differences of parameters and
  /// of gradients.
  std::vector<NamedArray<T>> state() const override;
  void load_state(const std::vector<NamedArray<T>>& state) override;

 private:
  class Iteration;

  /// What one iteration has learnt of the curvature.
  struct Pair {
    Dense<T> s, y;
    double s_y;  ///< s . y
  };

  LBFGSOptions options_;
  std::vector<Pair> history_;  ///< the oldest first
  LBFGSEnding ending_ = LBFGSEnding::none;
};

template <class T>
LBFGS(std::initializer_list<Variable<T>>, const LBFGSOptions& = {}) -> LBFGS<T>;

extern template class LBFGS<float>;
extern template class LBFGS<double>;

}  // namespace xgrad::optim
