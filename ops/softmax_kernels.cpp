#include "softmax_kernels.hpp"

#include <cmath>

#include "../core/kernels/axis_loop.hpp"

namespace xgrad::kernels {
namespace {

using simd::Isa;

template <class T>
using Pack = simd::Pack<T, Isa>;

/// Writes value(reader, c, offset) for every element of a strip, row by row.
template <class P, class Value>
void write_columns(typename P::value_type* out, const AxisLoop& loop, std::size_t columns,
                   const Value& value) {
  for (std::size_t r = 0; r < loop.count; ++r)
    write_row<P>(out + r * loop.stride, columns,
                 [&](const auto& reader, std::size_t c) { return value(reader, c, r * loop.stride + c); });
}

/// What the sum of exponentials comes to: a factor, or a logarithm. A line of -inf sums to 0 and keeps its
/// zeros and its -inf.
struct Softmax {
  static double of_total(double total) { return total == 0 ? 0 : 1 / total; }
};
struct LogSoftmax {
  static double of_total(double total) { return total == 0 ? 0 : std::log(total); }
};

template <class T>
void softmax_row(const T* x, T* y, std::size_t count) {
  using P = Pack<T>;
  const P nothing = Largest::start<P>();
  if (count <= ShortRow<P>::longest) {
    ShortRow<P> row(x, count, nothing);
    P taken;
    const P scale(Softmax::of_total(exponentials(row, taken)));
    for (std::size_t k = 0; k < row.packs; ++k) row.of[k] *= scale;
    return row.store(y, count);
  }
  const P shift = shift_of_row<P>(x, count);
  const double total = sum_row<P>(0, count, [=](const auto& reader, std::size_t i) {
    const P e = exp(reader.load_or(x + i, nothing) - shift);
    reader.store(e, y + i);
    return e;
  });
  const P scale(Softmax::of_total(total));
  write_row<P>(y, count, [=](const auto& reader, std::size_t i) { return reader.load(y + i) * scale; });
}

template <class T>
void log_softmax_row(const T* x, T* y, std::size_t count) {
  using P = Pack<T>;
  const P shift = shift_of_row<P>(x, count), nothing = Largest::start<P>();
  const double total = sum_row<P>(0, count, [=](const auto& reader, std::size_t i) {
    return exp(reader.load_or(x + i, nothing) - shift);
  });
  const P log_total(LogSoftmax::of_total(total));
  write_row<P>(y, count,
               [=](const auto& reader, std::size_t i) { return (reader.load(x + i) - shift) - log_total; });
}

template <class T>
void softmax_columns(const T* x, T* y, const AxisLoop& loop, std::size_t columns) {
  using P = Pack<T>;
  Strip<P> shift, scale;
  shift_of_columns(shift, x, loop, columns);
  double total[strip_columns];
  sum_columns<P>(total, loop.count, columns, [&](const auto& reader, std::size_t r, std::size_t c) {
    const P e = exp(reader.load(x + r * loop.stride + c) - shift.at(c));
    reader.store(e, y + r * loop.stride + c);
    return e;
  });
  for (std::size_t c = 0; c < columns; ++c) scale.of[c] = static_cast<T>(Softmax::of_total(total[c]));
  write_columns<P>(y, loop, columns, [&](const auto& reader, std::size_t c, std::size_t offset) {
    return reader.load(y + offset) * reader.load(scale.of + c);
  });
}

template <class T>
void log_softmax_columns(const T* x, T* y, const AxisLoop& loop, std::size_t columns) {
  using P = Pack<T>;
  Strip<P> shift, log_total;
  shift_of_columns(shift, x, loop, columns);
  double total[strip_columns];
  sum_columns<P>(total, loop.count, columns, [&](const auto& reader, std::size_t r, std::size_t c) {
    return exp(reader.load(x + r * loop.stride + c) - shift.at(c));
  });
  for (std::size_t c = 0; c < columns; ++c) log_total.of[c] = static_cast<T>(total[c] == 0 ? 1 : total[c]);
  write_row<P>(log_total.of, columns,
               [&](const auto& reader, std::size_t c) { return log(reader.load(log_total.of + c)); });
  write_columns<P>(y, loop, columns, [&](const auto& reader, std::size_t c, std::size_t offset) {
    return (reader.load(x + offset) - reader.load(shift.of + c)) - reader.load(log_total.of + c);
  });
}

// The two gradients differ in what they sum up, and in what they make of an element and the sum.

struct SoftmaxGradient {
  template <class P>
  static P term(const P& y, const P& dy) {
    return y * dy;
  }
  template <class P>
  static P value(const P& y, const P& dy, const P& sum) {
    return y * (dy - sum);
  }
};
struct LogSoftmaxGradient {
  template <class P>
  static P term(const P&, const P& dy) {
    return dy;
  }
  template <class P>
  static P value(const P& y, const P& dy, const P& sum) {
    return dy - exp(y) * sum;
  }
};

template <class T, class Gradient>
void gradient_row(const T* y, const T* dy, T* dx, std::size_t count) {
  using P = Pack<T>;
  const P sum(sum_row<P>(0, count, [=](const auto& reader, std::size_t i) {
    return Gradient::term(reader.load(y + i), reader.load(dy + i));
  }));
  write_row<P>(dx, count, [=](const auto& reader, std::size_t i) {
    return Gradient::value(reader.load(y + i), reader.load(dy + i), sum);
  });
}

template <class T, class Gradient>
void gradient_columns(const T* y, const T* dy, T* dx, const AxisLoop& loop, std::size_t columns) {
  using P = Pack<T>;
  double total[strip_columns];
  sum_columns<P>(total, loop.count, columns, [&](const auto& reader, std::size_t r, std::size_t c) {
    const std::size_t offset = r * loop.stride + c;
    return Gradient::term(reader.load(y + offset), reader.load(dy + offset));
  });
  Strip<P> sum;
  for (std::size_t c = 0; c < columns; ++c) sum.of[c] = static_cast<T>(total[c]);
  write_columns<P>(dx, loop, columns, [&](const auto& reader, std::size_t c, std::size_t offset) {
    return Gradient::value(reader.load(y + offset), reader.load(dy + offset), reader.load(sum.of + c));
  });
}

template <class T>
void softmax_kernel(const AxisLoop& loop) {
  const T* x = static_cast<const T*>(loop.in[0]);
  T* y = static_cast<T*>(loop.out);
  walk(
      loop, [=](std::size_t at, std::size_t) { softmax_row(x + at, y + at, loop.count); },
      [=](std::size_t at, std::size_t, std::size_t columns) {
        softmax_columns(x + at, y + at, loop, columns);
      });
}

template <class T>
void log_softmax_kernel(const AxisLoop& loop) {
  const T* x = static_cast<const T*>(loop.in[0]);
  T* y = static_cast<T*>(loop.out);
  walk(
      loop, [=](std::size_t at, std::size_t) { log_softmax_row(x + at, y + at, loop.count); },
      [=](std::size_t at, std::size_t, std::size_t columns) {
        log_softmax_columns(x + at, y + at, loop, columns);
      });
}

template <class T, class Gradient>
void gradient_kernel_of(const AxisLoop& loop) {
  const T* y = static_cast<const T*>(loop.in[0]);
  const T* dy = static_cast<const T*>(loop.in[1]);
  T* dx = static_cast<T*>(loop.out);
  walk(
      loop,
      [=](std::size_t at, std::size_t) { gradient_row<T, Gradient>(y + at, dy + at, dx + at, loop.count); },
      [=](std::size_t at, std::size_t, std::size_t columns) {
        gradient_columns<T, Gradient>(y + at, dy + at, dx + at, loop, columns);
      });
}

}  // namespace

template <>
const SoftmaxKernels* softmax_kernels<simd::Isa>() {
  static constexpr SoftmaxKernels all = {
      {&softmax_kernel<float>, &softmax_kernel<double>},
      {&log_softmax_kernel<float>, &log_softmax_kernel<double>},
      {&gradient_kernel_of<float, SoftmaxGradient>, &gradient_kernel_of<double, SoftmaxGradient>},
      {&gradient_kernel_of<float, LogSoftmaxGradient>, &gradient_kernel_of<double, LogSoftmaxGradient>}};
  return &all;
}

}  // namespace xgrad::kernels
