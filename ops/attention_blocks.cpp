#include "attention_blocks.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "../core/array/error.hpp"
#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "../core/graph/broadcast.hpp"
#include "attention_heads.hpp"

namespace xgrad {
using namespace detail;

namespace {

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
  return attention_kernels().all_finite[which<T>](head.v + queries.end() * size.value_width, left)
             ? queries.end()
             : size.keys;
}

template <class T>
std::size_t keys_at_once(const AttentionInputs<T>& in) {
  return detail::has_whole_rows(in) ? std::max<std::size_t>(1, in.size.keys) : most_keys;
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
  const std::size_t at_once = keys_at_once(head.in);
  bool is_first = true;
  for (std::size_t j = 0; j < parts(end, at_once); ++j) {
    const Part keys = part(j, end, at_once);
    if (made.exponentials == nullptr && head.skips(queries, keys)) continue;
    head.multiply(queries, keys, scores);
    kernels::AttentionBlock block = head.block(queries, keys, scores);
    block.largest = largest;
    block.total = totals;
    block.out = is_first ? nullptr : out;
    block.out_columns = size.value_width;
    attention_kernels().weigh[which<T>](block);
    if (drops) head.drop(queries, keys, scores, room.block(1));
    gemm({queries.count, size.value_width, keys.count}, scores, head.v + keys.begin * size.value_width, out,
         is_first ? Into::overwrite : Into::add);
    is_first = false;
  }
  if (is_first) std::fill_n(out, queries.count * size.value_width, T(0));
  tell_apart(head, queries, totals);
  attention_kernels().finish[which<T>](
      {queries.count, largest, totals, out, size.value_width, made.sums + row * kernels::attention_sums});
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
bool detail::has_whole_rows(const AttentionInputs<T>& in) noexcept {
  constexpr std::size_t most_in_a_row = 1024, most = std::size_t{1} << 21;
  const AttentionSize& size = in.size;
  if (in.drawn.p > 0) return false;
  const bool sees_all = !in.causal || size.queries >= size.keys;
  if (sees_all && size.queries <= most_queries && size.keys <= most_keys) return true;
  return !in.causal && !in.forbidden.any() && size.keys <= most_in_a_row &&
         size.heads * size.queries <= most / std::max<std::size_t>(1, size.keys);
}

template <class T>
void detail::attend(const AttentionInputs<T>& in, const Attended<T>& made) {
  for_queries(
      in, made.exponentials == nullptr ? std::min(keys_at_once(in), in.size.keys) : 0, in.drawn.p > 0 ? 2 : 1,
      [&](const Head<T>& head, Part queries, Room<T>& room) { attend_some(head, queries, room, made); });
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
    attention_kernels().weigh[which<T>](block);
    tell_apart(head, queries, totals);
    attention_kernels().finish[which<T>]({queries.count, largest, totals, scores, size.keys, nullptr});
  });
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() {
  return std::make_tuple(detail::has_whole_rows<T>, detail::attend<T>, detail::weigh<T>);
});

}  // namespace xgrad
