// Walking along rows and down columns with packs. For kernel files only.
#pragma once

#include <cstddef>
#include <limits>

#include "reduction.hpp"
#include "simd/pack.hpp"

namespace xgrad::kernels {

// A float sum of at most this many addends a lane is added to a double.
inline constexpr std::size_t block_rows = 64;
// Sums of this many columns are kept at a time: a strip of every row that is long enough to be streamed.
inline constexpr std::size_t strip_columns = 1024;

/// The first n lanes of x, and those of `fill`.
template <class P>
P first_or(const P& x, std::size_t n, const P& fill) {
  using T = typename P::value_type;
  alignas(64) static constexpr T lanes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  static_assert(P::width <= 16);
  return select(P::load(lanes) < P(static_cast<T>(n)), x, fill);
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
template <class P, class Combine, class Term>
P fold_row(std::size_t count, const P& start, const Combine& combine, const Term& term) {
  constexpr std::size_t width = P::width;
  P part[4] = {start, start, start, start};
  std::size_t i = 0;
  for (; i + 4 * width <= count; i += 4 * width)
    for (std::size_t k = 0; k < 4; ++k) part[k] = combine(part[k], term(WholePack<P>{}, i + k * width));
  for (std::size_t k = 0; i + width <= count; i += width, ++k)
    part[k] = combine(part[k], term(WholePack<P>{}, i));
  if (i < count) part[3] = combine(part[3], term(PartOfPack<P>{count - i}, i));
  return combine(combine(part[0], part[1]), combine(part[2], part[3]));
}

/// The sum of term(reader, i) over a row, pairwise over blocks: the error grows with the logarithm of the
/// length. A term must be 0 in lanes that no element stands behind.
template <class P, class Term>
double sum_row(std::size_t first, std::size_t count, const Term& term) {
  constexpr std::size_t block = 4 * P::width * block_rows;
  if (count > block) {
    const std::size_t half = (count / 2 + block - 1) / block * block;
    return sum_row<P>(first, half, term) + sum_row<P>(first + half, count - half, term);
  }
  const P sum = fold_row(
      count, P(0), [](const P& a, const P& b) { return a + b; },
      [&](const auto& reader, std::size_t i) { return term(reader, first + i); });
  return sum_double(sum);
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

/// The sums of term(reader, r, c) down the rows of a strip, into doubles.
template <class P, class Term>
void sum_columns(double* total, std::size_t rows, std::size_t columns, const Term& term) {
  for (std::size_t c = 0; c < columns; ++c) total[c] = 0;
  for (std::size_t first = 0; first < rows; first += block_rows) {
    const std::size_t now = rows - first < block_rows ? rows - first : block_rows;
    Strip<P> part;
    part.fill(columns, P(0));
    fold_columns(
        part, now, columns, [](const P& a, const P& b) { return a + b; },
        [&](const auto& reader, std::size_t r, std::size_t c) { return term(reader, first + r, c); });
    for (std::size_t c = 0; c < columns; ++c) total[c] += static_cast<double>(part.of[c]);
  }
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
  return Extreme::lane(fold_row(count, start, Extreme{}, [&](const auto& reader, std::size_t i) {
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
