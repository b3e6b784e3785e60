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
/// Terms of the sums that are taken at a time: a packed strip of B then stays in the nearest caches.
constexpr std::size_t most_terms = 256;

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

/// All rows of a strip of columns.
template <class T, std::size_t Packs, bool Whole>
void strip_of(Corner<T> s, std::size_t rows) {
  const auto step = [&]<std::size_t Rows>(std::integral_constant<std::size_t, Rows>) {
    for (; rows >= Rows; rows -= Rows) {
      tile<T, Rows, Packs, Whole>(s);
      s.a += static_cast<std::ptrdiff_t>(Rows) * s.a_row;
      s.c += static_cast<std::ptrdiff_t>(Rows) * s.c_row;
    }
  };
  step(std::integral_constant<std::size_t, tile_rows>{});
  if constexpr (tile_rows > 4) step(std::integral_constant<std::size_t, 4>{});
  step(std::integral_constant<std::size_t, 2>{});
  step(std::integral_constant<std::size_t, 1>{});
}

template <class T>
void strip(const Corner<T>& s, std::size_t rows, std::size_t columns) {
  constexpr std::size_t width = Pack<T, Isa>::width;
  const bool whole = s.lanes == width;
  switch ((columns + width - 1) / width) {
    case 1:
      return whole ? strip_of<T, 1, true>(s, rows) : strip_of<T, 1, false>(s, rows);
    case 2:
      return whole ? strip_of<T, 2, true>(s, rows) : strip_of<T, 2, false>(s, rows);
    default:
      return whole ? strip_of<T, 3, true>(s, rows) : strip_of<T, 3, false>(s, rows);
  }
}

#if defined(__SSE2__)
constexpr std::size_t turned(const float*) { return 4; }
constexpr std::size_t turned(const double*) { return 2; }
/// A square of 4 x 4 floats or 2 x 2 doubles: row i of `from` becomes column i of `to`.
template <class I>
void turn(const float* from, std::ptrdiff_t from_row, float* to, std::size_t to_row) {
  __m128 r0 = _mm_loadu_ps(from), r1 = _mm_loadu_ps(from + from_row), r2 = _mm_loadu_ps(from + 2 * from_row),
         r3 = _mm_loadu_ps(from + 3 * from_row);
  _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
  _mm_storeu_ps(to, r0);
  _mm_storeu_ps(to + to_row, r1);
  _mm_storeu_ps(to + 2 * to_row, r2);
  _mm_storeu_ps(to + 3 * to_row, r3);
}
template <class I>
void turn(const double* from, std::ptrdiff_t from_row, double* to, std::size_t to_row) {
  const __m128d r0 = _mm_loadu_pd(from), r1 = _mm_loadu_pd(from + from_row);
  _mm_storeu_pd(to, _mm_unpacklo_pd(r0, r1));
  _mm_storeu_pd(to + to_row, _mm_unpackhi_pd(r0, r1));
}
#else
constexpr std::size_t turned(const void*) { return 1; }
template <class I, class T>
void turn(const T* from, std::ptrdiff_t, T* to, std::size_t) {
  *to = *from;
}
#endif

/// A strip of B with rows of whole packs.
template <class T>
void pack_strip(const T* b, const Product& s, std::size_t terms, std::size_t columns, T* to,
                std::size_t row) {
  if (s.b_column == 1) {
    for (std::size_t p = 0; p < terms; ++p, b += s.b_row, to += row)
      for (std::size_t j = 0; j < columns; ++j) to[j] = b[j];
    return;
  }
  constexpr std::size_t side = turned(static_cast<const T*>(nullptr));
  const std::size_t whole_terms = terms - terms % side, whole_columns = columns - columns % side;
  const auto from = [&](std::size_t p, std::size_t j) {
    return b + static_cast<std::ptrdiff_t>(p) + static_cast<std::ptrdiff_t>(j) * s.b_column;
  };
  for (std::size_t j = 0; j < whole_columns; j += side)
    for (std::size_t p = 0; p < whole_terms; p += side)
      turn<Isa>(from(p, j), s.b_column, to + p * row + j, row);
  for (std::size_t p = 0; p < terms; ++p)
    for (std::size_t j = p < whole_terms ? whole_columns : 0; j < columns; ++j) to[p * row + j] = *from(p, j);
}

