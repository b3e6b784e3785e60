// Every elementwise operation that the library registers, family by family: what tests and docs go through.
#pragma once

#include <string_view>
#include <vector>

#include "../core/formula/elementwise.hpp"

namespace xgrad::detail {

/// In the order of the family's list.
OperationList arithmetic_operations();
OperationList exponential_operations();
OperationList activation_operations();
OperationList reduction_formulas();
OperationList loss_formulas();
OperationList layer_formulas();
template <class... Ops>
std::vector<std::string_view> names_in(kernels::List<Ops...>) {
  return {Ops::name...};
}

/// The names of a kernels::List of structural operations.
template <class List>
std::vector<std::string_view> names_of() {
  return detail::names_in(List{});
}

/// The structural operations of each family, by name.
std::vector<std::string_view> reduction_operation_names();
std::vector<std::string_view> statistics_operation_names();
std::vector<std::string_view> scan_operation_names();
std::vector<std::string_view> softmax_operation_names();
std::vector<std::string_view> slice_operation_names();
std::vector<std::string_view> shape_operation_names();
std::vector<std::string_view> arrange_operation_names();
std::vector<std::string_view> loss_operation_names();
std::vector<std::string_view> cross_entropy_operation_names();
std::vector<std::string_view> indexing_operation_names();
std::vector<std::string_view> gather_operation_names();
std::vector<std::string_view> sorting_operation_names();
std::vector<std::string_view> linear_algebra_operation_names();
std::vector<std::string_view> decomposition_operation_names();
std::vector<std::string_view> layer_norm_operation_names();
std::vector<std::string_view> batch_norm_operation_names();
std::vector<std::string_view> dropout_operation_names();
std::vector<std::string_view> convolution_operation_names();
std::vector<std::string_view> pooling_operation_names();

}  // namespace xgrad::detail
