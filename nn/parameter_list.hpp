// Parameters side by side.
#pragma once

#include "module.hpp"
#include "pointed_iterator.hpp"

namespace xgrad::nn {

/// Owns parameters, which are named "0", "1" and so on, for a module of yours to use. It has no forward pass.
///
/// ```cpp
/// ParameterList<double> scales{xg::ones({3}), xg::zeros({2, 3})};
/// scales.push_back(xg::eye(4));
/// ```
template <class T>
class ParameterList : public Module<T> {
 public:
  using iterator = PointedIterator<Variable<T>>;

  ParameterList() = default;
  /// A parameter of each of the values.
  explicit ParameterList(const std::vector<Array<T>>& values);
  ParameterList(std::initializer_list<Array<T>> values) : ParameterList(std::vector<Array<T>>(values)) {}

  /// Adds a parameter of this value at the end, and returns where it lives now.
  Variable<T>& push_back(Array<T> value);

  std::size_t size() const noexcept { return parameters_.size(); }
  /// ValueError if there are not so many.
  Variable<T>& operator[](Integer i) const;
  iterator begin() const noexcept { return iterator(parameters_.begin()); }
  iterator end() const noexcept { return iterator(parameters_.end()); }

  /// ValueError: a list has none.
  Variable<T> forward(const Variable<T>&) override;

 protected:
  std::unique_ptr<Module<T>> make_another() const override;

 private:
  std::vector<Variable<T>*> parameters_;
};

extern template class ParameterList<float>;
extern template class ParameterList<double>;

}  // namespace xgrad::nn
