// Each operation of the table, captured and replayed on other inputs: value and gradients as a fresh call's.
#include <xgrad/compile.hpp>

#include "../ops/row_runs.hpp"
#include "refused_rows.hpp"

using namespace xgrad::testing;
using xgrad::Dense;
using xgrad::Variable;

namespace {

template <class T, class Compiled>
std::vector<Dense<T>> replayed(const Compiled& compiled, Variables<T> in) {
  const Variable<T> y = compiled();
  std::vector<Dense<T>> all{y.dense()};
  if (!y.requires_grad()) return all;
  for (const auto& gradient : xgrad::grad(y, in, {.grad_output = weights<T>(y.shape())}))
    all.push_back(gradient.dense());
  return all;
}

template <class T>
void check_row(const OperationRow& row) {
  const Shapes shapes = own_shapes(row);
  Variables<T> in = parameters<T>(sample(row, shapes, 1));
  const auto compiled = xgrad::compile([&] { return call(row, in); });
  try {
    compiled();
  } catch (const xgrad::CaptureError& error) {
    INFO(error.what());
    CHECK(is_refused(row));
    return;
  }
  for (const std::uint64_t seed : {2U, 3U}) {
    const auto then = sample(row, shapes, seed);
    const Variables<T> fresh = parameters<T>(then);
    for (std::size_t i = 0; i < in.size(); ++i) in[i].set_value(fresh[i].value());
    CHECK(same_bits(replayed<T>(compiled, in), run(row, fresh)));
  }
  CHECK(compiled.programs() == 1);
}

}  // namespace

TEST_CASE("every row of the table in a program") {
  for_each_row([](const OperationRow& row) {
    check_row<double>(row);
    check_row<float>(row);
  });
}
