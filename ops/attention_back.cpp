#include <algorithm>

#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "attention_heads.hpp"

namespace xgrad {
using namespace detail;

namespace {

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
  if (all.exponentials != nullptr) {
    block.exponentials_row = head.in.size.keys;
    block.exponentials = all.exponentials + queries.begin * block.exponentials_row + keys.begin;
  }
  block.mean = means + queries.begin;
  block.slopes = slopes;
  attention_kernels().gradient[which<T>](block);
  if (drops) attention_kernels().multiply[which<T>](weights, room.block(2), queries.count * keys.count);
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
                 attention_kernels().row_products[which<T>](made.out + first, dy + first, end - begin,
                                                            size.value_width, mean + begin);
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

[[gnu::used]] constexpr auto instances =
    instantiate::for_numbers([]<class T>() { return std::make_tuple(detail::attend_back<T>); });

}  // namespace xgrad
