#include "piecewise_sum.hpp"

#include <algorithm>
#include <tuple>

#include "../array/instantiate.hpp"
#include "../kernels/dispatch.hpp"
#include "../kernels/reduction.hpp"
#include "broadcast_loop.hpp"

namespace xgrad::detail {
namespace {

template <class From, class To>
void sum_to_place(To* sums, const From* elements, std::size_t count, std::size_t inner, double divisor) {
  constexpr bool from_double = std::is_same_v<From, double>, to_double = std::is_same_v<To, double>;
  const kernels::Reduction& kernels = chosen_kernels([]<class I>() { return kernels::sum_kernels<I>(); });
  kernels.run[from_double][to_double]({{elements}, sums, 1, count, inner, inner, divisor});
}
template <class From, class To>
To sum_of(const From* elements, std::size_t count, double divisor) {
  To sum;
  sum_to_place(&sum, elements, count, 1, divisor);
  return sum;
}

}  // namespace

template <class T>
double sum_of_piece(const T* elements, std::size_t count) {
  return sum_of<T, double>(elements, count, 1);
}

template <class T>
T sum_of_pieces(std::span<const double> sums, double divisor) {
  return sum_of<double, T>(sums.data(), sums.size(), divisor);
}

std::size_t summed_rows(std::size_t rows, std::size_t columns) noexcept {
  return rows_of_pieces({1, rows, columns});
}

template <class T, class To>
void sum_rows_of_piece(const T* elements, std::size_t rows, std::size_t columns, To* sums) {
  sum_to_place(sums, elements, rows, columns, 1);
}

template <class T>
memory::Buffer sum_rows_of_pieces(Dense<double> sums) {
  const Dense<double> sum = sum_axes(sums, AxisList<bool>{true, false});
  if constexpr (std::is_same_v<T, double>) {
    return sum.buffer;
  } else {
    Dense<T> rounded(sum.shape);
    std::copy_n(sum.data(), sum.size(), rounded.mutable_data());
    return rounded.buffer;
  }
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() {
  return std::make_tuple(sum_of_piece<T>, sum_of_pieces<T>, sum_rows_of_piece<T, double>,
                         sum_rows_of_piece<T, T>, sum_rows_of_pieces<T>);
});

}  // namespace xgrad::detail
