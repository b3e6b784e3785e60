// The loop that turns a formula into kernels. For kernel files only.
#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include "formula.hpp"
#include "kernel.hpp"
#include "simd/pack.hpp"

namespace xgrad::kernels {

/// A row's view of one input: a step-0 input is a splatted pack that every load reads again.
template <class T, class I>
struct RowInput {
  using Pack = simd::Pack<T, I>;
  const T* from;
  std::ptrdiff_t step;
  alignas(64) T splatted[Pack::width];

  void start(const Operand& operand, std::size_t row) {
    from = static_cast<const T*>(operand.data) + static_cast<std::ptrdiff_t>(row) * operand.row_stride;
    step = operand.step;
    if (step == 0) {
      Pack::splat(from).store(splatted);
      from = splatted;
    }
  }
  Pack at(std::size_t column) const { return Pack::load(from + static_cast<std::ptrdiff_t>(column) * step); }
  Pack first(std::size_t count) const {
    return step == 0 || count == 1 ? Pack::splat(from) : Pack::load_first(from, count);
  }
};

/// Runs `F::run(packs...)` over a loop. Each element goes through a whole pack wherever it stands, so its
/// bits do not depend on its place: a row's last, overlapping pack is computed first, since `out` may
/// overwrite an input.
template <class F, class T, class I, std::size_t... K>
void run_loop(const Loop& loop, std::index_sequence<K...>) {
  using Pack = simd::Pack<T, I>;
  constexpr std::size_t width = Pack::width;
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
  RowInput<T, I> in[sizeof...(K)];
  for (std::size_t row = 0; row < loop.rows; ++row) {
    (in[K].start(loop.in[K], row), ...);
    T* out = static_cast<T*>(loop.out) + static_cast<std::ptrdiff_t>(row) * loop.out_row_stride;
    if (columns < width) {
      F::run(in[K].first(columns)...).store_first(out, columns);
      continue;
    }
    const Pack last = F::run(in[K].at(columns - width)...);
    for (std::size_t i = 0; i + width < columns; i += width) F::run(in[K].at(i)...).store(out + i);
    last.store(out + (columns - width));
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

template <class Formula, class T, class I>
void value_kernel(const Loop& loop) {
  constexpr std::size_t n = input_count<Formula, simd::Pack<T, I>>();
  run_loop<ValueOf<Formula, T, I, n>, T, I>(loop, std::make_index_sequence<n>{});
}

template <class Formula, class T, class I, std::size_t Which>
void gradient_kernel(const Loop& loop) {
  constexpr std::size_t n = input_count<Formula, simd::Pack<T, I>>();
  run_loop<GradientOf<Formula, T, I, Which>, T, I>(loop, std::make_index_sequence<n + 2>{});
}

template <class Formula, class I, std::size_t... Which>
Kernels kernels_of(std::index_sequence<Which...>) {
  return {{&value_kernel<Formula, float, I>, &value_kernel<Formula, double, I>},
          {{&gradient_kernel<Formula, float, I, Which>, &gradient_kernel<Formula, double, I, Which>}...}};
}

template <class I, class... Formulas>
const Kernels* make_table(List<Formulas...>) {
  static const Kernels all[] = {
      kernels_of<Formulas, I>(std::make_index_sequence<input_count<Formulas, simd::Pack<float, I>>()>{})...};
  return all;
}

}  // namespace xgrad::kernels
