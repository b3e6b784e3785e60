#include <tuple>
#include <type_traits>

#include "../core/array/instantiate.hpp"
#include "activation.hpp"
#include "arithmetic.hpp"
#include "recurrent.hpp"
#include "recurrent_kernels.hpp"
#include "recurrent_steps.hpp"

namespace xgrad {
using namespace detail;

namespace {

constexpr std::size_t gates_of_gru = 3;
/// What is kept of a unit at a step: its gates, and the share that the reset gate scales.
constexpr std::size_t kept_of_gru = 4;

const kernels::RecurrentKernels& chosen() {
  return chosen_kernels([]<class I>() { return kernels::recurrent_kernels<I>(); });
}

/// What comes to the sums over the input and over the state at each step, and to the first state beside its
/// product, from dy, that of the hidden states. Inputs are weight_hh, the gates of all steps, the state
/// before them, all states, dy, and what came to the gates themselves, as second derivatives need it.
struct GruGradient {
  static constexpr std::string_view name = "gru_gradient";
  bool saves(std::size_t, const Wanted&) const { return true; }
  /// Of all steps' gates: a product with weight_hh, and the slopes.
  static double flops(Shapes in, const Shape& out) {
    return count_of(out) * (2 * static_cast<double>(in[0][0]) + 8);
  }

  template <class T>
  auto forward(const Dense<T>& weight, const Dense<T>& gates, const Dense<T>& hidden, const Dense<T>& output,
               const Dense<T>& dy) const {
    return forward(weight, gates, hidden, output, dy, Dense<T>());
  }
  template <class T>
  std::tuple<Dense<T>, Dense<T>, Dense<T>> forward(const Dense<T>& weight, const Dense<T>& gates,
                                                   const Dense<T>& hidden, const Dense<T>& output,
                                                   const Dense<T>& dy, const Dense<T>& dgates_given) const {
    const RecurrentSizes s(output.shape, hidden.shape);
    const std::size_t H = s.units, width = gates_of_gru * H, kept = kept_of_gru * H;
    Dense<T> dinput(with_last(output.shape, width)), dsums(dinput.shape),
        dstate = Dense<T>::filled(hidden.shape, T(0));
    T *const to_input = dinput.mutable_data(), *const to_sums = dsums.mutable_data(),
             *const to_state = dstate.mutable_data();
    const PackedFactor<T> back(weight.data(), width, H, true, s.steps * s.samples);
    parallel_for(s.samples, samples_of_a_piece(s, gates_of_gru), [&](std::size_t begin, std::size_t end) {
      const std::size_t rows = end - begin;
      memory::Buffer room(rows * H * sizeof(T));
      T* const later = static_cast<T*>(room.mutable_data());
      const auto at = [&](auto* data, std::size_t t, std::size_t extent) {
        return rows_at(data, s, t, begin, extent);
      };
      for (std::size_t t = s.steps; t-- > 0;) {
        const bool is_last = t + 1 == s.steps;
        if (!is_last) back.multiply(rows, at(to_sums, t + 1, width), later);
        chosen().gru_gradient[std::is_same_v<T, double>](
            {rows, H, at(gates.data(), t, kept),
             t > 0 ? at(output.data(), t - 1, H) : at(hidden.data(), 0, H), at(dy.data(), t, H),
             is_last ? nullptr : later, at(dgates_given.data(), t, kept), at(to_state, 0, H),
             at(to_input, t, width), at(to_sums, t, width)});
      }
    });
    return {std::move(dinput), std::move(dsums), std::move(dstate)};
  }

  template <class V>
  void vjp(Backward<V>& b) const {
    b.input_count() == 5 ? give_inputs<5>(b) : give_inputs<6>(b);
  }

