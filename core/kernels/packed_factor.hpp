// The right factor of many products, laid out once for the kernel that multiplies by it.
#pragma once

#include <cstddef>

#include "../array/memory.hpp"
#include "gemm.hpp"

namespace xgrad {

/// op(B) [k, n], stored as in gemm. A weight that every time step multiplies by is packed here once, and read
/// straight through each time, where gemm would pack it or read it from afar anew. B must outlive this.
template <class T>
class PackedFactor {
 public:
  /// `rows` is how many rows are multiplied by it in all: for a few, and where our own kernel is not the
  /// faster one, it is not packed, and every product is gemm's.
  PackedFactor(const T* b, std::size_t k, std::size_t n, bool transposed, std::size_t rows);

  /// Whether it is packed for so many rows.
  static bool is_worth(std::size_t rows) noexcept;

  /// C = A op(B), or C += A op(B), of A [m, k] and C [m, n], in this thread if B is packed. Each row of C
  /// then has the same bits whatever rows stand beside it.
  void multiply(std::size_t m, const T* a, T* c, Into into = Into::overwrite) const;

 private:
  const T* b_;
  std::size_t k_, n_;
  bool transposed_;
  memory::Buffer panels_;
};

}  // namespace xgrad
