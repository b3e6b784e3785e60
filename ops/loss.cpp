#include "loss.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "../core/formula/broadcast_loop.hpp"
#include "../core/formula/elementwise_operation.hpp"
#include "../core/formula/replay.hpp"
#include "../core/graph/broadcast.hpp"
#include "../core/graph/capture.hpp"
#include "../core/graph/record.hpp"
#include "class_rows.hpp"
#include "exponential.hpp"
#include "loss_kernels.hpp"
#include "operators.hpp"
#include "reduction.hpp"
#include "shape.hpp"

namespace xgrad {
using namespace detail;
using namespace formulas;

namespace {

/// The sum of a formula over all elements, in double, in pieces that depend on the size alone.
template <class Formula, class T>
double total_of(const Dense<T>& a, const Dense<T>& b, double constant) {
  const kernels::LossKernels& kernels = chosen_kernels([]<class I>() { return kernels::loss_kernels<I>(); });
  const auto sum = kernels.sum[kernels::Position<Formula, Loss::list>::value][std::is_same_v<T, double>];
  constexpr std::size_t piece = worth_a_thread::computed_elements;
  const std::size_t size = a.size(), pieces = (size + piece - 1) / piece;
  if (pieces <= 1) return sum(a.data(), b.data(), constant, size);
  std::vector<double> parts(pieces);
  parallel_for(pieces, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t p = begin; p < end; ++p)
      parts[p] = sum(a.data() + p * piece, b.data() + p * piece, constant, std::min(piece, size - p * piece));
  });
  double total = 0;
  for (double part : parts) total += part;
  return total;
}

template <class T>
Source source(const Dense<T>& x) {
  return x.defined() ? Source{x.data(), &x.shape} : Source{};
}

/// What probabilities of a loss are, and what to do about others.
struct Probabilities {
  double most = 1;
  bool only_where_targets_are = false;  ///< not 0
  const char* advice = nullptr;         ///< none where predictions are something else
};
template <class Formula>
inline constexpr Probabilities probabilities_of{};
template <>
inline constexpr Probabilities probabilities_of<BinaryCrossEntropy>{
    .advice = "sigmoid gives them, or scores to binary_cross_entropy_with_logits"};
template <>
inline constexpr Probabilities probabilities_of<ProbabilityCrossEntropy>{
    .most = ProbabilityCrossEntropy::most,
    .only_where_targets_are = true,
    .advice = "softmax gives them, or scores to cross_entropy"};

std::string index_text(const Shape& shape, std::size_t place) {
  std::string text;
  for (std::size_t axis = shape.size(); axis-- > 0; place /= shape[axis])
    text = std::to_string(place % shape[axis]) + (text.empty() ? "" : ", ") + text;
  return "[" + text + "]";
}

/// ValueError if one of p is no probability. A formula makes NaN of those, so whoever has its sum looks here
/// only if that is NaN.
template <class Formula, class T>
void check_probabilities(const Dense<T>& p, const Dense<T>& t) {
  constexpr Probabilities are = probabilities_of<Formula>;
  const T* const elements = p.data();
  const T most = static_cast<T>(are.most);
  unsigned wrong = 0;
  for (std::size_t i = 0, size = p.size(); i < size; ++i)
    wrong |= static_cast<unsigned>(elements[i] < 0) | static_cast<unsigned>(elements[i] > most);
  if (wrong == 0) [[likely]]
    return;
  for (std::size_t i = 0, size = p.size(); i < size; ++i) {
    const T each = elements[i];
    if (!(each < 0 || each > most)) continue;
    if (are.only_where_targets_are && t.data()[i] == 0) continue;
    std::ostringstream text;
    text << Formula::name << ": the probability at " << index_text(p.shape, i) << " is " << each
         << "; give numbers from 0 to 1, as " << are.advice;
    throw ValueError(text.str());
  }
}

template <class Formula>
struct ProbabilityCheck {
  static constexpr std::string_view name = "check_probabilities";
  static constexpr bool is_constant = true, only_in_programs = true;
  template <class T>
  Dense<T> forward(const Dense<T>& prediction, const Dense<T>& target) const {
    check_probabilities<Formula>(prediction, target);
    return Dense<T>::scalar(0);
  }
};

