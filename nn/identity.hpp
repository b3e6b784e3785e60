// The layer that does nothing.
#pragma once

#include "module.hpp"

namespace xgrad::nn {

/// Gives its input, the very Variable: stands where a layer is left out, or was taken off.
template <class T>
class Identity : public Module<T> {
 public:
  Variable<T> forward(const Variable<T>& x) override { return x; }

 protected:
  std::unique_ptr<Module<T>> make_another() const override { return std::make_unique<Identity>(); }
};

extern template class Identity<float>;
extern template class Identity<double>;

}  // namespace xgrad::nn
