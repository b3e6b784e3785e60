#include "attention_kernels.hpp"

#include <limits>

#include "../core/kernels/axis_loop.hpp"

namespace xgrad::kernels {
namespace {

using simd::Isa;

template <class T>
using Pack = simd::Pack<T, Isa>;

template <class T>
constexpr T infinity = std::numeric_limits<T>::infinity();

/// 1 in the lanes whose bytes are set, as numbers of the kind of the second argument.
Pack<float> as_numbers(const bool* from, const Pack<float>&) {
#if defined(__AVX512F__)
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  return Pack<float>(Pack<float>::Batch(_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes))));
#elif defined(__AVX2__)
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
  return Pack<float>(Pack<float>::Batch(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes))));
#else
  alignas(64) float lanes[Pack<float>::width];
  for (std::size_t k = 0; k < Pack<float>::width; ++k) lanes[k] = from[k] ? 1 : 0;
  return Pack<float>::load(lanes);
#endif
}
Pack<double> as_numbers(const bool* from, const Pack<double>&) {
#if defined(__AVX512F__)
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
  return Pack<double>(Pack<double>::Batch(_mm512_cvtepi32_pd(_mm256_cvtepu8_epi32(bytes))));
#elif defined(__AVX2__)
  int four = 0;
  __builtin_memcpy(&four, from, 4);
  return Pack<double>(Pack<double>::Batch(_mm256_cvtepi32_pd(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(four)))));
#else
  alignas(64) double lanes[Pack<double>::width];
  for (std::size_t k = 0; k < Pack<double>::width; ++k) lanes[k] = from[k] ? 1 : 0;
  return Pack<double>::load(lanes);
#endif
}

// Whole packs, and the part of one at a row's end: which lanes a mask's bytes forbid, and what stands in
// lanes that have no element.

template <class P>
auto is_set(const WholePack<P>&, const bool* from) {
  return as_numbers(from, P()) > P(0);
}
template <class P>
auto is_set(const PartOfPack<P>& part, const bool* from) {
  bool bytes[16] = {};
  for (std::size_t k = 0; k < part.n; ++k) bytes[k] = from[k];
  return as_numbers(bytes, P()) > P(0);
}
template <class P>
P with_fill(const WholePack<P>&, const P& x, const P&) {
  return x;
}
template <class P>
P with_fill(const PartOfPack<P>& part, const P& x, const P& fill) {
  return first_or(x, part.n, fill);
}

/// How many columns row r sees before the mask is asked.
std::size_t seen_by(const AttentionBlock& b, std::size_t r) {
  const std::ptrdiff_t seen = b.seen + static_cast<std::ptrdiff_t>(r) * b.seen_step;
  if (seen <= 0) return 0;
  return static_cast<std::size_t>(seen) < b.columns ? static_cast<std::size_t>(seen) : b.columns;
}

/// Calls each(r, seen, forbidden), the last one a mask's row; none where it has nothing to say.
template <class Each>
void for_rows(const AttentionBlock& b, const Each& each) {
  for (std::size_t r = 0; r < b.rows; ++r) {
    const bool* row =
        b.forbidden == nullptr ? nullptr : b.forbidden + static_cast<std::ptrdiff_t>(r) * b.forbidden_row;
    if (row == nullptr || b.forbidden_column != 0)
      each(r, seen_by(b, r), row);
    else
      each(r, *row ? 0 : seen_by(b, r), nullptr);
  }
}

/// The columns that are looked at for the first `seen`: whole packs, so that what is stored is loaded again
/// without waiting.
template <class P>
std::size_t covering(std::size_t seen, std::size_t columns) {
  const std::size_t whole = (seen + P::width - 1) / P::width * P::width;
  return whole < columns ? whole : columns;
}
/// The lanes of the pack at column i that are among the first `seen`, and `fill`.
template <class P>
P only_seen(const P& x, std::size_t i, std::size_t seen, const P& fill) {
  return i + P::width <= seen ? x : first_or(x, seen - i, fill);
}

template <class T>
void fill(T* x, std::size_t begin, std::size_t end, T with) {
  for (std::size_t i = begin; i < end; ++i) x[i] = with;
}