/// A strip of at most most_packs packs of columns, over all rows and terms; its first column stands at
/// `begin`.
template <class T>
void strip_of_columns(const Product& s, std::size_t begin, std::size_t columns, bool pack) {
  constexpr std::size_t width = Pack<T, Isa>::width;
  alignas(64) T packed[most_terms * most_packs * width];
  const std::size_t row = (columns + width - 1) / width * width;
  for (std::size_t first = 0; first < s.k; first += most_terms) {
    const auto p = static_cast<std::ptrdiff_t>(first), j = static_cast<std::ptrdiff_t>(begin);
    const std::size_t terms = s.k - first < most_terms ? s.k - first : most_terms;
    Corner<T> corner{static_cast<const T*>(s.a) + p * s.a_column,
                     s.a_row,
                     s.a_column,
                     static_cast<const T*>(s.b) + p * s.b_row + j * s.b_column,
                     s.b_row,
                     static_cast<T*>(s.c) + j,
                     s.c_row,
                     terms,
                     s.add || first > 0,
                     columns + width - row};
    if (pack) {
      pack_strip(corner.b, s, terms, columns, packed, row);
      corner.b = packed;
      corner.b_row = static_cast<std::ptrdiff_t>(row);
    }
    strip(corner, s.m, columns);
  }
}

/// Columns of C no more than the lanes of a pack: lanes run over its rows instead, and the result is turned.
/// Worth it for sums of some length.
template <class T>
void narrow_product(const Product& s) {
  constexpr std::size_t width = Pack<T, Isa>::width, most = most_packs * width;
  alignas(64) T turned_c[width * most];
  for (std::size_t begin = 0; begin < s.m; begin += most) {
    const std::size_t count = s.m - begin < most ? s.m - begin : most;
    const T* a = static_cast<const T*>(s.a) + static_cast<std::ptrdiff_t>(begin) * s.a_row;
    const Product part{s.b,        s.b_column, s.b_row,  a,
                       s.a_column, s.a_row,    turned_c, static_cast<std::ptrdiff_t>(most),
                       s.n,        count,      s.k,      false};
    strip_of_columns<T>(part, 0, count, part.b_column != 1);
    for (std::size_t i = 0; i < count; ++i) {
      T* c = static_cast<T*>(s.c) + static_cast<std::ptrdiff_t>(begin + i) * s.c_row;
      for (std::size_t j = 0; j < s.n; ++j) c[j] = turned_c[j * most + i] + (s.add ? c[j] : T(0));
    }
  }
}

template <class T>
void product(const Product& s) {
  constexpr std::size_t width = Pack<T, Isa>::width;
  if (s.n <= width && s.m >= 2 * width && s.k >= 64) return narrow_product<T>(s);
  // Rows of B far apart fall on the same lines of a cache.
  const bool pack = s.b_column != 1 || (s.m >= 64 && s.b_row >= 256);
  const std::size_t packs = (s.n + width - 1) / width, strips = (packs + most_packs - 1) / most_packs;
  for (std::size_t i = 0; i < strips; ++i) {
    const std::size_t begin = packs * i / strips * width, end = packs * (i + 1) / strips * width;
    strip_of_columns<T>(s, begin, (end < s.n ? end : s.n) - begin, pack);
  }
}

}  // namespace

template <>
const GemmKernels* gemm_kernels<simd::Isa>() {
  static constexpr GemmKernels kernels = {{&product<float>, &product<double>}};
  return &kernels;
}

}  // namespace xgrad::kernels
