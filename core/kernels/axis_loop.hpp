// Walking along rows and down columns with packs. For kernel files only.
#pragma once

#include <cstddef>
#include <limits>

#include "reduction.hpp"
#include "simd/pack.hpp"

namespace xgrad::kernels {

// A sum of more addends a lane is made of two halves.
inline constexpr std::size_t block_rows = 64;
// Sums of this many columns are kept at a time: a strip of every row that is long enough to be streamed.
inline constexpr std::size_t strip_columns = 1024;

/// 0, 1, 2 ... in the lanes of a pack.
template <class P>
P lane_numbers() {
  using T = typename P::value_type;
  alignas(64) static constexpr T lanes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  static_assert(P::width <= 16);
  return P::load(lanes);
}

/// The first n lanes of x, and those of `fill`.
template <class P>
P first_or(const P& x, std::size_t n, const P& fill) {
  return select(lane_numbers<P>() < P(static_cast<typename P::value_type>(n)), x, fill);
}

/// What a term of a row reads through: whole packs, and at the row's end a part of one. Lanes that no element
/// stands behind read as 0 or as `fill`, and keep() makes them 0 in a result.
template <class P>
struct WholePack {
  using T = typename P::value_type;
  P load(const T* from) const { return P::load(from); }
  P load_or(const T* from, const P&) const { return P::load(from); }
  P keep(const P& x) const { return x; }
  void store(const P& x, T* to) const { x.store(to); }
};
template <class P>
struct PartOfPack {
  using T = typename P::value_type;
  std::size_t n;
  P load(const T* from) const { return P::load_first(from, n); }
  P load_or(const T* from, const P& fill) const { return first_or(P::load_first(from, n), n, fill); }
  P keep(const P& x) const { return first_or(x, n, P(0)); }
  void store(const P& x, T* to) const { x.store_first(to, n); }
};

/// Folds term(reader, i) over the packs that start at elements i of a row of `count`, from four starts.
template <class P, class Sum, class Combine, class Term>
Sum fold_row(std::size_t count, const Sum& start, const Combine& combine, const Term& term) {
  constexpr std::size_t width = P::width;
  // Four names rather than a list, which would stand in memory.
  Sum a = start, b = start, c = start, d = start;
  std::size_t i = 0;
  const auto add = [&](Sum & part) __attribute__((always_inline)) {
    part = combine(part, term(WholePack<P>{}, i));
    i += width;
  };
  while (i + 4 * width <= count) add(a), add(b), add(c), add(d);
  if (i + width <= count) add(a);
  if (i + width <= count) add(b);
  if (i + width <= count) add(c);
  if (i < count) d = combine(d, term(PartOfPack<P>{count - i}, i));
  return combine(combine(a, b), combine(c, d));
}

/// The lanes of a pack as doubles: of floats, those of its lower and those of its upper half.
template <class I>
struct Doubles {
  simd::Pack<double, I> low, high;
};
template <class I>
Doubles<I> to_doubles(const simd::Pack<float, I>& x) {
  using D = typename simd::Pack<double, I>::Batch;
#if defined(__AVX512F__)
  const __m256d upper = _mm256_castps_pd(_mm512_extractf32x8_ps(x.batch(), 1));
  return {simd::Pack<double, I>(D(_mm512_cvtps_pd(_mm512_castps512_ps256(x.batch())))),
          simd::Pack<double, I>(D(_mm512_cvtps_pd(_mm256_castpd_ps(upper))))};
#elif defined(__AVX__)
  return {simd::Pack<double, I>(D(_mm256_cvtps_pd(_mm256_castps256_ps128(x.batch())))),
          simd::Pack<double, I>(D(_mm256_cvtps_pd(_mm256_extractf128_ps(x.batch(), 1))))};
#elif defined(__SSE2__)
  return {simd::Pack<double, I>(D(_mm_cvtps_pd(x.batch()))),
          simd::Pack<double, I>(D(_mm_cvtps_pd(_mm_movehl_ps(x.batch(), x.batch()))))};
#else
  constexpr std::size_t width = simd::Pack<float, I>::width;
  alignas(64) float lanes[width];
  alignas(64) double wide[width];
  x.store(lanes);
  for (std::size_t k = 0; k < width; ++k) wide[k] = lanes[k];
  return {simd::Pack<double, I>::load(wide), simd::Pack<double, I>::load(wide + width / 2)};
#endif
}

/// A pack's lanes in as many doubles as a register holds, added up where there are more.
template <class I>
simd::Pack<double, I> in_double(const simd::Pack<float, I>& x) {
  const Doubles<I> parts = to_doubles(x);
  return parts.low + parts.high;
}
template <class I>
simd::Pack<double, I> in_double(const simd::Pack<double, I>& x) {
  return x;
}

/// The sum of term(reader, i) over a row, in double and pairwise over blocks: the error grows with the
/// logarithm of the length. A term must be 0 in lanes that no element stands behind.
template <class P, class Term>
double sum_row(std::size_t first, std::size_t count, const Term& term) {
  constexpr std::size_t block = 4 * P::width * block_rows;
  if (count > block) {
    const std::size_t half = (count / 2 + block - 1) / block * block;
    return sum_row<P>(first, half, term) + sum_row<P>(first + half, count - half, term);
  }
  using D = decltype(in_double(P()));
  return sum(fold_row<P>(
      count, D(0), [](const D& a, const D& b) { return a + b; },
      [&](const auto& reader, std::size_t i) { return in_double(term(reader, first + i)); }));
}

/// Writes value(reader, i) to out[i] along a row of `count`. The last, overlapping pack is computed first, so
/// `out` may be what is read, and an element's bits do not depend on its place.
template <class P, class Value>
void write_row(typename P::value_type* out, std::size_t count, const Value& value) {
  constexpr std::size_t width = P::width;
  if (count < width) {
    if (count > 0) value(PartOfPack<P>{count}, 0).store_first(out, count);
    return;
  }
  const P last = value(WholePack<P>{}, count - width);
  for (std::size_t i = 0; i + width < count; i += width) value(WholePack<P>{}, i).store(out + i);
  last.store(out + (count - width));
}

/// A row of at most four packs, held where no masked store has to be read again.
template <class P>
struct ShortRow {
  using T = typename P::value_type;
  static constexpr std::size_t longest = 4 * P::width;
  P of[4];
  std::size_t packs;

