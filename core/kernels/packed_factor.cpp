#include "packed_factor.hpp"

#include <type_traits>

#include "dispatch.hpp"
#include "gemm_kernels.hpp"

namespace xgrad {
namespace {

const kernels::GemmKernels& chosen() {
  return chosen_kernels([]<class I>() { return kernels::gemm_kernels<I>(); });
}

}  // namespace

template <class T>
bool PackedFactor<T>::is_worth(std::size_t rows) noexcept {
  // To pack takes about as long as what so many rows lose by reading from afar. Without wide registers of
  // ours BLAS is faster, which may have them.
  return rows >= 128 && instruction_set() != InstructionSet::baseline;
}

template <class T>
PackedFactor<T>::PackedFactor(const T* b, std::size_t k, std::size_t n, bool transposed, std::size_t rows)
    : b_(b), k_(k), n_(n), transposed_(transposed) {
  if (k == 0 || n == 0 || !is_worth(rows)) return;
  using namespace kernels;
  const std::size_t row = (n * sizeof(T) + panel_unit_bytes - 1) / panel_unit_bytes * panel_unit_bytes;
  panels_ = memory::Buffer(k * row);
  Product all{};
  all.b = b;
  all.b_row = transposed ? 1 : static_cast<std::ptrdiff_t>(n);
  all.b_column = transposed ? static_cast<std::ptrdiff_t>(k) : 1;
  all.n = n;
  all.k = k;
  all.panel = panels_.mutable_data();
  chosen().pack[std::is_same_v<T, double>](all);
}

template <class T>
void PackedFactor<T>::multiply(std::size_t m, const T* a, T* c, Into into) const {
  if (!panels_) return gemm({m, n_, k_, false, transposed_}, a, b_, c, into);
  kernels::Product all{};
  all.a = a;
  all.a_row = static_cast<std::ptrdiff_t>(k_);
  all.a_column = 1;
  all.c = c;
  all.c_row = static_cast<std::ptrdiff_t>(n_);
  all.m = m;
  all.n = n_;
  all.k = k_;
  all.add = into == Into::add;
  // The kernel reads the panels alone.
  all.panel = const_cast<void*>(panels_.data());
  all.packed = true;
  chosen().product[std::is_same_v<T, double>](all);
}

template class PackedFactor<float>;
template class PackedFactor<double>;

}  // namespace xgrad
