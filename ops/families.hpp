// Every elementwise operation that the library registers, family by family: what tests and docs go through.
#pragma once

#include "../core/elementwise.hpp"

namespace xgrad {

/// In the order of the family's list.
OperationList arithmetic_operations();
OperationList exponential_operations();

}  // namespace xgrad
