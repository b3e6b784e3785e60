#include "cross_entropy.hpp"

#include <algorithm>
#include <numeric>
#include <string>

#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "../core/graph/broadcast.hpp"
#include "../core/kernels/dispatch.hpp"
#include "class_rows.hpp"
#include "exponential.hpp"
#include "families.hpp"
#include "loss_kernels.hpp"
#include "operators.hpp"
#include "reduction.hpp"
#include "shape.hpp"
#include "softmax.hpp"

namespace xgrad {
using namespace detail;

namespace {

/// The predictions' shape with one class, or without the classes.
Shape row_shape(const Shape& predictions, bool keep_dims) {
  AxisList<bool> reduced(predictions.size(), false);
  reduced.back() = true;
  return reduced_shape(predictions, reduced, keep_dims);
}

double factor_of(Reduction reduction, const Shape& predictions) {
  return reduction == Reduction::mean ? 1 / static_cast<double>(samples_in(predictions)) : 1;
}

/// One loss a row, in double, reduced as asked.
template <class T>
Dense<T> reduced_rows(const Dense<double>& losses, Reduction reduction, const Shape& predictions) {
  const double* from = losses.data();
  const std::size_t rows = losses.size();
  if (reduction == Reduction::none) {
    Dense<T> result(row_shape(predictions, false));
    std::transform(from, from + rows, result.mutable_data(),
                   [](double loss) { return static_cast<T>(loss); });
    return result;
  }
  const double total = std::accumulate(from, from + rows, 0.0);
  return Dense<T>::scalar(reduction == Reduction::mean ? total / static_cast<double>(rows) : total);
}

/// The gradient of each row's loss, beside the predictions: one number, or a column.
template <class V>
V row_gradient(const V& dy, Reduction reduction, const Shape& predictions) {
  if (reduction == Reduction::none) return reshape(dy, row_shape(predictions, true));
  return dy * factor_of(reduction, predictions);
}

const kernels::LossKernels& chosen() {
  const kernels::LossKernels& kernels = chosen_kernels([]<class I>() { return kernels::loss_kernels<I>(); });
  return kernels;
}

template <class T>
const void* skip(const void* data, std::size_t elements) {
  return data == nullptr ? nullptr : static_cast<const T*>(data) + elements;
}

/// Runs a kernel on rows, split among threads.
template <class T>
void run(void (*const (&kernel)[2])(const kernels::CrossEntropyRows&), const kernels::CrossEntropyRows& all) {
  const std::size_t columns = std::max<std::size_t>(1, all.columns);
  parallel_for(all.rows, std::max<std::size_t>(1, worth_a_thread::costly_elements / columns),
               [&](std::size_t begin, std::size_t end) {
                 kernels::CrossEntropyRows part = all;
                 part.rows = end - begin;
                 part.logits = skip<T>(all.logits, begin * all.columns);
                 part.targets = skip<T>(all.targets, begin * all.columns);
                 if (all.labels != nullptr) part.labels = all.labels + begin;
                 part.row_data = static_cast<T*>(all.row_data) + begin * kernels::row_data_size;
                 if (all.losses != nullptr) part.losses = all.losses + begin;
                 part.dy = skip<T>(all.dy, begin * all.dy_step);
                 if (all.out != nullptr) part.out = static_cast<T*>(all.out) + begin * all.columns;
                 kernel[std::is_same_v<T, double>](part);
               });
}

/// What both forms of softmax cross entropy share: the pass over the logits, and what it leaves for the
/// gradient.
struct FromLogits {
  static constexpr std::string_view name = "cross_entropy";
  Reduction reduction = Reduction::mean;
  memory::Buffer row_data;

  template <class T>
  Dense<T> value(const Dense<T>& logits, const std::int64_t* labels, const T* targets) {
    const std::size_t rows = samples_in(logits.shape);
    row_data = memory::Buffer(rows * kernels::row_data_size * sizeof(T));
    Dense<double> losses(Shape{rows});
    run<T>(chosen().cross_entropy, {logits.data(), labels, targets, rows, logits.shape.back(),
                                    row_data.mutable_data(), losses.mutable_data(), nullptr, 0, 1, nullptr});
    return reduced_rows<T>(losses, reduction, logits.shape);
  }

  template <class T>
  Dense<T> gradient(const Dense<T>& logits, const std::int64_t* labels, const T* targets,
                    const Dense<T>& dy) const {
    Dense<T> result(logits.shape);
    // The kernel of the gradient reads the rows' data alone.
    run<T>(chosen().cross_entropy_gradient, {logits.data(), labels, targets, samples_in(logits.shape),
                                             logits.shape.back(), const_cast<void*>(row_data.data()), nullptr,
                                             dy.data(), reduction == Reduction::none ? std::size_t{1} : 0,
                                             factor_of(reduction, logits.shape), result.mutable_data()});
    return result;
  }
};

struct CrossEntropy : FromLogits {
  Dense<std::int64_t> labels;

