// A module once more.
#pragma once

#include <typeinfo>

#include "../core/kernels/random.hpp"
#include "module.hpp"

namespace xgrad::nn {

/// For the library: what clone() does with a module of any class. While it lives, random numbers that are
/// drawn are given back, so that what is made anew leaves this thread's generator as it was.
template <class T>
class Cloning {
 public:
  Cloning() : random_(generator().state()) {}
  ~Cloning() { generator().set_state(random_); }
  Cloning(const Cloning&) = delete;
  Cloning& operator=(const Cloning&) = delete;

  std::unique_ptr<Module<T>> another(const Module<T>& module) const { return Module<T>::another(module); }
  void copy_state(const Module<T>& from, Module<T>& to) const;

 private:
  GeneratorState random_;
};

extern template class Cloning<float>;
extern template class Cloning<double>;

/// Another module of the same values, independent of `module` from then on: made by `make()`, which gives one
/// of the same sizes, and then given every parameter and buffer by name, and train() or eval() of each module
/// inside; frozen parameters are frozen there, too. It has no gradients and no hooks. What making it draws
/// from this thread's generator is given back. Errors as load_state's.
///
/// ```cpp
/// auto copy = xg::nn::clone(net, [] { return xg::nn::TwoLayerNet<float>(784, 100, 10); });
/// ```
template <class M, std::invocable F>
requires std::derived_from<M, Module<typename M::value_type>>
auto clone(const M& module, F&& make) {
  using T = typename M::value_type;
  using Made = std::remove_cvref_t<std::invoke_result_t<F>>;
  constexpr bool makes_a_module = std::derived_from<Made, Module<T>>;
  static_assert(
      makes_a_module,
      "clone: the function makes a module of the same element type: clone(net, [] { return Net(2, 3); })");
  if constexpr (makes_a_module) {
    const Cloning<T> cloning;
    Made copy = std::forward<F>(make)();
    cloning.copy_state(module, copy);
    return copy;
  }
}

/// The same of a class that says itself how it is made, as every layer does, and Sequential, ModuleList and
/// ParameterList if all inside do. ValueError for others, which override make_another(), or are given a
/// function as above.
template <class M>
requires std::derived_from<M, Module<typename M::value_type>> M clone(const M& module) {
  using T = typename M::value_type;
  constexpr bool is_a_class = !std::is_abstract_v<M> && !std::same_as<M, Module<T>>;
  static_assert(
      is_a_class,
      "clone: give the module under its own class, or with a function: clone(net, [] { return Net(2, 3); })");
  if constexpr (is_a_class) {
    if (typeid(module) != typeid(M))
      throw ValueError("clone: " + module.name() +
                       " is given as a class that it derives from; give it under its own");
    const Cloning<T> cloning;
    const std::unique_ptr<Module<T>> copy = cloning.another(module);
    cloning.copy_state(module, *copy);
    return std::move(static_cast<M&>(*copy));
  }
}

}  // namespace xgrad::nn
