// When memory runs out while a module is frozen, none of its parameters is, and no gradient is lost.
#include <cstddef>
#include <new>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/nn/linear.hpp>
#include <xgrad/nn/sequential.hpp>

#include "failing_new.hpp"

namespace {

using xgrad::Array;
using xgrad::testing::OutOfMemoryAfter;
using Net = xgrad::nn::Sequential<double>;
using Linear = xgrad::nn::Linear<double>;

}  // namespace

TEST_CASE("a module is frozen as a whole or, where memory runs out, not at all") {
  std::size_t faults = 0;
  for (bool frozen = false; !frozen; ++faults) {
    Net net{Linear(2, 3), Linear(3, 1)};
    auto parameters = net.parameters();
    parameters[1].set_requires_grad(false);
    for (const std::size_t i : {0u, 2u, 3u})
      parameters[i].set_grad(Array<double>(parameters[i].shape(), static_cast<double>(i + 1)));
    try {
      const OutOfMemoryAfter limit(faults);
      net.freeze();
      frozen = true;
    } catch (const std::bad_alloc&) {
    }
    CAPTURE(faults);
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      CHECK(parameters[i].requires_grad() == (!frozen && i != 1));
      REQUIRE(parameters[i].has_grad() == (!frozen && i != 1));
      if (parameters[i].has_grad()) CHECK(parameters[i].grad()(0) == static_cast<double>(i + 1));
    }
    net.unfreeze();
    for (const auto& parameter : parameters) CHECK(parameter.requires_grad());
  }
  CHECK(faults > 3);
}
