#include "clone.hpp"

#include <string>
#include <unordered_map>

namespace xgrad::nn {

template <class T>
void Cloning<T>::copy_state(const Module<T>& from, Module<T>& to) const {
  to.assign("clone", from.state());
  to.copy_modes(from);
  std::unordered_map<std::string, bool> learns;  // by name, for the two may have been made in another order
  for (const auto& [name, parameter] : from.named_parameters()) learns[name] = parameter.requires_grad();
  for (auto& [name, parameter] : to.named_parameters()) parameter.set_requires_grad(learns.at(name));
}

template class Cloning<float>;
template class Cloning<double>;

}  // namespace xgrad::nn