 private:
  /// The way back through time in differentiable operations, weighed with what came for its outputs.
  template <std::size_t N, class V>
  static void give_inputs(Backward<V>& b) {
    using X = Variable<typename V::value_type>;
    give_gradients_of_sum<N>(b, [&](const std::array<X, N>& in) {
      const auto& [weight, gates, hidden, output, dy] = std::tie(in[0], in[1], in[2], in[3], in[4]);
      const Shape& shape = shape_of(output);
      const std::size_t steps = shape.size() == 3 ? shape[0] : 1, H = shape.back();
      std::vector<X> to_input(steps), to_sums(steps);
      X later;
      for (std::size_t t = steps; t-- > 0;) {
        const X gate = step_of(gates, t), before = t > 0 ? step_of(output, t - 1) : hidden;
        const X r = gate_of(gate, 0, H), z = gate_of(gate, 1, H), n = gate_of(gate, 2, H),
                share = gate_of(gate, 3, H);
        X dh = step_of(dy, t);
        if (later.defined()) dh = dh + later + matmul(to_sums[t + 1], weight, {.transpose_b = true});
        X to_n = dh * (1 - z), to_z = dh * (before - n);
        if constexpr (N > 5) to_n = to_n + gate_of(step_of(in[5], t), 2, H);
        if constexpr (N > 5) to_z = to_z + gate_of(step_of(in[5], t), 1, H);
        const X dn = to_n * (1 - square(n));
        X to_r = dn * share, to_share = dn * r;
        if constexpr (N > 5) to_r = to_r + gate_of(step_of(in[5], t), 0, H);
        if constexpr (N > 5) to_share = to_share + gate_of(step_of(in[5], t), 3, H);
        const X dr = to_r * (r * (1 - r)), dz = to_z * (z * (1 - z));
        to_input[t] = concatenate({dr, dz, dn}, 1);
        to_sums[t] = concatenate({dr, dz, to_share}, 1);
        later = dh * z;
      }
      X all = weighed(to_input, as_weights(b.gradient()));
      if (b.has_gradient(1)) all = all + weighed(to_sums, as_weights(b.gradient(1)));
      return b.has_gradient(2) ? all + sum(later * as_weights(b.gradient(2))) : all;
    });
  }
};

/// Outputs are the hidden states of all steps, and their gates as kept_of_gru says, [T, N, H] and [T, N, 4
/// H]. Of one step, x and they are without the first axis.
struct Gru {
  static constexpr std::string_view name = "gru";
  static constexpr bool saves_output = true;
  bool saves(std::size_t input, const Wanted& wanted) const {
    return input == 0 ? wanted[2] : input == 2 ? wanted[0] : input < 4;
  }
  /// Of each unit at each step: three gates' products, their activations, and the biases.
  static double flops(Shapes in, const Shape& out) {
    const double factors = static_cast<double>(in[2][0]) + static_cast<double>(in[3][0]);
    return count_of(out) * (6 * factors + 10 + (in.size() > 4 ? 6 : 0));
  }

  template <class T>
  auto forward(const Dense<T>& x, const Dense<T>& hidden, const Dense<T>& weight_ih,
               const Dense<T>& weight_hh) const {
    return forward(x, hidden, weight_ih, weight_hh, Dense<T>(), Dense<T>());
  }
  template <class T>
  std::tuple<Dense<T>, Dense<T>> forward(const Dense<T>& x, const Dense<T>& hidden, const Dense<T>& weight_ih,
                                         const Dense<T>& weight_hh, const Dense<T>& bias_ih,
                                         const Dense<T>& bias_hh) const {
    const RecurrentSizes s(x.shape, hidden.shape);
    const std::size_t H = s.units, width = gates_of_gru * H, kept = kept_of_gru * H;
    Dense<T> output(with_last(x.shape, H)), gates(with_last(x.shape, kept));
    T *const h = output.mutable_data(), *const g = gates.mutable_data();
    const std::size_t all = s.steps * s.samples;
    const PackedFactor<T> of_input(weight_ih.data(), s.in, width, false, all),
        of_state(weight_hh.data(), H, width, false, all);
    parallel_for(s.samples, samples_of_a_piece(s, gates_of_gru), [&](std::size_t begin, std::size_t end) {
      const std::size_t rows = end - begin;
      memory::Buffer room(2 * rows * width * sizeof(T));
      T *const input = static_cast<T*>(room.mutable_data()), *const state = input + rows * width;
      const auto at = [&](auto* data, std::size_t t, std::size_t extent) {
        return rows_at(data, s, t, begin, extent);
      };
      for (std::size_t t = 0; t < s.steps; ++t) {
        const T* const before = t > 0 ? at(static_cast<const T*>(h), t - 1, H) : at(hidden.data(), 0, H);
        of_input.multiply(rows, at(x.data(), t, s.in), input);
        of_state.multiply(rows, before, state);
        chosen().gru[std::is_same_v<T, double>](
            {rows, H, input, state, bias_ih.data(), bias_hh.data(), before, at(g, t, kept), at(h, t, H)});
      }
    });
    return {std::move(output), std::move(gates)};
  }

