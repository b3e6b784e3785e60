#include "activation.hpp"

#include <sstream>

#include "../core/formula/elementwise_operation.hpp"
#include "operators.hpp"

namespace xgrad {
using namespace detail;
using namespace formulas;

void detail::check_bounds(std::string_view operation, double min, double max) {
  if (min <= max) return;
  std::ostringstream text;
  text << operation << ": min is " << min << " and max " << max << "; give the lower bound first";
  throw ValueError(text.str());
}

template <class Formula>
const Elementwise& Activation::operation() {
  return operation_of<Formula, Activation>();
}
const Registration registered{operations_of<Activation>()};

}  // namespace xgrad