template <class T>
const Dense<T>& elements_of(const Dense<T>& x) {
  return x;
}
template <class T>
const Dense<T>& elements_of(const Variable<T>& x) {
  return x.dense();
}

/// Before each element's loss is computed, where there is no sum to be looked at.
template <class Formula, class V>
void check_elements(const V& prediction, const V& target) {
  if constexpr (probabilities_of<Formula>.advice != nullptr && !is_dense<V>)
    if (is_capturing()) {
      record(ProbabilityCheck<Formula>{}, prediction, target);  // a step of a program, for each call
      return;
    }
  if constexpr (probabilities_of<Formula>.advice != nullptr)
    check_probabilities<Formula>(elements_of(prediction), elements_of(target));
}

/// What the gradient of a fused loss has to know of it; one struct serves them all.
struct LossKind {
  std::string_view name;
  const Elementwise& (*formula)();
  /// The formula's gradient in an input as an operation of its own, which knows its derivatives.
  const Elementwise& (*steps)(std::size_t input);
};

template <class Kind>
const Elementwise& formula_of() {
  return operation<typename Kind::Formula, Loss>();
}

template <class Kind>
const Elementwise& steps_of(std::size_t input) {
  const auto made = [](std::size_t which) {
    return Elementwise(Elementwise::IsGradient{}, "loss_gradient",
                       formula_of<Kind>().gradient(which).program);
  };
  return input == 0 ? immortal([=] { return made(0); }) : immortal([=] { return made(1); });
}

template <class Kind>
inline constexpr LossKind loss_kind{Kind::name, formula_of<Kind>, steps_of<Kind>};

/// The gradient of a fused loss in its input `which`: the formula's own, in one pass. What the formula's
/// gradient does not read is given the other input in its place, so that there is always one of the result's
/// shape.
struct FusedLossGradient {
  static constexpr std::string_view name = "loss_gradient";
  const LossKind& kind;
  std::size_t which = 0;
  double factor = 1;
  double constant = 0;  ///< the formula's third input, if it has one
  void fields(auto& visit) const {
    visit("of", std::string(kind.name));
    visit("input", which);
    visit("factor", factor);
    if (formula().inputs() == 3) visit("constant", constant);
  }

  const Elementwise& formula() const { return kind.formula(); }
  bool reads(std::size_t input) const { return formula().gradient(which).reads >> input & 1; }

  /// What the gradient in each input of this one reads of prediction, target and the output's gradient.
  bool saves(std::size_t input, const Wanted& wanted) const {
    for (std::size_t k = 0; k < 3; ++k)
      if (wanted[k] && (steps().gradient(place(k)).reads >> place(input) & 1)) return true;
    return false;
  }

  template <class T>
  Dense<T> forward(const Dense<T>& a, const Dense<T>& t, const Dense<T>& dy) const {
    const Dense<T> third = Dense<T>::scalar(constant);
    const Dense<T> scaled = Dense<T>::scalar(static_cast<double>(*dy.data()) * factor);
    // The inputs, the output, which no formula reads, and its gradient.
    std::array<Source, 5> sources{source(a), source(t), source(third), Source{}, source(scaled)};
    if (formula().inputs() == 2) std::copy(sources.begin() + 3, sources.end(), sources.begin() + 2);
    Dense<T> share(a.shape);
    run_broadcast(formula().kernels()->gradient[which][std::is_same_v<T, double>], sizeof(T),
                  share.mutable_data(), share.shape, {sources.data(), formula().inputs() + 2});
    return share;
  }

