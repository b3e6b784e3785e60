#include "loss_kernels.hpp"

#include <cmath>

#include "../core/formula/elementwise_loop.hpp"
#include "../core/kernels/axis_loop.hpp"

namespace xgrad::kernels {
namespace {

using simd::Isa;

template <class Formula, class T>
double sum_of(const void* a_, const void* b_, double c, std::size_t count) {
  using P = simd::Pack<T, Isa>;
  const T* a = static_cast<const T*>(a_);
  const T* b = static_cast<const T*>(b_);
  return sum_row<P>(0, count, [=](const auto& reader, std::size_t i) {
    const P x = reader.load(a + i), y = reader.load(b + i);
    if constexpr (input_count<Formula, P>() == 2) {
      return reader.keep(Formula::value(x, y));
    } else {
      return reader.keep(Formula::value(x, y, P(c)));
    }
  });
}

/// The sums that a row's loss against targets is made of.
template <class T>
double row_against_targets(const T* x, const T* t, std::size_t count, T shift, double log_total,
                           T* target_sum) {
  using P = simd::Pack<T, Isa>;
  const double sum =
      sum_row<P>(0, count, [=](const auto& reader, std::size_t i) { return reader.load(t + i); });
  const double product = sum_row<P>(0, count, [=](const auto& reader, std::size_t i) {
    const P weight = reader.load(t + i);
    return select(weight == 0, P(0), weight * (reader.load(x + i) - P(shift)));
  });
  *target_sum = static_cast<T>(sum);
  if (sum - sum == 0) return log_total * sum - product;
  // An infinite target: of the difference nothing is left, of the differences it is.
  return sum_row<P>(0, count, [=](const auto& reader, std::size_t i) {
    const P weight = reader.load(t + i);
    return select(weight == 0, P(0), weight * (P(log_total) - (reader.load(x + i) - P(shift))));
  });
}

/// A row's shift, and the sum of its shifted exponentials.
template <class T>
double total_of_row(const T* x, std::size_t count, T& shift) {
  using P = simd::Pack<T, Isa>;
  const P nothing = Largest::start<P>();
  P taken;
  double total;
  if (count <= ShortRow<P>::longest) {
    ShortRow<P> row(x, count, nothing);
    total = exponentials(row, taken);
  } else {
    taken = shift_of_row<P>(x, count);
    total = sum_row<P>(0, count, [=](const auto& reader, std::size_t i) {
      return exp(reader.load_or(x + i, nothing) - taken);
    });
  }
  shift = taken.first();
  return total;
}

template <class T>
void cross_entropy(const CrossEntropyRows& all) {
  using D = simd::Pack<double, Isa>;
  const std::size_t count = all.columns;
  const T* logits = static_cast<const T*>(all.logits);
  T* row_data = static_cast<T*>(all.row_data);
  for (std::size_t r = 0; r < all.rows; ++r) {
    T* data = row_data + r * row_data_size;
    const double total = total_of_row(logits + r * count, count, data[0]);
    // A row of -inf has a softmax of zeros.
    data[1] = static_cast<T>(total == 0 ? 0 : 1 / total);
    data[2] = 1;
    all.losses[r] = total == 0 ? 1 : total;
  }
  write_row<D>(all.losses, all.rows,
               [&](const auto& reader, std::size_t r) { return log(reader.load(all.losses + r)); });
  for (std::size_t r = 0; r < all.rows; ++r) {
    const T* x = logits + r * count;
    T* data = row_data + r * row_data_size;
    if (all.labels != nullptr) {
      all.losses[r] += static_cast<double>(data[0]) - static_cast<double>(x[all.labels[r]]);
    } else {
      const T* t = static_cast<const T*>(all.targets) + r * count;
      all.losses[r] = row_against_targets(x, t, count, data[0], all.losses[r], data + 2);
    }
  }
}

template <class T>
void cross_entropy_gradient(const CrossEntropyRows& all) {
  using P = simd::Pack<T, Isa>;
  const std::size_t count = all.columns;
  for (std::size_t r = 0; r < all.rows; ++r) {
    const T* x = static_cast<const T*>(all.logits) + r * count;
    const T* data = static_cast<const T*>(all.row_data) + r * row_data_size;
    const T* dy = static_cast<const T*>(all.dy) + r * all.dy_step;
    T* out = static_cast<T*>(all.out) + r * count;
    const P weight(static_cast<double>(*dy) * all.factor), shift(data[0]), scale(data[1] * data[2]);
    if (all.labels != nullptr) {
      const P lanes = lane_numbers<P>();
      const std::int64_t label = all.labels[r];
      write_row<P>(out, count, [=](const auto& reader, std::size_t i) {
        const P label_lane(label - static_cast<std::int64_t>(i));
        return (exp(reader.load(x + i) - shift) * scale - select(lanes == label_lane, P(1), P(0))) * weight;
      });
    } else {
      const T* t = static_cast<const T*>(all.targets) + r * count;
      write_row<P>(out, count, [=](const auto& reader, std::size_t i) {
        return (exp(reader.load(x + i) - shift) * scale - reader.load(t + i)) * weight;
      });
    }
  }
}

template <class... Formulas>
constexpr LossKernels make_kernels(List<Formulas...>) {
  return {{{&sum_of<Formulas, float>, &sum_of<Formulas, double>}...},
          {&cross_entropy<float>, &cross_entropy<double>},
          {&cross_entropy_gradient<float>, &cross_entropy_gradient<double>}};
}

}  // namespace

template <>
const LossKernels* loss_kernels<simd::Isa>() {
  static constexpr LossKernels all = make_kernels(formulas::Loss::list{});
  return &all;
}

template <>
const Kernels* table<simd::Isa, formulas::Loss>() {
  return make_table<simd::Isa>(formulas::Loss::list{});
}

}  // namespace xgrad::kernels
