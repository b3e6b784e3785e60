// The functions of Pack against libm in long double, for every instruction set that this machine has.

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "simd_probe.hpp"

namespace {

using xgrad::simd_probe::Function;
using xgrad::simd_probe::Reductions;
using Real = long double;

template <class T>
struct InstructionSet {
  std::string name;
  void (*apply)(Function, const T*, const T*, T*, std::size_t);
  Reductions<T> (*reduce)(const T*);
};

template <class T, class I>
InstructionSet<T> instruction_set(std::string name) {
  return {std::move(name), &xgrad::simd_probe::apply<I, T>, &xgrad::simd_probe::reduce<I, T>};
}

template <class T>
std::vector<InstructionSet<T>> instruction_sets() {
  std::vector<InstructionSet<T>> sets{instruction_set<T, xgrad::isa::baseline>("baseline")};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    sets.push_back(instruction_set<T, xgrad::isa::avx2>("avx2"));
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl"))
    sets.push_back(instruction_set<T, xgrad::isa::avx512>("avx512"));
#endif
  return sets;
}

// ---- Arguments

template <class T>
using Bits = std::conditional_t<std::is_same_v<T, float>, std::uint32_t, std::uint64_t>;

template <class T>
std::vector<T> special_values() {
  using L = std::numeric_limits<T>;
  std::vector<T> values{0, L::denorm_min(), 3 * L::denorm_min(), L::min() / 3, L::min(), L::epsilon()};
  for (const double x :
       {0.25, 0.5, 0.9, 1.0, 1.5, 1.57079632679489661923, 2.0, 3.0, 3.25, 1e3, 1e6, 1e7, 1e30})
    values.push_back(static_cast<T>(x));
  for (const double x : {88.72, 88.8, 103.9, 709.78, 709.79, 745.1}) values.push_back(static_cast<T>(x));
  for (const T x : {1 - L::epsilon(), 1 + L::epsilon(), L::max() / 2, L::max(), L::infinity()})
    values.push_back(x);
  for (std::size_t i = values.size(); i-- > 0;) values.push_back(-values[i]);
  values.push_back(L::quiet_NaN());
  return values;
}

// Evenly from low to high, then anything at all, small or huge, then the special ones.
template <class T>
std::vector<T> arguments(double low, double high) {
  constexpr int count = 20000;
  std::vector<T> a;
  for (int i = 0; i <= count; ++i) a.push_back(static_cast<T>(low + (high - low) * i / count));
  std::mt19937_64 random(17);
  for (int i = 0; i < count; ++i) a.push_back(std::bit_cast<T>(static_cast<Bits<T>>(random())));
  for (int i = 0; i < count; ++i)
    a.push_back(static_cast<T>(std::ldexp(double(random()) * 0x1p-64 - 0.5, int(random() % 61) - 40)));
  for (const T s : special_values<T>()) a.push_back(s);
  return a;
}

// ---- Errors

// In units in the last place of the right result, so that a correctly rounded one is at most 0.5 off.
// Infinity counts as the number that would follow the largest one. A NaN where none belongs, or a zero of the
// wrong sign, is far off.
template <class T>
double ulps(T got, Real want) {
  using L = std::numeric_limits<T>;
  constexpr double far_off = std::numeric_limits<double>::infinity();
  const T rounded = static_cast<T>(want);
  if (std::isnan(got) || std::isnan(want)) return std::isnan(got) && std::isnan(want) ? 0 : far_off;
  if (got == 0 && rounded == 0 && std::signbit(got) != std::signbit(want)) return far_off;
  if (got == want || (got == rounded && std::isinf(got))) return 0;
  if (std::isinf(want)) return far_off;
  const Real value =
      std::isinf(got) ? std::copysign(std::ldexp(Real(1), L::max_exponent), Real(got)) : Real(got);
  int exponent = L::min_exponent - 1;
  if (want != 0) exponent = std::clamp(std::ilogb(want), exponent, L::max_exponent - 1);
  return double(std::abs(value - want) / std::ldexp(Real(1), exponent - L::digits + 1));
}

template <class T>
struct Worst {
  double error = 0;
  T a = 0, b = 0, got = 0;
  Real want = 0;
};

template <class T>
Worst<T> worst(const std::vector<T>& a, const std::vector<T>& b, const std::vector<T>& got,
               const std::vector<Real>& want) {
  Worst<T> w;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double e = ulps(got[i], want[i]);
    if (e > w.error) w = {e, a[i], b[i], got[i], want[i]};
  }
  return w;
}

