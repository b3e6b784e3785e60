// How much work a thread is woken for: what loops give to parallel_for as pieces.
//
// To wake a thread takes microseconds, and what it works on has to come into its cache; so a piece is the
// larger, the less a loop does with each element. Sums are split where pieces are, so these numbers are part
// of a result's last bits: they depend on shapes alone, and are changed for a measured reason only. Blocks
// that are to fit a cache are another matter, and stand with their loops.
#pragma once

#include <cstddef>

namespace xgrad::worth_a_thread {

// Elements of a loop.

/// An optimizer's step. What two threads have updated must come back from the other's cache in the next step,
/// and for a million bytes that costs more than it gained.
inline constexpr std::size_t updated_elements = 1 << 18;
/// Copied, or combined once: the loop waits for memory.
inline constexpr std::size_t streamed_elements = 1 << 17;
/// Reduced, normalised, converted, or run through a formula's steps: a few of these pieces still fit a cache.
inline constexpr std::size_t computed_elements = 1 << 16;
/// Dearer: an exponential and a logarithm each, or taken one after another, to or from places of their own.
inline constexpr std::size_t costly_elements = 1 << 15;
/// Random numbers; even, so that pairs stay together.
inline constexpr std::size_t drawn_elements = 1 << 14;
/// Compared many times each.
inline constexpr std::size_t sorted_elements = 1 << 13;

// Multiply-adds of a product.

/// A matrix and a vector, which wait for memory.
inline constexpr std::size_t vector_product = 1 << 18;
/// Many small products or factorisations, of which a thread takes some.
inline constexpr std::size_t small_products = 1 << 18;
/// Columns of a right side that a triangular matrix is solved for.
inline constexpr std::size_t solved_columns = 1 << 20;
/// Tiles of a convolution.
inline constexpr std::size_t convolution_tiles = 1 << 22;
/// A part of one large product, which packs the other operand anew.
inline constexpr std::size_t part_of_a_product = 1 << 24;

}  // namespace xgrad::worth_a_thread
