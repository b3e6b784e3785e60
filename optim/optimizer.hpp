// What every optimizer is: groups of parameters, each with a learning rate, and a step that updates them from
// their gradients.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "../core/graph/variable.hpp"
#include "learning_rates.hpp"
#include "state.hpp"

namespace xgrad::optim {

/// Updates parameters in place from the gradients that backward() has left in them. A parameter without a
/// gradient, as a frozen one is, is skipped. Values that operations have saved stay as they were: a graph
/// built before a step is differentiated with the values that it was built from.
template <class T>
class Optimizer : public LearningRates {
 public:
  /// Forgets the gradients, computes the loss, calls its backward(), and returns it: one element.
  using Closure = std::function<Variable<T>()>;

  virtual ~Optimizer();

  /// One step by the loss that `closure` computes, and the gradients that it leaves: every optimizer can be
  /// driven by it. Returns the loss at the start. The closure is called at least once, and records whatever
  /// NoGrad there is outside; most optimizers call it once (GradientOptimizer), LBFGS as often as its line
  /// search asks. ValueError if it is empty, gives more elements than one, or leaves no gradient in any
  /// parameter. When this throws, or the closure does, parameters and state() are what they were; the
  /// gradients are the closure's.
  virtual double step(const Closure& closure) = 0;
  /// Forgets the gradients, so that the next backward() starts afresh.
  void zero_grad();

  /// Of all groups, in their order.
  const std::vector<Variable<T>>& parameters() const noexcept { return parameters_; }

  /// Everything beside the parameters that training needs to go on bit for bit, each array in O(1): the
  /// groups' own learning rates (a schedule's factors are in its own state), and for each parameter the count
  /// of its steps and what the optimizer keeps of earlier gradients. The names count from 0:
  /// "groups.0.learning_rate", "parameters.0.step"; for numbers as arrays see number_array. Options other
  /// than learning rates are the constructor's.
  virtual std::vector<NamedArray<T>> state() const = 0;
  /// Goes on where the optimizer was that gave `state`. ValueError for a name that is missing, given twice,
  /// or unknown here, as when the groups or options differ; ShapeError that names the array. The optimizer is
  /// unchanged when it throws.
  virtual void load_state(const std::vector<NamedArray<T>>& state) = 0;

 protected:
  /// One list a group, and as many learning rates. ValueError for no group, an empty group, a bad learning
  /// rate, or a parameter listed twice; GraphError for a Variable that is empty, a constant, or the result of
  /// an operation.
  Optimizer(std::string name, std::vector<std::vector<Variable<T>>> groups,
            std::vector<double> learning_rates);

  /// The group that parameters()[i] is in.
  std::size_t group_of(std::size_t i) const noexcept { return group_of_[i]; }

  /// Calls it, as step() says.
  double loss_of(const Closure& closure) const;

  void write_learning_rates(std::vector<NamedArray<T>>& state) const;
  /// Checked, and ready for set_own_learning_rates().
  std::vector<double> read_learning_rates(StateReader<T>& state) const;

 private:
  std::vector<Variable<T>> parameters_;
  std::vector<std::size_t> group_of_;
};

/// An optimizer whose step needs nothing but the gradients that are there, so that it can do without a
/// closure: all but LBFGS.
template <class T>
class GradientOptimizer : public Optimizer<T> {
 public:
  using typename Optimizer<T>::Closure;

  /// One update of every parameter that has a gradient.
  virtual void step() = 0;
  /// Calls the closure once, then step().
  double step(const Closure& closure) override;

 protected:
  using Optimizer<T>::Optimizer;
};

extern template class Optimizer<float>;
extern template class Optimizer<double>;
extern template class GradientOptimizer<float>;
extern template class GradientOptimizer<double>;

}  // namespace xgrad::optim
