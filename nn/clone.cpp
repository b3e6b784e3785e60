#include "clone.hpp"

namespace xgrad::nn {

template <class T>
void Cloning<T>::copy_state(const Module<T>& from, Module<T>& to) const {
  to.assign("clone", from.state());
  to.copy_modes(from);
}

template class Cloning<float>;
template class Cloning<double>;

}  // namespace xgrad::nn
