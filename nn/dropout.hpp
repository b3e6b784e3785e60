// Dropout as a layer.
#pragma once

#include "module.hpp"

namespace xgrad::nn {

/// In training dropout(x, p), drawn from this thread's generator; in evaluation x itself.
template <class T = float>
class Dropout : public Module<T> {
 public:
  /// ValueError unless p, the share of elements to drop, is from 0 to 1.
  explicit Dropout(double p = 0.5);

  Variable<T> forward(const Variable<T>& x) override;

  double p() const { return p_; }

 protected:
  std::unique_ptr<Module<T>> make_another() const override { return std::make_unique<Dropout>(p_); }

 private:
  double p_;
};

extern template class Dropout<float>;
extern template class Dropout<double>;

}  // namespace xgrad::nn
