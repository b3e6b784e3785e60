#include "function_kernels.hpp"

#include <array>

#include <xgrad/core/kernels/simd/pack.hpp>

#ifdef XGRAD_HAS_SLEEF
#include <sleef.h>
#endif

namespace functions {
namespace {

template <class T>
using P = xgrad::simd::Pack<T, xgrad::simd::Isa>;

// SLEEF's name for a function of each register.
#if defined(__AVX512F__)
#define OF_FLOATS(name) Sleef_##name##f16_u10avx512f
#define OF_DOUBLES(name) Sleef_##name##d8_u10avx512f
#elif defined(__AVX2__)
#define OF_FLOATS(name) Sleef_##name##f8_u10avx2
#define OF_DOUBLES(name) Sleef_##name##d4_u10avx2
#else
#define OF_FLOATS(name) Sleef_##name##f4_u10sse2
#define OF_DOUBLES(name) Sleef_##name##d2_u10sse2
#endif

#ifdef XGRAD_HAS_SLEEF
#define SLEEF_OF_ONE(name)                                                                     \
  static P<float> sleef(P<float> x, P<float>) { return P<float>(OF_FLOATS(name)(x.batch())); } \
  static P<double> sleef(P<double> x, P<double>) { return P<double>(OF_DOUBLES(name)(x.batch())); }
#define SLEEF_OF_TWO(name)                                                                                  \
  static P<float> sleef(P<float> x, P<float> y) { return P<float>(OF_FLOATS(name)(x.batch(), y.batch())); } \
  static P<double> sleef(P<double> x, P<double> y) {                                                        \
    return P<double>(OF_DOUBLES(name)(x.batch(), y.batch()));                                               \
  }
#else
#define SLEEF_OF_ONE(name)
#define SLEEF_OF_TWO(name)
#endif

#define FUNCTION(name)      \
  struct name##_function {  \
    template <class X>      \
    static X ours(X x, X) { \
      return name(x);       \
    }                       \
    SLEEF_OF_ONE(name)      \
  };
FUNCTION(exp)
FUNCTION(log)
FUNCTION(tanh)
FUNCTION(erf)
FUNCTION(sin)
FUNCTION(cos)

struct pow_function {
  template <class X>
  static X ours(X x, X y) {
    return pow(x, y);
  }
  SLEEF_OF_TWO(pow)
};

/// SLEEF has none of its own: the formula with its exp.
struct sigmoid_function {
  template <class X>
  static X ours(X x, X) {
    return 1 / (1 + exp(-x));
  }
#ifdef XGRAD_HAS_SLEEF
  template <class X>
  static X sleef(X x, X y) {
    return 1 / (1 + exp_function::sleef(-x, y));
  }
#endif
};

template <class F>
struct Ours {
  template <class X>
  static X of(X x, X y) {
    return F::ours(x, y);
  }
};
template <class F>
struct Sleef {
  template <class X>
  static X of(X x, X y) {
    return F::sleef(x, y);
  }
};

template <class T, class F>
[[gnu::flatten]] void row(const void* x, const void* y, void* out, std::size_t count) {
  for (std::size_t i = 0; i < count; i += P<T>::width)
    F::of(P<T>::load(static_cast<const T*>(x) + i), P<T>::load(static_cast<const T*>(y) + i))
        .store(static_cast<T*>(out) + i);
}

/// Each x is the first one again, as soon as the function of the one before is known.
template <class T, class F>
[[gnu::flatten]] double chain(double x, double y, std::size_t count) {
  const P<T> first(static_cast<T>(x)), other(static_cast<T>(y)), zero(static_cast<T>(0 * y));
  P<T> now = first;
  for (std::size_t i = 0; i < count; ++i) now = fma(F::of(now, other), zero, first);
  return static_cast<double>(now.first());
}

template <class T, class F>
constexpr Function function(const char* name, double low, double high, double y_low = 0, double y_high = 1) {
  Function made{name, sizeof(T) == 8, low, high, y_low, y_high, {&row<T, Ours<F>>, &chain<T, Ours<F>>}, {}};
#ifdef XGRAD_HAS_SLEEF
  made.sleef = {&row<T, Sleef<F>>, &chain<T, Sleef<F>>};
#endif
  return made;
}

template <class T>
constexpr std::array<Function, 8> of_type() {
  return {function<T, log_function>("log", 0.01, 20), function<T, exp_function>("exp", -10, 10),
          function<T, tanh_function>("tanh", -4, 4),  function<T, sigmoid_function>("sigmoid", -8, 8),
          function<T, erf_function>("erf", -3, 3),    function<T, sin_function>("sin", -10, 10),
          function<T, cos_function>("cos", -10, 10),  function<T, pow_function>("pow", 0.1, 5, -3, 3)};
}

}  // namespace

template <>
std::span<const Function> all<xgrad::simd::Isa>() {
  static constexpr auto floats = of_type<float>(), doubles = of_type<double>();
  static constexpr auto both = [] {
    std::array<Function, 16> joined{};
    for (std::size_t i = 0; i < 8; ++i) {
      joined[2 * i] = floats[i];
      joined[2 * i + 1] = doubles[i];
    }
    return joined;
  }();
  return both;
}

}  // namespace functions
