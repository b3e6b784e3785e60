#include "row_shapes.hpp"

#include <algorithm>

namespace xgrad::testing {

std::vector<std::vector<Shape>> one_argument(const std::vector<Shape>& shapes) {
  std::vector<std::vector<Shape>> all;
  for (const Shape& shape : shapes) all.push_back({shape});
  return all;
}

FurtherShapes of_one(const char* row, const std::vector<Shape>& small, const std::vector<Shape>& large) {
  return {row, one_argument(small), one_argument(large)};
}

std::vector<FurtherShapes> all_further_shapes() {
  std::vector<FurtherShapes> all;
  for (const auto family :
       {core_shapes, shape_shapes, arrange_shapes, indexing_shapes, linear_algebra_shapes, layer_shapes,
        attention_shapes, convolution_shapes, reduction_shapes, loss_shapes, recurrent_shapes})
    for (FurtherShapes& each : family()) all.push_back(std::move(each));
  return all;
}

std::vector<std::vector<Shape>> large_shapes(const OperationRow& row) {
  const Shape all[] = {{401, 701}, {401, 1}, {1, 701}};
  if (row.elementwise) {
    const std::size_t count = row.arguments.size();
    std::vector<Shape> chosen;
    for (std::size_t k = 0; k < count; ++k) chosen.push_back(all[count == 2 ? k + 1 : k % 3]);
    return {chosen};
  }
  std::vector<std::vector<Shape>> listed;
  for (const FurtherShapes& each : all_further_shapes())
    if (each.row == name_of(row)) listed.insert(listed.end(), each.large.begin(), each.large.end());
  return listed;
}

bool has(Extent extent, const std::vector<Shape>& shapes) {
  return std::any_of(shapes.begin(), shapes.end(), [=](const Shape& shape) {
    return extent == Extent::no_elements ? element_count(shape) == 0
                                         : extent == Extent::no_axes && shape.empty();
  });
}

std::vector<Untried> all_untried() {
  return {
      {"cholesky", Extent::no_axes, "its row multiplies first; test_decomposition.cpp has what it refuses"},
  };
}

}  // namespace xgrad::testing
