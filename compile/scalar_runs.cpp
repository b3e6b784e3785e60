#include "scalar_runs.hpp"

#include <algorithm>
#include <array>

#include "../core/formula/add_multiply.hpp"
#include "../ops/activation.hpp"

namespace xgrad::detail {

using namespace formulas;

ScalarFormula value_formula(const Elementwise& operation) noexcept {
  const ScalarFormula formula = gradient_formula(operation);
  return formula < ScalarFormula::exponential ? formula : ScalarFormula::call;
}

ScalarFormula gradient_formula(const Elementwise& of) noexcept {
  const std::pair<const Elementwise*, ScalarFormula> known[] = {
      {&operation<Add, Core>(), ScalarFormula::add},
      {&operation<Subtract, Arithmetic>(), ScalarFormula::subtract},
      {&operation<Multiply, Core>(), ScalarFormula::multiply},
      {&operation<Divide, Arithmetic>(), ScalarFormula::divide},
      {&operation<Negative, Arithmetic>(), ScalarFormula::negative},
      {&operation<Square, Arithmetic>(), ScalarFormula::square},
      {&operation<Reciprocal, Arithmetic>(), ScalarFormula::reciprocal},
      {&operation<Relu, Activation>(), ScalarFormula::relu},
      {&operation<Maximum, Arithmetic>(), ScalarFormula::maximum},
      {&operation<Minimum, Arithmetic>(), ScalarFormula::minimum},
      {&operation<Exp, Exponential>(), ScalarFormula::exponential},
      {&operation<Log, Exponential>(), ScalarFormula::logarithm},
      {&operation<Tanh, Exponential>(), ScalarFormula::hyperbolic_tangent},
      {&operation<Sigmoid, Activation>(), ScalarFormula::sigmoid},
  };
  for (const auto& [operation, formula] : known)
    if (operation == &of) return formula;
  return ScalarFormula::call;
}

ScalarOrder order_in_runs(std::span<const ScalarFormula> codes,
                          std::span<const std::pair<std::uint32_t, std::uint32_t>> before) {
  const std::size_t count = codes.size();
  std::vector<std::uint32_t> waits(count, 0), first(count + 1, 0), after(before.size());
  for (const auto& [one, other] : before) {
    ++waits[other];
    ++first[one + 1];
  }
  for (std::size_t i = 0; i < count; ++i) first[i + 1] += first[i];
  std::vector<std::uint32_t> next(first.begin(), first.end() - 1);
  for (const auto& [one, other] : before) after[next[one]++] = other;

  struct Queue {
    std::vector<std::uint32_t> all;
    std::size_t done = 0;
    std::size_t left() const { return all.size() - done; }
  };
  std::array<Queue, scalar_formulas> ready;
  const auto queue_of = [&](std::uint32_t i) -> Queue& { return ready[static_cast<std::size_t>(codes[i])]; };
  for (std::uint32_t i = 0; i < count; ++i)
    if (waits[i] == 0) queue_of(i).all.push_back(i);
  ScalarOrder found;
  found.order.reserve(count);
  while (found.order.size() < count) {
    Queue& longest = *std::max_element(ready.begin(), ready.end(),
                                       [](const Queue& a, const Queue& b) { return a.left() < b.left(); });
    const std::size_t begin = found.order.size();
    while (longest.left() > 0) {
      const std::uint32_t i = longest.all[longest.done++];
      found.order.push_back(i);
      for (std::uint32_t k = first[i]; k < first[i + 1]; ++k)
        if (--waits[after[k]] == 0) queue_of(after[k]).all.push_back(after[k]);
    }
    found.runs.push_back({codes[found.order[begin]], static_cast<std::uint32_t>(found.order.size() - begin)});
  }
  return found;
}

}  // namespace xgrad::detail
