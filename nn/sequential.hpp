// Modules one after another.
#pragma once

#include "module.hpp"

namespace xgrad::nn {

/// Feeds each module's output to the next; without modules it gives its input. The modules are named "0",
/// "1" and so on. Any module will do, also one of your own.
///
/// ```cpp
/// Sequential<float> net{Linear<float>(784, 100), ReLU<float>(), Linear<float>(100, 10)};
/// ```
template <class T = float>
class Sequential : public Module<T> {
 public:
  template <std::derived_from<Module<T>>... M>
  explicit Sequential(M... modules) {
    (append(std::move(modules)), ...);
  }

  Variable<T> forward(const Variable<T>& x) override;

  /// Adds a module at the end, and returns where it lives now.
  template <std::derived_from<Module<T>> M>
  M& append(M module) {
    return static_cast<M&>(place(std::make_unique<M>(std::move(module))));
  }

  std::size_t size() const noexcept { return modules_.size(); }
  /// ValueError if there are not so many.
  Module<T>& operator[](std::size_t i) const;

 protected:
  std::unique_ptr<Module<T>> make_another() const override;

 private:
  /// In the library, whatever the module is.
  Module<T>& place(std::unique_ptr<Module<T>> module);

  std::vector<Module<T>*> modules_;
};

/// The element type is that of the first module.
template <class M, class... More>
requires std::derived_from<M, Module<typename M::value_type>> Sequential(M, More...)
->Sequential<typename M::value_type>;

extern template class Sequential<float>;
extern template class Sequential<double>;

}  // namespace xgrad::nn
