// Memory against time: a block whose inner values are computed again for its backward pass, not kept.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "../core/graph/variable.hpp"

namespace xgrad {

namespace detail {

template <class T>
using Block = std::function<Variable<T>(const std::vector<Variable<T>>&)>;

template <class T>
Variable<T> run_checkpoint(Block<T> block, const std::vector<Variable<T>>& inputs);

template <class F, class T, std::size_t... I>
constexpr bool block_takes_elements(std::index_sequence<I...>) {
  return sizeof...(I) > 0 && std::invocable<F&, decltype((void(I), std::declval<const Variable<T>&>()))...>;
}

/// Calls a block with N Variables, or, if it does not take them, with all in one std::vector. The block is
/// shared, since a std::function wants what it can copy.
template <class T, std::size_t N, class F>
Block<T> checkpointed_block(F&& f) {
  using Function = std::decay_t<F>;
  auto block = std::make_shared<Function>(std::forward<F>(f));
  if constexpr (block_takes_elements<Function, T>(std::make_index_sequence<N>())) {
    return [block](const std::vector<Variable<T>>& list) -> Variable<T> {
      const auto call = [&]<std::size_t... I>(std::index_sequence<I...>) { return (*block)(list[I]...); };
      return call(std::make_index_sequence<N>());
    };
  } else {
    return [block](const std::vector<Variable<T>>& list) -> Variable<T> { return (*block)(list); };
  }
}

}  // namespace detail

/// block(x, w), or block(list) if it takes a std::vector of Variables, and its gradients; but of what the
/// block computes only the result is kept. A sweep through it runs the block again, on the same values and
/// with the thread's random numbers as they were, so that random masks repeat. So a chain of n blocks needs
/// the memory of n results and the inside of one block. Gradients reach the inputs, and every parameter or
/// result that the block captures; at every order, and in forward mode. Blocks may be nested. Under NoGrad
/// this is block(x, w) and no more.
///
/// The block is kept with the graph, copied or moved; what it captures by reference must live as long. It is
/// called once now, recorded so as to learn what it captures, and once by every sweep, and must compute the
/// same each time. What threads of its own record counts as captured. Parameters that are set in between are
/// no harm; constants that it captures and changes that it makes elsewhere (a count of calls, running
/// statistics) are its own care. GraphError if an input or the result is empty, and in a sweep if the block
/// gives another shape or uses a parameter that it did not use at first; what the block throws passes
/// through.
template <class T, std::size_t N, class F>
requires std::constructible_from<std::decay_t<F>, F> Variable<T> checkpoint(F&& block,
                                                                            const Variable<T> (&inputs)[N]) {
  return detail::run_checkpoint<T>(detail::checkpointed_block<T, N>(std::forward<F>(block)),
                                   {inputs, inputs + N});
}
template <class T, class F>
requires std::constructible_from<std::decay_t<F>, F> Variable<T> checkpoint(
    F&& block, const std::vector<Variable<T>>& inputs) {
  return detail::run_checkpoint<T>(detail::checkpointed_block<T, 0>(std::forward<F>(block)), inputs);
}

}  // namespace xgrad
