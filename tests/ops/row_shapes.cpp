#include "row_shapes.hpp"

#include <algorithm>

namespace xgrad::testing {
namespace {

/// One argument of each of these shapes, for rows that take one.
std::vector<std::vector<Shape>> one_argument(const std::vector<Shape>& shapes) {
  std::vector<std::vector<Shape>> all;
  for (const Shape& shape : shapes) all.push_back({shape});
  return all;
}

FurtherShapes of_one(const char* row, const std::vector<Shape>& small, const std::vector<Shape>& large = {}) {
  return {row, one_argument(small), one_argument(large)};
}

std::vector<FurtherShapes> core_shapes() {
  return {
      of_one("broadcast_to (a new axis and an extent of 1)", {{}, {1, 1}}),
      of_one("broadcast_to (no elements)", {{}, {1, 0}}),
      of_one("broadcast_to (17 rows)", {{0}}, {{16411}}),
      of_one("broadcast_to (tile)", {{0, 5}, {4, 0}}, {{400, 400}}),
      of_one("broadcast_to (repeat)", {{0, 5}, {4, 0}}, {{400, 400}}),
      of_one("sum_to (one row)", {{0, 3}, {2, 0}}, {{401, 701}, {5001, 40}}),
      of_one("sum_to (one number)", {{}, {0}}, {{301001}}),
  };
}

std::vector<FurtherShapes> shape_shapes() {
  return {
      of_one("reshape (flatten)", {{0, 3}, {3, 0, 2}}),
      of_one("reshape (expand_dims)", {{}, {0, 3}}, {{401, 701}}),
      of_one("transpose", {{}, {4}, {0, 3}, {3, 0, 2}}, {{401, 701}, {90, 50, 60}}),
      of_one("slice (nothing left out)", {{}, {0, 3}}),
      of_one("slice (steps forward and back)", {{0, 5}, {4, 0}, {1, 1}}, {{1203, 702}}),
      of_one("slice (flip)", {{0, 5}, {4, 0}}, {{401, 701}}),
      of_one("slice_scatter (into every second row)", {{0, 3}, {2, 0}}, {{401, 701}}),
      {"add_slice", {{{0, 3}, {0, 3}}, {{2, 0}, {2, 0}}}, {{{401, 701}, {401, 701}}}},
      {"concatenate",
       {{{2, 0}, {2, 1}, {2, 4}}, {{0, 3}, {0, 1}, {0, 2}}, {{2, 0}, {2, 0}, {2, 0}}},
       {{{401, 500}, {401, 1}, {401, 300}}}},
      {"concatenate (stack)", {{{}, {}}, {{0, 3}, {0, 3}}}, {{{401, 500}, {401, 500}}}},
  };
}

std::vector<FurtherShapes> arrange_shapes() {
  return {
      of_one("roll (first axis)", {{0, 5}, {4, 0}, {1, 5}}, {{401, 701}}),
      of_one("roll (last axis, backwards)", {{0, 5}, {4, 0}}, {{401, 701}}),
      of_one("pad", {{0, 3}, {2, 0}}, {{401, 701}}),
      of_one("diagonal", {{0, 0}, {0, 4}, {4, 0}, {3, 5}}, {{1201, 901}}),
      of_one("diagonal_scatter", {{0}}, {{901}}),
      of_one("tril", {{0, 5}, {4, 0}, {6, 2}}, {{701, 601}}),
      of_one("triu", {{0, 5}, {4, 0}}, {{701, 601}}),
  };
}

std::vector<FurtherShapes> indexing_shapes() {
  return {
      of_one("take_along_axis (indices as many as elements)", {{0, 4}, {3, 0}}, {{301, 401}}),
      of_one("masked_select (most of any shape)", {{}, {0, 5}, {3, 0}}, {{401, 701}}),
      of_one("masked_scatter", {{0}, {1}}, {{301001}}),
      of_one("sort", {{0, 6}, {3, 0}, {3, 1}}, {{301, 401}}),
      of_one("topk", {{0, 6}, {3, 2}}, {{301, 401}}),
      of_one("scatter_along_axis (indices as many as elements)", {{0, 4}, {3, 0}}, {{301, 401}}),
      of_one("take", {{0, 3, 2}, {2, 3, 0}}, {{201, 3, 301}}),
      of_one("scatter_slices", {{0, 2, 2, 2}, {2, 2, 2, 0}}, {{201, 2, 2, 301}}),
      {"scatter_slices (index_put of rows, accumulated)", {{{3, 4}, {}}, {{3, 4}, {1}}}},
  };
}

std::vector<FurtherShapes> linear_algebra_shapes() {
  const std::vector<Shape> in_one{{0, 3, 3}};
  return {
      {"matmul",
       {{{0, 4}, {4, 5}}, {{3, 0}, {0, 5}}, {{3, 4}, {4, 0}}},
       {{{340, 330}, {330, 350}}, {{100, 100}, {100, 100}}}},
      {"matmul (both transposed)", {{{0, 3}, {5, 0}}, {{4, 0}, {5, 4}}}, {{{330, 340}, {350, 330}}}},
      {"matmul (stacks)", {{{0, 2, 3}, {0, 3, 2}}, {{4, 2, 0}, {4, 0, 2}}}, {{{101, 40, 30}, {101, 30, 50}}}},
      {"matmul (dot)", {{{0}, {0}}, {{1}, {1}}}},
      {"linear",
       {{{0, 3}, {3, 4}, {4}}, {{5, 0}, {0, 4}, {4}}, {{5, 3}, {3, 0}, {0}}},
       {{{340, 330}, {330, 350}, {350}}}},
      {"add_product",
       {{{0, 5}, {4, 5}, {4, 5}}, {{3, 0}, {4, 0}, {4, 0}}, {{3, 5}, {0, 5}, {0, 5}}},
       {{{340, 350}, {330, 350}, {330, 350}}}},
      {"solve_factored", {{{0, 3, 3}, {0, 3, 2}}, {{1, 3, 3}, {1, 3, 2}}}, {{{20001, 3, 3}, {20001, 3, 2}}}},
      {"solve (stacks)", {{{0, 3, 3}, {0, 3, 2}}, {{1, 3, 3}, {1, 3, 2}}}, {{{20001, 3, 3}, {20001, 3, 2}}}},
      {"solve_triangular (lower)", {{{0, 3, 3}, {0, 3, 2}}}, {{{20001, 3, 3}, {20001, 3, 2}}}},
      {"solve_triangular (upper, transposed)", {{{0, 3, 3}, {0, 3, 2}}}, {{{20001, 3, 3}, {20001, 3, 2}}}},
      of_one("inverse (stack)", in_one, {{20001, 3, 3}}),
      of_one("determinant (stack)", in_one, {{20001, 3, 3}}),
      {"determinant_gradient", {{{0, 3, 3}, {0}}}, {{{20001, 3, 3}, {20001}}}},
      of_one("logdet", in_one, {{20001, 3, 3}}),
      of_one("cholesky", in_one, {{20001, 3, 3}}),
  };
}

std::vector<FurtherShapes> layer_shapes() {
  return {
      {"layer_norm", {{{0, 7}, {7}, {7}}, {{5, 0}, {0}, {0}}}, {{{401, 701}, {701}, {701}}}},
      of_one("layer_norm (without gamma and beta)", {{0, 19}, {6, 0}, {6, 1}}),
      {"batch_norm (two axes)", {{{5, 0}, {0}, {0}}}, {{{5001, 19}, {19}, {19}}}},
      {"batch_norm (three axes)", {{{3, 0, 7}, {0}, {0}}}, {{{50, 20, 301}, {20}, {20}}}},
      {"standardize (batch_norm in evaluation, two axes)", {{{0, 19}, {19}, {19}}}},
      of_one("dropout", {{}, {0, 11}}, {{401, 701}}),
      {"layer_norm_gradient (two axes, of x)",
       {{{0, 7}, {7}, {7}, {0, 7}}, {{5, 0}, {0}, {0}, {5, 0}}},
       {{{401, 701}, {701}, {701}, {401, 701}}}},
      {"layer_norm_gradient (two axes, of gamma)",
       {{{0, 7}, {7}, {7}, {0, 7}}},
       {{{401, 701}, {701}, {701}, {401, 701}}}},
      {"batch_norm_gradient (two axes, of x)",
       {{{5, 0}, {0}, {0}, {5, 0}}},
       {{{5001, 19}, {19}, {19}, {5001, 19}}}},
      {"batch_norm_gradient (without gamma and beta)",
       {{{3, 0, 7}, {3, 0, 7}}},
       {{{50, 20, 301}, {50, 20, 301}}}},
  };
}

std::vector<FurtherShapes> convolution_shapes() {
  return {
      {"conv2d", {{{0, 2, 5, 4}, {3, 2, 3, 2}, {3}}}, {{{16, 4, 32, 30}, {8, 4, 3, 2}, {8}}}},
      {"conv2d (stride, padding, dilation)", {}, {{{16, 4, 64, 62}, {8, 4, 3, 2}, {8}}}},
      {"conv2d (1x1)", {{{0, 3, 3, 4}, {4, 3, 1, 1}, {4}}}, {{{16, 16, 32, 30}, {16, 16, 1, 1}, {16}}}},
      {"conv_transpose2d", {{{0, 3, 3, 3}, {3, 2, 3, 2}, {2}}}, {{{96, 8, 30, 29}, {8, 4, 3, 2}, {4}}}},
      {"conv2d_kernel_gradient", {{{0, 2, 5, 4}, {0, 3, 3, 3}}}, {{{96, 4, 32, 30}, {96, 8, 30, 29}}}},
      of_one("max_pool2d", {{0, 2, 5, 4}, {2, 0, 5, 4}}, {{16, 8, 41, 40}}),
      of_one("max_pool2d (overlapping, padded)", {{0, 2, 5, 6}}, {{16, 8, 41, 40}}),
      of_one("avg_pool2d", {{0, 2, 5, 4}, {2, 0, 5, 4}}, {{16, 8, 41, 40}}),
      of_one("avg_pool2d (overlapping, padded)", {{0, 2, 5, 6}}, {{16, 8, 41, 40}}),
      of_one("avg_pool2d_gradient", {{0, 2, 2, 2}, {2, 0, 2, 2}}, {{401, 31, 2, 2}}),
  };
}

/// What all reductions take whose result over no elements is a number.
void add_reductions(std::vector<FurtherShapes>& all) {
  for (const char* name : {"sum", "mean", "logsumexp", "var", "std", "norm", "prod"}) {
    const std::string operation = name;
    const bool is_sum = operation == "sum";
    all.push_back({operation + " (last axis)", one_argument({{0, 3}, {3, 0}}), one_argument({{401, 701}})});
    all.push_back({operation + (operation == "prod" || !is_sum ? " (middle axis)" : " (outer axes)"),
                   one_argument({{2, 3, 0}, {2, 0, 4}}), one_argument({{31, 501, 21}})});
  }
}

std::vector<FurtherShapes> reduction_shapes() {
  std::vector<FurtherShapes> all;
  add_reductions(all);
  for (const char* name : {"sum", "mean", "logsumexp", "norm", "prod"})
    all.push_back({std::string(name) + " (all)", one_argument({{0}, {2, 0}}), one_argument({{301001}})});
  for (const char* name : {"var", "std"})
    all.push_back({std::string(name) + " (all)", one_argument({{}, {0}}), one_argument({{301001}})});
  all.push_back(of_one("prod (all)", {{}}));
  all.push_back({"prod_gradient",
                 {{{0, 7}, {0, 1}}, {{3, 0}, {3, 1}}, {{3, 1}, {3, 1}}, {{2, 8}, {2, 1}}},
                 {{{401, 701}, {401, 1}}}});
  all.push_back(of_one("logsumexp_anchor", {{0, 3}, {3, 0}}, {{401, 701}}));
  for (const char* name : {"max", "min"}) {
    all.push_back({std::string(name) + " (last axis)", one_argument({{0, 3}}), one_argument({{401, 701}})});
    all.push_back(
        {std::string(name) + " (first axis, kept)", one_argument({{3, 0}}), one_argument({{401, 701}})});
    all.push_back({std::string(name) + " (all)", {}, one_argument({{301001}})});
  }
  for (const char* name : {"softmax", "log_softmax"})
    for (const char* axis : {" (last axis)", " (first axis)"})
      all.push_back({std::string(name) + axis, one_argument({{0, 3}, {3, 0}}), one_argument({{401, 701}})});
  for (const char* name : {"softmax_gradient", "log_softmax_gradient"})
    for (const char* axis : {" (last axis)", " (first axis)"})
      all.push_back(
          {std::string(name) + axis, {{{0, 3}, {0, 3}}, {{3, 0}, {3, 0}}}, {{{401, 701}, {401, 701}}}});
  all.push_back(of_one("cumsum (last axis)", {{0, 3}, {3, 0}}, {{401, 701}}));
  all.push_back(of_one("cumsum (middle axis)", {{2, 0, 3}, {0, 4, 3}, {2, 4, 0}}, {{31, 501, 21}}));
  all.push_back(of_one("cumsum (all)", {{}, {0}, {3, 0}}, {{301001}}));
  return all;
}

std::vector<FurtherShapes> loss_shapes() {
  std::vector<FurtherShapes> all;
  for (const char* row : {"mean_squared_error (mean)", "mean_squared_error (sum)", "sum_squared_error (sum)",
                          "l1_loss (mean)", "binary_cross_entropy_with_logits (sum)",
                          "binary_cross_entropy (mean)", "huber_loss (sum)", "squared_error (none)"})
    all.push_back({row, {{{0}, {0}}, {{}, {}}, {{3, 0}, {3, 0}}}, {{{401, 701}, {401, 701}}}});
  all.push_back({"sum_squared_error (mean)", {{{0, 19}, {0, 19}}, {{3, 0}, {3, 0}}}});
  all.push_back(
      {"cross_entropy (rows, mean)", {{{0, 19}, {0, 19}}, {{3, 0}, {3, 0}}}, {{{401, 701}, {401, 701}}}});
  for (const char* row : {"cross_entropy_of_probabilities (rows, mean)", "kl_div (mean)", "kl_div (none)"})
    all.push_back({row, {{{0, 19}, {0, 19}}, {{3, 0}, {3, 0}}}, {{{401, 701}, {401, 701}}}});
  all.push_back({"cross_entropy (rows, none)", {{{0, 19}, {0, 19}}}, {{{9001, 19}, {9001, 19}}}});
  all.push_back(of_one("cross_entropy (a label a row)", {{0, 19}, {1, 17}}, {{9001, 19}}));
  all.push_back(of_one("nll_loss (a label a row)", {{0, 19}, {1, 17}}, {{9001, 19}}));
  for (const char* row : {"cross_entropy_gradient (labels, none)", "nll_loss_gradient (none)"})
    all.push_back({row, {{{0, 19}, {0}}, {{1, 17}, {1}}}, {{{9001, 19}, {9001}}}});
  for (const char* row : {"cross_entropy_gradient (labels, sum)", "nll_loss_gradient (sum)"})
    all.push_back({row, {{{0, 19}, {}}, {{1, 17}, {}}}, {{{9001, 19}, {}}}});
  all.push_back(
      {"cross_entropy_gradient (rows, none)", {{{0, 19}, {0, 19}, {0}}}, {{{9001, 19}, {9001, 19}, {9001}}}});
  for (const char* of : {" in the prediction)", " in the target)"})
    for (const char* loss : {"mean_squared_error", "huber_loss", "binary_cross_entropy_with_logits"})
      all.push_back({std::string("loss_gradient (") + loss + of,
                     {{{0}, {0}, {}}, {{}, {}, {}}, {{3, 0}, {3, 0}, {}}},
                     {{{401, 701}, {401, 701}, {}}}});
  return all;
}

}  // namespace

std::vector<FurtherShapes> all_further_shapes() {
  std::vector<FurtherShapes> all;
  for (const auto family : {core_shapes, shape_shapes, arrange_shapes, indexing_shapes, linear_algebra_shapes,
                            layer_shapes, convolution_shapes, reduction_shapes, loss_shapes})
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