template <class T>
bool same_bits(T a, T b) {
  return (std::isnan(a) && std::isnan(b)) || std::bit_cast<Bits<T>>(a) == std::bit_cast<Bits<T>>(b);
}

// An element must not know where it stands: the same call in pieces, whose ends are partial packs, from
// another lane.
template <class T>
void require_same_in_pieces(const InstructionSet<T>& set, Function f, const std::vector<T>& a,
                            const std::vector<T>& b, const std::vector<T>& whole) {
  std::vector<T> pieces(a.size());
  const std::size_t lengths[] = {1, 3, 17, 1, 2, 5, 9, 6, 31, 7, 4, 15, 13, 11, 1, 70};
  std::size_t turn = 0;
  for (std::size_t i = 0; i < a.size();) {
    const std::size_t n = std::min(lengths[turn++ % std::size(lengths)], a.size() - i);
    set.apply(f, a.data() + i, b.data() + i, pieces.data() + i, n);
    i += n;
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (same_bits(whole[i], pieces[i])) continue;
    CAPTURE(a[i]);
    CAPTURE(b[i]);
    REQUIRE(whole[i] == pieces[i]);
  }
}

template <class T>
void check(const std::string& name, Function f, const std::vector<T>& a, const std::vector<T>& b,
           const std::vector<Real>& want, double bound) {
  for (const InstructionSet<T>& set : instruction_sets<T>()) {
    std::vector<T> got(a.size());
    set.apply(f, a.data(), b.data(), got.data(), a.size());
    const Worst<T> w = worst(a, b, got, want);
    INFO(name << std::string(sizeof(T) == 4 ? ", float, " : ", double, ") << set.name << ": worst at " << w.a
              << ", " << w.b << ": " << w.got << " for " << w.want);
    REQUIRE(w.error <= bound);
    require_same_in_pieces(set, f, a, b, got);
  }
}

// ---- Functions of one argument

struct UnaryCase {
  std::string name;
  Function function;
  Real (*reference)(Real);
  double low, high;
  double float_bound, double_bound;  // in ulp
};

template <class T>
void check_unary(const UnaryCase& c, const std::vector<T>& a) {
  std::vector<Real> want;
  for (const T x : a) want.push_back(c.reference(Real(x)));
  check<T>(c.name, c.function, a, a, want, sizeof(T) == 4 ? c.float_bound : c.double_bound);
}

template <class T>
void check_unary(const UnaryCase& c) {
  check_unary(c, arguments<T>(c.low, c.high));
}

Real sign_of(Real x) { return std::isnan(x) || x == 0 ? x : std::copysign(Real(1), x); }

