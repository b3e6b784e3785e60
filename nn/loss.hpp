// The losses, beside the layers; what they compute is said in ops/loss.hpp and ops/cross_entropy.hpp.
#pragma once

#include "../ops/cross_entropy.hpp"
#include "../ops/loss.hpp"

namespace xgrad::nn {

using xgrad::binary_cross_entropy;
using xgrad::binary_cross_entropy_with_logits;
using xgrad::cross_entropy;
using xgrad::cross_entropy_of_probabilities;
using xgrad::huber_loss;
using xgrad::kl_div;
using xgrad::l1_loss;
using xgrad::mean_squared_error;
using xgrad::nll_loss;
using xgrad::Reduction;
using xgrad::sum_squared_error;

}  // namespace xgrad::nn
