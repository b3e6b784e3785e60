#include "gemm_kernels.hpp"

#include <type_traits>
#include <utility>

#include "simd/pack.hpp"

namespace xgrad::kernels {
namespace {

using simd::Isa;
using simd::Pack;

/// The rows of a tile, so that three packs of sums in each fill the registers but for a few.
#if defined(__AVX512F__)
constexpr std::size_t tile_rows = 8;
#else
constexpr std::size_t tile_rows = 4;
#endif
constexpr std::size_t most_packs = 3;

/// Calls body(0), body(1) ... with constants: a loop over an array of registers would put them into memory.
template <std::size_t Count, class F>
[[gnu::always_inline]] inline void unrolled(F&& body) {
  [&]<std::size_t... K>(std::index_sequence<K...>) __attribute__((always_inline)) {
    (body(std::integral_constant<std::size_t, K>{}), ...);
  }
  (std::make_index_sequence<Count>{});
}

/// A and C at the rows and columns of a tile, B at its columns; `lanes` of the last pack exist.
template <class T>
struct Corner {
  const T* a;
  std::ptrdiff_t a_row, a_column;
  const T* b;
  std::ptrdiff_t b_row;
  T* c;
  std::ptrdiff_t c_row;
  std::size_t terms;
  bool add;
  std::size_t lanes;
};

/// Rows x Packs packs of C in registers.
template <class T, std::size_t Rows, std::size_t Packs, bool Whole>
void tile(const Corner<T>& s) {
  using P = Pack<T, Isa>;
  const auto load = [&](const T* from, auto q) {
    if constexpr (Whole || q + 1 < Packs)
      return P::load(from + q * P::width);
    else
      return P::load_first(from + q * P::width, s.lanes);
  };
  P sum[Rows][Packs];
  const T* rows[Rows];
  unrolled<Rows>([&](auto r) {
    rows[r] = s.a + static_cast<std::ptrdiff_t>(r) * s.a_row;
    const T* c = s.c + static_cast<std::ptrdiff_t>(r) * s.c_row;
    unrolled<Packs>([&](auto q) { sum[r][q] = s.add ? load(c, q) : P(0); });
  });
  const T* b = s.b;
  std::ptrdiff_t at = 0;
  for (std::size_t p = 0; p < s.terms; ++p) {
    P row[Packs];
    unrolled<Packs>([&](auto q) { row[q] = load(b, q); });
    unrolled<Rows>([&](auto r) {
      const P factor = P::splat(rows[r] + at);
      unrolled<Packs>([&](auto q) { sum[r][q] = fma(factor, row[q], sum[r][q]); });
    });
    at += s.a_column;
    b += s.b_row;
  }
  unrolled<Rows>([&](auto r) {
    T* c = s.c + static_cast<std::ptrdiff_t>(r) * s.c_row;
    unrolled<Packs>([&](auto q) {
      if constexpr (Whole || q + 1 < Packs)
        sum[r][q].store(c + q * P::width);
      else
        sum[r][q].store_first(c + q * P::width, s.lanes);
    });
  });
}

template <class T>
void copy(const T* from, T* to, std::size_t count) {
  using P = Pack<T, Isa>;
  std::size_t i = 0;
  for (; i + P::width <= count; i += P::width) P::load(from + i).store(to + i);
  if (i < count) P::load_first(from + i, count - i).store_first(to + i, count - i);
}

/// The tile of as many packs as hold `columns`.
template <class T, std::size_t Rows>
void tile_of(const Corner<T>& s, std::size_t columns) {
  constexpr std::size_t width = Pack<T, Isa>::width;
  const bool whole = s.lanes == width;
  switch ((columns + width - 1) / width) {
    case 1:
      return whole ? tile<T, Rows, 1, true>(s) : tile<T, Rows, 1, false>(s);
    case 2:
      return whole ? tile<T, Rows, 2, true>(s) : tile<T, Rows, 2, false>(s);
    default:
      return whole ? tile<T, Rows, 3, true>(s) : tile<T, Rows, 3, false>(s);
  }
}

/// How columns are divided: strip i of at most most_packs packs covers [from(i), from(i + 1)), beyond the
/// columns as far as its last pack goes.
template <class T, class I>
struct Strips {
  static constexpr std::size_t width = Pack<T, I>::width;
  std::size_t columns, packs, count;