const UnaryCase unary_cases[] = {
    {"exp", Function::exp, ::expl, -110, 100, 1.5, 1.5},
    {"exp far", Function::exp, ::expl, -750, 712, 1.5, 1.5},
    {"expm1", Function::expm1, ::expm1l, -5, 5, 2, 2.5},
    {"log", Function::log, ::logl, 0, 5, 1, 1},
    {"log1p", Function::log1p, ::log1pl, -1.5, 5, 1.5, 1.5},
    {"log2", Function::log2, ::log2l, 0, 5, 2, 2},
    {"sqrt", Function::sqrt, ::sqrtl, 0, 5, 0.5, 0.5},
    {"abs", Function::abs, ::fabsl, -5, 5, 0, 0},
    {"floor", Function::floor, ::floorl, -5, 5, 0, 0},
    {"sign", Function::sign, sign_of, -5, 5, 0, 0},
    {"negate", Function::negate, [](Real x) { return -x; }, -5, 5, 0, 0},
    {"sin", Function::sin, ::sinl, -100, 100, 2, 2},
    {"cos", Function::cos, ::cosl, -100, 100, 2, 2},
    {"tan", Function::tan, ::tanl, -100, 100, 3.5, 3.5},
    {"sin far", Function::sin, ::sinl, -1.1e6, 1.1e6, 2, 2},
    {"cos far", Function::cos, ::cosl, -1.1e6, 1.1e6, 2, 2},
    {"tan far", Function::tan, ::tanl, -1.1e6, 1.1e6, 3.5, 3.5},
    {"asin", Function::asin, ::asinl, -1.1, 1.1, 2.5, 2.5},
    {"acos", Function::acos, ::acosl, -1.1, 1.1, 1.5, 1.5},
    {"atan", Function::atan, ::atanl, -5, 5, 2.5, 2.5},
    {"sinh", Function::sinh, ::sinhl, -5, 5, 2, 2},
    {"cosh", Function::cosh, ::coshl, -5, 5, 2, 2},
    {"cosh far", Function::cosh, ::coshl, -720, 720, 2, 2},
    {"tanh", Function::tanh, ::tanhl, -5, 5, 3, 3},
    {"asinh", Function::asinh, ::asinhl, -5, 5, 2, 2},
    {"acosh", Function::acosh, ::acoshl, 0.9, 5, 2.5, 2.5},
    {"atanh", Function::atanh, ::atanhl, -1.1, 1.1, 2.5, 2.5},
    {"erf", Function::erf, ::erfl, -5, 5, 1.5, 1.5},
    {"erfc", Function::erfc, ::erfcl, -3, 11, 4, 4},
    {"erfc far", Function::erfc, ::erfcl, -7, 28, 4, 4},
    {"is_nan", Function::is_nan, [](Real x) { return Real(std::isnan(x)); }, -5, 5, 0, 0},
    {"is_finite", Function::is_finite, [](Real x) { return Real(std::isfinite(x)); }, -5, 5, 0, 0},
};

TEST_CASE_TEMPLATE("simd: functions of one argument are right to a few ulp, whatever the argument", T, float,
                   double) {
  for (const UnaryCase& c : unary_cases) check_unary<T>(c);
}

TEST_CASE_TEMPLATE("simd: exp just below overflow and down through the denormal numbers", T, float, double) {
  const double high = sizeof(T) == 4 ? 88.8 : 709.9, low = sizeof(T) == 4 ? -87 : -708;
  check_unary<T>({"exp", Function::exp, ::expl, high - 1, high, 1.5, 1.5});
  check_unary<T>({"exp", Function::exp, ::expl, low - 40, low, 1.5, 1.5});
}

// Where next to nothing of the argument is left after the multiples are taken off.
TEST_CASE_TEMPLATE("simd: sin, cos and tan at the numbers next to multiples of pi / 2", T, float, double) {
  std::vector<T> a;
  for (int n = 1; n < 630000; n += 1 + n / 40) {
    const T x = static_cast<T>(n * Real(1.57079632679489661923L));
    for (const T y : {std::nextafter(x, T(0)), x, std::nextafter(x, T(1e7))}) {
      a.push_back(y);
      a.push_back(-y);
    }
  }
  for (const UnaryCase& c : unary_cases)
    if (c.function == Function::sin || c.function == Function::cos || c.function == Function::tan)
      check_unary(c, a);
}

