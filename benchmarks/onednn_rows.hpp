// The workloads in oneDNN.
#pragma once

#include "onednn_step.hpp"
#include "workloads.hpp"

namespace onednn {

void relu_mlp(Step& step, const workloads::Mlp& mlp);
void sigmoid_mlp(Step& step, const workloads::Mlp& mlp);
void cnn(Step& step, const workloads::Cnn& sizes);
void layer_norm(Step& step);
void attention(Step& step, const workloads::Attention& sizes);
void lstm(Step& step, const workloads::Lstm& sizes);

}  // namespace onednn
