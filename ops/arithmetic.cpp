#include "arithmetic.hpp"

#include "../core/formula/elementwise_operation.hpp"
#include "exponential.hpp"
#include "families.hpp"
#include "operators.hpp"

namespace xgrad {
using namespace detail;
using namespace formulas;

OperationList detail::arithmetic_operations() { return operations_of<Arithmetic>(); }

}  // namespace xgrad
