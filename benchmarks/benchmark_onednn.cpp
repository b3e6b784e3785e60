// The workloads that oneDNN has primitives for, as somebody would write them by hand who knows it: everything
// is made once, layouts are oneDNN's own choice, what follows a product is fused into it, and a step does
// nothing but run.
#include <omp.h>

#include "harness.hpp"
#include "onednn_rows.hpp"
#include "workloads.hpp"

int main(int argc, char** argv) {
  const auto row = [](auto build, auto sizes) {
    return [=] { return onednn::row_of([=](onednn::Step& step) { build(step, sizes); }); };
  };
  // Debian's oneDNN runs on OpenMP's threads, as do the loops of ours.
  return harness::run(argc, argv,
                      {[](int threads) { omp_set_num_threads(threads); },
                       {{"mlp100", row(onednn::relu_mlp, workloads::mlp100())},
                        {"mlp500", row(onednn::relu_mlp, workloads::mlp500())},
                        {"sigmoid100", row(onednn::sigmoid_mlp, workloads::sigmoid100())},
                        {"cnn32", row(onednn::cnn, workloads::Cnn())},
                        {"wide", row(onednn::relu_mlp, workloads::wide())},
                        {"layernorm_fused", [] { return onednn::row_of(onednn::layer_norm); }},
                        {"attention", row(onednn::attention, workloads::Attention())},
                        {"lstm", row(onednn::lstm, workloads::Lstm())}}});
}
