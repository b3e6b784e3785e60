// What normalisations ask of a row. For kernel files only.
#pragma once

#include <math.h>

#include <limits>

#include "../core/kernels/axis_loop.hpp"

namespace xgrad::kernels {

template <class P>
struct Two {
  P first, second;
};

/// The sums of both parts of term(reader, i) along a row, in double; four packs at a time are added up before
/// they are widened. A term must be 0 in lanes that no element stands behind.
template <class P, class Term>
Two<double> sums_of_row(std::size_t count, const Term& term) {
  using D = decltype(in_double(P()));
  constexpr std::size_t width = P::width;
  D first(0), second(0);
  std::size_t i = 0;
  for (; i + 4 * width <= count; i += 4 * width) {
    const WholePack<P> reader;
    const Two<P> a = term(reader, i), b = term(reader, i + width), c = term(reader, i + 2 * width),
                 d = term(reader, i + 3 * width);
    first += in_double((a.first + b.first) + (c.first + d.first));
    second += in_double((a.second + b.second) + (c.second + d.second));
  }
  const auto add = [&](const Two<P>& x) {
    first += in_double(x.first);
    second += in_double(x.second);
  };
  for (; i + width <= count; i += width) add(term(WholePack<P>{}, i));
  if (i < count) add(term(PartOfPack<P>{count - i}, i));
  return {sum(first), sum(second)};
}

/// The mean of a row as an element, what rounding took from it, and the variance over all elements.
template <class P>
struct Moments {
  typename P::value_type mean;
  double rest, variance;
};

/// The first round counts from the row's first element, so that equal elements give their mean exactly; the
/// second one counts from that mean, and finds what rounding took from it.
template <class P>
Moments<P> moments_of_row(const typename P::value_type* x, std::size_t count) {
  const auto n = static_cast<double>(count);
  const P start(x[0]);
  const Two<double> shift = sums_of_row<P>(count, [&](const auto& reader, std::size_t i) {
    return Two<P>{reader.keep(reader.load(x + i) - start), P(0)};
  });
  const P mean(static_cast<double>(x[0]) + shift.first / n);
  const Two<double> sums = sums_of_row<P>(count, [&](const auto& reader, std::size_t i) {
    const P d = reader.keep(reader.load(x + i) - mean);
    return Two<P>{d, d * d};
  });
  const double rest = sums.first / n, variance = sums.second / n - rest * rest;
  return {mean.first(), rest, variance < 0 ? 0 : variance};
}

/// Whether squares of elements T, of which this is the mean and what is added to it, may have been lost to
/// overflow or underflow.
template <class T>
static bool is_lost(double square) {
  constexpr double lowest = std::numeric_limits<T>::min() / std::numeric_limits<T>::epsilon();
  return !(square > lowest && square <= std::numeric_limits<double>::max());
}

/// A power of two that brings numbers of up to `largest` near 1, as far as it is a normal T and leaves
/// epsilon times its square no more than 1. For C's functions by their C names see
/// core/kernels/simd/trigonometric.hpp.
template <class T>
static double near_one(double largest, double epsilon) {
  constexpr int most = std::numeric_limits<T>::max_exponent - 2;
  int exponent = ::ilogb(largest);
  if (epsilon > 0 && ::ilogb(epsilon) / 2 > exponent) exponent = ::ilogb(epsilon) / 2;
  if (exponent > most) exponent = most;
  if (exponent < -most) exponent = -most;
  return ::ldexp(1.0, -exponent);
}

/// What the elements of a row are multiplied by, 1 / sqrt(variance + epsilon), and what the mean lacks.
struct RowScale {
  double scale, rest;
};

template <class P>
[[gnu::noinline]] RowScale scale_of_lost_row(const Moments<P>& row, const typename P::value_type* x,
                                             std::size_t count, double epsilon) {
  using T = typename P::value_type;
  const P mean(row.mean);
  const double largest = static_cast<double>(max(fold_row<P>(
      count, P(0), [](const P& a, const P& b) { return maximum(a, b); },
      [&](const auto& reader, std::size_t i) { return abs(reader.keep(reader.load(x + i) - mean)); })));
  if (!(largest > 0 && largest <= std::numeric_limits<double>::max()))
    return {1 / ::sqrt(row.variance + epsilon), row.rest};
  const double factor = near_one<T>(largest, epsilon);
  const Two<double> sums = sums_of_row<P>(count, [&](const auto& reader, std::size_t i) {
    const P d = reader.keep(reader.load(x + i) - mean) * factor;
    return Two<P>{d, d * d};
  });
  const auto n = static_cast<double>(count);
  const double rest = sums.first / n, variance = sums.second / n - rest * rest;
  return {factor / ::sqrt((variance < 0 ? 0 : variance) + epsilon * factor * factor), rest / factor};
}

template <class P>
RowScale scale_of_row(const Moments<P>& row, const typename P::value_type* x, std::size_t count,
                      double epsilon) {
  const double square = row.variance + epsilon;
  if (is_lost<typename P::value_type>(square)) [[unlikely]]
    return scale_of_lost_row<P>(row, x, count, epsilon);
  return {1 / ::sqrt(square), row.rest};
}

/// (x - mean) / deviation, in every lane: `scale` is one over the deviation, and `shift` what the mean lacks
/// by rounding, times -scale.
template <class P>
struct Normal {
  P mean, scale, shift;
  P operator()(const P& x) const { return fma(x - mean, scale, shift); }
};

}  // namespace xgrad::kernels
