#include "exponential.hpp"

#include "../core/formula/elementwise_operation.hpp"
#include "families.hpp"
#include "operators.hpp"

namespace xgrad {
using namespace detail;
using namespace formulas;

OperationList detail::exponential_operations() { return operations_of<Exponential>(); }

}  // namespace xgrad