  /// Lanes that no element stands behind hold `fill`.
  ShortRow(const T* from, std::size_t count, const P& fill) : packs((count + P::width - 1) / P::width) {
    for (std::size_t k = 0; k < packs; ++k, from += P::width, count -= P::width)
      of[k] = count < P::width ? first_or(P::load_first(from, count), count, fill) : P::load(from);
  }
  void store(T* to, std::size_t count) const {
    for (std::size_t k = 0; k < packs; ++k, to += P::width, count -= P::width)
      count < P::width ? of[k].store_first(to, count) : of[k].store(to);
  }
};

/// Makes each lane exp(x - shift), and gives their sum. The lanes past the row's end must hold -inf.
template <class P>
double exponentials_from(ShortRow<P>& row, const P& shift) {
  decltype(in_double(shift)) total(0);
  for (std::size_t k = 0; k < row.packs; ++k) {
    row.of[k] = exp(row.of[k] - shift);
    total += in_double(row.of[k]);
  }
  return sum(total);
}
/// The same from the row's largest element, or 0 where that is infinite, which becomes the shift.
template <class P>
double exponentials(ShortRow<P>& row, P& shift) {
  P largest(-std::numeric_limits<typename P::value_type>::infinity());
  for (std::size_t k = 0; k < row.packs; ++k) largest = maximum(largest, row.of[k]);
  largest = P(max(largest));
  shift = select(is_finite(largest), largest, P(0));
  return exponentials_from(row, shift);
}

/// Calls each(reader, c) for the packs that start at columns c; the last one may be a part.
template <class P, class Each>
void for_columns(std::size_t columns, const Each& each) {
  std::size_t c = 0;
  for (; c + P::width <= columns; c += P::width) each(WholePack<P>{}, c);
  if (c < columns) each(PartOfPack<P>{columns - c}, c);
}

/// Room for a strip's worth of columns, in whole packs.
template <class P>
struct Strip {
  using T = typename P::value_type;
  static constexpr std::size_t columns = strip_columns;
  alignas(64) T of[columns];