  template <class V>
  void vjp(Backward<V>& b) const {
    const auto [dinput, dsums, dstate] = gradients(b);
    const V of_input = as_rows(dinput), of_state = as_rows(dsums);
    if (b.wants(0)) give_product(b, 0, of_input, b.input(2), {.transpose_b = true});
    if (b.wants(1)) b.give(1, dstate + matmul(step_of(dsums, 0), b.input(3), {.transpose_b = true}));
    if (b.wants(2)) give_product(b, 2, as_rows(b.input(0)), of_input, {.transpose_a = true});
    if (b.wants(3)) {
      const bool has_steps = shape_of(dsums).size() == 3 && b.output_shape()[0] > 1;
      const V before = has_steps ? states_before(b.input(1), b.output()) : b.input(1);
      give_product(b, 3, as_rows(before), of_state, {.transpose_a = true});
    }
    if (b.input_count() == 4) return;
    if (b.wants(4)) b.give(4, sum_to(of_input, b.shape(4)));
    if (b.wants(5)) b.give(5, sum_to(of_state, b.shape(5)));
  }

 private:
  template <class V>
  static std::tuple<V, V, V> gradients(Backward<V>& b) {
    const V weight = b.input(3), gates = b.output(1), hidden = b.input(1), output = b.output();
    if (!b.has_gradient(1)) return apply_all(GruGradient{}, weight, gates, hidden, output, b.gradient());
    return apply_all(GruGradient{}, weight, gates, hidden, output, b.gradient(), b.gradient(1));
  }
};

template <class T, class... Bias>
Variable<T> checked_gru(const char* operation, std::size_t axes, const Variable<T>& x,
                        const Variable<T>& hidden, const Variable<T>& weight_ih, const Variable<T>& weight_hh,
                        const Bias&... bias) {
  const auto biases = [](const auto&... shape) -> std::vector<NamedShape> {
    if constexpr (sizeof...(shape) == 0) {
      return {};
    } else {
      const std::array<const Shape*, 2> both{&shape...};
      return {{"bias_ih", *both[0]}, {"bias_hh", *both[1]}};
    }
  };
  check_recurrent(operation, gates_of_gru, axes, x.shape(), weight_ih.shape(), weight_hh.shape(),
                  {{"hidden", hidden.shape()}}, biases(bias.shape()...));
  return apply(Gru{}, x, hidden, weight_ih, weight_hh, bias...);
}

template <class T>
GRUSequence<T> with_last_state(const Variable<T>& output) {
  return {output, slice(output, {-1})};
}

}  // namespace

template <class T>
GRUSequence<T> gru(const Variable<T>& x, const Variable<T>& hidden, const Variable<T>& weight_ih,
                   const Variable<T>& weight_hh, const Variable<T>& bias_ih, const Variable<T>& bias_hh) {
  return with_last_state(checked_gru("gru", 3, x, hidden, weight_ih, weight_hh, bias_ih, bias_hh));
}
template <class T>
GRUSequence<T> gru(const Variable<T>& x, const Variable<T>& hidden, const Variable<T>& weight_ih,
                   const Variable<T>& weight_hh) {
  return with_last_state(checked_gru("gru", 3, x, hidden, weight_ih, weight_hh));
}
template <class T>
Variable<T> gru_cell(const Variable<T>& x, const Variable<T>& hidden, const Variable<T>& weight_ih,
                     const Variable<T>& weight_hh, const Variable<T>& bias_ih, const Variable<T>& bias_hh) {
  return checked_gru("gru_cell", 2, x, hidden, weight_ih, weight_hh, bias_ih, bias_hh);
}
template <class T>
Variable<T> gru_cell(const Variable<T>& x, const Variable<T>& hidden, const Variable<T>& weight_ih,
                     const Variable<T>& weight_hh) {
  return checked_gru("gru_cell", 2, x, hidden, weight_ih, weight_hh);
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() {
  using V = const Variable<T>&;
  using instantiate::overload;
  return std::make_tuple(
      overload<GRUSequence<T>(V, V, V, V, V, V)>(gru), overload<GRUSequence<T>(V, V, V, V)>(gru),
      overload<Variable<T>(V, V, V, V, V, V)>(gru_cell), overload<Variable<T>(V, V, V, V)>(gru_cell));
});

}  // namespace xgrad
