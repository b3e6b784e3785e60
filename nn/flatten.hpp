// From images to rows.
#pragma once

#include "module.hpp"

namespace xgrad::nn {

/// Makes one axis of all from `first` on: [N, C, H, W] becomes [N, C H W]. The buffer is shared.
template <class T = float>
class Flatten : public Module<T> {
 public:
  explicit Flatten(Integer first = 1) : first_(first) {}
  /// ShapeError if x lacks the axis.
  Variable<T> forward(const Variable<T>& x) override;

 protected:
  std::unique_ptr<Module<T>> make_another() const override { return std::make_unique<Flatten>(first_); }

 private:
  std::ptrdiff_t first_;
};

extern template class Flatten<float>;
extern template class Flatten<double>;

}  // namespace xgrad::nn
