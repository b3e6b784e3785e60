// Rows of a table, by their indices.
#pragma once

#include "../core/graph/index_input.hpp"
#include "../core/graph/tensor.hpp"

namespace xgrad {

/// Rows of a table [count, dimension]: indices of any shape [...] give [..., dimension]. In a graph it goes
/// by the name of "take". The gradient adds up where an index comes twice. ShapeError if the table is no
/// matrix, ValueError for an index that is negative or too large.
template <detail::Tensor V>
V embedding(const V& weight, const IndexInput& indices);

}  // namespace xgrad