  /// The derivatives of the steps that the formula's gradient is made of.
  template <class V>
  void vjp(Backward<V>& b) const {
    const V& g = b.gradient();
    // What the steps do not read is not there; g stands in for it.
    std::vector<V> values(formula().inputs() + 4, g);
    if (formula().inputs() == 3) values[2] = V(Dense<typename V::value_type>::scalar(constant));
    Wanted wanted;
    for (std::size_t k = 0; k < 3; ++k) wanted[k] = b.wants(k);
    for (std::size_t k = 0; k < 3; ++k)
      if (saves(k, wanted)) values[place(k)] = k == 2 ? b.input(k) * factor : b.input(k);
    for (std::size_t k = 0; k < 3; ++k) {
      const Elementwise::Gradient& gradient = steps().gradient(place(k));
      if (!wanted[k] || gradient.zero) continue;
      const V share = replay<V>(gradient.program, values);
      b.give(k, k == 2 ? sum(share) * factor : share);
    }
  }

 private:
  /// Where prediction, target and dy stand among what the formula's gradient takes.
  std::size_t place(std::size_t input) const { return input < 2 ? input : formula().inputs() + 1; }
  /// The formula's gradient as an operation of its own, which knows its derivatives.
  const Elementwise& steps() const { return kind.steps(which); }
};

/// The sum of an elementwise formula times a factor. `Kind` names the loss and its formula.
template <class Kind>
struct FusedLoss {
  using Formula = typename Kind::Formula;
  static constexpr std::string_view name = Kind::name;
  double factor = 1;
  double constant = 0;  ///< the formula's third input, if it has one
  void fields(auto& visit) const {
    visit("factor", factor);
    if (formula_of<Kind>().inputs() == 3) visit("constant", constant);
  }

  /// The sum's additions among them.
  static double flops(Shapes in, const Shape&) { return Formula::operations * count_of(in[0]); }

  FusedLossGradient gradient(std::size_t which) const { return {loss_kind<Kind>, which, factor, constant}; }
  bool saves(std::size_t input, const Wanted& wanted) const {
    return (wanted[0] && gradient(0).reads(input)) || (wanted[1] && gradient(1).reads(input));
  }

  template <class T>
  Dense<T> forward(const Dense<T>& prediction, const Dense<T>& target) const {
    const double total = total_of<Formula>(prediction, target, constant);
    if constexpr (probabilities_of<Formula>.advice != nullptr)
      if (std::isnan(total)) check_probabilities<Formula>(prediction, target);
    return Dense<T>::scalar(total * factor);
  }

  template <class V>
  void vjp(Backward<V>& b) const {
    for (std::size_t k = 0; k < 2; ++k) {
      if (!b.wants(k)) continue;
      const auto made = gradient(k);
      const V a = b.input(made.reads(0) ? 0 : 1), t = b.input(made.reads(1) ? 1 : 0);
      b.give(k, apply(made, a, t, b.gradient()));
    }
  }
};

struct MeanSquaredError {
  static constexpr std::string_view name = "mean_squared_error";
  using Formula = SquaredError;
};
struct SumSquaredError {
  static constexpr std::string_view name = "sum_squared_error";
  using Formula = SquaredError;
};
template <class F>
struct LossOf {
  static constexpr std::string_view name = F::name;
  using Formula = F;
};

double factor_of(Reduction reduction, std::size_t count) {
  return reduction == Reduction::mean ? 1 / static_cast<double>(count) : 1;
}

/// A loss of single elements: fused, unless every element's is asked for.
template <class Kind, class V, class... Constant>
V elementwise_loss(const V& prediction, const V& target, Reduction reduction, Constant... constant) {
  check_same_shape(Kind::name, detail::shape_of(prediction), detail::shape_of(target));
  if (reduction == Reduction::none) {
    check_elements<typename Kind::Formula>(prediction, target);
    return apply(operation<typename Kind::Formula, Loss>(), prediction, target,
                 scalar_operand<V>(constant)...);
  }
  const double factor = factor_of(reduction, element_count(detail::shape_of(prediction)));
  return apply(FusedLoss<Kind>{factor, constant...}, prediction, target);
}

/// The sum over every axis but the first, where there is more than one.
template <class V>
V sum_samples(const V& x) {
  Axes axes;
  for (std::size_t axis = 1; axis < detail::shape_of(x).size(); ++axis)
    axes.push_back(static_cast<std::ptrdiff_t>(axis));
  return sum(x, {.axes = axes});
}

