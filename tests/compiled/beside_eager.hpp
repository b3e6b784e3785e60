// A compiled function beside the function itself.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <vector>
#include <xgrad/xgrad.hpp>

namespace xgrad::testing {

/// Any NaN is any other, as for a verified call: which of two a sum leaves is the compiler's choice.
template <class T>
bool same_bits(const Array<T>& a, const Array<T>& b) {
  const auto same = [](T x, T y) { return (x != x && y != y) || std::memcmp(&x, &y, sizeof(T)) == 0; };
  return a.shape() == b.shape() && std::equal(a.begin(), a.end(), b.begin(), same);
}

template <class T>
void check_same(const Variable<T>& got, const Variable<T>& expected) {
  CHECK(same_bits<T>(got.value(), expected.value()));
  CHECK(got.requires_grad() == expected.requires_grad());
}

/// The gradients of `leaves` after loss.backward(), which they had none before.
template <class T>
std::vector<Array<T>> gradients_after(const Variable<T>& loss, std::vector<Variable<T>> leaves) {
  for (Variable<T>& leaf : leaves) leaf.zero_grad();
  loss.backward();
  std::vector<Array<T>> gradients;
  for (Variable<T>& leaf : leaves)
    gradients.push_back(leaf.has_grad() ? leaf.grad() : Array<T>(zeros<T>({0})));
  return gradients;
}

/// `compiled()` and `function()`, two scalars of the same leaves: value and gradients, bit for bit.
template <class T, class Compiled, class Function>
void check_beside(const std::vector<Variable<T>>& leaves, Compiled&& compiled, Function&& function) {
  const GeneratorState random = generator().state();
  const Variable<T> replayed = compiled();
  const GeneratorState after = generator().state();
  generator().set_state(random);
  const Variable<T> called = function();
  CHECK(generator().state() == after);
  check_same(replayed, called);
  const auto got = gradients_after(replayed, leaves), expected = gradients_after(called, leaves);
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    CAPTURE(i);
    CHECK(same_bits<T>(got[i], expected[i]));
  }
}

/// An operation that gives back its input, and whose backward throws where `fails` says so.
inline auto unless(const bool& fails) {
  using Var = Variable<double>;
  return custom_operation<double>(
      "checked", [](const std::vector<Array<double>>& in) { return in[0]; },
      [&fails](const std::vector<Var>&, const Var&, const Var& dy) {
        if (fails) throw std::runtime_error("no");
        return std::vector<Var>{dy};
      });
}

}  // namespace xgrad::testing
