// What the kernel file of the recurrent cells and the library share.
#pragma once

#include <cstddef>

#include "../core/kernels/simd/isa.hpp"

namespace xgrad::kernels {

// A step of a cell: rows [rows, units] of a state, and [rows, gates * units] where each gate has its units.
// All of them are contiguous. What may be absent is null, and read as zeros.

/// An LSTM's gates are i, f, g, o.
struct LstmStep {
  std::size_t rows, units;
  const void* sums;         ///< of the products, [rows, 4 units]
  const void* bias;         ///< [4 units], or absent
  const void* cell_before;  ///< [rows, units]
  void *gates, *cell, *hidden;
};

/// The gradient of a step: dgates are those of the gates' sums, and dcell, that of the cell after the step,
/// becomes that of the cell before it.
struct LstmStepGradient {
  std::size_t rows, units;
  const void *gates, *cell, *cell_before;
  const void *dhidden, *dhidden_later;  ///< what comes to h from outside, and from the next step, or absent
  const void *dcell_given, *dgates_given;  ///< of the step's own outputs, or absent
  void *dcell, *dgates;
};

/// A GRU's gates are r, z, n, and beside them stands what r resets: the hidden state's share of n's sum.
struct GruStep {
  std::size_t rows, units;
  const void *of_input, *of_hidden;      ///< the products' sums, [rows, 3 units] each
  const void *bias_input, *bias_hidden;  ///< [3 units] each, or absent
  const void* hidden_before;
  void *gates, *hidden;  ///< [rows, 4 units], [rows, units]
};

/// dinput and dhidden_sums are those of the two sums, and dstate, what comes to h beside the products,
/// becomes what goes on beside them.
struct GruStepGradient {
  std::size_t rows, units;
  const void *gates, *hidden_before;
  const void *dhidden, *dhidden_later, *dgates_given;
  void *dstate, *dinput, *dhidden_sums;
};

/// [0] is float, [1] is double.
struct RecurrentKernels {
  void (*lstm[2])(const LstmStep&);
  void (*lstm_gradient[2])(const LstmStepGradient&);
  void (*gru[2])(const GruStep&);
  void (*gru_gradient[2])(const GruStepGradient&);
};
template <class Isa>
const RecurrentKernels* recurrent_kernels();

}  // namespace xgrad::kernels
