#include "arithmetic.hpp"

#include "../core/formula/elementwise_operation.hpp"
#include "exponential.hpp"
#include "operators.hpp"

namespace xgrad {
using namespace detail;
using namespace formulas;

[[gnu::used]] constexpr const Registration* registered = &family_registration<Arithmetic>;

}  // namespace xgrad
