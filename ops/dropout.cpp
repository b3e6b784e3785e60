#include "dropout.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>

#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "../core/graph/record.hpp"
#include "../core/kernels/dispatch.hpp"
#include "dropout_draw.hpp"
#include "dropout_kernels.hpp"
#include "shape.hpp"

namespace xgrad {
using namespace detail;

namespace {

const kernels::DropoutKernels& chosen() {
  const kernels::DropoutKernels& kernels =
      chosen_kernels([]<class I>() { return kernels::dropout_kernels<I>(); });
  return kernels;
}

// Pieces are whole groups.
static_assert(worth_a_thread::drawn_elements % kernels::dropout_group == 0);

/// Elements from `first` on, which begins a group.
template <class T>
void run(const DropoutDraw& drawn, const T* x, T* out, std::size_t first, std::size_t count) {
  const auto threshold = static_cast<std::uint64_t>(std::llround(drawn.p * 0x1p32));
  const double scale = drawn.p < 1 ? 1 / (1 - drawn.p) : 0;
  const std::uint64_t block = drawn.first_block + first / kernels::dropout_group * kernels::blocks_of_a_group;
  chosen().run[std::is_same_v<T, double>]({x, out, count, drawn.key, block, threshold, scale});
}

/// Multiplies by a mask that it knows by its place in the random sequence: nothing is saved, backward draws
/// the mask again, and the gradient of the gradient is this operation once more.
struct Dropout {
  static constexpr std::string_view name = "dropout";
  DropoutDraw drawn;
  void fields(auto& visit) const { drawn.fields(visit); }

  /// In place, where x is given away and nobody else holds it.
  template <class T>
  Dense<T> forward(Dense<T> x) const {
    const T* const from = x.data();
    Dense<T> y = x.buffer.unique() ? std::move(x) : Dense<T>(x.shape);
    T* const out = y.mutable_data();
    parallel_for(y.size(), worth_a_thread::drawn_elements, [&](std::size_t begin, std::size_t end) {
      run(drawn, from + begin, out + begin, begin, end - begin);
    });
    return y;
  }
  bool draws() const noexcept { return drawn.p > 0; }
  bool draw(const Value&) { return drawn.draw_again(); }
  template <class V>
  void vjp(Backward<V>& b) const {
    b.give(0, apply(*this, b.take_gradient()));
  }
};

}  // namespace

template <Tensor V>
V dropout(const V& x, double p, Generator& from) {
  if (!(p >= 0 && p <= 1)) {
    std::ostringstream text;
    text << "dropout: p is " << p << "; give the share of elements to drop, from 0 to 1";
    throw ValueError(text.str());
  }
  if (p == 0) return detail::as_result(x);
  const DropoutDraw drawn = next_draw(p, element_count(detail::shape_of(x)), from);
  V y = apply(Dropout{drawn}, x);
  pass(drawn, from);
  return y;
}

DropoutDraw detail::next_draw(double p, std::size_t count, const Generator& from) noexcept {
  if (p == 0) return {};
  // A block of the sequence is two of the generator's numbers; one that has been begun is left behind.
  const GeneratorState state = from.state();
  return {state.seed, (state.counter + 1) / 2, p, count};
}

void detail::pass(const DropoutDraw& drawn, Generator& from) noexcept {
  if (drawn.p == 0) return;
  const std::size_t groups =
      drawn.count / kernels::dropout_group + (drawn.count % kernels::dropout_group != 0);
  from.set_state({drawn.key, 2 * (drawn.first_block + groups * kernels::blocks_of_a_group)});
}

bool DropoutDraw::draw_again() noexcept {
  const DropoutDraw before = std::exchange(*this, next_draw(p, count, generator()));
  pass(*this, generator());
  return before.key == key && before.first_block == first_block;
}

template <class T>
void detail::dropout_factors(const DropoutDraw& drawn, std::size_t first, std::size_t count, T* factors) {
  constexpr std::size_t most = 4 * kernels::dropout_group;
  static constexpr std::array<T, most> ones = [] {
    std::array<T, most> made{};
    made.fill(1);
    return made;
  }();
  std::array<T, most> some;
  // Whole groups are drawn, of which the first and the last may be needed in part.
  std::size_t group = first / kernels::dropout_group * kernels::dropout_group;
  const std::size_t end = first + count;
  for (; first < end; group += most) {
    const std::size_t drawn_end = std::min(end, group + most);
    run(drawn, ones.data(), some.data(), group, drawn_end - group);
    factors = std::copy(some.data() + (first - group), some.data() + (drawn_end - group), factors);
    first = drawn_end;
  }
}

template <Tensor V>
V detail::drop(const V& x, const DropoutDraw& drawn) {
  return drawn.p == 0 ? as_result(x) : apply(Dropout{drawn}, x);
}

[[gnu::used]] constexpr auto instances =
    instantiate::for_tensors([]<class V>() { return std::make_tuple(dropout<V>, detail::drop<V>); });
[[gnu::used]] constexpr auto numbers =
    instantiate::for_numbers([]<class T>() { return detail::dropout_factors<T>; });

}  // namespace xgrad
