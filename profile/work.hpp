// How much an operation has to do, from its shapes alone.
#pragma once

#include <span>
#include <string_view>

#include "../core/graph/attribute.hpp"

namespace xgrad::detail {

/// Floating-point operations, an addition, a product, a division or a function of one number each counting as
/// one; and elements that are read and written.
struct Work {
  double flops = 0;
  double elements = 0;
};

/// Of an operation's forward pass. A product of [m, k] and [k, n] takes 2 m n k, a convolution 2 times the
/// kernel's elements of one output channel for each output; a reduction one for each input, a softmax five;
/// what moves elements about takes none, and everything else one for each output. Each input is read once,
/// and each output written once.
Work forward_work(std::string_view name, std::span<const Attribute> attributes, std::span<const Shape> inputs,
                  const Shape& output);

/// Of its derivative in all of its inputs: twice the forward pass's operations; inputs and the gradient are
/// read, and the inputs' gradients written.
Work backward_work(std::string_view name, std::span<const Attribute> attributes,
                   std::span<const Shape> inputs, const Shape& output);

}  // namespace xgrad::detail
