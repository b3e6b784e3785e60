// For rows of gradients that are operations of their own.
#pragma once

#include <cstddef>
#include <xgrad/derivatives/grad.hpp>

namespace xgrad::testing {

/// The gradient of a row's formula in input `which`, weighed with the last argument.
template <class F>
auto gradient_of(F formula, std::size_t which = 0) {
  return [=](const auto& in) {
    return grad(formula(in), {in[which]}, {.create_graph = true, .grad_output = in.back()})[0];
  };
}

}  // namespace xgrad::testing
