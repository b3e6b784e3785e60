// What the loop over single numbers goes by: instructions of one kind one after another, so that it asks once
// for what they are.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "../core/kernels/kernel.hpp"

namespace xgrad::detail {

class Elementwise;

/// Operations whose formulas the loop has in place; all others are called, by their kernels.
enum class ScalarFormula : std::uint8_t {
  call,
  add,
  subtract,
  multiply,
  divide,
  negative,
  square,
  reciprocal,
  relu,
  maximum,
  minimum,
  // Of these the gradient alone.
  exponential,
  logarithm,
  hyperbolic_tangent,
  sigmoid,
};
inline constexpr std::size_t scalar_formulas = static_cast<std::size_t>(ScalarFormula::sigmoid) + 1;

ScalarFormula value_formula(const Elementwise& operation) noexcept;
ScalarFormula gradient_formula(const Elementwise& operation) noexcept;

/// So many instructions of one formula.
struct ScalarRun {
  ScalarFormula code;
  std::uint32_t count;
};

/// Forward: places of values. A call has its number in `out`.
struct ScalarStep {
  std::uint32_t out, a, b;
};

/// Backward: `dy`, `to_a` and `to_b` are adjoints, the others places of values. A call has the range of its
/// kernels in `a` and `b`.
struct ScalarShare {
  std::uint32_t dy, to_a, to_b, a, b, y;
};

/// A kernel with its operands in place; backward without a kernel, dy itself goes to adjoint `to`.
struct ScalarCall {
  kernels::Kernel kernel;
  std::uint32_t to;
  kernels::Loop loop;
};

/// An order of instructions that keeps each pair of `before` (one before the other) and has long runs.
struct ScalarOrder {
  std::vector<ScalarRun> runs;
  std::vector<std::uint32_t> order;
};
ScalarOrder order_in_runs(std::span<const ScalarFormula> codes,
                          std::span<const std::pair<std::uint32_t, std::uint32_t>> before);

}  // namespace xgrad::detail
