// Further shapes for the rows of the table: elementwise rows take any that broadcast, the others those that
// are listed for them.
#pragma once

#include <string>
#include <vector>

#include "operation_row.hpp"

namespace xgrad::testing {

/// Shapes for the arguments of a row beside its own: small ones, with which it goes through every check, and
/// large ones, with which threads share the work.
struct FurtherShapes {
  std::string row;  ///< as name_of() has it
  std::vector<std::vector<Shape>> small, large = {};
};

/// Every family's list, one after the other.
std::vector<FurtherShapes> all_further_shapes();

/// What a row's large shapes are: the listed ones, and for an elementwise row a row against a column.
std::vector<std::vector<Shape>> large_shapes(const OperationRow& row);

/// What every structural operation is tried on, if it takes it.
enum class Extent { no_elements, no_axes, large };

/// Of which of these an argument of such shapes is; never large.
bool has(Extent extent, const std::vector<Shape>& shapes);

/// An operation that no row tries on arguments of an extent, and why.
struct Untried {
  std::string operation;
  Extent extent;
  std::string reason;
};
std::vector<Untried> all_untried();

}  // namespace xgrad::testing
