// Running the kernels of optimizers over whole arrays, split over threads by size alone.
#pragma once

#include <type_traits>

#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "../core/kernels/dispatch.hpp"
#include "update_kernels.hpp"

namespace xgrad::optim {

/// One pass of a step's kernel over parameter, gradient and slots.
template <class T, class Step>
void run_update(const kernels::UpdateLoop& loop, const Step& step) {
  const kernels::UpdateKernels<Step>& table =
      chosen_kernels([]<class I>() { return kernels::update_kernels<I, Step>(); });
  const auto kernel = table.run[std::is_same_v<T, double>];
  parallel_for(loop.count, worth_a_thread::updated_elements, [&](std::size_t begin, std::size_t end) {
    kernel(kernels::part_of<T>(loop, begin, end), step);
  });
}

/// a . b, each product and the sum in double.
template <class T>
double dot(const T* a, const T* b, std::size_t count);
/// The sum of |factor x|^power, in double.
template <class T>
double power_sum(const T* x, std::size_t count, double power, double factor = 1);
/// The largest |x|, or NaN if there is one; 0 for none.
template <class T>
double largest_size(const T* x, std::size_t count);

}  // namespace xgrad::optim
