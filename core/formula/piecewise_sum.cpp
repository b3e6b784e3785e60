#include "piecewise_sum.hpp"

#include <tuple>

#include "../array/instantiate.hpp"
#include "../kernels/dispatch.hpp"
#include "../kernels/reduction.hpp"

namespace xgrad::detail {
namespace {

template <class From, class To>
To sum_of(const From* elements, std::size_t count, double divisor) {
  constexpr bool from_double = std::is_same_v<From, double>, to_double = std::is_same_v<To, double>;
  const kernels::Reduction& sums = chosen_kernels([]<class I>() { return kernels::sum_kernels<I>(); });
  To sum;
  sums.run[from_double][to_double]({{elements}, &sum, 1, count, 1, 1, divisor});
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

[[gnu::used]] constexpr auto instances =
    instantiate::for_numbers([]<class T>() { return std::make_tuple(sum_of_piece<T>, sum_of_pieces<T>); });

}  // namespace xgrad::detail
