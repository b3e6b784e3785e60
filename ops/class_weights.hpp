// A weight for each class, as options of losses take it.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <type_traits>
#include <utility>
#include <vector>

namespace xgrad {

/// One number for each class, in their order: {1, 0.5, 2}, a std::vector, an Array, any range of numbers;
/// none by default, which stands for a 1 each.
class ClassWeights {
 public:
  ClassWeights() = default;
  ClassWeights(std::initializer_list<double> weights) : weights_(weights) {}
  template <class R>
  requires(std::is_arithmetic_v<std::remove_cvref_t<decltype(*std::declval<const R&>().begin())>>)
      ClassWeights(const R& weights) {
    for (const auto weight : weights) weights_.push_back(static_cast<double>(weight));
  }

  bool empty() const noexcept { return weights_.empty(); }
  std::size_t size() const noexcept { return weights_.size(); }
  double operator[](std::size_t k) const noexcept { return weights_[k]; }

 private:
  std::vector<double> weights_;
};

}  // namespace xgrad
