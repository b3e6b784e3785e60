// What a step cannot do without: its matrix products through the same OpenBLAS, a hand-fused loop, or the
// memory traffic.
#include <cblas.h>

#include <memory>
#include <stdexcept>

#include <xgrad/core/kernels/dispatch.hpp>

#include "floor_kernels.hpp"
#include "harness.hpp"
#include "workloads.hpp"

namespace {

using Floats = std::vector<float>;

const floors::Loops& loops() {
  return *xgrad::choose_kernels([]<class Isa>() { return floors::loops<Isa>(); });
}

/// A product with operands of its own.
struct Call {
  workloads::Product size;
  Floats a, b, c;

  explicit Call(const workloads::Product& p) : size(p), a(p.m * p.k), b(p.k * p.n), c(p.m * p.n) {
    workloads::fill(a.data(), a.size(), 1, 1);
    workloads::fill(b.data(), b.size(), 2, 1);
  }
  void operator()() {
    const auto blas = [](std::size_t n) { return static_cast<blasint>(n); };
    const auto transposed = [](bool yes) { return yes ? CblasTrans : CblasNoTrans; };
    for (std::size_t i = 0; i < size.times; ++i)
      cblas_sgemm(CblasRowMajor, transposed(size.transpose_a), transposed(size.transpose_b), blas(size.m),
                  blas(size.n), blas(size.k), 1, a.data(), blas(size.transpose_a ? size.m : size.k), b.data(),
                  blas(size.transpose_b ? size.k : size.n), 0, c.data(), blas(size.n));
  }
};

harness::Row products(const workloads::Products& sizes) {
  const auto calls = std::make_shared<std::vector<Call>>(sizes.begin(), sizes.end());
  return {[calls] {
            for (Call& call : *calls) call();
          },
          nullptr};
}

/// One pass: x is read, its gradient is written.
harness::Row elementwise() {
  const std::size_t n = workloads::elementwise_size;
  const auto x = std::make_shared<Floats>(n), dx = std::make_shared<Floats>(n);
  workloads::fill(x->data(), n, 1, 2);
  return {[=] {
            const double sum = loops().formula(x->data(), dx->data(), n, 1.0f / static_cast<float>(n));
            if (!(sum > 0)) throw std::runtime_error("the formula's sum is positive");
          },
          nullptr};
}

/// x is read forward, read again backward, and its gradient is written.
harness::Row layernorm() {
  const std::size_t n = workloads::norm_rows * workloads::norm_columns;
  const auto x = std::make_shared<Floats>(n), dx = std::make_shared<Floats>(n);
  workloads::fill(x->data(), n, 1, 1);
  return {[=] { loops().scale(x->data(), dx->data(), n, static_cast<float>(loops().sum(x->data(), n))); },
          nullptr};
}

harness::Side side() {
  return {[](int threads) { openblas_set_num_threads(threads); },
          {{"spiral", [] { return products(workloads::spiral().products()); }},
           {"mlp100", [] { return products(workloads::mlp100().products()); }},
           {"mlp500", [] { return products(workloads::mlp500().products()); }},
           {"sigmoid100", [] { return products(workloads::sigmoid100().products()); }},
           {"cnn32", [] { return products(workloads::Cnn().products()); }},
           {"wide", [] { return products(workloads::wide().products()); }},
           {"elementwise", elementwise},
           {"elementwise_lambda", elementwise},
           {"layernorm", layernorm},
           {"layernorm_fused", layernorm},
           {"attention", [] { return products(workloads::Attention().products()); }},
           {"lstm", [] { return products(workloads::Lstm().products()); }}}};
}

}  // namespace

int main(int argc, char** argv) { return harness::run(argc, argv, side()); }
