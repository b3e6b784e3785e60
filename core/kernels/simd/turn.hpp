#pragma once

// Small blocks of a matrix turned on the way: rows that stand apart become columns.
//
// Everything is a template over I or `static`: what the linker cannot see it cannot mix up.

#include "pack.hpp"

namespace xgrad::simd {

#if defined(__SSE2__)

/// The columns that are turned at a time, in quarters, halves or wholes of a register; and as many rows, or
/// as many as it has lanes.
template <class T>
inline constexpr std::size_t turned_columns = 16 / sizeof(T);

static inline __m128 quarter(const float* from) { return _mm_loadu_ps(from); }
static inline __m128d quarter(const double* from) { return _mm_loadu_pd(from); }

/// turned_columns rows as many columns: row i of `from` becomes column i of `to`.
template <class I>
[[gnu::always_inline]] inline void turn_square(const float* from, std::size_t from_row, float* to,
                                               std::size_t to_row) {
  __m128 r0 = quarter(from), r1 = quarter(from + from_row), r2 = quarter(from + 2 * from_row),
         r3 = quarter(from + 3 * from_row);
  _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
  _mm_storeu_ps(to, r0);
  _mm_storeu_ps(to + to_row, r1);
  _mm_storeu_ps(to + 2 * to_row, r2);
  _mm_storeu_ps(to + 3 * to_row, r3);
}
template <class I>
[[gnu::always_inline]] inline void turn_square(const double* from, std::size_t from_row, double* to,
                                               std::size_t to_row) {
  const __m128d r0 = quarter(from), r1 = quarter(from + from_row);
  _mm_storeu_pd(to, _mm_unpacklo_pd(r0, r1));
  _mm_storeu_pd(to + to_row, _mm_unpackhi_pd(r0, r1));
}

#if defined(__AVX512F__)

/// Row i in the first quarter, and those `step` after it in the others.
static inline __m512 rows_in_quarters(const float* from, std::size_t step) {
  const __m512 two = _mm512_insertf32x4(_mm512_castps128_ps512(quarter(from)), quarter(from + step), 1);
  return _mm512_insertf32x4(_mm512_insertf32x4(two, quarter(from + 2 * step), 2), quarter(from + 3 * step),
                            3);
}
static inline __m512d rows_in_quarters(const double* from, std::size_t step) {
  const __m512d two = _mm512_insertf64x2(_mm512_castpd128_pd512(quarter(from)), quarter(from + step), 1);
  return _mm512_insertf64x2(_mm512_insertf64x2(two, quarter(from + 2 * step), 2), quarter(from + 3 * step),
                            3);
}
template <class I>
[[gnu::always_inline]] inline void turn_lanes(const float* from, std::size_t from_row, float* to,
                                              std::size_t to_row) {
  const std::size_t step = 4 * from_row;
  const __m512 r0 = rows_in_quarters(from, step), r1 = rows_in_quarters(from + from_row, step),
               r2 = rows_in_quarters(from + 2 * from_row, step),
               r3 = rows_in_quarters(from + 3 * from_row, step);
  const __m512 a = _mm512_unpacklo_ps(r0, r1), b = _mm512_unpackhi_ps(r0, r1), c = _mm512_unpacklo_ps(r2, r3),
               d = _mm512_unpackhi_ps(r2, r3);
  _mm512_storeu_ps(to, _mm512_shuffle_ps(a, c, 0x44));
  _mm512_storeu_ps(to + to_row, _mm512_shuffle_ps(a, c, 0xee));
  _mm512_storeu_ps(to + 2 * to_row, _mm512_shuffle_ps(b, d, 0x44));
  _mm512_storeu_ps(to + 3 * to_row, _mm512_shuffle_ps(b, d, 0xee));
}
template <class I>
[[gnu::always_inline]] inline void turn_lanes(const double* from, std::size_t from_row, double* to,
                                              std::size_t to_row) {
  const std::size_t step = 2 * from_row;
  const __m512d r0 = rows_in_quarters(from, step), r1 = rows_in_quarters(from + from_row, step);
  _mm512_storeu_pd(to, _mm512_unpacklo_pd(r0, r1));
  _mm512_storeu_pd(to + to_row, _mm512_unpackhi_pd(r0, r1));
}

#elif defined(__AVX__)

static inline __m256 rows_in_halves(const float* from, std::size_t step) {
  return _mm256_insertf128_ps(_mm256_castps128_ps256(quarter(from)), quarter(from + step), 1);
}
static inline __m256d rows_in_halves(const double* from, std::size_t step) {
  return _mm256_insertf128_pd(_mm256_castpd128_pd256(quarter(from)), quarter(from + step), 1);
}
template <class I>
[[gnu::always_inline]] inline void turn_lanes(const float* from, std::size_t from_row, float* to,
                                              std::size_t to_row) {
  const std::size_t step = 4 * from_row;
  const __m256 r0 = rows_in_halves(from, step), r1 = rows_in_halves(from + from_row, step),
               r2 = rows_in_halves(from + 2 * from_row, step), r3 = rows_in_halves(from + 3 * from_row, step);
  const __m256 a = _mm256_unpacklo_ps(r0, r1), b = _mm256_unpackhi_ps(r0, r1), c = _mm256_unpacklo_ps(r2, r3),
               d = _mm256_unpackhi_ps(r2, r3);
  _mm256_storeu_ps(to, _mm256_shuffle_ps(a, c, 0x44));
  _mm256_storeu_ps(to + to_row, _mm256_shuffle_ps(a, c, 0xee));
  _mm256_storeu_ps(to + 2 * to_row, _mm256_shuffle_ps(b, d, 0x44));
  _mm256_storeu_ps(to + 3 * to_row, _mm256_shuffle_ps(b, d, 0xee));
}
template <class I>
[[gnu::always_inline]] inline void turn_lanes(const double* from, std::size_t from_row, double* to,
                                              std::size_t to_row) {
  const std::size_t step = 2 * from_row;
  const __m256d r0 = rows_in_halves(from, step), r1 = rows_in_halves(from + from_row, step);
  _mm256_storeu_pd(to, _mm256_unpacklo_pd(r0, r1));
  _mm256_storeu_pd(to + to_row, _mm256_unpackhi_pd(r0, r1));
}

#else

template <class I, class T>
[[gnu::always_inline]] inline void turn_lanes(const T* from, std::size_t from_row, T* to,
                                              std::size_t to_row) {
  turn_square<I>(from, from_row, to, to_row);
}

#endif

#else

template <class T>
inline constexpr std::size_t turned_columns = 1;
template <class I, class T>
[[gnu::always_inline]] inline void turn_square(const T* from, std::size_t, T* to, std::size_t) {
  *to = *from;
}

#endif

/// to[column * to_row + row] = from[row * from_row + column]. Along `to`, so that it is written row by row.
template <class I, class T>
void turn(const T* from, std::size_t from_row, std::size_t rows, std::size_t columns, T* to,
          std::size_t to_row) {
  constexpr std::size_t side = turned_columns<T>;
  const std::size_t whole_rows = rows - rows % side, whole_columns = columns - columns % side;
  for (std::size_t c = 0; c < whole_columns; c += side) {
    std::size_t r = 0;
#if defined(__SSE2__)
    for (; r + Pack<T, I>::width <= rows; r += Pack<T, I>::width)
      turn_lanes<I>(from + r * from_row + c, from_row, to + c * to_row + r, to_row);
#endif
    for (; r < whole_rows; r += side)
      turn_square<I>(from + r * from_row + c, from_row, to + c * to_row + r, to_row);
  }
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = r < whole_rows ? whole_columns : 0; c < columns; ++c)
      to[c * to_row + r] = from[r * from_row + c];
}

}  // namespace xgrad::simd
