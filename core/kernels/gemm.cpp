#include "gemm.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "../array/error.hpp"
#include "../array/instantiate.hpp"
#include "../array/memory.hpp"
#include "../array/threads.hpp"
#include "../array/worth_a_thread.hpp"
#include "blas_call.hpp"
#include "blas_library.hpp"
#include "dispatch.hpp"
#include "gemm_kernels.hpp"
#include "typed_blas.hpp"

namespace xgrad {
namespace {

using detail::blas_index;
using detail::blas_transpose;
using detail::BlasIndex;

void check_extents(const GemmSize& s) {
  const std::size_t largest = std::max({s.m, s.n, s.k});
  if (largest > detail::largest_blas_index)
    throw ShapeError("matmul: an extent of " + std::to_string(largest) + " in [" + std::to_string(s.m) +
                     ", " + std::to_string(s.k) + "] x [" + std::to_string(s.k) + ", " + std::to_string(s.n) +
                     "] is larger than BLAS takes (" + std::to_string(detail::largest_blas_index) +
                     "); split that side");
}

/// How many rows or columns of C, whichever are more, make a piece: all of them for a small product. Pieces
/// of 48 cost a few percent in packing the other operand anew, from 128 on next to nothing.
std::size_t piece_of(const GemmSize& s, bool is_vector) {
  const std::size_t extent = std::max(s.m, s.n), other = std::min(s.m, s.n);
  constexpr double of_a_vector = worth_a_thread::vector_product,
                   of_a_part = worth_a_thread::part_of_a_product;
  const double worth = is_vector ? of_a_vector : of_a_part;
  const double work = static_cast<double>(extent) * static_cast<double>(other) * static_cast<double>(s.k);
  const std::size_t by_extent =
      std::min<std::size_t>(64, std::max(std::min<std::size_t>(8, extent / 48), extent / 128));
  const std::size_t by_work = static_cast<std::size_t>(std::min(work / worth, 64.0));
  const std::size_t pieces = std::min(by_extent, by_work);
  if (pieces < 2) return extent;
  const std::size_t even = (extent + pieces - 1) / pieces;
  return (even + 15) / 16 * 16;
}

/// Rows or columns [first, first + count) of op(X), where X is stored with rows of `width`: where they start.
template <class T>
T* part_of(T* x, bool along_rows, std::size_t first, std::size_t width) {
  return x + (along_rows ? first * width : first);
}

template <class T>
void add_vector_product(const GemmSize& s, const T* a, const T* b, T* c) {
  // Either C is a column, op(A) times a vector, or a row, and so op(B) transposed times a vector.
  const bool column = s.n == 1;
  const T* matrix = column ? a : b;
  const T* vector = column ? b : a;
  const std::size_t extent = column ? s.m : s.n;
  const bool transpose = column ? s.transpose_a : !s.transpose_b;
  const std::size_t width = transpose ? extent : s.k;
  parallel_for(extent, piece_of(s, true), [&](std::size_t begin, std::size_t end) {
    const std::size_t count = end - begin;
    const detail::BlasCall call;
    cxxblas::gemv(cxxblas::RowMajor, blas_transpose(transpose), blas_index(transpose ? s.k : count),
                  blas_index(transpose ? count : s.k), T(1), part_of(matrix, !transpose, begin, width),
                  blas_index(width), vector, BlasIndex(1), T(1), c + begin, BlasIndex(1));
  });
}

/// The multiply-adds up to which our own kernel is the faster one; measured over products of 4 to 1024 a
/// side. With registers twice as wide it takes half of BLAS's time at every size.
double most_own_work(const GemmSize& s) {
  // One term: BLAS would pack what is read once.
  if (s.k == 1) return std::numeric_limits<double>::infinity();
  const bool wide = instruction_set() == InstructionSet::avx512;
  if (wide && !detail::blas_uses_avx512()) return std::numeric_limits<double>::infinity();
  if (instruction_set() == InstructionSet::baseline) return 1 << 10;
  const bool flat = std::min(s.n, s.k) <= 16;
  return wide ? (flat ? 1 << 16 : 1 << 12) : (flat ? 1 << 20 : 1 << 19);
}

template <class T>
void own_product(const GemmSize& s, const T* a, std::size_t a_width, const T* b, std::size_t b_width, T* c,
                 std::size_t c_width, bool add) {
  const kernels::GemmKernels& kernels = chosen_kernels([]<class I>() { return kernels::gemm_kernels<I>(); });
  const auto strides = [](bool transposed, std::size_t width) {
    const auto far = static_cast<std::ptrdiff_t>(width);
    return transposed ? std::pair<std::ptrdiff_t, std::ptrdiff_t>(1, far)
                      : std::pair<std::ptrdiff_t, std::ptrdiff_t>(far, 1);
  };
  const auto [a_row, a_column] = strides(s.transpose_a, a_width);
  const auto [b_row, b_column] = strides(s.transpose_b, b_width);
  memory::Buffer panel;
  if (b_column != 1 || (s.m >= 64 && b_row >= 256)) {
    using namespace kernels;
    const std::size_t row = (s.n * sizeof(T) + panel_unit_bytes - 1) / panel_unit_bytes * panel_unit_bytes;
    panel = memory::Buffer(std::min(s.k, most_terms) * std::min(row, panel_row_bytes));
  }
  kernels.product[std::is_same_v<T, double>]({a, a_row, a_column, b, b_row, b_column, c,
                                              static_cast<std::ptrdiff_t>(c_width), s.m, s.n, s.k, add,
                                              panel.mutable_data()});
}

template <class T>
void matrix_product(const GemmSize& s, const T* a, const T* b, T* c, Into into) {
  const bool own =
      static_cast<double>(s.m) * static_cast<double>(s.n) * static_cast<double>(s.k) <= most_own_work(s);
  const std::size_t a_width = s.transpose_a ? s.m : s.k;
  const std::size_t b_width = s.transpose_b ? s.k : s.n;
  const T beta = into == Into::add ? T(1) : T(0);
  const bool by_rows = s.m >= s.n;
  parallel_for(by_rows ? s.m : s.n, piece_of(s, false), [&](std::size_t begin, std::size_t end) {
    GemmSize part = s;
    (by_rows ? part.m : part.n) = end - begin;
    const T* part_a = by_rows ? part_of(a, !s.transpose_a, begin, a_width) : a;
    const T* part_b = by_rows ? b : part_of(b, s.transpose_b, begin, b_width);
    T* part_c = part_of(c, by_rows, begin, s.n);
    if (own) return own_product(part, part_a, a_width, part_b, b_width, part_c, s.n, into == Into::add);
    const detail::BlasCall call;
    cxxblas::gemm(cxxblas::RowMajor, blas_transpose(s.transpose_a), blas_transpose(s.transpose_b),
                  blas_index(part.m), blas_index(part.n), blas_index(s.k), T(1), part_a, blas_index(a_width),
                  part_b, blas_index(b_width), beta, part_c, blas_index(s.n));
  });
}

}  // namespace

template <class T>
void gemm(const GemmSize& size, const T* a, const T* b, T* c, Into into) {
  if (size.m == 0 || size.n == 0) return;
  const bool is_vector = size.m == 1 || size.n == 1;
  // BLAS is free to leave C alone when there is nothing to sum, and gemv to read it.
  if (into == Into::overwrite && (size.k == 0 || is_vector)) std::fill_n(c, size.m * size.n, T(0));
  if (size.k == 0) return;
  check_extents(size);
  detail::claim_blas_threads();
  if (is_vector)
    add_vector_product(size, a, b, c);
  else
    matrix_product(size, a, b, c, into);
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() { return gemm<T>; });

}  // namespace xgrad
