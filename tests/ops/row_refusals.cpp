#include "row_refusals.hpp"

namespace xgrad::testing {
namespace {

constexpr Thrown value_error = Thrown::value_error;

const std::vector<Refusal> core_refusals = {
    {"broadcast_to (a new axis and an extent of 1)", {{2, 1}}, {"[2, 1]", "[2, 3, 4]", "axis 1: 2 vs 3"}},
    {"broadcast_to (a new axis and an extent of 1)", {{1, 2, 3, 4}}, {"[1, 2, 3, 4]", "[2, 3, 4]"}},
    {"sum_to (a column)", {{2, 4, 3}}, {"[3, 1]", "[2, 4, 3]"}},
    {"sum_to (without the leading axis)", {{4}}, {"[3, 4]", "[4]"}},
};

const std::vector<Refusal> shape_refusals = {
    {"reshape", {{2, 3}}, {"[2, 3]", "[4, -1]"}},
    {"reshape (a gradient passed on)", {{5, 5}}, {"[5, 5]", "[6, 4]"}},
    {"reshape (squeeze)", {{2, 2}}, {"axis 1", "[2, 2]"}},
    {"transpose (permute)", {{2, 3, 4}}, {"[2, 0, -1, 1]", "[2, 3, 4]"}},
    {"transpose (swap_axes)", {{}}, {"axis 0", "[]"}},
    {"slice", {{4, 3}}, {"3 items", "[4, 3]"}},
    {"slice", {{4, 3, 3}}, {"position 3", "[4, 3, 3]"}, value_error},
    {"slice (one element)", {{0, 2}}, {"position -1", "[0, 2]"}, value_error},
    {"slice (split)", {{2, 5}}, {"3 parts", "axis 1", "[2, 5]"}},
    {"slice (flip)", {{4}}, {"axis 1", "[4]"}},
    {"add_slice", {{}, {}}, {"concatenate: ", "[]"}},
    {"slice_scatter", {{3, 2}}, {"[3, 2]", "[2, 3]", "[4, 5]"}},
    {"concatenate", {{2, 3}, {2, 1}, {3, 4}}, {"axis 1", "[2, 3]", "[3, 4]"}},
    {"concatenate", {{2, 3}, {2}, {2, 4}}, {"[2, 3]", "[2]"}},
    {"concatenate (stack)", {{2, 3}, {3, 2}}, {"[2, 3]", "[3, 2]"}},
};

const std::vector<Refusal> arrange_refusals = {
    {"roll (first axis)", {{}}, {"axis 0", "[]"}},
    {"roll (last axis, backwards)", {{}}, {"axis -1", "[]"}},
    {"pad", {{2, 3, 4}}, {"2 pairs", "[2, 3, 4]"}},
    {"pad", {{}}, {"2 pairs", "[]"}},
    {"diagonal", {{4}}, {"axis 1", "[4]"}},
    {"diagonal", {{}}, {"axis 0", "[]"}},
    {"diagonal (of other axes, below)", {{4, 4}}, {"axis 2", "[4, 4]"}},
    {"diagonal_scatter", {{2, 2}}, {"[2, 2]", "[4]", "[4, 6]"}},
    {"diagonal_scatter", {{}}, {"[]", "[1]", "[1, 3]"}},
    {"tril", {{4}}, {"[4]", "two axes"}},
    {"tril", {{}}, {"[]", "two axes"}},
    {"triu", {{}}, {"[]", "two axes"}},
};

const std::vector<Refusal> indexing_refusals = {
    {"take_along_axis", {{4, 4}}, {"[3, 4]", "[4, 4]", "axis 0"}},
    {"take_along_axis", {{3, 3}}, {"index 3 at [1, 0]", "axis 1", "[3, 3]"}, value_error},
    {"take_along_axis (first axis, fewer)", {{3}}, {"[1, 4]", "[3]"}},
    {"take_along_axis (gather)", {{1, 4}}, {"[2, 2]", "[1, 4]", "axis 0"}},
    {"take_along_axis", {{}}, {"axis 1", "[]"}},
    {"topk", {{}}, {"axis -1", "[]"}},
    {"topk", {{3, 1}}, {"2 elements", "[3, 1]"}, value_error},
    {"sort", {{}}, {"axis -1", "[]"}},
    {"scatter_along_axis", {{4, 3}}, {"[4, 3]", "[3, 4]"}},
    {"scatter_along_axis", {{}}, {"[]", "[3, 4]"}},
    {"scatter_along_axis (scatter_add)", {{3, 4}, {1, 2}}, {"[1, 2]", "[2, 2]"}},
    {"take", {{2}}, {"axis 1", "[2]"}},
    {"take", {{}}, {"axis 1", "[]"}},
    {"take", {{2, 2, 2}}, {"index 2", "[2, 2, 2]"}, value_error},
    {"masked_select", {{3, 5}}, {"[3, 4]", "[3, 5]"}},
    {"masked_scatter", {{3, 2}}, {"[3, 2]", "[3]"}},
    {"masked_scatter", {{}}, {"[]", "[3, 2]", "[3]"}},
    {"take (embedding)", {{5}}, {"[5]"}},
    {"take (embedding)", {{4, 3}}, {"index 4", "[4, 3]"}, value_error},
    {"scatter_slices", {{2, 4, 2}}, {"[2, 4, 2]", "[2, 3, 2]"}},
    {"scatter_slices (index_put of rows, accumulated)", {{3, 4}, {5}}, {"[5]", "[3, 4]"}},
};

const std::vector<Refusal> linear_algebra_refusals = {
    {"matmul", {{3, 4}, {5, 2}}, {"[3, 4] x [5, 2]", "4 vs 5"}},
    {"matmul (first transposed)", {{3, 4}, {4, 5}}, {"transposed [3, 4] x [4, 5]", "3 vs 4"}},
    {"matmul (stacks)", {{4, 2, 3}, {3, 3, 2}}, {"[4, 2, 3] x [3, 3, 2]", "4 vs 3"}},
    {"matmul (dot)", {{7}, {}}, {"[7] x []"}},
    {"linear", {{5, 3}, {4, 3}, {3}}, {"[5, 3] x [4, 3]", "3 vs 4"}},
    {"linear", {{5, 3}, {3, 4}, {3}}, {"bias", "[3]", "[3, 4]"}},
    {"linear (without bias)", {{5, 3}, {3}}, {"no matrix", "[5, 3] x [3]"}},
    {"linear", {{}, {3, 4}, {4}}, {"[] x [3, 4]"}},
    {"solve (matrix)", {{3, 3}, {4, 2}}, {"solve: ", "[3, 3]", "[4, 2]"}},
    {"solve (vector)", {{3, 4}, {3}}, {"solve: ", "square", "[3, 4]"}},
    {"solve (vector)", {{3, 3}, {}}, {"solve: ", "[3, 3]", "[]"}},
    {"solve_triangular (lower)", {{3, 3}, {2, 2}}, {"solve_triangular: ", "[3, 3]", "[2, 2]"}},
    {"solve_triangular (lower)", {{3, 3}, {}}, {"solve_triangular: ", "[3, 3]", "[]"}},
    {"add_product", {{}, {4, 5}, {4, 5}}, {"matmul: ", "[]"}},
    {"solve_factored", {{}, {2, 3, 2}}, {"solve: ", "square", "[]"}},
    {"determinant_gradient", {{}, {}}, {"determinant: ", "square", "[]"}},
    {"determinant", {{3, 4}}, {"square", "[3, 4]"}},
    {"determinant", {{3}}, {"square", "[3]"}},
    {"determinant", {{}}, {"square", "[]"}},
    {"inverse", {{3, 4}}, {"inverse: ", "square", "[3, 4]"}},
    {"inverse", {{}}, {"inverse: ", "square", "[]"}},
    {"logdet", {{}}, {"logdet: ", "square", "[]"}},
    {"logdet", {{2, 4, 3}}, {"logdet: ", "square", "[2, 4, 3]"}},
};

const std::vector<Refusal> layer_refusals = {
    {"layer_norm", {{5, 6}, {7}, {7}}, {"[7]", "[5, 6]", "axis 1"}},
    {"layer_norm (without gamma and beta)", {{}}, {"without axes"}},
    {"batch_norm (two axes)", {{5, 18}, {19}, {19}}, {"[19]", "[5, 18]", "axis 1"}},
    {"batch_norm (without gamma and beta)", {{4}}, {"[4]", "channels"}},
    {"batch_norm (without gamma and beta)", {{}}, {"[]", "channels"}},
    {"batch_norm (without gamma and beta)", {{1, 3, 1}}, {"[1, 3, 1]", "one value"}, value_error},
    {"layer_norm_gradient (without gamma and beta)", {{3, 4}, {3, 5}}, {"[3, 4]", "[3, 5]"}},
    {"layer_norm_gradient (without gamma and beta)", {{}, {}}, {"without axes"}},
    {"batch_norm_gradient (without gamma and beta)", {{3, 4}, {3, 5}}, {"[3, 4]", "[3, 5]"}},
    {"batch_norm_gradient (without gamma and beta)", {{}, {}}, {"[]", "channels"}},
};

const std::vector<Refusal> convolution_refusals = {
    {"conv2d", {{2, 3, 5, 4}, {3, 2, 3, 2}, {3}}, {"[2, 3, 5, 4]", "[3, 2, 3, 2]", "axis 1: 3"}},
    {"conv2d", {{2, 2, 2, 4}, {3, 2, 3, 2}, {3}}, {"[2, 2, 2, 4]", "[3, 2, 3, 2]", "axis 2"}},
    {"conv2d", {{2, 2, 5, 4}, {3, 2, 3, 2}, {2}}, {"bias", "[2]", "[3, 2, 3, 2]"}},
    {"conv2d", {{2, 5, 4}, {3, 2, 3, 2}, {3}}, {"4 axes", "[2, 5, 4]", "[3, 2, 3, 2]"}},
    {"conv2d", {{}, {3, 2, 3, 2}, {3}}, {"4 axes", "[]", "[3, 2, 3, 2]"}},
    {"conv2d", {{2, 2, 5, 4}, {3, 2, 3, 2}, {}}, {"bias", "[]", "[3, 2, 3, 2]"}},
    {"conv2d (conv1d)", {{2, 4, 9, 1}, {2, 2, 3}, {2}}, {"3 axes", "[2, 4, 9, 1]", "[2, 2, 3]"}},
    {"conv_transpose2d", {{2, 2, 3, 3}, {3, 2, 3, 2}, {2}}, {"[2, 2, 3, 3]", "[3, 2, 3, 2]"}},
    {"conv_transpose2d", {{}, {3, 2, 3, 2}, {2}}, {"4 axes", "[]", "[3, 2, 3, 2]"}},
    {"conv2d_kernel_gradient", {{2, 2, 5, 4}, {2, 3, 3, 2}}, {"[2, 2, 5, 4]", "[2, 3, 3, 2]"}},
    {"conv2d_kernel_gradient", {{2, 2, 5, 4}, {}}, {"4 axes", "[2, 2, 5, 4]", "[]"}},
    {"max_pool2d", {{2, 5, 4}}, {"4 axes", "[2, 5, 4]"}},
    {"max_pool2d", {{}}, {"4 axes", "[]"}},
    {"avg_pool2d", {{}}, {"4 axes", "[]"}},
    {"max_pool2d", {{2, 2, 5, 1}}, {"[2, 2, 5, 1]", "axis 3"}},
    {"avg_pool2d", {{2, 2, 1, 4}}, {"[2, 2, 1, 4]", "axis 2"}},
    {"avg_pool2d_gradient", {{2, 2, 5, 4}}, {"[2, 2, 5, 4]", "[2, 2, 2, 2]"}},
    {"avg_pool2d_gradient", {{}}, {"[]", "[2, 2, 2, 2]"}},
};

const std::vector<Refusal> reduction_refusals = {
    {"sum (middle axis)", {{4}}, {"axis 1", "[4]", "-1 to 0"}},
    {"sum (last axis)", {{}}, {"axis -1", "[]"}},
    {"mean (middle axis)", {{4}}, {"axis 1", "[4]"}},
    {"max (middle axis)", {{4}}, {"axis 1", "[4]"}},
    {"max (last axis)", {{3, 0}}, {"axis 1", "[3, 0]", "empty"}, value_error},
    {"max (norm with p = infinity)", {{3, 0}}, {"[3, 0]"}, value_error},
    {"min (outer axes)", {{3, 2}}, {"axis 2", "[3, 2]"}},
    {"min (all)", {{0}}, {"axis 0", "[0]", "empty"}, value_error},
    {"logsumexp (middle axis)", {{4}}, {"axis 1", "[4]"}},
    {"softmax (last axis)", {{}}, {"axis -1", "[]"}},
    {"log_softmax (first axis)", {{}}, {"axis 0", "[]"}},
    {"softmax_gradient (last axis)", {{}, {}}, {"axis -1", "[]"}},
    {"softmax_gradient (last axis)", {{3, 4}, {4}}, {"[3, 4]", "[4]"}},
    {"log_softmax_gradient (first axis)", {{}, {}}, {"axis 0", "[]"}},
    {"log_softmax_gradient (first axis)", {{3, 4}, {4}}, {"[3, 4]", "[4]"}},
    {"var (middle axis)", {{4}}, {"axis 1", "[4]"}},
    {"std (middle axis)", {{4}}, {"axis 1", "[4]"}},
    {"norm (middle axis)", {{4}}, {"axis 1", "[4]"}},
    {"cumsum (middle axis)", {{4}}, {"axis 1", "[4]"}},
    {"prod (middle axis)", {{4}}, {"axis 1", "[4]"}},
    {"prod_gradient", {{3, 7}, {7, 1}}, {"[7, 1]", "[3, 7]"}},
    {"prod_gradient", {{7}, {1}}, {"[1]", "[7]"}},
    {"prod_gradient", {{}, {}}, {"[]"}},
    {"logsumexp_anchor", {{}}, {"axis -1", "[]"}},
};

const std::vector<Refusal> loss_refusals = {
    {"mean_squared_error (mean)", {{3, 1}, {3}}, {"[3, 1]", "[3]", "does not broadcast"}},
    {"squared_error (none)", {{3, 1}, {3}}, {"[3, 1]", "[3]", "does not broadcast"}},
    {"l1_loss (mean)", {{3, 1}, {3}}, {"l1_loss: ", "[3, 1]", "[3]", "does not broadcast"}},
    {"huber_loss (sum)", {{3, 1}, {3}}, {"huber_loss: ", "[3, 1]", "[3]", "does not broadcast"}},
    {"kl_div (none)", {{3, 19}, {3, 1}}, {"kl_div: ", "[3, 19]", "[3, 1]", "does not broadcast"}},
    {"kl_div (none)", {{}, {}}, {"0 axes", "[]"}},
    {"binary_cross_entropy (mean)", {{3, 2}, {2}}, {"[3, 2]", "[2]", "does not broadcast"}},
    {"binary_cross_entropy_with_logits (sum)", {{3, 2}, {2}}, {"[3, 2]", "[2]", "does not broadcast"}},
    {"cross_entropy_of_probabilities (rows, mean)", {{3, 19}, {3, 1}}, {"[3, 19]", "[3, 1]"}},
    {"cross_entropy_of_probabilities (rows, mean)", {{}, {}}, {"0 axes", "[]"}},
    {"cross_entropy_of_probabilities (labels, sum)", {{3, 9}}, {"row 1 is 9", "9 classes"}, value_error},
    {"sum_squared_error (mean)", {{3, 4}, {4}}, {"[3, 4]", "[4]", "does not broadcast"}},
    {"cross_entropy (labels, mean)", {{4, 19}}, {"labels [3]", "[4, 19]"}},
    {"cross_entropy (labels, mean)", {{}}, {"0 axes", "[]"}},
    {"cross_entropy (labels, mean)", {{3, 16}}, {"row 2 is 16", "16 classes"}, value_error},
    {"cross_entropy (rows, mean)", {{3, 19}, {3, 18}}, {"[3, 19]", "[3, 18]"}},
    {"cross_entropy (rows, mean)", {{3, 19, 1}, {3, 19, 1}}, {"[3, 19, 1]", "3 axes"}},
    {"cross_entropy_gradient (labels, mean)", {{3, 19}, {3}}, {"[]", "[3]"}},
    {"cross_entropy_gradient (labels, mean)", {{3, 16}, {}}, {"row 2 is 16", "16 classes"}, value_error},
    {"nll_loss_gradient (sum)", {{3, 19}, {3}}, {"[]", "[3]"}},
    {"loss_gradient (huber_loss in the target)", {{3, 1}, {3}, {}}, {"[3, 1]", "[3]", "does not broadcast"}},
    {"nll_loss (sum)", {{2, 19}}, {"labels [3]", "[2, 19]"}},
    {"nll_loss (sum)", {{}}, {"0 axes", "[]"}},
    {"nll_loss (none)", {{3, 9}}, {"row 1 is 9", "9 classes"}, value_error},
};

}  // namespace

std::vector<Refusal> all_refusals() {
  std::vector<Refusal> all;
  for (const auto* family :
       {&core_refusals, &shape_refusals, &arrange_refusals, &indexing_refusals, &linear_algebra_refusals,
        &layer_refusals, &convolution_refusals, &reduction_refusals, &loss_refusals})
    all.insert(all.end(), family->begin(), family->end());
  return all;
}

std::vector<Lenience> all_leniences() {
  return {
      {"dropout", "each element is kept or dropped by itself; only the probability can be refused"},
      {"cholesky", "its row makes a square matrix of any; test_decomposition.cpp has those that are none"}};
}

}  // namespace xgrad::testing