TEST_CASE_TEMPLATE("simd: literals stand beside packs", T, float, double) {
  const std::vector<T> a = arguments<T>(-3, 3);
  for (const InstructionSet<T>& set : instruction_sets<T>()) {
    std::vector<T> got(a.size());
    set.apply(Function::literals, a.data(), a.data(), got.data(), a.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      const T x = a[i];
      if (!(x > T(-1.5))) continue;  // a pole at -2
      const T y = (x > 0 ? x : T(0)) + (x <= 0 ? T(0.5) * x : T(0)) + (x == 1 ? T(1) : T(0));
      const T want = 1 / (1 + std::max(std::min(T(2), y), T(-2))) + 1 - 1 + 0;
      REQUIRE(double(got[i]) == doctest::Approx(double(want)));
    }
  }
}

// ---- Functions of two arguments

struct BinaryCase {
  std::string name;
  Function function;
  Real (*reference)(Real, Real);
  double float_bound, double_bound;
};

Real larger(Real a, Real b) { return std::isnan(a) || std::isnan(b) ? a + b : (a > b ? a : b); }
Real smaller(Real a, Real b) { return std::isnan(a) || std::isnan(b) ? a + b : (a < b ? a : b); }

const BinaryCase binary_cases[] = {
    {"pow", Function::pow, ::powl, 0.6, 1.5},
    {"atan2", Function::atan2, ::atan2l, 2.5, 2.5},
    {"maximum", Function::maximum, larger, 0, 0},
    {"minimum", Function::minimum, smaller, 0, 0},
    {"copysign", Function::copysign, ::copysignl, 0, 0},
    {"divide", Function::divide, [](Real a, Real b) { return a / b; }, 0.51, 0.51},
    {"less", Function::less, [](Real a, Real b) { return Real(a < b); }, 0, 0},
    {"less_equal", Function::less_equal, [](Real a, Real b) { return Real(a <= b); }, 0, 0},
    {"greater", Function::greater, [](Real a, Real b) { return Real(a > b); }, 0, 0},
    {"greater_equal", Function::greater_equal, [](Real a, Real b) { return Real(a >= b); }, 0, 0},
    {"equal", Function::equal, [](Real a, Real b) { return Real(a == b); }, 0, 0},
    {"unequal", Function::unequal, [](Real a, Real b) { return Real(a != b); }, 0, 0},
    {"both", Function::both, [](Real a, Real b) { return Real(a > 0 && !(b > 0)); }, 0, 0},
    {"either", Function::either, [](Real a, Real b) { return Real(a > 0 || !(b > 0)); }, 0, 0},
};

// Every pair of special values and whole numbers, then pairs whose power is neither too large nor too small,
// then any.
template <class T>
void fill_pairs(std::vector<T>& a, std::vector<T>& b) {
  std::vector<T> edges = special_values<T>();
  for (int i = -5; i <= 5; ++i) edges.push_back(static_cast<T>(i));
  for (const T x : edges) {
    for (const T y : edges) {
      a.push_back(x);
      b.push_back(y);
    }
  }
  std::mt19937_64 random(19);
  const double limit = sizeof(T) == 4 ? 105 : 746;
  for (int i = 0; i < 40000; ++i) {
    const double x = std::exp((double(random()) * 0x1p-63 - 1) * std::ldexp(80.0, -int(random() % 30)));
    const double log_result = (double(random()) * 0x1p-63 - 1) * limit;
    a.push_back(static_cast<T>(x));
    b.push_back(x == 1 ? T(2) : static_cast<T>(log_result / std::log(x)));
  }
  for (int i = 0; i < 20000; ++i) {
    a.push_back(std::bit_cast<T>(static_cast<Bits<T>>(random())));
    b.push_back(i % 2 ? std::bit_cast<T>(static_cast<Bits<T>>(random())) : T(int(random() % 21) - 10) / 2);
  }
}

