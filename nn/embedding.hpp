// Indices as vectors that are learnt.
#pragma once

#include "../core/graph/index_input.hpp"
#include "module.hpp"

namespace xgrad::nn {

/// A table of `count` vectors of `dimension` elements: parameter "weight" [count, dimension], which starts
/// normally distributed with deviation 1, from this thread's generator.
template <class T = float>
class Embedding : public Module<T> {
 public:
  /// ValueError if `count` or `dimension` is 0.
  Embedding(Count count, Count dimension);

  using Module<T>::operator();
  /// The vector of each index: indices of any shape [...] give [..., dimension]. ValueError for one that is
  /// negative or not below `count`.
  Variable<T> operator()(const IndexInput& indices);
  /// The same for indices that are held as numbers, so that the layer can stand first in a Sequential;
  /// ValueError for one that is not whole, or from 2^24 (of a double, 2^53) on, where rounding may have made
  /// it of another one.
  Variable<T> forward(const Variable<T>& x) override;

  std::size_t count() const { return weight_.shape()[0]; }
  std::size_t dimension() const { return weight_.shape()[1]; }
  Variable<T> weight() const { return weight_; }

 protected:
  std::unique_ptr<Module<T>> make_another() const override {
    return std::make_unique<Embedding>(count(), dimension());
  }

 private:
  Variable<T> weight_;
};

extern template class Embedding<float>;
extern template class Embedding<double>;

}  // namespace xgrad::nn
