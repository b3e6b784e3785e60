// What every optimizer is: parameters, a learning rate, and a step that updates them from their gradients.
#pragma once

#include <string>
#include <vector>

#include "../core/variable.hpp"

namespace xgrad::optim {

/// Updates parameters in place from the gradients that backward() has left in them. A parameter without a
/// gradient is skipped. Values that operations have saved stay as they were: a graph built before a step is
/// differentiated with the values that it was built from.
template <class T>
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// One update of every parameter that has a gradient.
  virtual void step() = 0;
  /// Forgets the gradients, so that the next backward() starts afresh.
  void zero_grad();

  const std::vector<Variable<T>>& parameters() const noexcept { return parameters_; }
  double learning_rate() const noexcept { return learning_rate_; }
  /// For every later step; ValueError unless it is finite and at least 0.
  void set_learning_rate(double learning_rate);

 protected:
  /// `name` is the optimizer's, for messages. ValueError for an empty list, a bad learning rate, or a
  /// parameter listed twice; GraphError for a Variable that is empty, a constant, or the result of an
  /// operation.
  Optimizer(std::string name, std::vector<Variable<T>> parameters, double learning_rate);

  /// ValueError that names the option, its value and `rule`, unless `holds`.
  void require(bool holds, const char* option, double value, const char* rule) const;

  const std::string& name() const noexcept { return name_; }

 private:
  std::string name_;
  std::vector<Variable<T>> parameters_;
  double learning_rate_ = 0;
};

extern template class Optimizer<float>;
extern template class Optimizer<double>;

}  // namespace xgrad::optim
