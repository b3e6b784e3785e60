#include <xgrad/core/kernels/simd/pack.hpp>

#include "simd_probe.hpp"

namespace xgrad::simd_probe {

using simd::Pack;

namespace {

// A comparison gives one truth value a lane: nothing may take it for a single one.
static_assert(!std::is_constructible_v<bool, simd::Mask<float, simd::Isa>>);
static_assert(!std::is_constructible_v<bool, simd::Mask<double, simd::Isa>>);

template <class I, class T, class F>
void each(F f, const T* a, const T* b, T* out, std::size_t n) {
  using P = Pack<T, I>;
  std::size_t i = 0;
  for (; i + P::width <= n; i += P::width) f(P::load(a + i), P::load(b + i)).store(out + i);
  if (i < n) f(P::load_first(a + i, n - i), P::load_first(b + i, n - i)).store_first(out + i, n - i);
}

// Every way that a number may stand beside a pack.
template <class P>
P with_literals(const P& x) {
  const P y = select(x > 0, x, 0) + select(0 >= x, 0.5 * x, 0.f) + select(x == 1, 1, 0.0);
  return 1 / (1 + maximum(minimum(2, y * 1.0), -2)) + pow(x, 0) - copysign(1, 2) + atan2(0, 1);
}

template <class I, class T>
void apply_unary(Function f, const T* a, T* out, std::size_t n) {
  const auto run = [=](auto function) {
    each<I>([function](auto x, auto) { return function(x); }, a, a, out, n);
  };
  switch (f) {
    case Function::exp:
      return run([](auto x) { return exp(x); });
    case Function::expm1:
      return run([](auto x) { return expm1(x); });
    case Function::log:
      return run([](auto x) { return log(x); });
    case Function::log1p:
      return run([](auto x) { return log1p(x); });
    case Function::log2:
      return run([](auto x) { return log2(x); });
    case Function::sqrt:
      return run([](auto x) { return sqrt(x); });
    case Function::abs:
      return run([](auto x) { return abs(x); });
    case Function::floor:
      return run([](auto x) { return floor(x); });
    case Function::sign:
      return run([](auto x) { return sign(x); });
    case Function::negate:
      return run([](auto x) { return -x; });
    case Function::sin:
      return run([](auto x) { return sin(x); });
    case Function::cos:
      return run([](auto x) { return cos(x); });
    case Function::tan:
      return run([](auto x) { return tan(x); });
    case Function::asin:
      return run([](auto x) { return asin(x); });
    case Function::acos:
      return run([](auto x) { return acos(x); });
    case Function::atan:
      return run([](auto x) { return atan(x); });
    case Function::sinh:
      return run([](auto x) { return sinh(x); });
    case Function::cosh:
      return run([](auto x) { return cosh(x); });
    case Function::tanh:
      return run([](auto x) { return tanh(x); });
    case Function::asinh:
      return run([](auto x) { return asinh(x); });
    case Function::acosh:
      return run([](auto x) { return acosh(x); });
    case Function::atanh:
      return run([](auto x) { return atanh(x); });
    case Function::erf:
      return run([](auto x) { return erf(x); });
    case Function::erfc:
      return run([](auto x) { return erfc(x); });
    case Function::is_nan:
      return run([](auto x) { return select(is_nan(x), decltype(x)(1), 0); });
    case Function::is_finite:
      return run([](auto x) { return select(is_finite(x), decltype(x)(1), 0); });
    case Function::literals:
      return run([](auto x) { return with_literals(x); });
    default:
      return;
  }
}

template <class I, class T>
void apply_binary(Function f, const T* a, const T* b, T* out, std::size_t n) {
  const auto run = [=](auto function) { each<I>(function, a, b, out, n); };
  const auto compare = [=](auto function) {
    each<I>([function](auto x, auto y) { return select(function(x, y), 1, 0); }, a, b, out, n);
  };
  switch (f) {
    case Function::pow:
      return run([](auto x, auto y) { return pow(x, y); });
    case Function::atan2:
      return run([](auto x, auto y) { return atan2(x, y); });
    case Function::maximum:
      return run([](auto x, auto y) { return maximum(x, y); });
    case Function::minimum:
      return run([](auto x, auto y) { return minimum(x, y); });
    case Function::copysign:
      return run([](auto x, auto y) { return copysign(x, y); });
    case Function::divide:
      return run([](auto x, auto y) { return x / y; });
    case Function::fma:
      return run([](auto x, auto y) { return fma(x, y, x); });
    case Function::less:
      return compare([](auto x, auto y) { return x < y; });
    case Function::less_equal:
      return compare([](auto x, auto y) { return x <= y; });
    case Function::greater:
      return compare([](auto x, auto y) { return x > y; });
    case Function::greater_equal:
      return compare([](auto x, auto y) { return x >= y; });
    case Function::equal:
      return compare([](auto x, auto y) { return x == y; });
    case Function::unequal:
      return compare([](auto x, auto y) { return x != y; });
    case Function::both:
      return compare([](auto x, auto y) { return (x > 0) & !(y > 0); });
    case Function::either:
      return compare([](auto x, auto y) { return (x > 0) | !(y > 0); });
    default:
      return;
  }
}

}  // namespace

template <class I, class T>
void apply(Function f, const T* a, const T* b, T* out, std::size_t n) {
  if (f < Function::pow) {
    apply_unary<I>(f, a, out, n);
  } else {
    apply_binary<I>(f, a, b, out, n);
  }
}

template <class I, class T>
Reductions<T> reduce(const T* a) {
  using P = Pack<T, I>;
  const P x = P::load(a);
  return {P::width, sum(x), sum_double(x), max(x), min(x), x.first(), any(x > 0), all(x > 0)};
}

template void apply<simd::Isa>(Function, const float*, const float*, float*, std::size_t);
template void apply<simd::Isa>(Function, const double*, const double*, double*, std::size_t);
template Reductions<float> reduce<simd::Isa>(const float*);
template Reductions<double> reduce<simd::Isa>(const double*);

}  // namespace xgrad::simd_probe
