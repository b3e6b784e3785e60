#pragma once

// Pack<T, I>: as many numbers as a register of instruction set I holds, read by formulas as if it were one.
// A thin coat over xsimd's batch: literals convert, comparisons give a Mask that no `if` and no `?:` accepts,
// and every function is right at its edges (core/kernels/simd/math.hpp).
//
// For kernel files only. Whatever builds on it carries I in its type or is `static`: an inline function
// compiled for AVX-512 may otherwise be the copy that the linker keeps for all.

#include "isa.hpp"

#ifndef XGRAD_ISA
#error "core/simd/pack.hpp belongs in kernel files, which define XGRAD_ISA"
#endif

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <xsimd/xsimd.hpp>

#include "partial.hpp"

namespace xgrad::simd {

template <class T, class I>
class Pack;

template <class S>
concept Literal = std::is_arithmetic_v<S> && !std::is_same_v<S, bool>;

// A truth value for each lane. There is no way to a bool but any() and all(): choose by select().
template <class T, class I>
class Mask {
 public:
  using Batch = xsimd::batch_bool<T>;

  explicit Mask(const Batch& lanes) : lanes_(lanes) {}
  const Batch& batch() const { return lanes_; }

  friend Mask operator&(const Mask& a, const Mask& b) { return Mask(a.lanes_ & b.lanes_); }
  friend Mask operator|(const Mask& a, const Mask& b) { return Mask(a.lanes_ | b.lanes_); }
  friend Mask operator!(const Mask& a) { return Mask(~a.lanes_); }
  friend bool any(const Mask& a) { return xsimd::any(a.lanes_); }
  friend bool all(const Mask& a) { return xsimd::all(a.lanes_); }

  // `yes` where the mask holds, `no` elsewhere. Both are computed for every lane.
  friend Pack<T, I> select(const Mask& m, const Pack<T, I>& yes, const Pack<T, I>& no) {
    return Pack<T, I>(xsimd::select(m.lanes_, yes.batch(), no.batch()));
  }

 private:
  Batch lanes_;
};

template <class T, class I>
class Pack {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>);
  static_assert(std::is_same_v<I, Isa>, "a kernel file can only use the instruction set it is compiled for");

 public:
  using value_type = T;
  using Batch = xsimd::batch<T>;
  static constexpr std::size_t width = Batch::size;

  Pack() = default;
  explicit Pack(const Batch& lanes) : lanes_(lanes) {}
  template <Literal S>
  Pack(S number) : lanes_(static_cast<T>(number)) {}
  const Batch& batch() const { return lanes_; }

  static Pack load(const T* from) { return Pack(Batch::load_unaligned(from)); }
  static Pack splat(const T* from) { return Pack(*from); }
  // For 1 <= n < width: reads exactly n elements, the other lanes are zero.
  static Pack load_first(const T* from, std::size_t n) { return Pack(Batch(load_lanes(from, n))); }
  void store(T* to) const { lanes_.store_unaligned(to); }
  void store_first(T* to, std::size_t n) const { store_lanes(to, lanes_, n); }
  T first() const { return first_lane(lanes_); }

  Pack& operator+=(const Pack& b) { return *this = *this + b; }
  Pack& operator-=(const Pack& b) { return *this = *this - b; }
  Pack& operator*=(const Pack& b) { return *this = *this * b; }
  Pack& operator/=(const Pack& b) { return *this = *this / b; }

  friend Pack operator+(const Pack& a, const Pack& b) { return Pack(a.lanes_ + b.lanes_); }
  friend Pack operator-(const Pack& a, const Pack& b) { return Pack(a.lanes_ - b.lanes_); }
  friend Pack operator*(const Pack& a, const Pack& b) { return Pack(a.lanes_ * b.lanes_); }
  friend Pack operator/(const Pack& a, const Pack& b) { return Pack(a.lanes_ / b.lanes_); }
  // The sign bit flips, so that -0 comes from 0.
  friend Pack operator-(const Pack& a) { return Pack(a.lanes_ ^ Batch(T(-0.0))); }

