#include "dropout.hpp"

#include <cmath>
#include <sstream>

#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "../core/graph/record.hpp"
#include "../core/kernels/dispatch.hpp"
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

/// Multiplies by a mask that it knows by its place in the random sequence: nothing is saved, backward draws
/// the mask again, and the gradient of the gradient is this operation once more.
struct Dropout {
  static constexpr std::string_view name = "dropout";
  std::uint64_t key = 0, first_block = 0;
  double p = 0;

  void fields(auto& visit) const {
    visit("key", key);
    visit("first_block", first_block);
    visit("p", p);
  }

  /// In place, where x is given away and nobody else holds it.
  template <class T>
  Dense<T> forward(Dense<T> x) const {
    const T* const from = x.data();
    Dense<T> y = x.buffer.unique() ? std::move(x) : Dense<T>(x.shape);
    run<T>(from, y.mutable_data(), y.size());
    return y;
  }
  /// For another call of a program. A block of the sequence is two of the generator's numbers; one that has
  /// been begun is left behind.
  bool draw(const Value& result) {
    const GeneratorState state = generator().state();
    const Dropout before = std::exchange(*this, {state.seed, (state.counter + 1) / 2, p});
    generator().set_state(behind(result.shape));
    return before.key == key && before.first_block == first_block;
  }
  /// The generator's state when the mask of this shape is drawn.
  GeneratorState behind(const Shape& shape) const {
    const std::size_t groups = (element_count(shape) + kernels::dropout_group - 1) / kernels::dropout_group;
    return {key, 2 * (first_block + groups * kernels::blocks_of_a_group)};
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    b.give(0, apply(*this, b.take_gradient()));
  }

 private:
  template <class T>
  void run(const T* x, T* out, std::size_t count) const {
    const auto threshold = static_cast<std::uint64_t>(std::llround(p * 0x1p32));
    const double scale = p < 1 ? 1 / (1 - p) : 0;
    parallel_for(count, worth_a_thread::drawn_elements, [&](std::size_t begin, std::size_t end) {
      const std::uint64_t block = first_block + begin / kernels::dropout_group * kernels::blocks_of_a_group;
      chosen().run[std::is_same_v<T, double>](
          {x + begin, out + begin, end - begin, key, block, threshold, scale});
    });
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
  const GeneratorState state = from.state();
  const Dropout drawn{state.seed, (state.counter + 1) / 2, p};
  V y = apply(drawn, x);
  from.set_state(drawn.behind(detail::shape_of(x)));
  return y;
}

[[gnu::used]] constexpr auto instances = instantiate::for_tensors([]<class V>() { return dropout<V>; });

}  // namespace xgrad
