#include "recurrent_steps.hpp"

#include <string>

#include "../core/array/instantiate.hpp"

namespace xgrad {
using namespace detail;

namespace {

/// Of `first` [N, H] and a sequence [T, N, H], and of x [T, N, M] in front of them, [T, N, M + H].
struct StatesBefore {
  static constexpr std::string_view name = "states_before";
  static double flops(Shapes, const Shape&) noexcept { return 0; }

  template <class T>
  Dense<T> forward(const Dense<T>& first, const Dense<T>& sequence) const {
    return forward(first, sequence, Dense<T>(Value{{}, with_last(sequence.shape, 0)}));
  }
  template <class T>
  Dense<T> forward(const Dense<T>& first, const Dense<T>& sequence, const Dense<T>& x) const {
    const std::size_t H = sequence.shape[2], M = x.shape[2], samples = sequence.shape[1];
    Dense<T> result(with_last(sequence.shape, M + H));
    T* const out = result.mutable_data();
    const std::size_t grain = worth_a_thread::streamed_elements / std::max<std::size_t>(1, M + H) + 1;
    parallel_for(sequence.shape[0] * samples, grain, [&](std::size_t begin, std::size_t end) {
      for (std::size_t r = begin; r < end; ++r) {
        T* const row = out + r * (M + H);
        if (M > 0) std::copy_n(x.data() + r * M, M, row);
        if (H > 0)
          std::copy_n(r < samples ? first.data() + r * H : sequence.data() + (r - samples) * H, H, row + M);
      }
    });
    return result;
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    const auto steps = static_cast<Integer>(b.shape(1)[0]);
    const bool has_x = b.input_count() == 3;
    const Integer M = static_cast<Integer>(has_x ? b.shape(2)[2] : 0);
    if (has_x && b.wants(2)) b.give(2, slice(b.gradient(), {all, all, range(0, M)}));
    const V dy = has_x ? slice(b.gradient(), {all, all, range(M, std::nullopt)}) : b.gradient();
    if (b.wants(0)) b.give(0, slice(dy, {0}));
    if (b.wants(1)) b.give(1, slice_scatter(slice(dy, {range(1, steps)}), b.shape(1), {range(0, steps - 1)}));
  }
};

}  // namespace

template <Tensor V>
V detail::states_before(const V& first, const V& sequence) {
  return apply(StatesBefore{}, first, sequence);
}
template <Tensor V>
V detail::states_before(const V& first, const V& sequence, const V& x) {
  return apply(StatesBefore{}, first, sequence, x);
}

template <Tensor V>
V detail::stacked(const V& above, const V& below) {
  if constexpr (is_dense<V>) {
    V result(Shape{above.shape[0] + below.shape[0], above.shape[1]});
    auto* const out = result.mutable_data();
    if (above.size() > 0) std::copy_n(above.data(), above.size(), out);
    if (below.size() > 0) std::copy_n(below.data(), below.size(), out + above.size());
    return result;
  } else {
    return concatenate({above, below});
  }
}

void detail::check_recurrent(std::string_view operation, std::size_t gates, std::size_t axes, const Shape& x,
                             const Shape& weight_ih, const Shape& weight_hh,
                             const std::vector<NamedShape>& states, const std::vector<NamedShape>& biases) {
  const auto fail = [&](const std::string& what) { throw ShapeError(std::string(operation) + ": " + what); };
  const std::string input = "the input " + to_string(x), of_state = "weight_hh " + to_string(weight_hh);
  if (x.size() != axes)
    fail(input + " is not " + (axes == 3 ? "[time steps, samples, features]" : "[samples, features]") +
         "; reshape it");
  if (axes == 3 && x[0] == 0) fail(input + " has no time steps; give at least 1");
  if (weight_hh.size() != 2 || weight_hh[1] / gates != weight_hh[0] || weight_hh[1] % gates != 0)
    fail(of_state + " is not [units, " + std::to_string(gates) + " units]; transpose one of PyTorch's");
  const Shape expected{x.back(), weight_hh[1]};
  if (!(weight_ih == expected))
    fail("weight_ih " + to_string(weight_ih) + " does not fit " + input + " and " + of_state +
         "; it must be " + to_string(expected) + "; transpose one of PyTorch's");
  const Shape state{x[axes - 2], weight_hh[0]}, bias{weight_hh[1]};
  for (const auto& [name, shape] : states)
    if (!(shape == state))
      fail("the " + std::string(name) + " state " + to_string(shape) + " does not fit " + input + " and " +
           of_state + "; it must be " + to_string(state) + ", [samples, units]");
  for (const auto& [name, shape] : biases)
    if (!(shape == bias))
      fail(std::string(name) + " " + to_string(shape) + " does not fit " + of_state + "; it must be " +
           to_string(bias));
  check_possible(operation, with_last(x, weight_hh[1]), x, weight_hh);
}

[[gnu::used]] constexpr auto instances = instantiate::for_tensors([]<class V>() {
  using instantiate::overload;
  return std::make_tuple(overload<V(const V&, const V&)>(detail::states_before),
                         overload<V(const V&, const V&, const V&)>(detail::states_before),
                         detail::stacked<V>);
});

}  // namespace xgrad