TEST_CASE_TEMPLATE("simd: functions of two arguments", T, float, double) {
  std::vector<T> a, b;
  fill_pairs(a, b);
  for (const BinaryCase& c : binary_cases) {
    std::vector<Real> want;
    for (std::size_t i = 0; i < a.size(); ++i) want.push_back(c.reference(Real(a[i]), Real(b[i])));
    check<T>(c.name, c.function, a, b, want, sizeof(T) == 4 ? c.float_bound : c.double_bound);
  }
}

TEST_CASE_TEMPLATE("simd: fma rounds once on avx2 and avx512, twice on x86's baseline", T, float, double) {
  // a * b + a is a tiny number that a rounded product would lose.
  const T e = std::numeric_limits<T>::epsilon(), a = 1 + e, b = -1 - e;
  for (const InstructionSet<T>& set : instruction_sets<T>()) {
    T got = 0;
    set.apply(Function::fma, &a, &b, &got, 1);
    const T once = static_cast<T>(std::fma(a, b, a)), twice = T(a * b) + a;
    CAPTURE(set.name);
    REQUIRE(once != twice);
    if (set.name != "baseline") REQUIRE(got == once);
    if (set.name == "baseline") REQUIRE((got == twice || got == once));
  }
}

// ---- Reductions, and partial loads at the end of what may be read

TEST_CASE_TEMPLATE("simd: reductions of a pack", T, float, double) {
  for (const InstructionSet<T>& set : instruction_sets<T>()) {
    T a[16];
    for (int i = 0; i < 16; ++i) a[i] = static_cast<T>((i * 7) % 16 + 1);
    const std::size_t width = set.reduce(a).width;
    CAPTURE(set.name);
    double total = 0;
    for (std::size_t i = 0; i < width; ++i) total += a[i];
    const Reductions<T> r = set.reduce(a);
    REQUIRE(r.sum == total);
    REQUIRE(r.sum_double == total);
    REQUIRE(r.largest == *std::max_element(a, a + width));
    REQUIRE(r.smallest == *std::min_element(a, a + width));
    REQUIRE(r.first == a[0]);
    REQUIRE(r.any_positive);
    REQUIRE(r.all_positive);
    for (std::size_t i = 0; i < width; ++i) {
      const T kept = std::exchange(a[i], std::numeric_limits<T>::quiet_NaN());
      REQUIRE(std::isnan(set.reduce(a).largest));
      REQUIRE(std::isnan(set.reduce(a).smallest));
      REQUIRE_FALSE(set.reduce(a).all_positive);
      a[i] = 100;
      REQUIRE(set.reduce(a).largest == 100);
      a[i] = -std::numeric_limits<T>::infinity();
      REQUIRE(set.reduce(a).smallest == a[i]);
      a[i] = kept;
    }
    std::fill(a, a + 16, T(-1));
    REQUIRE_FALSE(set.reduce(a).any_positive);
  }
}

TEST_CASE("simd: the sum of floats in double keeps what floats would lose") {
  for (const InstructionSet<float>& set : instruction_sets<float>()) {
    float a[16] = {1e8f, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    const Reductions<float> r = set.reduce(a);
    REQUIRE(r.sum_double == 1e8 + double(r.width - 1));
  }
}

// On the heap, where address sanitizers see the ends.
TEST_CASE_TEMPLATE("simd: partial packs touch their own elements only", T, float, double) {
  for (const InstructionSet<T>& set : instruction_sets<T>()) {
    for (std::size_t n = 1; n <= 33; ++n) {
      CAPTURE(set.name);
      CAPTURE(n);
      const std::vector<T> a(n, T(3));
      std::vector<T> out(n + 20, T(-7));
      set.apply(Function::negate, a.data(), a.data(), out.data() + 1, n);
      for (std::size_t i = 0; i < out.size(); ++i) REQUIRE(out[i] == (i >= 1 && i <= n ? T(-3) : T(-7)));
    }
  }
}

}  // namespace
