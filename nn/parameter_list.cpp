#include "parameter_list.hpp"

#include "module_list.hpp"

namespace xgrad::nn {

template <class T>
ParameterList<T>::ParameterList(const std::vector<Array<T>>& values) {
  for (const Array<T>& value : values) push_back(value);
}

template <class T>
Variable<T>& ParameterList<T>::push_back(Array<T> value) {
  Variable<T>& placed = this->register_parameter(std::to_string(parameters_.size()), std::move(value));
  parameters_.push_back(&placed);
  return placed;
}

template <class T>
Variable<T>& ParameterList<T>::operator[](Integer i) const {
  return *parameters_[checked_place("ParameterList", "parameter", i, parameters_.size())];
}

template <class T>
Variable<T> ParameterList<T>::forward(const Variable<T>&) {
  throw ValueError("ParameterList: it has no forward pass; use its parameters, as x * list[0]");
}

template <class T>
std::unique_ptr<Module<T>> ParameterList<T>::make_another() const {
  auto another = std::make_unique<ParameterList>();
  for (const Variable<T>* parameter : parameters_) another->push_back(parameter->value());
  return another;
}

template class ParameterList<float>;
template class ParameterList<double>;

}  // namespace xgrad::nn
