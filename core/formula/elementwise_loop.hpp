// The loop that turns a formula into kernels. For kernel files only: each has functions of its own, which no
// other file asks for, so that they are no symbols that a linker must compare.
#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include "../kernels/kernel.hpp"
#include "../kernels/simd/pack.hpp"
#include "formula.hpp"

namespace xgrad::kernels {

/// How many packs a kernel takes at a time. To find where each stands costs as much as a cheap formula; of a
/// dear one it would only be so many times the code.
inline constexpr std::size_t of_dear_formulas = 1, of_cheap_formulas = 4;

/// A row of one input, held in registers.
template <class T, class I>
struct Row {
  using Pack = simd::Pack<T, I>;
  const T* from;
  std::size_t moves;  ///< all bits, or none where one element stands for the row

  Pack at(std::size_t column) const { return Pack::load(from + (column & moves)); }
  /// What stands from a column on, of which at(k * width) is pack k of those that are taken together.
  Row onward(std::size_t column) const { return {from + (column & moves), ~std::size_t(0)}; }
  Pack first(std::size_t count) const {
    return moves == 0 || count == 1 ? Pack::splat(from) : Pack::load_first(from, count);
  }
};

/// Where the one element of an input of step 0 is repeated, so that every load can read it.
template <class T, class I, std::size_t Together>
struct Repeated {
  using Pack = simd::Pack<T, I>;
  alignas(64) T packs[Together * Pack::width];

  Row<T, I> row(const Operand& operand, std::size_t number) {
    const T* from =
        static_cast<const T*>(operand.data) + static_cast<std::ptrdiff_t>(number) * operand.row_stride;
    if (operand.step != 0) return {from, ~std::size_t(0)};
    const Pack all = Pack::splat(from);
    for (std::size_t k = 0; k < Together; ++k) all.store(packs + k * Pack::width);
    return {packs, 0};
  }
};

/// Packs that follow one another, at the places that onward() tells.
template <class F, class T, class I, std::size_t... K, class... Rows>
static void run_packs(std::index_sequence<K...>, T* out, Rows... in) {
  const auto run = [&](std::size_t column) { F::run(in.at(column)...).store(out + column); };
  (run(K * simd::Pack<T, I>::width), ...);
}

/// One row. Its last, overlapping pack is computed first, since `out` may overwrite an input. The loop is
/// where the time goes, so the formula is laid out in it; not with a sanitizer's checks, which take minutes
/// to compile.
template <class F, class T, class I, std::size_t Together, class... Rows>
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
[[gnu::flatten]]
#endif
static void
run_row(T* out, std::size_t columns, Rows... in) {
  constexpr std::size_t width = simd::Pack<T, I>::width;
  const std::size_t end = columns - width;
  const simd::Pack<T, I> last = F::run(in.at(end)...);
  std::size_t i = 0;
  if constexpr (Together > 1)
    for (; i + Together * width <= end; i += Together * width)
      run_packs<F, T, I>(std::make_index_sequence<Together>{}, out + i, in.onward(i)...);
  for (; i < end; i += width) F::run(in.at(i)...).store(out + i);
  last.store(out + end);
}

/// Runs `F::run(packs...)` over a loop. Each element goes through a whole pack wherever it stands, so its
/// bits do not depend on its place.
template <class F, class T, class I, std::size_t Together, std::size_t... K>
static void run_loop(const Loop& loop, std::index_sequence<K...>) {
  using Pack = simd::Pack<T, I>;
  const std::size_t columns = loop.columns;
  if (columns == 1) {
    for (std::size_t row = 0; row < loop.rows; ++row) {
      const auto r = static_cast<std::ptrdiff_t>(row);
      const Pack result =
          F::run(Pack::splat(static_cast<const T*>(loop.in[K].data) + r * loop.in[K].row_stride)...);
      static_cast<T*>(loop.out)[r * loop.out_row_stride] = result.first();
    }
    return;
  }
  Repeated<T, I, Together> repeated[sizeof...(K)];
  for (std::size_t row = 0; row < loop.rows; ++row) {
    T* out = static_cast<T*>(loop.out) + static_cast<std::ptrdiff_t>(row) * loop.out_row_stride;
    if (columns < Pack::width) {
      F::run(repeated[K].row(loop.in[K], row).first(columns)...).store_first(out, columns);
    } else {
      run_row<F, T, I, Together>(out, columns, repeated[K].row(loop.in[K], row)...);
    }
  }
}

template <class Formula, class T, class I, std::size_t Inputs>
struct ValueOf {
  template <class... P>
  static simd::Pack<T, I> run(const P&... inputs) {
    return Formula::value(inputs...);
  }
};

template <class V>
const V& gradient_part(const V& only, std::size_t) {
  return only;
}
template <class V, std::size_t N>
const V& gradient_part(const std::array<V, N>& all, std::size_t k) {
  return all[k];
}

template <class Formula, class T, class I, std::size_t Which>
struct GradientOf {
  template <class... P>
  static simd::Pack<T, I> run(const P&... inputs) {
    return gradient_part(Formula::template gradient<simd::Pack<T, I>>(inputs...), Which);
  }
};

/// How many inputs a formula takes.
template <class Formula, class V>
consteval std::size_t input_count() {
  if constexpr (requires(const V& v) { Formula::value(v); }) {
    return 1;
  } else if constexpr (requires(const V& v) { Formula::value(v, v); }) {
    return 2;
  } else if constexpr (requires(const V& v) { Formula::value(v, v, v); }) {
    return 3;
  } else {
    return 4;
  }
}

template <class Formula, class T, class I, std::size_t Together>
static void value_kernel(const Loop& loop) {
  constexpr std::size_t n = input_count<Formula, simd::Pack<T, I>>();
  run_loop<ValueOf<Formula, T, I, n>, T, I, Together>(loop, std::make_index_sequence<n>{});
}

template <class Formula, class T, class I, std::size_t Together, std::size_t Which>
static void gradient_kernel(const Loop& loop) {
  constexpr std::size_t n = input_count<Formula, simd::Pack<T, I>>();
  run_loop<GradientOf<Formula, T, I, Which>, T, I, Together>(loop, std::make_index_sequence<n + 2>{});
}

template <class Formula, class I, std::size_t Together, std::size_t... Which>
static constexpr Kernels kernels_of(std::index_sequence<Which...>) {
  return {{&value_kernel<Formula, float, I, Together>, &value_kernel<Formula, double, I, Together>},
          {{&gradient_kernel<Formula, float, I, Together, Which>,
            &gradient_kernel<Formula, double, I, Together, Which>}...}};
}

template <class I, std::size_t Together = of_dear_formulas, class... Formulas>
static const Kernels* make_table(List<Formulas...>) {
  static constinit const Kernels all[] = {kernels_of<Formulas, I, Together>(
      std::make_index_sequence<input_count<Formulas, simd::Pack<float, I>>()>{})...};
  return all;
}

}  // namespace xgrad::kernels
