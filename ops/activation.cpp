#include "activation.hpp"

#include "../core/formula/elementwise_operation.hpp"
#include "operators.hpp"

namespace xgrad {
using namespace detail;
using namespace formulas;

template <class Formula>
const Elementwise& Activation::operation() {
  return operation_of<Formula, Activation>();
}
const Registration registered{operations_of<Activation>()};

}  // namespace xgrad