  // Comparisons with a NaN are false, and != is true, as for single numbers.
  friend Mask<T, I> operator<(const Pack& a, const Pack& b) { return Mask<T, I>(a.lanes_ < b.lanes_); }
  friend Mask<T, I> operator<=(const Pack& a, const Pack& b) { return Mask<T, I>(a.lanes_ <= b.lanes_); }
  friend Mask<T, I> operator>(const Pack& a, const Pack& b) { return Mask<T, I>(b.lanes_ < a.lanes_); }
  friend Mask<T, I> operator>=(const Pack& a, const Pack& b) { return Mask<T, I>(b.lanes_ <= a.lanes_); }
  friend Mask<T, I> operator==(const Pack& a, const Pack& b) { return Mask<T, I>(a.lanes_ == b.lanes_); }
  friend Mask<T, I> operator!=(const Pack& a, const Pack& b) { return Mask<T, I>(~(a.lanes_ == b.lanes_)); }

  // a * b + c, rounded once where the instruction set can.
  friend Pack fma(const Pack& a, const Pack& b, const Pack& c) {
#if defined(__AVX512F__)  // for which xsimd 8.1 multiplies and adds
    if constexpr (std::is_same_v<T, float>) {
      return Pack(Batch(_mm512_fmadd_ps(a.lanes_, b.lanes_, c.lanes_)));
    } else {
      return Pack(Batch(_mm512_fmadd_pd(a.lanes_, b.lanes_, c.lanes_)));
    }
#else
    return Pack(xsimd::fma(a.lanes_, b.lanes_, c.lanes_));
#endif
  }

  // The larger and the smaller; a NaN in either gives NaN.
  friend Pack maximum(const Pack& a, const Pack& b) { return select((a > b) | is_nan(a), a, b); }
  friend Pack minimum(const Pack& a, const Pack& b) { return select((a < b) | is_nan(a), a, b); }
  // The size of a with the sign of b.
  friend Pack copysign(const Pack& a, const Pack& b) {
    return Pack(xsimd::abs(a.lanes_) | (b.lanes_ & Batch(T(-0.0))));
  }

  // Friends, so that one argument may be a literal; the work is done by templates in the math headers.
  friend Pack pow(const Pack& x, const Pack& y) { return power(x, y); }
  friend Pack atan2(const Pack& y, const Pack& x) { return angle(y, x); }

 private:
  Batch lanes_;
};

template <class T, class I>
Mask<T, I> is_nan(const Pack<T, I>& x) {
  return x != x;
}

// Neither a NaN nor an infinity: x - x is 0 for every other number.
template <class T, class I>
Mask<T, I> is_finite(const Pack<T, I>& x) {
  return x - x == 0;
}

template <class T, class I>
Pack<T, I> abs(const Pack<T, I>& x) {
  return Pack<T, I>(xsimd::abs(x.batch()));
}

template <class T, class I>
Pack<T, I> sqrt(const Pack<T, I>& x) {
  return Pack<T, I>(xsimd::sqrt(x.batch()));
}

template <class T, class I>
Pack<T, I> floor(const Pack<T, I>& x) {
  const Pack<T, I> y(xsimd::floor(x.batch()));
#if defined(__SSE2__) && !defined(__SSE4_1__)  // where xsimd makes 0 of -0
  return copysign(y, x);
#else
  return y;
#endif
}

// -1, 0 or 1; zeros keep their sign and NaN stays NaN.
template <class T, class I>
Pack<T, I> sign(const Pack<T, I>& x) {
  return select((x == 0) | is_nan(x), x, copysign(Pack<T, I>(1), x));
}

}  // namespace xgrad::simd

#include "math.hpp"
#include "reduce.hpp"
