#include "recurrent_kernels.hpp"

#include "../core/kernels/axis_loop.hpp"

namespace xgrad::kernels {
namespace {

using simd::Isa;

template <class P>
[[gnu::always_inline]] inline P logistic(const P& x) {
  return 1 / (1 + exp(-x));
}

/// The slope of a gate times what comes to it, from the gate itself.
template <class P>
P through_logistic(const P& y, const P& dy) {
  return dy * (y * (1 - y));
}
template <class P>
P through_tanh(const P& y, const P& dy) {
  return dy * fma(-y, y, P(1));
}

/// A row of a matrix, or zeros where there is none.
template <class P>
struct Row {
  using T = typename P::value_type;
  const T* from;
  Row(const void* matrix, std::size_t row, std::size_t width)
      : from(matrix == nullptr ? nullptr : static_cast<const T*>(matrix) + row * width) {}
  P at(const auto& reader, std::size_t i) const { return from == nullptr ? P(0) : reader.load(from + i); }
};

template <class T>
T* row_of(void* matrix, std::size_t row, std::size_t width) {
  return static_cast<T*>(matrix) + row * width;
}

template <class T>
void lstm_kernel(const LstmStep& s) {
  using P = simd::Pack<T, Isa>;
  const std::size_t units = s.units;
  const Row<P> bias(s.bias, 0, 0);
  for (std::size_t r = 0; r < s.rows; ++r) {
    const Row<P> sums(s.sums, r, 4 * units), before(s.cell_before, r, units);
    T *gates = row_of<T>(s.gates, r, 4 * units), *cell = row_of<T>(s.cell, r, units),
      *hidden = row_of<T>(s.hidden, r, units);
    for_columns<P>(units, [&](const auto& reader, std::size_t u) {
      const auto sum = [&](std::size_t gate) {
        return sums.at(reader, gate * units + u) + bias.at(reader, gate * units + u);
      };
      const P i = logistic(sum(0)), f = logistic(sum(1)), g = tanh(sum(2)), o = logistic(sum(3));
      const P c = fma(f, before.at(reader, u), i * g);
      reader.store(i, gates + u);
      reader.store(f, gates + units + u);
      reader.store(g, gates + 2 * units + u);
      reader.store(o, gates + 3 * units + u);
      reader.store(c, cell + u);
      reader.store(o * tanh(c), hidden + u);
    });
  }
}

template <class T>
void lstm_gradient_kernel(const LstmStepGradient& s) {
  using P = simd::Pack<T, Isa>;
  const std::size_t units = s.units;
  for (std::size_t r = 0; r < s.rows; ++r) {
    const Row<P> gates(s.gates, r, 4 * units), cell(s.cell, r, units), before(s.cell_before, r, units),
        given(s.dhidden, r, units), later(s.dhidden_later, r, units), dcell_given(s.dcell_given, r, units),
        dgates_given(s.dgates_given, r, 4 * units);
    T *dcell = row_of<T>(s.dcell, r, units), *dgates = row_of<T>(s.dgates, r, 4 * units);
    for_columns<P>(units, [&](const auto& reader, std::size_t u) {
      const auto gate = [&](std::size_t k) { return gates.at(reader, k * units + u); };
      const auto to_gate = [&](std::size_t k, const P& share) {
        return share + dgates_given.at(reader, k * units + u);
      };
      const P i = gate(0), f = gate(1), g = gate(2), o = gate(3), y = tanh(cell.at(reader, u));
      const P dh = given.at(reader, u) + later.at(reader, u);
      const P dc = reader.load(dcell + u) + dcell_given.at(reader, u) + through_tanh(y, dh * o);
      reader.store(through_logistic(i, to_gate(0, dc * g)), dgates + u);
      reader.store(through_logistic(f, to_gate(1, dc * before.at(reader, u))), dgates + units + u);
      reader.store(through_tanh(g, to_gate(2, dc * i)), dgates + 2 * units + u);
      reader.store(through_logistic(o, to_gate(3, dh * y)), dgates + 3 * units + u);
      reader.store(dc * f, dcell + u);
    });
  }
}

template <class T>
void gru_kernel(const GruStep& s) {
  using P = simd::Pack<T, Isa>;
  const std::size_t units = s.units;
  const Row<P> bias_input(s.bias_input, 0, 0), bias_hidden(s.bias_hidden, 0, 0);
  for (std::size_t r = 0; r < s.rows; ++r) {
    const Row<P> of_input(s.of_input, r, 3 * units), of_hidden(s.of_hidden, r, 3 * units),
        before(s.hidden_before, r, units);
    T *gates = row_of<T>(s.gates, r, 4 * units), *hidden = row_of<T>(s.hidden, r, units);
    for_columns<P>(units, [&](const auto& reader, std::size_t u) {
      const auto input = [&](std::size_t k) {
        return of_input.at(reader, k * units + u) + bias_input.at(reader, k * units + u);
      };
      const auto state = [&](std::size_t k) {
        return of_hidden.at(reader, k * units + u) + bias_hidden.at(reader, k * units + u);
      };
      const P reset = logistic(input(0) + state(0)), update = logistic(input(1) + state(1)), share = state(2);
      const P candidate = tanh(fma(reset, share, input(2)));
      reader.store(reset, gates + u);
      reader.store(update, gates + units + u);
      reader.store(candidate, gates + 2 * units + u);
      reader.store(share, gates + 3 * units + u);
      reader.store(fma(update, before.at(reader, u) - candidate, candidate), hidden + u);
    });
  }
}

template <class T>
void gru_gradient_kernel(const GruStepGradient& s) {
  using P = simd::Pack<T, Isa>;
  const std::size_t units = s.units;
  for (std::size_t r = 0; r < s.rows; ++r) {
    const Row<P> gates(s.gates, r, 4 * units), before(s.hidden_before, r, units), given(s.dhidden, r, units),
        later(s.dhidden_later, r, units), dgates_given(s.dgates_given, r, 4 * units);
    T *dstate = row_of<T>(s.dstate, r, units), *dinput = row_of<T>(s.dinput, r, 3 * units),
      *dsums = row_of<T>(s.dhidden_sums, r, 3 * units);
    for_columns<P>(units, [&](const auto& reader, std::size_t u) {
      const auto gate = [&](std::size_t k) { return gates.at(reader, k * units + u); };
      const auto to_gate = [&](std::size_t k, const P& share) {
        return share + dgates_given.at(reader, k * units + u);
      };
      const P reset = gate(0), update = gate(1), candidate = gate(2), share = gate(3);
      const P dh = reader.load(dstate + u) + (given.at(reader, u) + later.at(reader, u));
      const P dn = through_tanh(candidate, to_gate(2, dh * (1 - update)));
      const P dr = through_logistic(reset, to_gate(0, dn * share));
      const P dz = through_logistic(update, to_gate(1, dh * (before.at(reader, u) - candidate)));
      reader.store(dr, dinput + u);
      reader.store(dz, dinput + units + u);
      reader.store(dn, dinput + 2 * units + u);
      reader.store(dr, dsums + u);
      reader.store(dz, dsums + units + u);
      reader.store(to_gate(3, dn * reset), dsums + 2 * units + u);
      reader.store(dh * update, dstate + u);
    });
  }
}

}  // namespace

template <>
const RecurrentKernels* recurrent_kernels<simd::Isa>() {
  static constexpr RecurrentKernels all = {{&lstm_kernel<float>, &lstm_kernel<double>},
                                           {&lstm_gradient_kernel<float>, &lstm_gradient_kernel<double>},
                                           {&gru_kernel<float>, &gru_kernel<double>},
                                           {&gru_gradient_kernel<float>, &gru_gradient_kernel<double>}};
  return &all;
}

}  // namespace xgrad::kernels
