#include "logsumexp_kernels.hpp"

#include <limits>

#include "../core/kernels/axis_loop.hpp"

namespace xgrad::kernels {
namespace {

using simd::Isa;

template <class T>
using Pack = simd::Pack<T, Isa>;

/// The sum of term(reader, i) along a row, in double and pairwise over blocks; four packs at a time are added
/// up before they are widened. A term must be 0 in lanes that no element stands behind.
template <class P, class Term>
double sum_of_fours(std::size_t first, std::size_t count, const Term& term) {
  constexpr std::size_t width = P::width, block = 4 * width * block_rows;
  if (count > block) {
    const std::size_t half = (count / 2 + block - 1) / block * block;
    return sum_of_fours<P>(first, half, term) + sum_of_fours<P>(first + half, count - half, term);
  }
  const WholePack<P> whole;
  decltype(in_double(P())) total(0);
  std::size_t i = first;
  const std::size_t end = first + count;
  for (; i + 4 * width <= end; i += 4 * width)
    total += in_double((term(whole, i) + term(whole, i + width)) +
                       (term(whole, i + 2 * width) + term(whole, i + 3 * width)));
  for (; i + width <= end; i += width) total += in_double(term(whole, i));
  if (i < end) total += in_double(term(PartOfPack<P>{end - i}, i));
  return sum(total);
}

/// exp(x - shift) of a row or a strip, kept where that is wanted. Always in line: a call a pack, with the
/// constants of exp loaded each time, takes half as long again.
template <class T, bool Kept>
struct Exponential {
  const T* x;
  T* kept;
  template <class Reader>
  [[gnu::always_inline]] Pack<T> operator()(const Reader& reader, std::size_t at,
                                            const Pack<T>& shift) const {
    const Pack<T> e = exp(reader.load_or(x + at, Largest::start<Pack<T>>()) - shift);
    if constexpr (Kept) reader.store(e, kept + at);
    return e;
  }
};

template <class T, bool Kept>
void long_row(const ExponentialLines& all, const Exponential<T, Kept>& each, T* anchor, double* total) {
  using P = Pack<T>;
  if (!all.is_anchored) *anchor = shift_of_row<P>(each.x, all.count).first();
  const P shift(*anchor);
  *total = sum_of_fours<P>(
      0, all.count, [=](const auto& reader, std::size_t i) __attribute__((always_inline)) {
        return each(reader, i, shift);
      });
}

// Rows that are no longer are taken together, so that none has to wait for what the one before comes to.
constexpr std::size_t short_row = 512, elements_together = 2048;

/// The largest element of a row, or 0 where that is not finite.
template <class P>
P shift_of_short_row(const typename P::value_type* x, std::size_t count) {
  if (count > 4 * P::width) return shift_of_row<P>(x, count);
  const P nothing = Largest::start<P>();
  P most = nothing;
  std::size_t i = 0;
  for (; i + P::width <= count; i += P::width) most = maximum(most, P::load(x + i));
  if (i < count) most = maximum(most, PartOfPack<P>{count - i}.load_or(x + i, nothing));
  return shift_by(P(max(most)));
}

/// `rows` rows, no more than `elements_together` elements, in `room`, where exp is taken of all at once.
template <class T>
void short_rows(const ExponentialLines& all, const T* x, T* room, std::size_t rows, T* anchors,
                double* totals) {
  using P = Pack<T>;
  const std::size_t count = all.count;
  if (!all.is_anchored)
    for (std::size_t r = 0; r < rows; ++r) anchors[r] = shift_of_short_row<P>(x + r * count, count).first();
  for (std::size_t r = 0; r < rows; ++r)
    write_row<P>(room + r * count, count, [&, shift = P(anchors[r])](const auto& reader, std::size_t i) {
      return reader.load(x + r * count + i) - shift;
    });
  write_row<P>(room, rows * count,
               [&](const auto& reader, std::size_t i) { return exp(reader.load(room + i)); });
  for (std::size_t r = 0; r < rows; ++r)
    totals[r] = sum_of_fours<P>(
        0, count, [&](const auto& reader, std::size_t i) { return reader.load(room + r * count + i); });
}

template <class T, bool Kept>
void rows_of(const ExponentialLines& all, const T* x, T* kept, T* anchors) {
  if (all.count > short_row) {
    for (std::size_t r = 0; r < all.outer; ++r)
      long_row(all, Exponential<T, Kept>{x + r * all.count, Kept ? kept + r * all.count : nullptr},
               anchors + r, all.totals + r);
    return;
  }
  alignas(64) T room[elements_together];
  const std::size_t together = elements_together / all.count;
  for (std::size_t r = 0; r < all.outer; r += together)
    short_rows(all, x + r * all.count, Kept ? kept + r * all.count : room,
               all.outer - r < together ? all.outer - r : together, anchors + r, all.totals + r);
}

/// The totals down the rows of a strip; four rows at a time are added up before they are widened.
template <class T, bool Kept>
void add_rows(const ExponentialLines& all, const T* x, T* kept, const Strip<Pack<T>>& shift,
              std::size_t columns, double* total) {
  using P = Pack<T>;
  const Exponential<T, Kept> each{x, kept};
  const auto term = [&](const auto& reader, std::size_t r, std::size_t c) __attribute__((always_inline)) {
    return each(reader, r * all.stride + c, shift.at(c));
  };
  std::size_t r = 0;
  for (; r + 4 <= all.count; r += 4)
    for_columns<P>(columns, [&](const auto& reader, std::size_t c) {
      add_to(total + c, (term(reader, r, c) + term(reader, r + 1, c)) +
                            (term(reader, r + 2, c) + term(reader, r + 3, c)));
    });
  for (; r < all.count; ++r)
    for_columns<P>(columns,
                   [&](const auto& reader, std::size_t c) { add_to(total + c, term(reader, r, c)); });
}

template <class T, bool Kept>
void columns_of(const ExponentialLines& all, const T* x, T* kept, T* anchors, double* totals,
                std::size_t columns) {
  using P = Pack<T>;
  Strip<P> shift;
  const auto copy = [&](const T* from, T* to) {
    write_row<P>(to, columns, [=](const auto& reader, std::size_t i) { return reader.load(from + i); });
  };
  if (all.is_anchored) {
    shift.fill(columns, P(0));
    copy(anchors, shift.of);
  } else {
    const AxisLoop loop{{}, nullptr, 1, all.count, columns, all.stride, 1};
    shift_of_columns(shift, x, loop, columns);
    copy(shift.of, anchors);
  }
  double total[strip_columns];
  for (std::size_t c = 0; c < columns; c += P::width)
    for (std::size_t k = 0; k < P::width; ++k) total[c + k] = 0;
  add_rows<T, Kept>(all, x, kept, shift, columns, total);
  for (std::size_t c = 0; c < columns; ++c) totals[c] = total[c];
}

template <class T, bool Kept>
void walk_lines(const ExponentialLines& all) {
  const T* x = static_cast<const T*>(all.x);
  T *kept = static_cast<T*>(all.exponentials), *anchors = static_cast<T*>(all.anchors);
  if (all.stride == 1) return rows_of<T, Kept>(all, x, kept, anchors);
  for (std::size_t o = 0; o < all.outer; ++o)
    for (std::size_t c = 0; c < all.inner; c += strip_columns) {
      const std::size_t from = o * all.count * all.stride + c, to = o * all.inner + c;
      columns_of<T, Kept>(all, x + from, Kept ? kept + from : nullptr, anchors + to, all.totals + to,
                          all.inner - c < strip_columns ? all.inner - c : strip_columns);
    }
}

template <class T>
void lines_kernel(const ExponentialLines& all) {
  all.exponentials == nullptr ? walk_lines<T, false>(all) : walk_lines<T, true>(all);
}

/// In double: near 0 an anchor and a logarithm leave little of each other.
template <class T>
void finish_kernel(const ExponentialTotals& all) {
  constexpr std::size_t together = 64;
  alignas(64) double logs[together];
  alignas(64) T narrow[together];
  const T* const anchors = static_cast<const T*>(all.anchors);
  T *const logsumexp = static_cast<T*>(all.logsumexp), *const inverse = static_cast<T*>(all.inverse);
  for (std::size_t first = 0; first < all.count; first += together) {
    const std::size_t n = all.count - first < together ? all.count - first : together;
    const double* const totals = all.totals + first;
    write_row<Pack<double>>(logs, n,
                            [&](const auto& reader, std::size_t k) { return log(reader.load(totals + k)); });
    for (std::size_t k = 0; k < n; ++k)
      logsumexp[first + k] = static_cast<T>(static_cast<double>(anchors[first + k]) + logs[k]);
    if (inverse == nullptr) continue;
    for (std::size_t k = 0; k < n; ++k) narrow[k] = static_cast<T>(totals[k]);
    write_row<Pack<T>>(inverse + first, n, [&](const auto& reader, std::size_t k) {
      const Pack<T> total = reader.load(narrow + k);
      constexpr T infinity = std::numeric_limits<T>::infinity();
      return select(total == 0, Pack<T>(0), select(total == infinity, Pack<T>(1), 1 / total));
    });
  }
}

}  // namespace

template <>
const LogSumExpKernels* logsumexp_kernels<simd::Isa>() {
  static constexpr LogSumExpKernels all = {{&lines_kernel<float>, &lines_kernel<double>},
                                           {&finish_kernel<float>, &finish_kernel<double>}};
  return &all;
}

}  // namespace xgrad::kernels
