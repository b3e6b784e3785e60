// What kernel files and the rest of the library share: operands, loops, and the tables to choose from.
#pragma once

#include <cstddef>

#include "simd/isa.hpp"

namespace xgrad::kernels {

inline constexpr std::size_t max_inputs = 4;

/// One input of a loop, in elements: `step` is 0 (one element for the whole row) or 1.
struct Operand {
  const void* data;
  std::ptrdiff_t row_stride;
  std::ptrdiff_t step;
};

/// rows x columns elements to write to `out`, whose columns are contiguous. `out` may be the buffer of an
/// input that is read at the same positions.
struct Loop {
  std::size_t rows;
  std::size_t columns;
  void* out;
  std::ptrdiff_t out_row_stride;
  Operand in[max_inputs + 2];
};

using Kernel = void (*)(const Loop&);

/// The kernels of one elementwise formula; [0] is float, [1] is double. A gradient takes the inputs, the
/// output and the output's gradient.
struct Kernels {
  Kernel value[2];
  Kernel gradient[max_inputs][2];
};

/// A family names its formulas in its list: struct Arithmetic { using list = kernels::List<Subtract,
/// Multiply>; };
template <class... Formulas>
struct List {
  static constexpr std::size_t size = sizeof...(Formulas);
};

/// Kernels of a family for one instruction set, in the order of the family's list. Defined in kernel files.
template <class Isa, class Family>
const Kernels* table();

template <class Formula, class Family>
struct Position;
template <class Formula, class... Rest>
struct Position<Formula, List<Formula, Rest...>> {
  static constexpr std::size_t value = 0;
};
template <class Formula, class First, class... Rest>
struct Position<Formula, List<First, Rest...>> {
  static constexpr std::size_t value = 1 + Position<Formula, List<Rest...>>::value;
};

}  // namespace xgrad::kernels
