// What attention's ways forward and back share: heads, parts of their queries and keys, room for blocks.
#pragma once

#include <algorithm>

#include "../core/array/worth_a_thread.hpp"
#include "../core/kernels/dispatch.hpp"
#include "../core/kernels/gemm.hpp"
#include "attention_blocks.hpp"
#include "attention_kernels.hpp"

namespace xgrad::detail {

// As many queries and keys at a time as make products of some size, whose scores stay in a core's own cache.
inline constexpr std::size_t most_queries = 128, most_keys = 128;

inline const kernels::AttentionKernels& attention_kernels() {
  const kernels::AttentionKernels& kernels =
      chosen_kernels([]<class I>() { return kernels::attention_kernels<I>(); });
  return kernels;
}

/// Of a table of kernels.
template <class T>
constexpr std::size_t which = std::is_same_v<T, double>;

/// Some of a row of equal things: [begin, begin + count).
struct Part {
  std::size_t begin, count;
  std::size_t end() const { return begin + count; }
};
inline std::size_t parts(std::size_t extent, std::size_t most) { return (extent + most - 1) / most; }
inline Part part(std::size_t number, std::size_t extent, std::size_t most) {
  return {number * most, std::min(most, extent - number * most)};
}

/// The inputs of one head.
template <class T>
struct Head {
  const AttentionInputs<T>& in;
  std::size_t number;
  const T *q, *k, *v;

  Head(const AttentionInputs<T>& of, std::size_t head)
      : in(of),
        number(head),
        q(of.q + head * of.size.queries * of.size.width),
        k(of.k + head * of.size.keys * of.size.width),
        v(of.v + head * of.size.keys * of.size.value_width) {}

  /// q k' of some queries and keys.
  void multiply(Part queries, Part keys, T* scores) const {
    const std::size_t d = in.size.width;
    gemm({queries.count, keys.count, d, false, true}, q + queries.begin * d, k + keys.begin * d, scores);
  }
  kernels::AttentionBlock block(Part queries, Part keys, T* scores) const {
    kernels::AttentionBlock b{};
    b.rows = queries.count;
    b.columns = keys.count;
    b.scores = scores;
    b.scale = in.scale;
    b.seen = in.causal
                 ? static_cast<std::ptrdiff_t>(queries.begin) + 1 - static_cast<std::ptrdiff_t>(keys.begin)
                 : static_cast<std::ptrdiff_t>(keys.count);
    b.seen_step = in.causal ? 1 : 0;
    if (in.forbidden.any()) {
      b.forbidden = in.forbidden.at(number, queries.begin, keys.begin);
      b.forbidden_row = in.forbidden.query_step();
      b.forbidden_column = in.forbidden.key_step();
    }
    return b;
  }
  /// Whether the mask hides each of some keys from each of some queries.
  bool hides(Part queries, Part keys) const {
    if (!in.forbidden.any()) return false;
    // Where an axis of the mask has one element for all, that one is enough.
    const std::size_t rows = in.forbidden.query_step() == 0 ? 1 : queries.count;
    const std::size_t columns = in.forbidden.key_step() == 0 ? 1 : keys.count;
    for (std::size_t r = 0; r < rows; ++r) {
      const bool* const row = in.forbidden.at(number, queries.begin + r, keys.begin);
      for (std::size_t c = 0; c < columns; ++c)
        if (!row[static_cast<std::ptrdiff_t>(c) * in.forbidden.key_step()]) return false;
    }
    return true;
  }
  /// The same, where also nothing comes of weights of 0: times a value that is no finite number one is a NaN.
  bool skips(Part queries, Part keys) const {
    return hides(queries, keys) &&
           attention_kernels().all_finite[which<T>](v + keys.begin * in.size.value_width,
                                                    keys.count * in.size.value_width);
  }
  /// Multiplies what dropout drops of some weights, or keeps, by its factors.
  void drop(Part queries, Part keys, T* weights, T* factors) const {
    const std::size_t row = in.size.keys, first = (number * in.size.queries + queries.begin) * row;
    if (keys.count == row)
      dropout_factors(in.drawn, first, queries.count * row, factors);
    else
      for (std::size_t r = 0; r < queries.count; ++r)
        dropout_factors(in.drawn, first + r * row + keys.begin, keys.count, factors + r * keys.count);
    attention_kernels().multiply[which<T>](weights, factors, queries.count * keys.count);
  }
  /// Whether there is a key that a query sees.
  bool sees(std::size_t query) const {
    const std::size_t before = in.causal ? std::min(query + 1, in.size.keys) : in.size.keys;
    if (!in.forbidden.any()) return before > 0;
    const bool* const forbids = in.forbidden.at(number, query, 0);
    const std::ptrdiff_t step = in.forbidden.key_step();
    for (std::size_t key = 0; key < before; ++key)
      if (!forbids[static_cast<std::ptrdiff_t>(key) * step]) return true;
    return false;
  }
};

/// Room for the blocks of a piece of work.
template <class T>
class Room {
 public:
  explicit Room(const AttentionSize& size, std::size_t columns, std::size_t blocks)
      : rows_(std::min(most_queries, size.queries)),
        block_(round_up(rows_ * columns)),
        buffer_((blocks * block_ + rows_) * sizeof(T) + rows_ * sizeof(double)) {}

  T* block(std::size_t number) { return static_cast<T*>(buffer_.mutable_data()) + number * block_; }
  /// A double and a T for each row, behind `blocks` blocks.
  double* totals(std::size_t blocks) { return reinterpret_cast<double*>(block(blocks)); }
  T* of_rows(std::size_t blocks) { return reinterpret_cast<T*>(totals(blocks) + rows_); }

 private:
  // So that what follows a block is aligned as it is.
  static std::size_t round_up(std::size_t count) { return (count + 15) / 16 * 16; }
  std::size_t rows_, block_;
  memory::Buffer buffer_;
};

/// How many of `count` equal pieces of work are worth a thread.
inline std::size_t grain_of(double multiplications) {
  constexpr double worth = worth_a_thread::small_products;
  return static_cast<std::size_t>(worth / std::max(multiplications, 1.0)) + 1;
}
inline double multiplications(const AttentionSize& size, std::size_t queries, std::size_t keys) {
  return static_cast<double>(queries) * static_cast<double>(keys) *
         static_cast<double>(size.width + size.value_width);
}

}  // namespace xgrad::detail
