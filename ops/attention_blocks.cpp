#include "attention_blocks.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "../core/array/error.hpp"
#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "../core/graph/broadcast.hpp"
#include "../core/kernels/dispatch.hpp"
#include "../core/kernels/gemm.hpp"
#include "attention_kernels.hpp"

namespace xgrad {
using namespace detail;

namespace {

// As many queries and keys at a time as make products of some size, whose scores stay in a core's own cache.
constexpr std::size_t most_queries = 128, most_keys = 128;

const kernels::AttentionKernels& chosen() {
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
std::size_t parts(std::size_t extent, std::size_t most) { return (extent + most - 1) / most; }
Part part(std::size_t number, std::size_t extent, std::size_t most) {
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
    return hides(queries, keys) && chosen().all_finite[which<T>](v + keys.begin * in.size.value_width,
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
    chosen().multiply[which<T>](weights, factors, queries.count * keys.count);
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

/// Of rows whose scores were all -inf the total is 0; where the mask did not make them so, a NaN.
template <class T>
void tell_apart(const Head<T>& head, Part queries, double* totals) {
  for (std::size_t r = 0; r < queries.count; ++r)
    if (totals[r] == 0 && head.sees(queries.begin + r)) totals[r] = std::numeric_limits<double>::quiet_NaN();
}

/// Keys past the last that a causal query sees are not read, unless a value there is no finite number: times
/// a weight of 0 it is a NaN, wherever blocks begin.
template <class T>
std::size_t keys_to_read(const Head<T>& head, Part queries) {
  const AttentionSize& size = head.in.size;
  if (!head.in.causal || queries.end() >= size.keys) return size.keys;
  const std::size_t left = (size.keys - queries.end()) * size.value_width;
  return chosen().all_finite[which<T>](head.v + queries.end() * size.value_width, left) ? queries.end()
                                                                                        : size.keys;
}

template <class T>
void attend_some(const Head<T>& head, Part queries, Room<T>& room, const Attended<T>& made) {
  const AttentionSize& size = head.in.size;
  const bool drops = head.in.drawn.p > 0;
  const std::size_t row = head.number * size.queries + queries.begin;
  T *const largest = room.of_rows(drops ? 2 : 1), *const out = made.out + row * size.value_width;
  T* const scores = made.exponentials == nullptr ? room.block(0) : made.exponentials + row * size.keys;
  double* const totals = room.totals(drops ? 2 : 1);
  std::fill_n(largest, queries.count, -std::numeric_limits<T>::infinity());
  std::fill_n(totals, queries.count, 0.0);
  const std::size_t end = keys_to_read(head, queries);
  bool is_first = true;
  for (std::size_t j = 0; j < parts(end, most_keys); ++j) {
    const Part keys = part(j, end, most_keys);
    if (made.exponentials == nullptr && head.skips(queries, keys)) continue;
    head.multiply(queries, keys, scores);
    kernels::AttentionBlock block = head.block(queries, keys, scores);
    block.largest = largest;
    block.total = totals;
    block.out = is_first ? nullptr : out;
    block.out_columns = size.value_width;
    chosen().weigh[which<T>](block);
    if (drops) head.drop(queries, keys, scores, room.block(1));
    gemm({queries.count, size.value_width, keys.count}, scores, head.v + keys.begin * size.value_width, out,
         is_first ? Into::overwrite : Into::add);
    is_first = false;
  }
  if (is_first) std::fill_n(out, queries.count * size.value_width, T(0));
  tell_apart(head, queries, totals);
  chosen().finish[which<T>](
      {queries.count, largest, totals, out, size.value_width, made.sums + row * kernels::attention_sums});
}

/// How many of `count` equal pieces of work are worth a thread.
std::size_t grain_of(double multiplications) {
  constexpr double worth = worth_a_thread::small_products;
  return static_cast<std::size_t>(worth / std::max(multiplications, 1.0)) + 1;
}
double multiplications(const AttentionSize& size, std::size_t queries, std::size_t keys) {
  return static_cast<double>(queries) * static_cast<double>(keys) *
         static_cast<double>(size.width + size.value_width);
}

/// Calls each(head, queries, room) for all queries, some at a time.
template <class T, class Each>
void for_queries(const AttentionInputs<T>& in, std::size_t columns, std::size_t blocks, const Each& each) {
  const AttentionSize& size = in.size;
  const std::size_t of_a_head = parts(size.queries, most_queries);
  const double work = multiplications(size, std::min(size.queries, most_queries), size.keys);
  parallel_for(size.heads * of_a_head, grain_of(work), [&](std::size_t begin, std::size_t end) {
    Room<T> room(size, columns, blocks);
    for (std::size_t i = begin; i < end; ++i)
      each(Head<T>(in, i / of_a_head), part(i % of_a_head, size.queries, most_queries), room);
  });
}

// The gradient takes some keys at a time, and for them all queries: what comes back to the keys and values is
// added up in one place. What comes back to the queries is, for each share of the keys, in a place of its
// own.

/// Shares of a head's keys, so that few heads are work for several threads, too.
struct Shares {
  std::size_t count, keys;

  explicit Shares(const AttentionSize& size) {
    constexpr std::size_t enough = 8;
    const std::size_t blocks = parts(size.keys, most_keys);
    count = std::max<std::size_t>(1, std::min(blocks, enough / std::max<std::size_t>(1, size.heads)));
    const double work = multiplications(size, size.queries, size.keys);
    if (work < static_cast<double>(count * worth_a_thread::small_products)) count = 1;
    keys = std::max<std::size_t>(1, parts(blocks, count)) * most_keys;
    count = std::max<std::size_t>(1, parts(size.keys, keys));
  }
};

template <class T>
struct ComingBack {
  const T *sums, *exponentials, *dy;  ///< of the head
  T *dq, *dk, *dv;
};

/// What some queries give back to some keys, and these to them: it is added to what is there, or is the first
/// there.
template <class T>
void give_back(const Head<T>& head, Part queries, Part keys, Room<T>& room, const T* means,
               const ComingBack<T>& all, Into to_keys, Into to_queries) {
  const std::size_t d = head.in.size.width, e = head.in.size.value_width;
  const bool drops = head.in.drawn.p > 0;
  T *const weights = room.block(0), *const slopes = room.block(1);
  const T* const dy = all.dy + queries.begin * e;
  if (all.exponentials == nullptr) head.multiply(queries, keys, weights);
  gemm({queries.count, keys.count, e, false, true}, dy, head.v + keys.begin * e, slopes);
  if (drops) head.drop(queries, keys, slopes, room.block(2));
  kernels::AttentionBlock block = head.block(queries, keys, weights);
  block.sums = all.sums + queries.begin * kernels::attention_sums;
  block.exponentials = all.exponentials;
  block.mean = means + queries.begin;
  block.slopes = slopes;
  chosen().gradient[which<T>](block);
  if (drops) chosen().multiply[which<T>](weights, room.block(2), queries.count * keys.count);
  gemm({keys.count, e, queries.count, true, false}, weights, dy, all.dv + keys.begin * e, to_keys);
  gemm({queries.count, d, keys.count}, slopes, head.k + keys.begin * d, all.dq + queries.begin * d,
       to_queries);
  gemm({keys.count, d, queries.count, true, false}, slopes, head.q + queries.begin * d,
       all.dk + keys.begin * d, to_keys);
}

template <class T>
void give_back_share(const Head<T>& head, Part share, Room<T>& room, const T* means,
                     const ComingBack<T>& all) {
  const AttentionSize& size = head.in.size;
  const std::size_t blocks = parts(size.queries, most_queries);
  // Of causal queries those before the first key see none of them.
  const auto first_after = [&](std::size_t key) { return head.in.causal ? key / most_queries : 0; };
  const std::size_t unseeing = std::min(size.queries, first_after(share.begin) * most_queries);
  std::fill_n(all.dq, (share.count == 0 ? size.queries : unseeing) * size.width, T(0));
  for (std::size_t j = 0; j < parts(share.count, most_keys); ++j) {
    Part keys = part(j, share.count, most_keys);
    keys.begin += share.begin;
    bool is_first = true;
    for (std::size_t i = first_after(keys.begin); i < blocks; ++i) {
      const Part queries = part(i, size.queries, most_queries);
      if (head.hides(queries, keys)) {
        if (j == 0) std::fill_n(all.dq + queries.begin * size.width, queries.count * size.width, T(0));
        continue;
      }
      give_back(head, queries, keys, room, means, all, is_first ? Into::overwrite : Into::add,
                j == 0 ? Into::overwrite : Into::add);
      is_first = false;
    }
    if (is_first) {
      std::fill_n(all.dk + keys.begin * size.width, keys.count * size.width, T(0));
      std::fill_n(all.dv + keys.begin * size.value_width, keys.count * size.value_width, T(0));
    }
  }
}

}  // namespace

AttentionSize::AttentionSize(const Shape& q, const Shape& k, const Shape& v)
    : heads(1), queries(q[q.size() - 2]), keys(k[k.size() - 2]), width(q.back()), value_width(v.back()) {
  for (std::size_t axis = 0; axis + 2 < q.size(); ++axis) heads *= q[axis];
}

void detail::check_forbidden(const Shape& mask, const Shape& weights) {
  bool fits = mask.size() <= weights.size();
  for (std::size_t k = 1; fits && k <= mask.size(); ++k) {
    const std::size_t extent = mask[mask.size() - k];
    fits = extent == 1 || extent == weights[weights.size() - k];
  }
  if (!fits)
    throw ShapeError("scaled_dot_product_attention: the mask " + to_string(mask) + " does not broadcast to " +
                     to_string(weights) + ", [..., queries, keys]; give its last axes, or extents of 1");
}

ForbiddenKeys::ForbiddenKeys(const Dense<bool>& mask, const Shape& weights)
    : mask_(mask.data()), shape_(weights), steps_(weights.size(), 0) {
  check_forbidden(mask.shape, weights);
  const AxisList<std::ptrdiff_t> strides = row_major_strides(mask.shape);
  for (std::size_t k = 1; k <= mask.dim(); ++k)
    if (mask.shape[mask.dim() - k] != 1) steps_[weights.size() - k] = strides[mask.dim() - k];
}

const bool* ForbiddenKeys::at(std::size_t head, std::size_t query, std::size_t key) const noexcept {
  std::ptrdiff_t place =
      static_cast<std::ptrdiff_t>(query) * query_step() + static_cast<std::ptrdiff_t>(key) * key_step();
  for (std::size_t axis = shape_.size() - 2; axis-- > 0; head /= shape_[axis])
    place += static_cast<std::ptrdiff_t>(head % shape_[axis]) * steps_[axis];
  return mask_ + place;
}

template <class T>
bool detail::is_one_block(const AttentionInputs<T>& in) noexcept {
  const AttentionSize& size = in.size;
  const bool sees_all = !in.causal || size.queries >= size.keys;
  return in.drawn.p == 0 && sees_all && size.queries <= most_queries && size.keys <= most_keys;
}

template <class T>
void detail::attend(const AttentionInputs<T>& in, const Attended<T>& made) {
  for_queries(
      in, made.exponentials == nullptr ? std::min(most_keys, in.size.keys) : 0, in.drawn.p > 0 ? 2 : 1,
      [&](const Head<T>& head, Part queries, Room<T>& room) { attend_some(head, queries, room, made); });
}

template <class T>
void detail::attend_back(const AttentionInputs<T>& in, const Attended<const T>& made, const T* dy, T* dq,
                         T* dk, T* dv) {
  const AttentionSize& size = in.size;
  const std::size_t rows = size.heads * size.queries, of_q = rows * size.width;
  Dense<T> means(Shape{rows});
  T* const mean = means.mutable_data();
  parallel_for(rows, worth_a_thread::computed_elements / std::max<std::size_t>(size.value_width, 1) + 1,
               [&](std::size_t begin, std::size_t end) {
                 const std::size_t first = begin * size.value_width;
                 chosen().row_products[which<T>](made.out + first, dy + first, end - begin, size.value_width,
                                                 mean + begin);
               });
  const Shares shares(size);
  Dense<T> further(Shape{shares.count - 1, of_q});
  T* const more = further.mutable_data();
  const double work = multiplications(size, size.queries, std::min(size.keys, shares.keys));
  parallel_for(size.heads * shares.count, grain_of(work), [&](std::size_t begin, std::size_t end) {
    Room<T> room(size, std::min(most_keys, size.keys), in.drawn.p > 0 ? 3 : 2);
    for (std::size_t i = begin; i < end; ++i) {
      const Head<T> head(in, i / shares.count);
      const std::size_t share = i % shares.count, row = head.number * size.queries,
                        key = head.number * size.keys;
      T* const to_q = share == 0 ? dq : more + (share - 1) * of_q;
      give_back_share(head, part(share, size.keys, shares.keys), room, mean + row,
                      {made.sums + row * kernels::attention_sums,
                       made.exponentials == nullptr ? nullptr : made.exponentials + row * size.keys,
                       dy + row * size.value_width, to_q + row * size.width, dk + key * size.width,
                       dv + key * size.value_width});
    }
  });
  if (shares.count == 1) return;
  parallel_for(of_q, worth_a_thread::streamed_elements, [&](std::size_t begin, std::size_t end) {
    for (std::size_t share = 0; share + 1 < shares.count; ++share)
      for (std::size_t i = begin; i < end; ++i) dq[i] += more[share * of_q + i];
  });
}

template <class T>
void detail::weigh(const AttentionInputs<T>& in, T* weights) {
  const AttentionSize& size = in.size;
  for_queries(in, 0, 0, [&](const Head<T>& head, Part queries, Room<T>& room) {
    const Part keys{0, size.keys};
    T* const scores = weights + (head.number * size.queries + queries.begin) * size.keys;
    T* const largest = room.of_rows(0);
    double* const totals = room.totals(0);
    std::fill_n(largest, queries.count, -std::numeric_limits<T>::infinity());
    std::fill_n(totals, queries.count, 0.0);
    head.multiply(queries, keys, scores);
    kernels::AttentionBlock block = head.block(queries, keys, scores);
    block.largest = largest;
    block.total = totals;
    chosen().weigh[which<T>](block);
    tell_apart(head, queries, totals);
    chosen().finish[which<T>]({queries.count, largest, totals, scores, size.keys, nullptr});
  });
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() {
  return std::make_tuple(detail::is_one_block<T>, detail::attend<T>, detail::attend_back<T>,
                         detail::weigh<T>);
});

}  // namespace xgrad
