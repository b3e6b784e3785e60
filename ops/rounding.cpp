#include "rounding.hpp"

#include "../core/formula/elementwise_operation.hpp"

namespace xgrad {
using namespace detail;
using namespace formulas;

template <class Formula>
const Elementwise& Rounding::operation() {
  return operation_of<Formula, Rounding>();
}
const Registration registered{operations_of<Rounding>()};

}  // namespace xgrad
