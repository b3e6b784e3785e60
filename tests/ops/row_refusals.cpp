#include "row_refusals.hpp"

#include <utility>

namespace xgrad::testing {
std::vector<Refusal> all_refusals() {
  std::vector<Refusal> all;
  for (const auto family : {core_refusals, shape_refusals, arrange_refusals, indexing_refusals,
                            linear_algebra_refusals, layer_refusals, attention_refusals, convolution_refusals,
                            reduction_refusals, loss_refusals, recurrent_refusals})
    for (Refusal& each : family()) all.push_back(std::move(each));
  return all;
}

std::vector<Lenience> all_leniences() {
  return {
      {"dropout", "each element is kept or dropped by itself; only the probability can be refused"},
      {"cholesky", "its row makes a square matrix of any; test_decomposition.cpp has those that are none"}};
}

}  // namespace xgrad::testing