/// Makes scores of a row's products, -inf past the first `seen` and where the mask forbids; gives the
/// largest.
template <class T, bool Masked>
Pack<T> score_row(T* x, std::size_t count, std::size_t seen, const Pack<T>& scale, const bool* forbidden) {
  using P = Pack<T>;
  const P nothing = Largest::start<P>();
  return fold_row<P>(count, nothing, Largest{}, [=](const auto& reader, std::size_t i) {
    P score = only_seen(reader.load(x + i) * scale, i, seen, nothing);
    if constexpr (Masked) score = select(is_set(reader, forbidden + i), nothing, score);
    reader.store(score, x + i);
    return with_fill(reader, score, nothing);
  });
}

/// Makes weights of the scores; gives their sum, in double but for fours.
template <class T>
double weights_of_row(T* x, std::size_t count, const Pack<T>& shift) {
  using P = Pack<T>;
  constexpr std::size_t width = P::width;
  // A call a pack, with the constants of exp loaded each time, takes half as long again.
  const auto weigh = [&](const auto& reader, std::size_t i) __attribute__((always_inline)) {
    const P weight = exp(reader.load_or(x + i, Largest::start<P>()) - shift);
    reader.store(weight, x + i);
    return weight;
  };
  decltype(in_double(P())) total(0);
  std::size_t i = 0;
  for (; i + 4 * width <= count; i += 4 * width) {
    const P first = weigh(WholePack<P>{}, i) + weigh(WholePack<P>{}, i + width);
    total += in_double(first + (weigh(WholePack<P>{}, i + 2 * width) + weigh(WholePack<P>{}, i + 3 * width)));
  }
  for (; i + width <= count; i += width) total += in_double(weigh(WholePack<P>{}, i));
  if (i < count) total += in_double(weigh(PartOfPack<P>{count - i}, i));
  return sum(total);
}

template <class T>
void weigh_row(const AttentionBlock& b, std::size_t r, std::size_t seen, const bool* forbidden) {
  using P = Pack<T>;
  T* const x = static_cast<T*>(b.scores) + r * b.columns;
  T& largest = static_cast<T*>(b.largest)[r];
  const P scale(b.scale), before(largest);
  const std::size_t count = covering<P>(seen, b.columns);
  const P scores = forbidden == nullptr ? score_row<T, false>(x, count, seen, scale, nullptr)
                                        : score_row<T, true>(x, count, seen, scale, forbidden);
  const T now = max(maximum(scores, before));
  // Nothing but -inf has weights of 0.
  const P shift(now == -infinity<T> ? T(0) : now);
  const double total = weights_of_row(x, count, shift);
  // A row with a NaN, or an infinite score, is NaN.
  const bool is_number = total == total;
  fill(x, is_number ? count : 0, b.columns, is_number ? T(0) : std::numeric_limits<T>::quiet_NaN());
  if (b.out != nullptr && now != largest) {
    const P factor = exp(before - shift);
    T* const out = static_cast<T*>(b.out) + r * b.out_columns;
    write_row<P>(out, b.out_columns,
                 [=](const auto& reader, std::size_t i) { return reader.load(out + i) * factor; });
    b.total[r] *= static_cast<double>(factor.first());
  }
  largest = now;
  b.total[r] += total;
}

template <class T>
void weigh_kernel(const AttentionBlock& b) {
  for_rows(b, [&](std::size_t r, std::size_t seen, const bool* forbidden) {
    weigh_row<T>(b, r, seen, forbidden);
  });
}

template <class T>
void finish_kernel(const AttentionRows& all) {
  using P = Pack<T>;
  for (std::size_t r = 0; r < all.rows; ++r) {
    const double total = all.total[r];
    T* const out = static_cast<T*>(all.out) + r * all.out_columns;
    const P factor(total == 0 ? 0 : 1 / total);
    write_row<P>(out, all.out_columns,
                 [=](const auto& reader, std::size_t i) { return reader.load(out + i) * factor; });
    if (all.sums == nullptr) continue;
    T* const sums = static_cast<T*>(all.sums) + r * attention_sums;
    sums[0] = total == 0 ? T(0) : static_cast<const T*>(all.largest)[r];
    sums[1] = factor.first();
  }
}

