#include "exponential.hpp"

#include "../core/formula/elementwise_operation.hpp"
#include "operators.hpp"

namespace xgrad {
using namespace detail;
using namespace formulas;

template <class Formula>
const Elementwise& Exponential::operation() {
  return operation_of<Formula, Exponential>();
}
const Registration registered{operations_of<Exponential>()};

}  // namespace xgrad
