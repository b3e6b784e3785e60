// When memory runs out, at whichever allocation of a backward pass, it throws std::bad_alloc and every
// gradient is as it was: of leaves with a gradient of their own, with one that somebody else holds, and
// without one, and of a result that keeps its gradient. Wants XGRAD_POOL=off, so that every buffer and node
// is an allocation. Expected gradients are by hand.
#include <doctest/doctest.h>

#include <new>
#include <optional>
#include <string>
#include <vector>
#include <xgrad/xgrad.hpp>

#include "../threads.hpp"
#include "failing_new.hpp"

namespace xg = xgrad;
using xgrad::testing::OutOfMemoryAfter;

namespace {

template <class T>
using Values = xt::xarray<T>;

/// Leaves in every state that a commit can find, and what a user holds of their gradients.
template <class T>
struct Leaves {
  using Var = xg::Variable<T>;
  struct Leaf {
    std::string name;
    Var variable;
    Values<T> expected;  ///< of one backward pass of loss()
  };
  std::vector<Leaf> all;
  std::vector<xg::Array<T>> held;  ///< gradients of an earlier pass
  std::vector<Var> kept_by_hooks;  ///< gradients of this one
  Var inner;

  Leaves(std::size_t size, const std::vector<const char*>& names) {
    const auto ones = [&](std::size_t n) { return Values<T>(xt::ones<T>({n})); };
    for (const char* name : names) {
      Var variable = xg::parameter(ones(size));
      const std::string what = name;
      const bool uniform = what.find("uniform") != std::string::npos;
      const T slope = uniform ? T(1) / static_cast<T>(size) : T(6);
      if (what.find("known") == 0 || what.find("held") == 0)
        (variable * T(10)).backward({.grad_output = ones(size)});
      if (what.find("held") == 0) held.push_back(variable.grad());
      if (what.find("hooked") != std::string::npos)
        variable.register_hook([this](const Var& g) { kept_by_hooks.push_back(g); });
      all.push_back({what, variable, slope * ones(size)});
    }
    for (const char* name : {"known", "held"}) {  // of one element, which is added on a path of its own
      Var variable = xg::parameter(T(1));
      (variable * T(10)).backward();
      if (std::string(name) == "held") held.push_back(variable.grad());
      variable.register_hook([this](const Var& g) { kept_by_hooks.push_back(g); });
      all.push_back({std::string("one, ") + name, variable, Values<T>(T(6))});
    }
  }

  /// 3 v v of each leaf, or its mean where its gradient is to arrive as one number for all.
  Var loss() {
    kept_by_hooks.clear();
    Var total = xg::constant(T(0));
    for (const Leaf& leaf : all) {
      const bool uniform = leaf.name.find("uniform") != std::string::npos;
      total = total + (uniform ? xg::mean(leaf.variable) : xg::sum(leaf.variable * leaf.variable * T(3)));
    }
    inner = total * T(1);
    inner.retain_grad();
    return inner * T(1);
  }
};

/// The gradients' elements, and whether there are any.
template <class T>
std::vector<std::optional<Values<T>>> gradients(const Leaves<T>& leaves) {
  std::vector<std::optional<Values<T>>> found;
  for (const auto& leaf : leaves.all) {
    found.emplace_back();
    if (leaf.variable.has_grad()) found.back() = Values<T>(leaf.variable.grad());
  }
  return found;
}

/// Backward passes with memory for 0, 1, 2 ... allocations until one has enough. How often it ran out.
template <class T>
std::size_t run_out(Leaves<T>& leaves) {
  const auto before = gradients(leaves);
  for (std::size_t allocations = 0;; ++allocations) {
    CAPTURE(allocations);
    const auto loss = leaves.loss();
    bool thrown = false;
    {
      const OutOfMemoryAfter limit(allocations);
      try {
        loss.backward();
      } catch (const std::bad_alloc&) {
        thrown = true;
      }
    }
    REQUIRE(thrown == xgrad::testing::ran_out());
    if (!thrown) return allocations;
    REQUIRE_FALSE(leaves.inner.has_grad());
    leaves.kept_by_hooks.clear();
    REQUIRE(gradients(leaves) == before);
    REQUIRE(allocations < 100'000);
  }
}

}  // namespace

TEST_CASE_TEMPLATE("a backward pass that runs out of memory leaves every gradient as it was", T, float,
                   double) {
  const xgrad::testing::Threads one(1);
  for (const std::size_t size : {std::size_t(7), std::size_t(64)}) {
    CAPTURE(size);
    Leaves<T> leaves(size, {"new", "known", "held", "new, hooked", "known, hooked", "held, hooked",
                            "new, uniform", "known, uniform", "held, uniform", "held, uniform, hooked"});
    CHECK(run_out(leaves) > 50);
    for (const auto& leaf : leaves.all) {
      CAPTURE(leaf.name);
      const bool known =
          leaf.name.find("known") != std::string::npos || leaf.name.find("held") != std::string::npos;
      const Values<T> expected = leaf.expected + T(known ? 10 : 0);
      REQUIRE(leaf.variable.grad().shape() == leaf.variable.shape());
      CHECK(Values<T>(leaf.variable.grad()) == expected);
    }
    CHECK(leaves.inner.grad()() == 1);
    // What a user holds, and what hooks have kept, was not written to.
    for (const auto& gradient : leaves.held) CHECK(Values<T>(gradient) == Values<T>(gradient * T(0) + T(10)));
    for (const auto& gradient : leaves.kept_by_hooks)
      for (const T element : gradient.value())
        CHECK((element == T(6) || element == T(1) / static_cast<T>(size)));
  }
}

TEST_CASE("a backward pass whose commit two threads share leaves every gradient as it was, too") {
  const xgrad::testing::Threads two(2);
  Leaves<double> leaves(140'001, {"known", "held, hooked", "new, uniform"});
  CHECK(run_out(leaves) > 20);
  for (const auto& leaf : leaves.all) {
    CAPTURE(leaf.name);
    const bool known =
        leaf.name.find("known") != std::string::npos || leaf.name.find("held") != std::string::npos;
    CHECK(leaf.variable.grad() == Values<double>(leaf.expected + (known ? 10 : 0)));
  }
}
