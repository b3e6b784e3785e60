#include "sequential.hpp"

namespace xgrad::nn {

template <class T>
Variable<T> Sequential<T>::forward(const Variable<T>& x) {
  Variable<T> y = x;
  for (Module<T>* module : modules_) y = (*module)(y);
  return y;
}

template <class T>
Module<T>& Sequential<T>::operator[](std::size_t i) const {
  if (i >= modules_.size())
    throw ValueError("Sequential: there is no module " + std::to_string(i) + " among " +
                     std::to_string(modules_.size()) + "; they are counted from 0");
  return *modules_[i];
}

template <class T>
Module<T>& Sequential<T>::place(std::unique_ptr<Module<T>> module) {
  Module<T>& placed = this->register_module(std::to_string(modules_.size()), std::move(module));
  modules_.push_back(&placed);
  return placed;
}

template <class T>
std::unique_ptr<Module<T>> Sequential<T>::make_another() const {
  auto another = std::make_unique<Sequential>();
  for (const Module<T>* module : modules_) another->place(Module<T>::another(*module));
  return another;
}

template class Sequential<float>;
template class Sequential<double>;

}  // namespace xgrad::nn
