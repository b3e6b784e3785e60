#include "embedding.hpp"

#include <string>

#include "../core/array/instantiate.hpp"
#include "indexing.hpp"
#include "shape.hpp"

namespace xgrad {
using namespace detail;

template <Tensor V>
V embedding(const V& weight, const Indices& indices) {
  const Shape& table = detail::shape_of(weight);
  if (table.size() != 2)
    throw ShapeError("embedding: the table " + to_string(table) +
                     " is no matrix; it must be [count, dimension]");
  detail::check_whole(indices);
  Shape result = indices.shape();
  result.push_back(table[1]);
  check_possible("embedding", result, table, indices.shape());
  const auto count = static_cast<std::int64_t>(table[0]);
  for (const std::int64_t index : std::as_const(indices.storage()))
    if (index < 0 || index >= count)
      throw ValueError("embedding: index " + std::to_string(index) + " among indices " +
                       to_string(indices.shape()) + " is none of the table " + to_string(table) +
                       "; its rows are numbered from 0 to " + std::to_string(count - 1));
  return take(weight, indices, 0);
}

[[gnu::used]] constexpr auto instances = instantiate::for_tensors([]<class V>() { return embedding<V>; });

}  // namespace xgrad
