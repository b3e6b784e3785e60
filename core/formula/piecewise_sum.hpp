// The sum of all elements of a value that comes piece by piece, with the bits of sum_axes().
#pragma once

#include <cstddef>
#include <span>

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

}  // namespace xgrad::detail
