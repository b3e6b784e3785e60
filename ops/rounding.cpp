#include "rounding.hpp"

#include "../core/formula/elementwise_operation.hpp"

namespace xgrad {
using namespace detail;
using namespace formulas;

[[gnu::used]] constexpr const Registration* registered = &family_registration<Rounding>;

}  // namespace xgrad