/// A loss of rows of classes, the sum of a formula over each.
template <class Kind, class V>
V class_loss(const V& predictions, const V& targets, Reduction reduction) {
  const Shape& shape = detail::shape_of(predictions);
  check_class_rows(Kind::name, shape);
  check_same_shape(Kind::name, shape, detail::shape_of(targets));
  if (reduction == Reduction::none) {
    check_elements<typename Kind::Formula>(predictions, targets);
    return sum_samples(apply(operation<typename Kind::Formula, Loss>(), predictions, targets));
  }
  return apply(FusedLoss<Kind>{factor_of(reduction, samples_in(shape))}, predictions, targets);
}

}  // namespace

template <Tensor V>
V mean_squared_error(const V& prediction, const V& target, Reduction reduction) {
  return elementwise_loss<MeanSquaredError>(prediction, target, reduction);
}

template <Tensor V>
V sum_squared_error(const V& prediction, const V& target, Reduction reduction) {
  check_same_shape(SumSquaredError::name, detail::shape_of(prediction), detail::shape_of(target));
  if (reduction == Reduction::none)
    return 0.5 * sum_samples(apply(operation<SquaredError, Loss>(), prediction, target));
  const double factor = 0.5 * factor_of(reduction, samples_in(detail::shape_of(prediction)));
  return apply(FusedLoss<SumSquaredError>{factor}, prediction, target);
}

template <Tensor V>
V l1_loss(const V& prediction, const V& target, Reduction reduction) {
  return elementwise_loss<LossOf<AbsoluteError>>(prediction, target, reduction);
}

template <Tensor V>
V huber_loss(const V& prediction, const V& target, Reduction reduction, double delta) {
  if (!(delta > 0 && std::isfinite(delta)))
    throw ValueError("huber_loss: delta is " + std::to_string(delta) +
                     "; give a finite number above 0, the error at which the loss becomes a line");
  return elementwise_loss<LossOf<Huber>>(prediction, target, reduction, delta);
}

template <Tensor V>
V binary_cross_entropy(const V& probability, const V& target, Reduction reduction, double epsilon) {
  if (!(epsilon > 0 && epsilon < 0.5))
    throw ValueError("binary_cross_entropy: epsilon is " + std::to_string(epsilon) +
                     "; give one above 0 and below 0.5");
  return elementwise_loss<LossOf<BinaryCrossEntropy>>(probability, target, reduction, epsilon);
}

template <Tensor V>
V binary_cross_entropy_with_logits(const V& logit, const V& target, Reduction reduction) {
  return elementwise_loss<LossOf<BinaryCrossEntropyWithLogits>>(logit, target, reduction);
}

template <Tensor V>
V cross_entropy_of_probabilities(const V& probabilities, const V& targets, Reduction reduction) {
  return class_loss<LossOf<ProbabilityCrossEntropy>>(probabilities, targets, reduction);
}

template <Tensor V>
V kl_div(const V& log_probabilities, const V& targets, Reduction reduction) {
  return class_loss<LossOf<KlDivergence>>(log_probabilities, targets, reduction);
}

template <Tensor V>
V cross_entropy_of_probabilities(const V& probabilities, const IndexInput& labels, Reduction reduction) {
  using T = typename V::value_type;
  return cross_entropy_of_probabilities(
      probabilities,
      V(one_hot_rows<T>("cross_entropy_of_probabilities", labels.dense(), detail::shape_of(probabilities))),
      reduction);
}

[[gnu::used]] constexpr auto instances = instantiate::for_tensors([]<class V>() {
  return std::make_tuple(
      mean_squared_error<V>, sum_squared_error<V>, l1_loss<V>, huber_loss<V>, kl_div<V>,
      binary_cross_entropy<V>,
      instantiate::overload<V(const V&, const V&, Reduction)>(binary_cross_entropy_with_logits),
      instantiate::overload<V(const V&, const V&, Reduction)>(cross_entropy_of_probabilities),
      instantiate::overload<V(const V&, const IndexInput&, Reduction)>(cross_entropy_of_probabilities));
});

template <class Formula>
const Elementwise& Loss::operation() {
  return operation_of<Formula, Loss>();
}
const Registration registered{operations_of<Loss>()};

}  // namespace xgrad
