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

/// One argument of each of these shapes, for rows that take one.
std::vector<std::vector<Shape>> one_argument(const std::vector<Shape>& shapes);
FurtherShapes of_one(const char* row, const std::vector<Shape>& small, const std::vector<Shape>& large = {});

// Beside the rows, one function a file, as they are.
std::vector<FurtherShapes> core_shapes();
std::vector<FurtherShapes> shape_shapes();
std::vector<FurtherShapes> arrange_shapes();
std::vector<FurtherShapes> indexing_shapes();
std::vector<FurtherShapes> linear_algebra_shapes();
std::vector<FurtherShapes> layer_shapes();
std::vector<FurtherShapes> attention_shapes();
std::vector<FurtherShapes> convolution_shapes();
std::vector<FurtherShapes> reduction_shapes();
std::vector<FurtherShapes> loss_shapes();
std::vector<FurtherShapes> recurrent_shapes();

/// All of these, one after the other.
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
