// The network of one hidden layer.
#pragma once

#include "linear.hpp"

namespace xgrad::nn {

/// What stands between the two layers of TwoLayerNet.
enum class HiddenActivation { tanh, sigmoid, relu };

/// Linear(in, hidden), an activation, Linear(hidden, out): logits [N, out] from x [N, in]. The layers are
/// named "hidden" and "output".
template <class T = float>
class TwoLayerNet : public Module<T> {
 public:
  TwoLayerNet(Count in, Count hidden, Count out, HiddenActivation activation = HiddenActivation::tanh);

  Variable<T> forward(const Variable<T>& x) override;

  Linear<T>& hidden() const noexcept { return hidden_; }
  Linear<T>& output() const noexcept { return output_; }

 protected:
  std::unique_ptr<Module<T>> make_another() const override {
    return std::make_unique<TwoLayerNet>(hidden_.in_features(), hidden_.out_features(),
                                         output_.out_features(), activation_);
  }

 private:
  Linear<T>& hidden_;
  Linear<T>& output_;
  HiddenActivation activation_;
};

extern template class TwoLayerNet<float>;
extern template class TwoLayerNet<double>;

}  // namespace xgrad::nn