  P at(std::size_t c) const { return P::load(of + c); }
  void set(std::size_t c, const P& value) { value.store(of + c); }
  void fill(std::size_t count, const P& value) {
    for (std::size_t c = 0; c < count; c += P::width) set(c, value);
  }
};

/// Folds term(reader, r, c) down `rows` rows of a strip of `columns` into `into`, four rows at a time: every
/// row is a stream of its own.
template <class P, class Combine, class Term>
void fold_columns(Strip<P>& into, std::size_t rows, std::size_t columns, const Combine& combine,
                  const Term& term) {
  std::size_t r = 0;
  for (; r + 4 <= rows; r += 4)
    for_columns<P>(columns, [&](const auto& reader, std::size_t c) {
      const P four = combine(combine(term(reader, r, c), term(reader, r + 1, c)),
                             combine(term(reader, r + 2, c), term(reader, r + 3, c)));
      into.set(c, combine(into.at(c), four));
    });
  for (; r < rows; ++r)
    for_columns<P>(columns, [&](const auto& reader, std::size_t c) {
      into.set(c, combine(into.at(c), term(reader, r, c)));
    });
}

template <class I>
[[gnu::always_inline]] inline void add_to(double* total, const simd::Pack<double, I>& x) {
  (simd::Pack<double, I>::load(total) + x).store(total);
}
template <class I>
[[gnu::always_inline]] inline void add_to(double* total, const simd::Pack<float, I>& x) {
  const Doubles<I> parts = to_doubles(x);
  add_to(total, parts.low);
  add_to(total + simd::Pack<double, I>::width, parts.high);
}

/// Adds the four packs to as many doubles.
template <class I>
[[gnu::always_inline]] inline void add_four(double* total, const simd::Pack<double, I>& a,
                                            const simd::Pack<double, I>& b, const simd::Pack<double, I>& c,
                                            const simd::Pack<double, I>& d) {
  add_to(total, (a + b) + (c + d));
}
template <class I>
[[gnu::always_inline]] inline void add_four(double* total, const simd::Pack<float, I>& a_,
                                            const simd::Pack<float, I>& b_, const simd::Pack<float, I>& c_,
                                            const simd::Pack<float, I>& d_) {
  const Doubles<I> a = to_doubles(a_), b = to_doubles(b_), c = to_doubles(c_), d = to_doubles(d_);
  add_four(total, a.low, b.low, c.low, d.low);
  add_four(total + simd::Pack<double, I>::width, a.high, b.high, c.high, d.high);
}

/// The sums of term(reader, r, c) down the rows of a strip, in double; `total` has room for whole packs.
template <class P, class Term>
void sum_columns(double* total, std::size_t rows, std::size_t columns, const Term& term) {
  for (std::size_t c = 0; c < columns; c += P::width)
    for (std::size_t k = 0; k < P::width; ++k) total[c + k] = 0;
  std::size_t r = 0;
  for (; r + 4 <= rows; r += 4)
    for_columns<P>(columns, [&](const auto& reader, std::size_t c) {
      add_four(total + c, term(reader, r, c), term(reader, r + 1, c), term(reader, r + 2, c),
               term(reader, r + 3, c));
    });
  for (; r < rows; ++r)
    for_columns<P>(columns,
                   [&](const auto& reader, std::size_t c) { add_to(total + c, term(reader, r, c)); });
}

// Extremes, for fold_row and fold_columns; NaN if any element is.

struct Largest {
  template <class P>
  static P start() {
    return P(-std::numeric_limits<typename P::value_type>::infinity());
  }
  template <class P>
  P operator()(const P& a, const P& b) const {
    return maximum(a, b);
  }
  template <class P>
  static auto lane(const P& x) {
    return max(x);
  }
};

struct Smallest {
  template <class P>
  static P start() {
    return P(std::numeric_limits<typename P::value_type>::infinity());
  }
  template <class P>
  P operator()(const P& a, const P& b) const {
    return minimum(a, b);
  }
  template <class P>
  static auto lane(const P& x) {
    return min(x);
  }
};

template <class P, class Extreme>
auto extreme_of_row(const typename P::value_type* in, std::size_t count) {
  const P start = Extreme::template start<P>();
  return Extreme::lane(fold_row<P>(count, start, Extreme{}, [&](const auto& reader, std::size_t i) {
    return reader.load_or(in + i, start);
  }));
}

template <class P, class Extreme>
void extreme_of_columns(Strip<P>& into, const typename P::value_type* in, const AxisLoop& loop,
                        std::size_t columns) {
  into.fill(columns, Extreme::template start<P>());
  fold_columns(into, loop.count, columns, Extreme{}, [&](const auto& reader, std::size_t r, std::size_t c) {
    return reader.load(in + r * loop.stride + c);
  });
}

/// What to subtract before exp: the maximum, unless it is infinite or NaN, which then decides the result.
template <class P>
P shift_by(const P& largest) {
  return select(is_finite(largest), largest, P(0));
}

template <class P>
P shift_of_row(const typename P::value_type* in, std::size_t count) {
  return shift_by(P(extreme_of_row<P, Largest>(in, count)));
}
template <class P>
void shift_of_columns(Strip<P>& shift, const typename P::value_type* in, const AxisLoop& loop,
                      std::size_t columns) {
  extreme_of_columns<P, Largest>(shift, in, loop, columns);
  for (std::size_t c = 0; c < columns; c += P::width) shift.set(c, shift_by(shift.at(c)));
}

/// Calls row(from, to) for each outer row of a loop of one column, or columns(from, to, count) for each strip
/// of columns: its elements start at `from`, what they reduce to at `to`.
template <class Row, class Columns>
void walk(const AxisLoop& loop, const Row& row, const Columns& columns) {
  for (std::size_t o = 0; o < loop.outer; ++o) {
    if (loop.stride == 1) {
      row(o * loop.count, o);
      continue;
    }
    for (std::size_t c = 0; c < loop.inner; c += strip_columns)
      columns(o * loop.count * loop.stride + c, o * loop.inner + c,
              loop.inner - c < strip_columns ? loop.inner - c : strip_columns);
  }
}

}  // namespace xgrad::kernels
