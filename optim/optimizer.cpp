#include "optimizer.hpp"

#include <algorithm>
#include <unordered_map>

namespace xgrad::optim {
using namespace xgrad::detail;

namespace {

template <class T>
void check_parameters(const std::string& name, const std::vector<Variable<T>>& parameters) {
  std::unordered_map<const Node*, std::size_t> first;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Variable<T>& parameter = parameters[i];
    std::string which = name + ": parameter " + std::to_string(i);
    if (!parameter.defined()) throw GraphError(which + " is an empty Variable; assign it a value first");
    which += " of shape " + to_string(parameter.shape());
    if (!parameter.is_leaf())
      throw GraphError(which + " is the result of '" + std::string(parameter.operation()) +
                       "'; only leaves can be updated, make it with parameter()");
    if (parameter.node().gradient() == nullptr)
      throw GraphError(which +
                       " is a constant, which takes no gradient; make it with parameter() or leave it out");
    const auto [seen, is_new] = first.emplace(&parameter.node(), i);
    if (!is_new)
      throw ValueError(which + " is the same Variable as parameter " + std::to_string(seen->second) +
                       "; list it once, or a step would update it twice");
  }
}

std::string rate_name(std::size_t group) { return "groups." + std::to_string(group) + ".learning_rate"; }

}  // namespace

template <class T>
Optimizer<T>::Optimizer(std::string name, std::vector<std::vector<Variable<T>>> groups,
                        std::vector<double> learning_rates)
    : LearningRates(std::move(name), std::move(learning_rates)) {
  if (groups.empty()) throw ValueError(this->name() + ": there are no groups; pass at least one");
  for (std::size_t g = 0; g < groups.size(); ++g) {
    if (groups[g].empty()) {
      const std::string where = groups.size() == 1 ? "there are" : "group " + std::to_string(g) + " has";
      throw ValueError(this->name() + ": " + where + " no parameters; pass at least one Variable");
    }
    for (Variable<T>& parameter : groups[g]) {
      parameters_.push_back(std::move(parameter));
      group_of_.push_back(g);
    }
  }
  check_parameters(this->name(), parameters_);
}

template <class T>
void Optimizer<T>::zero_grad() {
  for (Variable<T>& parameter : parameters_) parameter.zero_grad();
}

template <class T>
double Optimizer<T>::loss_of(const Closure& closure) const {
  if (!closure)
    throw ValueError(this->name() +
                     ": the closure is empty; give a function that forgets the gradients, computes the loss, "
                     "calls backward() and returns it");
  const EnableGrad on;
  const auto loss = static_cast<double>(closure().item());
  if (std::none_of(parameters_.begin(), parameters_.end(),
                   [](const Variable<T>& parameter) { return parameter.has_grad(); }))
    throw ValueError(this->name() +
                     ": the closure left no gradient in any parameter; call backward() on the loss in it");
  return loss;
}

template <class T>
double GradientOptimizer<T>::step(const Closure& closure) {
  const double loss = this->loss_of(closure);
  step();
  return loss;
}

template <class T>
void Optimizer<T>::write_learning_rates(std::vector<NamedArray<T>>& state) const {
  for (std::size_t g = 0; g < group_count(); ++g)
    state.emplace_back(rate_name(g), number_array<T>(own_learning_rate(g)));
}

template <class T>
std::vector<double> Optimizer<T>::read_learning_rates(StateReader<T>& state) const {
  std::vector<double> rates;
  for (std::size_t g = 0; g < group_count(); ++g) {
    rates.push_back(state.number(rate_name(g)));
    check_rate(rates.back());
  }
  return rates;
}

template <class T>
Optimizer<T>::~Optimizer() = default;

template class Optimizer<float>;
template class Optimizer<double>;
template class GradientOptimizer<float>;
template class GradientOptimizer<double>;

}  // namespace xgrad::optim
