// Which rows of the table no program can have.
#pragma once

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

#include "../ops/operation_row.hpp"

namespace xgrad::testing {

/// Rows that give a container, or that draw from a Generator of their own.
inline bool is_refused(const OperationRow& row) {
  const std::string& operation = row.operation;
  static constexpr std::string_view others[] = {"dropout", "max_with_indices", "topk", "min_with_indices"};
  return row.variant.find("dropout") != std::string::npos ||
         std::find(std::begin(others), std::end(others), operation) != std::end(others);
}

}  // namespace xgrad::testing
