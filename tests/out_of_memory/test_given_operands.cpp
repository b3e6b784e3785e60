// When memory runs out in an operation that was given an operand, the operand is whole or it is empty. Wants
// XGRAD_POOL=off, so that every buffer and node is an allocation.
#include <doctest/doctest.h>

#include <new>
#include <utility>
#include <xgrad/core/graph/scope.hpp>
#include <xgrad/ops/operators.hpp>

#include "failing_new.hpp"

namespace {

using xgrad::Variable;
using xgrad::testing::OutOfMemoryAfter;

/// How often memory ran out until `operation(std::move(operand))` had enough.
template <class Make, class Operation>
std::size_t failures(Make make, Operation operation) {
  for (std::size_t calls = 0;; ++calls) {
    Variable<double> operand = make();
    const double first = operand.dense().data()[0];
    try {
      const OutOfMemoryAfter few(calls);
      operation(std::move(operand));
      CHECK_FALSE(operand.defined());
      return calls;
    } catch (const std::bad_alloc&) {
      if (operand.defined()) CHECK(operand.value()(0) == first);
    }
  }
}

}  // namespace

TEST_CASE("an operand that was given away is whole or empty when memory runs out") {
  const xgrad::Scope scope("labelled");  // so that an allocation follows the taking of the buffer
  const auto x = xgrad::parameter(xt::xarray<double>{1, 2, 3}),
             c = xgrad::constant(xt::xarray<double>{1, 2, 3});
  const Variable<double> two = xgrad::constant(2.0);
  for (const auto& leaf : {x, c}) {
    CHECK(failures([&] { return leaf + 1; }, [&](auto&& v) { std::forward<decltype(v)>(v) + two; }) > 0);
    CHECK(failures([&] { return leaf + 1; }, [&](auto&& v) { -std::forward<decltype(v)>(v); }) > 0);
  }
}
