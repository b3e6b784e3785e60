#include "embedding.hpp"

#include <string>

#include "../core/array/instantiate.hpp"
#include "indexing.hpp"
#include "shape.hpp"

namespace xgrad {
using namespace detail;

template <Tensor V>
V embedding(const V& weight, const IndexInput& indices) {
  const Shape& table = detail::shape_of(weight);
  if (table.size() != 2)
    throw ShapeError("embedding: the table " + to_string(table) +
                     " is no matrix; it must be [count, dimension]");
  Shape result = indices.shape();
  result.push_back(table[1]);
  check_possible("embedding", result, table, indices.shape());
  return rows_of_table(weight, indices.dense());
}

[[gnu::used]] constexpr auto instances = instantiate::for_tensors([]<class V>() { return embedding<V>; });

}  // namespace xgrad
