// What normalisations ask of a row. For kernel files only.
#pragma once

#include "../core/axis_loop.hpp"

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

/// (x - mean) / deviation, in every lane: `scale` is one over the deviation, and `shift` what the mean lacks
/// by rounding, times -scale.
template <class P>
struct Normal {
  P mean, scale, shift;
  P operator()(const P& x) const { return fma(x - mean, scale, shift); }
};

}  // namespace xgrad::kernels
