// How a summary of modules is laid out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "../core/array/shape.hpp"

namespace xgrad::nn {

struct SummaryRow {
  std::string path;             ///< "hidden", "encoder.0"; empty for the module that was asked
  std::string type;             ///< Module::name()
  std::optional<Shape> output;  ///< none if it was not called
  std::size_t bytes = 0;        ///< that its own operations gave
  double flops = 0;             ///< floating-point operations that these are
  std::size_t parameters = 0;   ///< elements of the parameters that it registered itself
};

/// The rows as a table; `input` is that of the module that was asked, if one shape says it. The first row,
/// that module, becomes the title, and a row only if there is no other or it does or has something itself.
/// Ends with the totals, how many parameters are frozen unless none is, and a line break.
std::string summary_table(const std::optional<Shape>& input, const std::vector<SummaryRow>& rows,
                          std::size_t frozen);

/// A demangled type name without its namespaces and template arguments: "Linear".
std::string short_type_name(const std::string& type);

}  // namespace xgrad::nn
