#include "optimizer.hpp"

#include <cmath>
#include <sstream>
#include <unordered_map>

namespace xgrad::optim {
namespace {

template <class T>
void check_parameters(const std::string& name, const std::vector<Variable<T>>& parameters) {
  if (parameters.empty()) throw ValueError(name + ": there are no parameters; pass at least one Variable");
  std::unordered_map<const Node*, std::size_t> first;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Variable<T>& parameter = parameters[i];
    std::string which = name + ": parameter " + std::to_string(i);
    if (!parameter.defined()) throw GraphError(which + " is an empty Variable; assign it a value first");
    which += " of shape " + to_string(parameter.shape());
    if (!parameter.is_leaf())
      throw GraphError(which + " is the result of '" + std::string(parameter.operation()) +
                       "'; only leaves can be updated, make it with parameter()");
    if (!parameter.requires_grad())
      throw GraphError(which +
                       " is a constant, which takes no gradient; make it with parameter() or leave it out");
    const auto [seen, is_new] = first.emplace(&parameter.node(), i);
    if (!is_new)
      throw ValueError(which + " is the same Variable as parameter " + std::to_string(seen->second) +
                       "; list it once, or a step would update it twice");
  }
}

}  // namespace

template <class T>
Optimizer<T>::Optimizer(std::string name, std::vector<Variable<T>> parameters, double learning_rate)
    : name_(std::move(name)), parameters_(std::move(parameters)) {
  check_parameters(name_, parameters_);
  set_learning_rate(learning_rate);
}

template <class T>
void Optimizer<T>::zero_grad() {
  for (Variable<T>& parameter : parameters_) parameter.zero_grad();
}

template <class T>
void Optimizer<T>::set_learning_rate(double learning_rate) {
  require(std::isfinite(learning_rate) && learning_rate >= 0, "learning_rate", learning_rate,
          "finite and at least 0");
  learning_rate_ = learning_rate;
}

template <class T>
void Optimizer<T>::require(bool holds, const char* option, double value, const char* rule) const {
  if (holds) return;
  std::ostringstream text;
  text << name_ << ": " << option << " is " << value << "; it must be " << rule;
  throw ValueError(text.str());
}

template class Optimizer<float>;
template class Optimizer<double>;

}  // namespace xgrad::optim
