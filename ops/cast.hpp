// From one element type to the other.
#pragma once

#include "../core/graph/variable.hpp"

namespace xgrad {

/// x with elements of type To, float or double, rounded to nearest; its gradient is converted back. x itself
/// if it is of that type already.
template <class To, class From>
Variable<To> cast(const Variable<From>& x);

}  // namespace xgrad
