#include "cross_entropy.hpp"

#include <algorithm>
#include <numeric>
#include <string>
#include <tuple>

#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "../core/graph/broadcast.hpp"
#include "../core/graph/record.hpp"
#include "../core/kernels/dispatch.hpp"
#include "class_axis.hpp"
#include "class_rows.hpp"
#include "exponential.hpp"
#include "loss_kernels.hpp"
#include "operators.hpp"
#include "reduction.hpp"
#include "shape.hpp"
#include "softmax.hpp"
#include "softmax_gradient.hpp"

namespace xgrad {
using namespace detail;

namespace {

/// The predictions' shape with one class, or without the classes.
Shape row_shape(const Shape& predictions, bool keep_dims) {
  AxisList<bool> reduced(predictions.size(), false);
  reduced.back() = true;
  return reduced_shape(predictions, reduced, keep_dims);
}

const char* text_of(Reduction reduction) {
  return reduction == Reduction::mean ? "mean" : reduction == Reduction::sum ? "sum" : "none";
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

/// Of a shape that is possible, since the logits' is: without another look at it.
template <class T>
Dense<T> unfilled(const Shape& shape) {
  return {memory::Buffer(element_count(shape) * sizeof(T)), shape};
}

/// What both forms of softmax cross entropy share, and their gradients: the reduction, and the passes over
/// the logits. Against labels, or, where there are none, against rows of targets.
struct OfLogits {
  Reduction reduction = Reduction::mean;
  void fields(auto& visit) const { visit("reduction", text_of(reduction)); }

 protected:
  /// The loss, and what its rows leave for the gradient.
  template <class T>
  std::tuple<Dense<T>, Dense<T>> value(const Dense<T>& logits, const std::int64_t* labels,
                                       const T* targets) const {
    const std::size_t rows = samples_in(logits.shape);
    Dense<T> row_data = unfilled<T>({rows, kernels::row_data_size});
    Dense<double> losses = unfilled<double>({rows});
    run<T>(chosen().cross_entropy, {logits.data(), labels, targets, rows, logits.shape.back(),
                                    row_data.mutable_data(), losses.mutable_data(), nullptr, 0, 1, nullptr});
    return {reduced_rows<T>(losses, reduction, logits.shape), std::move(row_data)};
  }

  template <class T>
  Dense<T> gradient(const Dense<T>& logits, const std::int64_t* labels, const T* targets,
                    const Dense<T>& row_data, const Dense<T>& dy) const {
    Dense<T> result = unfilled<T>(logits.shape);
    // The kernel of the gradient reads the rows' data alone.
    run<T>(chosen().cross_entropy_gradient, {logits.data(), labels, targets, samples_in(logits.shape),
                                             logits.shape.back(), const_cast<T*>(row_data.data()), nullptr,
                                             dy.data(), reduction == Reduction::none ? std::size_t{1} : 0,
                                             factor_of(reduction, logits.shape), result.mutable_data()});
    return result;
  }

  /// What dy is given by the gradient's own gradient `a`, where `slope` is what it multiplies.
  template <class V>
  V share_of_dy(const V& a, const V& slope, const Shape& predictions) const {
    if (reduction == Reduction::none) return sum(a * slope, {.axes = {-1}});
    return sum(a * slope) * factor_of(reduction, predictions);
  }
};

// The gradients read what the rows left, and pass nothing to it: it is made of logits and targets, and the
// closed forms below account for all that the result owes to those.

/// (softmax(logits) - one_hot(labels)) dy. A label only says in which column there is something to take away.
struct CrossEntropyGradient : OfLogits {
  static constexpr std::string_view name = "cross_entropy_gradient";

  bool saves(std::size_t input, const Wanted& wanted) const { return input != 3 || wanted[0]; }
  template <class T>
  Dense<T> forward(const Dense<T>& logits, const Dense<std::int64_t>& labels, const Dense<T>& row_data,
                   const Dense<T>& dy) const {
    check_label_shape(name, labels.shape, logits.shape);
    return gradient<T>(logits, labels.data(), nullptr, row_data, dy);
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    const V logits = b.input(0);
    const V& a = b.gradient();
    if (b.wants(0)) {
      const V share = a * row_gradient(b.input(3), reduction, b.shape(0));
      b.give(0, softmax_gradient(softmax(logits), share, b.shape(0).size() - 1));
    }
    if (b.wants(3)) {
      const V one(Dense<typename V::value_type>::scalar(1));
      const V slope = apply(CrossEntropyGradient{{Reduction::sum}}, logits,
                            b.template discrete_input<std::int64_t>(1), b.input(2), one);
      b.give(3, share_of_dy(a, slope, b.shape(0)));
    }
  }
};

/// (softmax(logits) sum(targets) - targets) dy.
struct CrossEntropyOfRowsGradient : OfLogits {
  static constexpr std::string_view name = "cross_entropy_gradient";

  bool saves(std::size_t input, const Wanted& wanted) const {
    if (input == 0) return true;
    if (input == 1) return wanted[0] || wanted[3];
    return input == 2 ? wanted[3] : wanted[0] || wanted[1];
  }
  template <class T>
  Dense<T> forward(const Dense<T>& logits, const Dense<T>& targets, const Dense<T>& row_data,
                   const Dense<T>& dy) const {
    return gradient<T>(logits, nullptr, targets.data(), row_data, dy);
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    const V logits = b.input(0);
    const V& a = b.gradient();
    if (b.wants(0) || b.wants(1)) {
      const V share = a * row_gradient(b.input(3), reduction, b.shape(0)), p = softmax(logits);
      if (b.wants(0)) b.give(0, softmax_gradient(p, share * row_sums(b.input(1)), b.shape(0).size() - 1));
      if (b.wants(1)) b.give(1, row_sums(share * p) - share);
    }
    if (b.wants(3)) {
      const V one(Dense<typename V::value_type>::scalar(1));
      const V slope =
          apply(CrossEntropyOfRowsGradient{{Reduction::sum}}, logits, b.input(1), b.input(2), one);
      b.give(3, share_of_dy(a, slope, b.shape(0)));
    }
  }

 private:
  template <class V>
  static V row_sums(const V& x) {
    return sum(x, {.axes = {-1}, .keep_dims = true});
  }
};

struct CrossEntropy : OfLogits {
  static constexpr std::string_view name = "cross_entropy";

  bool saves(std::size_t, const Wanted&) const { return true; }
  static double flops(Shapes in, const Shape&) { return 5 * count_of(in[0]); }

  template <class T>
  auto forward(const Dense<T>& logits, const Dense<std::int64_t>& labels) const {
    check_labels(name, labels, logits.shape);
    return value<T>(logits, labels.data(), nullptr);
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    b.give(0, apply(CrossEntropyGradient{{reduction}}, b.input(0), b.template discrete_input<std::int64_t>(1),
                    b.output(1), b.gradient()));
  }
};

struct CrossEntropyOfRows : OfLogits {
  static constexpr std::string_view name = "cross_entropy";

  bool saves(std::size_t input, const Wanted& wanted) const { return input == 0 || wanted[0]; }
  static double flops(Shapes in, const Shape&) { return 5 * count_of(in[0]); }

  template <class T>
  auto forward(const Dense<T>& logits, const Dense<T>& targets) const {
    return value<T>(logits, nullptr, targets.data());
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    if (b.wants(0))
      b.give(0, apply(CrossEntropyOfRowsGradient{{reduction}}, b.input(0), b.input(1), b.output(1),
                      b.gradient()));
    if (b.wants(1)) {
      const V share = row_gradient(b.gradient(), reduction, b.shape(0));
      b.give(1, -share * log_softmax(b.input(0)));
    }
  }
};

/// Where a row's label stands.
std::size_t position(const Dense<std::int64_t>& labels, std::size_t row, std::size_t classes) {
  return row * classes + static_cast<std::size_t>(labels.data()[row]);
}

struct NllLoss {
  static constexpr std::string_view name = "nll_loss";
  Reduction reduction = Reduction::mean;
  void fields(auto& visit) const { visit("reduction", text_of(reduction)); }

  bool saves(std::size_t input, const Wanted&) const { return input == 1; }
  template <class T>
  Dense<T> forward(const Dense<T>& log_probabilities, const Dense<std::int64_t>& labels) const {
    const Shape& shape = log_probabilities.shape;
    check_labels(name, labels, shape);
    Dense<double> losses(Shape{labels.size()});
    double* out = losses.mutable_data();
    for (std::size_t row = 0; row < labels.size(); ++row)
      out[row] = -static_cast<double>(log_probabilities.data()[position(labels, row, shape.back())]);
    return reduced_rows<T>(losses, reduction, shape);
  }
  template <class V>
  void vjp(Backward<V>& b) const;
};

/// The transpose of NllLoss, which is linear: zeros, and at a row's label -dy times the reduction's factor.
struct NllLossGradient {
  static constexpr std::string_view name = "nll_loss_gradient";
  Reduction reduction = Reduction::mean;
  Shape predictions;
  void fields(auto& visit) const {
    visit("reduction", text_of(reduction));
    visit("predictions", predictions);
  }

  bool saves(std::size_t input, const Wanted&) const { return input == 1; }
  template <class T>
  Dense<T> forward(const Dense<T>& dy, const Dense<std::int64_t>& labels) const {
    check_labels(name, labels, predictions);
    const Dense<T> share = row_gradient(dy, reduction, predictions);
    Dense<T> result = Dense<T>::filled(predictions, 0);
    T* out = result.mutable_data();
    for (std::size_t row = 0; row < labels.size(); ++row)
      out[position(labels, row, predictions.back())] = -share.data()[share.size() == 1 ? 0 : row];
    return result;
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    b.give(0, apply(NllLoss{reduction}, b.gradient(), b.template discrete_input<std::int64_t>(1)));
  }
};

template <class V>
void NllLoss::vjp(Backward<V>& b) const {
  b.give(0, apply(NllLossGradient{reduction, b.shape(0)}, b.gradient(),
                  b.template discrete_input<std::int64_t>(1)));
}

}  // namespace

template <Tensor V>
V cross_entropy(const V& logits, const IndexInput& labels, Reduction reduction) {
  const Shape& shape = detail::shape_of(logits);
  if (labels.shape() == shape)
    return cross_entropy(
        logits, V(one_hot_rows<typename V::value_type>("cross_entropy", labels.dense(), shape)), reduction);
  if (are_no_rows(shape)) {
    const ClassAxis classes("cross_entropy", shape, std::nullopt);
    return classes.result(cross_entropy(classes.rows(logits), classes.labels(labels.dense()), reduction),
                          reduction != Reduction::none);
  }
  return apply(CrossEntropy{{reduction}}, logits, labels.dense());
}

template <Tensor V>
V cross_entropy(const V& logits, const V& targets, Reduction reduction) {
  const Shape& shape = detail::shape_of(logits);
  check_same_shape("cross_entropy", shape, detail::shape_of(targets));
  if (are_no_rows(shape)) {
    const ClassAxis classes("cross_entropy", shape, std::nullopt);
    return classes.result(cross_entropy(classes.rows(logits), classes.rows(targets), reduction),
                          reduction != Reduction::none);
  }
  check_class_rows("cross_entropy", shape);
  return apply(CrossEntropyOfRows{{reduction}}, logits, targets);
}

template <Tensor V>
V nll_loss(const V& log_probabilities, const IndexInput& labels, Reduction reduction) {
  if (const Shape& shape = detail::shape_of(log_probabilities); are_no_rows(shape)) {
    const ClassAxis classes("nll_loss", shape, std::nullopt);
    return classes.result(
        nll_loss(classes.rows(log_probabilities), classes.labels(labels.dense()), reduction),
        reduction != Reduction::none);
  }
  return apply(NllLoss{reduction}, log_probabilities, labels.dense());
}

[[gnu::used]] constexpr auto instances = instantiate::for_tensors([]<class V>() {
  return std::make_tuple(instantiate::overload<V(const V&, const IndexInput&, Reduction)>(cross_entropy),
                         instantiate::overload<V(const V&, const V&, Reduction)>(cross_entropy),
                         instantiate::overload<V(const V&, const IndexInput&, Reduction)>(nll_loss));
});

}  // namespace xgrad
