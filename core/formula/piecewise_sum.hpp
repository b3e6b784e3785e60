// Sums of a value that comes piece by piece, with the bits of sum_axes(): of all elements, or over all rows.
#pragma once

#include <cstddef>
#include <span>

#include "../array/dense.hpp"
#include "../array/worth_a_thread.hpp"

namespace xgrad::detail {

/// Elements of a piece; the last one is shorter.
inline constexpr std::size_t summed_piece = worth_a_thread::computed_elements;

/// Whether sum_axes() adds up so many elements in such pieces.
inline bool sums_in_pieces(std::size_t count) {
  return count > 2 * summed_piece && count / summed_piece < 2 * summed_piece;
}
template <class T>
double sum_of_piece(const T* elements, std::size_t count);
/// Of those of all pieces in their order, over `divisor`.
template <class T>
T sum_of_pieces(std::span<const double> sums, double divisor);

/// How many rows of a matrix sum_axes() adds up in a piece; 0 where it takes all of them at once, or goes
/// another way.
std::size_t summed_rows(std::size_t rows, std::size_t columns) noexcept;
/// The sums over the rows of a piece, in its columns' places; To is double or T.
template <class T, class To>
void sum_rows_of_piece(const T* elements, std::size_t rows, std::size_t columns, To* sums);
/// Of those of all pieces in their order.
template <class T>
memory::Buffer sum_rows_of_pieces(Dense<double> sums);

}  // namespace xgrad::detail
