#include "work.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <variant>

namespace xgrad::detail {
namespace {

double count_of(const Shape& shape) { return static_cast<double>(element_count(shape)); }

bool is_set(std::span<const Attribute> attributes, std::string_view name) {
  for (const Attribute& attribute : attributes)
    if (const bool* set = std::get_if<bool>(&attribute.value); attribute.name == name && set != nullptr)
      return *set;
  return false;
}

struct Given {
  std::span<const Attribute> attributes;
  std::span<const Shape> inputs;
  const Shape& output;
  double first() const { return inputs.empty() ? 0 : count_of(inputs[0]); }
  double result() const { return count_of(output); }
};

/// Of the first operand's rows with the second's columns.
double product(const Given& g) {
  const Shape& a = g.inputs[0];
  if (a.empty()) return g.result();
  const bool transposed = is_set(g.attributes, "transpose_a") && a.size() > 1;
  return 2 * g.result() * static_cast<double>(transposed ? a[a.size() - 2] : a.back());
}
/// Of [N, in] with [in, out], and the bias.
double linear(const Given& g) {
  return 2 * g.result() * static_cast<double>(g.inputs[0].back()) + (g.inputs.size() > 2 ? g.result() : 0);
}
/// The kernel is [out, in / groups, height, width], the bias one for each channel.
double convolution(const Given& g) {
  const Shape& kernel = g.inputs[1];
  const double one_output = count_of(kernel) / static_cast<double>(std::max<std::size_t>(kernel[0], 1));
  return 2 * g.result() * one_output + (g.inputs.size() > 2 ? g.result() : 0);
}
/// The kernel is [in, out / groups, height, width]: each input goes to as many outputs.
double transposed_convolution(const Given& g) {
  const Shape& kernel = g.inputs[1];
  const double one_input = count_of(kernel) / static_cast<double>(std::max<std::size_t>(kernel[0], 1));
  return 2 * g.first() * one_input + (g.inputs.size() > 2 ? g.result() : 0);
}
double each_input(const Given& g) { return g.first(); }
double each_output(const Given& g) { return g.result(); }
double two_each_input(const Given& g) { return 2 * g.first(); }
double five_each_input(const Given& g) { return 5 * g.first(); }
/// Mean and variance in two passes, then the shift and the scale.
double eight_each_input(const Given& g) { return 8 * g.first(); }
/// c + a b, of operands in this order.
double added_product(const Given& g) {
  return product({g.attributes, g.inputs.subspan(1), g.output}) + g.result();
}
/// Forward or back through a triangle, for each right side.
double triangular_solution(const Given& g) { return g.result() * static_cast<double>(g.inputs[0].back()); }
double none(const Given&) { return 0; }
/// Of n by n matrices: n^3 / 3 as LAPACK counts a Cholesky factorisation, 2/3 an LU one, 2 an inverse.
double cubes(const Given& g, double factor) {
  const double extent = g.inputs[0].empty() ? 0 : static_cast<double>(g.inputs[0].back());
  return factor * g.first() * extent;
}
double cholesky(const Given& g) { return cubes(g, 1.0 / 3); }
double factorisation(const Given& g) { return cubes(g, 2.0 / 3); }
double inverse(const Given& g) { return cubes(g, 2); }
/// And 2 n^2 for each right side.
double solution(const Given& g) {
  return factorisation(g) + 2 * g.result() * static_cast<double>(g.inputs[0].back());
}

struct Kind {
  std::string_view name;
  double (*flops)(const Given&);
};

// In the alphabet's order; what is not here takes one operation an output.
constexpr Kind kinds[] = {
    {"adaptive_avg_pool2d", each_input},
    {"add_product", added_product},
    {"avg_pool2d", each_input},
    {"batch_norm", eight_each_input},
    {"binary_cross_entropy", five_each_input},
    {"binary_cross_entropy_with_logits", five_each_input},
    {"broadcast_to", none},
    {"cast", none},
    {"cholesky", cholesky},
    {"concatenate", none},
    {"conv2d", convolution},
    {"conv_transpose2d", transposed_convolution},
    {"cross_entropy", five_each_input},
    {"cross_entropy_of_probabilities", five_each_input},
    {"determinant", factorisation},
    {"diagonal", none},
    {"diagonal_scatter", none},
    {"huber_loss", five_each_input},
    {"inverse", inverse},
    {"kl_div", five_each_input},
    {"l1_loss", two_each_input},
    {"layer_norm", eight_each_input},
    {"linear", linear},
    {"log_softmax", five_each_input},
    {"logdet", factorisation},
    {"logsumexp", five_each_input},
    {"masked_scatter", none},
    {"masked_select", none},
    {"matmul", product},
    {"max", each_input},
    {"max_pool2d", none},
    {"max_with_indices", each_input},
    {"mean", each_input},
    {"mean_squared_error", two_each_input},
    {"min", each_input},
    {"min_with_indices", each_input},
    {"norm", two_each_input},
    {"pad", none},
    {"prod", each_input},
    {"reshape", none},
    {"roll", none},
    {"scatter_along_axis", each_input},
    {"scatter_slices", each_input},
    {"slice", none},
    {"slice_scatter", none},
    {"softmax", five_each_input},
    {"solve", solution},
    {"solve_triangular", triangular_solution},
    {"sort", none},
    {"std", eight_each_input},
    {"sum", each_input},
    {"sum_squared_error", two_each_input},
    {"sum_to", each_input},
    {"take", none},
    {"take_along_axis", none},
    {"topk", none},
    {"transpose", none},
    {"tril", none},
    {"triu", none},
    {"var", eight_each_input},
};

double flops_of(std::string_view name, const Given& given) {
  const auto found =
      std::lower_bound(std::begin(kinds), std::end(kinds), name,
                       [](const Kind& kind, std::string_view wanted) { return kind.name < wanted; });
  return (found != std::end(kinds) && found->name == name ? found->flops : each_output)(given);
}

double elements_of(std::span<const Shape> inputs) {
  double elements = 0;
  for (const Shape& shape : inputs) elements += count_of(shape);
  return elements;
}

/// A reshape leaves the elements where they are.
bool moves_nothing(std::string_view name) { return name == "reshape"; }

}  // namespace

Work forward_work(std::string_view name, std::span<const Attribute> attributes, std::span<const Shape> inputs,
                  const Shape& output) {
  if (moves_nothing(name)) return {};
  return {flops_of(name, {attributes, inputs, output}), elements_of(inputs) + count_of(output)};
}

Work backward_work(std::string_view name, std::span<const Attribute> attributes,
                   std::span<const Shape> inputs, const Shape& output) {
  if (moves_nothing(name)) return {};
  return {2 * flops_of(name, {attributes, inputs, output}), 2 * elements_of(inputs) + count_of(output)};
}

}  // namespace xgrad::detail