  explicit Strips(std::size_t columns_)
      : columns(columns_),
        packs((columns + width - 1) / width),
        count((packs + most_packs - 1) / most_packs) {}
  std::size_t from(std::size_t i) const { return packs * i / count * width; }
  std::size_t row(std::size_t i) const { return from(i + 1) - from(i); }
  /// The columns of it that exist.
  std::size_t size(std::size_t i) const { return (i + 1 < count ? from(i + 1) : columns) - from(i); }
};

/// `Rows` rows of C, strip by strip; B stands in a panel, or where `s` says. Rows of A that lie far apart
/// fall on the same lines of a cache and push each other out, so they are copied closer first.
template <class T, std::size_t Rows>
void row_block(Corner<T> s, const Strips<T, Isa>& strips, const T* panel) {
  constexpr std::size_t near_row = most_packed_terms + 64 / sizeof(T);
  alignas(64) T near[Rows * near_row];
  if (strips.count > 1 && s.a_column == 1 && s.a_row >= static_cast<std::ptrdiff_t>(1024 / sizeof(T))) {
    for (std::size_t r = 0; r < Rows; ++r)
      copy(s.a + static_cast<std::ptrdiff_t>(r) * s.a_row, near + r * near_row, s.terms);
    s.a = near;
    s.a_row = static_cast<std::ptrdiff_t>(near_row);
  }
  const T* const b = s.b;
  T* const c = s.c;
  for (std::size_t i = 0; i < strips.count; ++i) {
    s.b = panel != nullptr ? panel + s.terms * strips.from(i) : b + strips.from(i);
    if (panel != nullptr) s.b_row = static_cast<std::ptrdiff_t>(strips.row(i));
    s.c = c + strips.from(i);
    s.lanes = strips.size(i) + Strips<T, Isa>::width - strips.row(i);
    tile_of<T, Rows>(s, strips.size(i));
  }
}

/// All rows of C.
template <class T>
void all_rows(Corner<T> s, std::size_t rows, const Strips<T, Isa>& strips, const T* panel) {
  const auto step = [&]<std::size_t Rows>(std::integral_constant<std::size_t, Rows>) {
    for (; rows >= Rows; rows -= Rows) {
      row_block<T, Rows>(s, strips, panel);
      s.a += static_cast<std::ptrdiff_t>(Rows) * s.a_row;
      s.c += static_cast<std::ptrdiff_t>(Rows) * s.c_row;
    }
  };
  step(std::integral_constant<std::size_t, tile_rows>{});
  if constexpr (tile_rows > 4) step(std::integral_constant<std::size_t, 4>{});
  step(std::integral_constant<std::size_t, 2>{});
  step(std::integral_constant<std::size_t, 1>{});
}

// Squares to turn, the largest first: row i of `from` becomes column i of `to`.

#if defined(__SSE2__)
template <class I>
void turn(std::integral_constant<std::size_t, 4>, const float* from, std::ptrdiff_t from_row, float* to,
          std::size_t to_row) {
  __m128 r0 = _mm_loadu_ps(from), r1 = _mm_loadu_ps(from + from_row), r2 = _mm_loadu_ps(from + 2 * from_row),
         r3 = _mm_loadu_ps(from + 3 * from_row);
  _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
  _mm_storeu_ps(to, r0);
  _mm_storeu_ps(to + to_row, r1);
  _mm_storeu_ps(to + 2 * to_row, r2);
  _mm_storeu_ps(to + 3 * to_row, r3);
}
template <class I>
void turn(std::integral_constant<std::size_t, 2>, const double* from, std::ptrdiff_t from_row, double* to,
          std::size_t to_row) {
  const __m128d r0 = _mm_loadu_pd(from), r1 = _mm_loadu_pd(from + from_row);
  _mm_storeu_pd(to, _mm_unpacklo_pd(r0, r1));
  _mm_storeu_pd(to + to_row, _mm_unpackhi_pd(r0, r1));
}
#endif
#if defined(__AVX512F__)
/// Of four rows at a time, then of four such fours: lanes of 128 bits are turned in themselves, and then
/// among each other.
template <class I>
void turn(std::integral_constant<std::size_t, 16>, const float* from, std::ptrdiff_t from_row, float* to,
          std::size_t to_row) {
  __m512 t[16], u[16];
  unrolled<4>([&](auto k) {
    const float* row = from + static_cast<std::ptrdiff_t>(4 * k) * from_row;
    const __m512 a = _mm512_loadu_ps(row), b = _mm512_loadu_ps(row + from_row),
                 c = _mm512_loadu_ps(row + 2 * from_row), d = _mm512_loadu_ps(row + 3 * from_row);
    const __m512d ab = _mm512_castps_pd(_mm512_unpacklo_ps(a, b)),
                  cd = _mm512_castps_pd(_mm512_unpacklo_ps(c, d)),
                  ab_high = _mm512_castps_pd(_mm512_unpackhi_ps(a, b)),
                  cd_high = _mm512_castps_pd(_mm512_unpackhi_ps(c, d));
    t[4 * k] = _mm512_castpd_ps(_mm512_unpacklo_pd(ab, cd));
    t[4 * k + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(ab, cd));
    t[4 * k + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(ab_high, cd_high));
    t[4 * k + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(ab_high, cd_high));
  });
  unrolled<4>([&](auto i) {
    u[4 * i] = _mm512_shuffle_f32x4(t[i], t[4 + i], 0x44);
    u[4 * i + 1] = _mm512_shuffle_f32x4(t[i], t[4 + i], 0xee);
    u[4 * i + 2] = _mm512_shuffle_f32x4(t[8 + i], t[12 + i], 0x44);
    u[4 * i + 3] = _mm512_shuffle_f32x4(t[8 + i], t[12 + i], 0xee);
    _mm512_storeu_ps(to + i * to_row, _mm512_shuffle_f32x4(u[4 * i], u[4 * i + 2], 0x88));
    _mm512_storeu_ps(to + (4 + i) * to_row, _mm512_shuffle_f32x4(u[4 * i], u[4 * i + 2], 0xdd));
    _mm512_storeu_ps(to + (8 + i) * to_row, _mm512_shuffle_f32x4(u[4 * i + 1], u[4 * i + 3], 0x88));
    _mm512_storeu_ps(to + (12 + i) * to_row, _mm512_shuffle_f32x4(u[4 * i + 1], u[4 * i + 3], 0xdd));
  });
}
constexpr std::size_t largest_square(const float*) { return 16; }
constexpr std::size_t largest_square(const double*) { return 2; }
#elif defined(__SSE2__)
constexpr std::size_t largest_square(const float*) { return 4; }
constexpr std::size_t largest_square(const double*) { return 2; }
#else
constexpr std::size_t largest_square(const void*) { return 1; }
#endif
constexpr std::size_t smaller_square(std::size_t side) { return side > 4 ? 4 : 1; }

/// A strip of B, whose columns stand as rows `column` elements apart, to rows of `row` elements: in squares
/// of `Side`, and what they leave in smaller ones.
template <class T, std::size_t Side = largest_square(static_cast<const T*>(nullptr))>
void turn_strip(const T* b, std::ptrdiff_t column, std::size_t terms, std::size_t columns, T* to,
                std::size_t row) {
  const auto from = [&](std::size_t p, std::size_t j) {
    return b + static_cast<std::ptrdiff_t>(p) + static_cast<std::ptrdiff_t>(j) * column;
  };
  if constexpr (Side == 1) {
    for (std::size_t p = 0; p < terms; ++p)
      for (std::size_t j = 0; j < columns; ++j) to[p * row + j] = *from(p, j);
  } else {
    constexpr std::size_t smaller = smaller_square(Side);
    const std::size_t whole_terms = terms - terms % Side, whole_columns = columns - columns % Side;
    for (std::size_t j = 0; j < whole_columns; j += Side)
      for (std::size_t p = 0; p < whole_terms; p += Side)
        turn<Isa>(std::integral_constant<std::size_t, Side>{}, from(p, j), column, to + p * row + j, row);
    turn_strip<T, smaller>(from(whole_terms, 0), column, terms - whole_terms, whole_columns,
                           to + whole_terms * row, row);
    turn_strip<T, smaller>(from(0, whole_columns), column, terms, columns - whole_columns, to + whole_columns,
                           row);
  }
}

/// B at `b`, strip after strip, each with its rows one after the other: a tile then reads it straight
/// through.
template <class T>
void fill_panel(const T* b, const Product& s, std::size_t terms, const Strips<T, Isa>& strips, T* panel) {
  if (s.b_column != 1) {
    for (std::size_t i = 0; i < strips.count; ++i)
      turn_strip(b + static_cast<std::ptrdiff_t>(strips.from(i)) * s.b_column, s.b_column, terms,
                 strips.size(i), panel + terms * strips.from(i), strips.row(i));
    return;
  }
  // Rows lie apart, where nothing but this fetches ahead.
  constexpr std::ptrdiff_t ahead = 4;
  for (std::size_t p = 0; p < terms; ++p, b += s.b_row)
    for (std::size_t i = 0; i < strips.count; ++i) {
      const T* const from = b + strips.from(i);
      for (std::size_t j = 0; j < strips.row(i); j += strips.width)
        __builtin_prefetch(from + ahead * s.b_row + j);
      copy(from, panel + terms * strips.from(i) + p * strips.row(i), strips.size(i));
    }
}

/// B at a term and a column.
template <class T>
const T* b_at(const Product& s, std::size_t term, std::size_t column) {
  return static_cast<const T*>(s.b) + static_cast<std::ptrdiff_t>(term) * s.b_row +
         static_cast<std::ptrdiff_t>(column) * s.b_column;
}

/// The terms [first, first + terms) of the sums in columns of C from `begin` on; B as row_block() has it.
template <class T>
void add_terms(const Product& s, std::size_t first, std::size_t terms, std::size_t begin,
               const Strips<T, Isa>& strips, const T* panel) {
  const T* const a = static_cast<const T*>(s.a) + static_cast<std::ptrdiff_t>(first) * s.a_column;
  all_rows<T>({a, s.a_row, s.a_column, panel != nullptr ? nullptr : b_at<T>(s, first, begin), s.b_row,
               static_cast<T*>(s.c) + begin, s.c_row, terms, s.add || first > 0, 0},
              s.m, strips, panel);
}

/// Columns [begin, begin + columns) of C, no more than fit a panel.
template <class T>
void product_of_columns(const Product& s, std::size_t begin, std::size_t columns) {
  const Strips<T, Isa> strips(columns);
  T* const panel = static_cast<T*>(s.panel);
  for (std::size_t first = 0; first < s.k; first += most_terms) {
    const std::size_t terms = s.k - first < most_terms ? s.k - first : most_terms;
    if (panel != nullptr) fill_panel(b_at<T>(s, first, begin), s, terms, strips, panel);
    add_terms(s, first, terms, begin, strips, panel);
  }
}

/// Calls each(first, terms, begin, strips, panel) for the packed panels, in the order in which they stand.
template <class T, class Each>
void for_packed(const Product& s, const Each& each) {
  constexpr std::size_t most = panel_row_bytes / sizeof(T);
  T* panel = static_cast<T*>(s.panel);
  for (std::size_t begin = 0; begin < s.n; begin += most) {
    const Strips<T, Isa> strips(s.n - begin < most ? s.n - begin : most);
    for (std::size_t first = 0; first < s.k; first += most_packed_terms) {
      const std::size_t terms = s.k - first < most_packed_terms ? s.k - first : most_packed_terms;
      each(first, terms, begin, strips, panel);
      panel += terms * strips.from(strips.count);
    }
  }
}

template <class T>
void pack(const Product& s) {
  for_packed<T>(s, [&](std::size_t first, std::size_t terms, std::size_t begin, const Strips<T, Isa>& strips,
                       T* panel) { fill_panel(b_at<T>(s, first, begin), s, terms, strips, panel); });
}

template <class T>
void packed_product(const Product& s) {
  for_packed<T>(s, [&](std::size_t first, std::size_t terms, std::size_t begin, const Strips<T, Isa>& strips,
                       const T* panel) { add_terms(s, first, terms, begin, strips, panel); });
}

/// Columns of C no more than the lanes of a pack: lanes run over its rows instead, and the result is turned.
/// Worth it for sums of some length.
template <class T>
void narrow_product(const Product& s) {
  constexpr std::size_t width = Pack<T, Isa>::width, most = most_packs * width;
  alignas(64) T panel[most_terms * most], turned_c[width * most];
  for (std::size_t begin = 0; begin < s.m; begin += most) {
    const std::size_t count = s.m - begin < most ? s.m - begin : most;
    const T* a = static_cast<const T*>(s.a) + static_cast<std::ptrdiff_t>(begin) * s.a_row;
    const Product part{s.b,
                       s.b_column,
                       s.b_row,
                       a,
                       s.a_column,
                       s.a_row,
                       turned_c,
                       static_cast<std::ptrdiff_t>(most),
                       s.n,
                       count,
                       s.k,
                       false,
                       s.a_row != 1 ? panel : nullptr};
    product_of_columns<T>(part, 0, count);
    for (std::size_t i = 0; i < count; ++i) {
      T* c = static_cast<T*>(s.c) + static_cast<std::ptrdiff_t>(begin + i) * s.c_row;
      for (std::size_t j = 0; j < s.n; ++j) c[j] = turned_c[j * most + i] + (s.add ? c[j] : T(0));
    }
  }
}

/// Of one term: no sum is worth a tile's registers, and C goes by once.
template <class T, bool Add>
void outer_product(const Product s) {  // of its own: what is written to might be anything else
  using P = Pack<T, Isa>;
  const T* const b = static_cast<const T*>(s.b);
  for (std::size_t i = 0; i < s.m; ++i) {
    const P factor = P::splat(static_cast<const T*>(s.a) + static_cast<std::ptrdiff_t>(i) * s.a_row);
    T* const c = static_cast<T*>(s.c) + static_cast<std::ptrdiff_t>(i) * s.c_row;
    std::size_t j = 0;
    const auto whole = [&](std::size_t at) {
      fma(factor, P::load(b + at), Add ? P::load(c + at) : P(0)).store(c + at);
    };
    for (; j + 4 * P::width <= s.n; j += 4 * P::width) unrolled<4>([&](auto q) { whole(j + q * P::width); });
    for (; j + P::width <= s.n; j += P::width) whole(j);
    if (const std::size_t rest = s.n - j; rest > 0)
      fma(factor, P::load_first(b + j, rest), Add ? P::load_first(c + j, rest) : P(0))
          .store_first(c + j, rest);
  }
}

template <class T>
void product(const Product& s) {
  constexpr std::size_t width = Pack<T, Isa>::width, most = panel_row_bytes / sizeof(T);
  if (s.packed) return packed_product<T>(s);
  if (s.k == 1 && s.b_column == 1) return s.add ? outer_product<T, true>(s) : outer_product<T, false>(s);
  if (s.n <= width && s.m >= 2 * width && s.k >= 64) return narrow_product<T>(s);
  for (std::size_t begin = 0; begin < s.n; begin += most)
    product_of_columns<T>(s, begin, s.n - begin < most ? s.n - begin : most);
}

}  // namespace

template <>
const GemmKernels* gemm_kernels<simd::Isa>() {
  static constexpr GemmKernels kernels = {{&product<float>, &product<double>}, {&pack<float>, &pack<double>}};
  return &kernels;
}

}  // namespace xgrad::kernels
