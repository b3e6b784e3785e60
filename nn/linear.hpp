// The fully connected layer.
#pragma once

#include "module.hpp"

namespace xgrad::nn {

/// x weight + bias, for x [..., in]: weight is [in, out], bias [out]; parameters "weight" and "bias". Both
/// start uniform in +- 1 / sqrt(in), from this thread's generator: he_uniform with negative_slope = sqrt(5),
/// which is where PyTorch's layer starts too. For a deep stack of rectifiers init::he_normal(weight()) keeps
/// the scale better, and init::xavier_uniform for tanh.
template <class T = float>
class Linear : public Module<T> {
 public:
  /// ValueError if `in` or `out` is less than 1.
  Linear(Count in, Count out, Flag bias = true);

  Variable<T> forward(const Variable<T>& x) override;

  std::size_t in_features() const { return weight_.shape()[0]; }
  std::size_t out_features() const { return weight_.shape()[1]; }
  Variable<T> weight() const { return weight_; }
  /// Empty for a layer without one.
  Variable<T> bias() const { return bias_; }

 protected:
  std::unique_ptr<Module<T>> make_another() const override {
    return std::make_unique<Linear>(in_features(), out_features(), bias_.defined());
  }

 private:
  Variable<T> weight_, bias_;
};

extern template class Linear<float>;
extern template class Linear<double>;

}  // namespace xgrad::nn
