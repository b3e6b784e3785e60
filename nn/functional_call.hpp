// A module called with other values in the place of its parameters.
#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "module.hpp"

namespace xgrad::nn {

/// For the library: while it lives, what is recorded on this thread reads the given Variables where it reads
/// a module's parameters, by whatever copy of their handles.
template <class T>
class Substitution {
 public:
  using Given = std::vector<std::pair<std::string, Variable<T>>>;

  /// Errors as functional_call's.
  Substitution(const Module<T>& module, const Given& given);
  ~Substitution();
  Substitution(const Substitution&) = delete;
  Substitution& operator=(const Substitution&) = delete;

  /// ValueError if one of them was not read; unknown, and no error, where nothing is recorded.
  void check_all_read() const;
  /// x, or the given one if x is one of the parameters.
  Variable<T> given_for(const Variable<T>& x) const;

 private:
  class Places;
  std::unique_ptr<Places> places_;
};

extern template class Substitution<float>;
extern template class Substitution<double>;

/// module(inputs...) with the given Variables in the place of the parameters of these names; a parameter that
/// is not named stays its own. What is recorded reads the given ones, so that gradients reach them, and what
/// they were computed from: a step of gradient descent can be differentiated, as in C. Finn, P. Abbeel and S.
/// Levine, "Model-agnostic meta-learning", 2017. Afterwards the module has its own values again, also when
/// the call throws; buffers, such as running means, are its own all the time. What a forward pass does to a
/// parameter itself is lost.
///
/// ValueError for a name that no parameter has, that is given twice, or that nothing recorded has read;
/// ShapeError if a shape differs; GraphError for an empty Variable, for one that requires a gradient in the
/// place of a parameter that takes none, and for a checkpoint inside, which would read the module's own when
/// it recomputes.
///
/// ```cpp
/// auto fast = net.named_parameters();
/// const auto before = xg::sum(xg::nn::functional_call(net, fast, x));
/// const auto gradients = xg::grad(before, net.parameters(), {.create_graph = true});
/// for (std::size_t i = 0; i < fast.size(); ++i) fast[i].second = fast[i].second - 0.1f * gradients[i];
/// xg::sum(xg::nn::functional_call(net, fast, x)).backward();  // through the step
/// ```
template <class M, class... Inputs>
requires std::derived_from<M, Module<typename M::value_type>>
auto functional_call(M& module,
                     const std::vector<std::pair<std::string, Variable<typename M::value_type>>>& given,
                     const Inputs&... inputs) {
  const Substitution<typename M::value_type> substitution(module, given);
  auto result = module(inputs...);
  if constexpr (std::same_as<decltype(result), Variable<typename M::value_type>>)
    result = substitution.given_for(result);
  substitution.check_all_read();
  return result;
}

}  // namespace xgrad::nn
