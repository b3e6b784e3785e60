// A program's steps performed one by one on operands of any reading: Variables record them, Symbols inline
// them.
#pragma once

#include <span>
#include <vector>

#include "elementwise.hpp"

namespace xgrad::detail {

/// All values of a program, inputs included, in one reading.
template <class V>
std::vector<V> replay_all(const Program& program, std::span<const V> inputs) {
  std::vector<V> values(inputs.begin(), inputs.end());
  values.reserve(program.inputs + program.steps.size());
  for (const Program::Step& step : program.steps) {
    if (step.operation == nullptr) {
      values.push_back(scalar_operand<V>(step.constant));
      continue;
    }
    const V* arguments[kernels::max_inputs] = {};
    for (std::size_t i = 0; i < step.operation->inputs(); ++i) arguments[i] = &values[step.arguments[i]];
    values.push_back(apply_to<V>(*step.operation, arguments));
  }
  return values;
}

/// The result of a program of one formula.
template <class V>
V replay(const Program& program, std::span<const V> inputs) {
  return replay_all(program, inputs)[program.result()];
}

}  // namespace xgrad::detail
