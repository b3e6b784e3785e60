#include "exponential.hpp"

#include "../core/formula/elementwise_operation.hpp"
#include "operators.hpp"

namespace xgrad {
using namespace detail;
using namespace formulas;

[[gnu::used]] constexpr const Registration* registered = &family_registration<Exponential>;

}  // namespace xgrad
