#include "update.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "../core/array/instantiate.hpp"
#include "vector_kernels.hpp"

namespace xgrad::optim {
namespace {

/// What `kernel(begin, end)` gives for every piece.
template <class Kernel>
std::vector<double> of_pieces(std::size_t count, const Kernel& kernel) {
  constexpr std::size_t grain = worth_a_thread::updated_elements;
  std::vector<double> pieces((count + grain - 1) / grain);
  parallel_for(count, grain,
               [&](std::size_t begin, std::size_t end) { pieces[begin / grain] = kernel(begin, end); });
  return pieces;
}

double sum_of(const std::vector<double>& pieces) {
  double sum = 0;
  for (double piece : pieces) sum += piece;
  return sum;
}

const kernels::VectorKernels& table() {
  return chosen_kernels([]<class I>() { return kernels::vector_kernels<I>(); });
}

}  // namespace

template <class T>
double dot(const T* a, const T* b, std::size_t count) {
  const auto kernel = table().dot[std::is_same_v<T, double>];
  return sum_of(of_pieces(
      count, [&](std::size_t begin, std::size_t end) { return kernel(a + begin, b + begin, end - begin); }));
}

template <class T>
double power_sum(const T* x, std::size_t count, double power, double factor) {
  const auto kernel = table().power_sum[std::is_same_v<T, double>];
  return sum_of(of_pieces(count, [&](std::size_t begin, std::size_t end) {
    return kernel(x + begin, end - begin, power, factor);
  }));
}

template <class T>
double largest_size(const T* x, std::size_t count) {
  const auto kernel = table().largest[std::is_same_v<T, double>];
  double largest = 0;
  for (double piece :
       of_pieces(count, [&](std::size_t begin, std::size_t end) { return kernel(x + begin, end - begin); }))
    if (!(piece <= largest) && !std::isnan(largest)) largest = piece;
  return largest;
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers(
    []<class T>() { return std::make_tuple(dot<T>, power_sum<T>, largest_size<T>); });

}  // namespace xgrad::optim
