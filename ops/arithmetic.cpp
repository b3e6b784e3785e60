#include "arithmetic.hpp"

#include "../core/formula/elementwise_operation.hpp"
#include "exponential.hpp"
#include "operators.hpp"

namespace xgrad {
using namespace detail;
using namespace formulas;

template <class Formula>
const Elementwise& Arithmetic::operation() {
  return operation_of<Formula, Arithmetic>();
}
const Registration registered{operations_of<Arithmetic>()};

}  // namespace xgrad