  bool saves(std::size_t, const Wanted&) const { return true; }
  template <class T>
  Dense<T> forward(const Dense<T>& logits) {
    return value<T>(logits, labels.data(), nullptr);
  }
  template <class T>
  void vjp(Backward<Dense<T>>& b) const {
    b.give(0, gradient<T>(b.input(0), labels.data(), nullptr, b.gradient()));
  }
  template <class T>
  void vjp(Backward<Variable<T>>& b) const {
    const Variable<T> target(one_hot_rows<T>(labels, b.shape(0)));
    b.give(0, (softmax(b.input(0)) - target) * row_gradient(b.gradient(), reduction, b.shape(0)));
  }
};

struct CrossEntropyOfRows : FromLogits {
  bool saves(std::size_t input, const Wanted& wanted) const { return input == 0 || wanted[0]; }
  template <class T>
  Dense<T> forward(const Dense<T>& logits, const Dense<T>& targets) {
    return value<T>(logits, nullptr, targets.data());
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    if (b.wants(0)) b.give(0, logits_gradient(b));
    if (b.wants(1)) {
      const V share = row_gradient(b.gradient(), reduction, b.shape(0));
      b.give(1, -share * log_softmax(b.input(0)));
    }
  }

 private:
  template <class T>
  Dense<T> logits_gradient(const Backward<Dense<T>>& b) const {
    return gradient<T>(b.input(0), nullptr, b.input(1).data(), b.gradient());
  }
  template <class T>
  Variable<T> logits_gradient(const Backward<Variable<T>>& b) const {
    const Variable<T> targets = b.input(1);
    const Variable<T> weight = sum(targets, {.axes = {-1}, .keep_dims = true});
    return (softmax(b.input(0)) * weight - targets) * row_gradient(b.gradient(), reduction, b.shape(0));
  }
};

struct NllLoss {
  static constexpr std::string_view name = "nll_loss";
  Reduction reduction = Reduction::mean;
  Dense<std::int64_t> labels;

  std::size_t position(std::size_t row, std::size_t classes) const {
    return row * classes + static_cast<std::size_t>(labels.data()[row]);
  }
  template <class T>
  Dense<T> forward(const Dense<T>& log_probabilities) const {
    Dense<double> losses(Shape{labels.size()});
    double* out = losses.mutable_data();
    for (std::size_t row = 0; row < labels.size(); ++row)
      out[row] =
          -static_cast<double>(log_probabilities.data()[position(row, log_probabilities.shape.back())]);
    return reduced_rows<T>(losses, reduction, log_probabilities.shape);
  }
  template <class T>
  void vjp(Backward<Dense<T>>& b) const {
    const Dense<T> share = row_gradient(b.gradient(), reduction, b.shape(0));
    Dense<T> result = Dense<T>::filled(b.shape(0), 0);
    T* out = result.mutable_data();
    for (std::size_t row = 0; row < labels.size(); ++row)
      out[position(row, b.shape(0).back())] = -share.data()[share.size() == 1 ? 0 : row];
    b.give(0, std::move(result));
  }
  template <class T>
  void vjp(Backward<Variable<T>>& b) const {
    const Variable<T> target(one_hot_rows<T>(labels, b.shape(0)));
    b.give(0, -row_gradient(b.gradient(), reduction, b.shape(0)) * target);
  }
};

}  // namespace

template <Tensor V>
V cross_entropy(const V& logits, const Indices& labels, Reduction reduction) {
  const Shape& shape = detail::shape_of(logits);
  if (labels.shape() == shape)
    return cross_entropy(logits, V(one_hot_rows<typename V::value_type>("cross_entropy", labels, shape)),
                         reduction);
  return apply(CrossEntropy{{reduction, {}}, checked_labels("cross_entropy", labels, shape)}, logits);
}

template <Tensor V>
V cross_entropy(const V& logits, const V& targets, Reduction reduction) {
  check_class_rows("cross_entropy", detail::shape_of(logits));
  check_same_shape("cross_entropy", detail::shape_of(logits), detail::shape_of(targets));
  return apply(CrossEntropyOfRows{{reduction, {}}}, logits, targets);
}

template <Tensor V>
V nll_loss(const V& log_probabilities, const Indices& labels, Reduction reduction) {
  return apply(NllLoss{reduction, checked_labels("nll_loss", labels, detail::shape_of(log_probabilities))},
               log_probabilities);
}

[[gnu::used]] constexpr auto instances = instantiate::for_tensors([]<class V>() {
  return std::make_tuple(instantiate::overload<V(const V&, const Indices&, Reduction)>(cross_entropy),
                         instantiate::overload<V(const V&, const V&, Reduction)>(cross_entropy), nll_loss<V>);
});

std::vector<std::string_view> detail::cross_entropy_operation_names() {
  return names_of<kernels::List<CrossEntropy, NllLoss>>();
}

}  // namespace xgrad
