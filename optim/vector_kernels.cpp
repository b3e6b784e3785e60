#include "vector_kernels.hpp"

#include "../core/kernels/axis_loop.hpp"

namespace xgrad::kernels {
namespace {

using simd::Isa;
using simd::Pack;

/// Products are taken in double too: the square of a float may be none.
Pack<double, Isa> product(const Pack<double, Isa>& a, const Pack<double, Isa>& b) { return a * b; }
Pack<double, Isa> product(const Pack<float, Isa>& a, const Pack<float, Isa>& b) {
  const Doubles<Isa> x = to_doubles(a), y = to_doubles(b);
  return x.low * y.low + x.high * y.high;
}

template <class T>
double dot(const void* a, const void* b, std::size_t count) {
  const T* const x = static_cast<const T*>(a);
  const T* const y = static_cast<const T*>(b);
  return sum_row<Pack<T, Isa>>(0, count, [=](const auto& reader, std::size_t i) {
    return product(reader.load(x + i), reader.load(y + i));
  });
}

/// |factor x|^power, of 0 as well: lanes without an element are 0, and so is what they add.
Pack<double, Isa> power_of(const Pack<double, Isa>& x, double power, double factor) {
  return pow(abs(x) * factor, Pack<double, Isa>(power));
}
Pack<double, Isa> power_of(const Pack<float, Isa>& x, double power, double factor) {
  const Doubles<Isa> parts = to_doubles(x);
  return power_of(parts.low, power, factor) + power_of(parts.high, power, factor);
}

template <class T>
double power_sum(const void* values, std::size_t count, double power, double factor) {
  const T* const x = static_cast<const T*>(values);
  return sum_row<Pack<T, Isa>>(0, count, [=](const auto& reader, std::size_t i) {
    return power_of(reader.load(x + i), power, factor);
  });
}

template <class T>
double largest(const void* values, std::size_t count) {
  using P = Pack<T, Isa>;
  const T* const x = static_cast<const T*>(values);
  const P all = fold_row<P>(
      count, P(0), [](const P& a, const P& b) { return maximum(a, b); },
      [=](const auto& reader, std::size_t i) { return abs(reader.load(x + i)); });
  return static_cast<double>(max(all));
}

}  // namespace

template <>
const VectorKernels* vector_kernels<Isa>() {
  static constexpr VectorKernels kernels = {{&dot<float>, &dot<double>},
                                            {&power_sum<float>, &power_sum<double>},
                                            {&largest<float>, &largest<double>}};
  return &kernels;
}

}  // namespace xgrad::kernels