template <class T, bool Masked, bool Kept>
void gradient_row(const AttentionBlock& b, std::size_t r, std::size_t seen, const bool* forbidden) {
  using P = Pack<T>;
  T* const x = static_cast<T*>(b.scores) + r * b.columns;
  T* const slopes = static_cast<T*>(b.slopes) + r * b.columns;
  const T* const sums = static_cast<const T*>(b.sums) + r * attention_sums;
  const T* const known = Kept ? static_cast<const T*>(b.exponentials) + r * b.exponentials_row : nullptr;
  const P scale(b.scale), mean(static_cast<const T*>(b.mean)[r]), largest(sums[0]), inverse(sums[1]);
  const std::size_t count = covering<P>(seen, b.columns);
  for_columns<P>(count, [=](const auto& reader, std::size_t i) {
    // The score is rounded as it was for the sum.
    const P exponential = Kept ? reader.load(known + i) : exp(reader.load(x + i) * scale - largest);
    const P weight = exponential * inverse;
    const P slope = weight * (reader.load(slopes + i) - mean) * scale;
    const auto store = [&](const P& made, T* to) {
      P kept = only_seen(made, i, seen, P(0));
      if constexpr (Masked) kept = select(is_set(reader, forbidden + i), P(0), kept);
      reader.store(kept, to + i);
    };
    store(weight, x);
    store(slope, slopes);
  });
  fill(x, count, b.columns, T(0));
  fill(slopes, count, b.columns, T(0));
}

template <class T, bool Kept>
void gradient_rows(const AttentionBlock& b) {
  for_rows(b, [&](std::size_t r, std::size_t seen, const bool* forbidden) {
    forbidden == nullptr ? gradient_row<T, false, Kept>(b, r, seen, nullptr)
                         : gradient_row<T, true, Kept>(b, r, seen, forbidden);
  });
}

template <class T>
void gradient_kernel(const AttentionBlock& b) {
  b.exponentials == nullptr ? gradient_rows<T, false>(b) : gradient_rows<T, true>(b);
}

template <class T>
void row_products_kernel(const void* a, const void* b, std::size_t rows, std::size_t columns, void* out) {
  using P = Pack<T>;
  for (std::size_t r = 0; r < rows; ++r) {
    const T *x = static_cast<const T*>(a) + r * columns, *y = static_cast<const T*>(b) + r * columns;
    static_cast<T*>(out)[r] = static_cast<T>(sum_row<P>(0, columns, [=](const auto& reader, std::size_t i) {
      return reader.load(x + i) * reader.load(y + i);
    }));
  }
}

template <class T>
void multiply_kernel(void* x, const void* by, std::size_t count) {
  T* const out = static_cast<T*>(x);
  const T* const factors = static_cast<const T*>(by);
  write_row<Pack<T>>(out, count, [=](const auto& reader, std::size_t i) {
    return reader.load(out + i) * reader.load(factors + i);
  });
}

template <class T>
bool all_finite_kernel(const void* x, std::size_t count) {
  using P = Pack<T>;
  const T* const from = static_cast<const T*>(x);
  // x - x is 0 for every finite number, and a NaN for the others.
  const P sum = fold_row<P>(
      count, P(0), [](const P& a, const P& b) { return a + b; },
      [=](const auto& reader, std::size_t i) {
        const P element = reader.load(from + i);
        return element - element;
      });
  return all(is_finite(sum));
}

}  // namespace

template <>
const AttentionKernels* attention_kernels<simd::Isa>() {
  static constexpr AttentionKernels all = {{&weigh_kernel<float>, &weigh_kernel<double>},
                                           {&finish_kernel<float>, &finish_kernel<double>},
                                           {&gradient_kernel<float>, &gradient_kernel<double>},
                                           {&row_products_kernel<float>, &row_products_kernel<double>},
                                           {&multiply_kernel<float>, &multiply_kernel<double>},
                                           {&all_finite_kernel<float>, &all_finite_kernel<double>}};
  return &all;
}

}  // namespace xgrad::kernels
