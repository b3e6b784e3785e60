#include "gradcheck.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

#include "../core/kernels/random.hpp"
#include "differences.hpp"
#include "grad.hpp"
#include "jvp.hpp"

namespace xgrad::detail {
namespace {

constexpr std::size_t most_listed = 10;  // failures and kinks of an input
constexpr std::size_t directions = 2;    // of an input, in forward mode

Shape index_of(std::size_t flat, const Shape& shape) {
  Shape index(shape.size());
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    index[axis] = flat % shape[axis];
    flat /= shape[axis];
  }
  return index;
}

std::string describe(const BadElement& bad, const Values& values, const std::vector<std::string>& names) {
  return names[bad.value] + ' ' + to_string(index_of(bad.element, values[bad.value].shape)) + " is " +
         (std::isnan(bad.found) ? "nan"
          : bad.found > 0       ? "inf"
                                : "-inf");
}

std::vector<std::size_t> chosen_elements(std::size_t count, const GradcheckOptions& options) {
  Generator generator(options.seed);
  std::vector<std::size_t> chosen;
  if (count > options.max_elements) {
    chosen = permutation(count, generator);
    chosen.resize(options.max_elements);
    std::sort(chosen.begin(), chosen.end());
  } else {
    for (std::size_t i = 0; i < count; ++i) chosen.push_back(i);
  }
  return chosen;
}

double largest_size(const Dense<double>& values) {
  double largest = 0;
  for (std::size_t i = 0, n = values.size(); i < n; ++i)
    if (std::isfinite(values.data()[i])) largest = std::fmax(largest, std::fabs(values.data()[i]));
  return largest;
}

/// A sum of products, and of their sizes.
struct Products {
  double sum = 0, size = 0;
};
Products products(const Dense<double>& a, const Dense<double>& b) {
  Products result;
  for (std::size_t i = 0, n = a.size(); i < n; ++i) {
    const double product = a.data()[i] * b.data()[i];
    result.sum += product;
    result.size += std::fabs(product);
  }
  return result;
}

void count_in(GradcheckPart& part, const GradcheckElement& element) {
  ++part.checked;
  if (element.kink && element.ok()) {
    if (++part.kink_count <= most_listed) part.kinks.push_back(element);
    return;
  }
  if (!element.ok() && ++part.failure_count <= most_listed) part.failures.push_back(element);
  // An element without a number is worse than any; one of error 0 is no worse than the first.
  const auto badness = [](const GradcheckElement& e) {
    if (!e.problem.empty() || !std::isfinite(e.error)) return HUGE_VAL;
    return e.error == 0 ? 0 : e.error / e.allowed;
  };
  if (!part.worst || badness(element) > badness(*part.worst)) part.worst = element;
}

/// The whole check: leaves, what is called, the two orders and the two modes.
class Check {
 public:
  Check(const CheckedFunction& f, const DoubleVariables& inputs, const GradcheckOptions& options)
      : f_(f.call), options_(options) {
    for (const Variable<double>& input : inputs) {
      leaves_.push_back(f.in_place ? input : detail::cut(input, true));
      probes_.push_back(std::make_unique<LeafProbe>(leaves_.back()));
    }
  }

  GradcheckReport run() {
    const Variable<double> y = f_(leaves_);
    check_deterministic(y.dense(), f_(leaves_).dense());
    if (const auto bad = find_bad_element({y.dense()})) {
      report_.set_problem(describe(*bad, {y.dense()}, {"output"}));
      return std::move(report_);
    }
    seed_ = detail::argument_from(random_weights({y.dense()}, options_.seed + 1)[0]);
    const Values gradients = first_gradients(y);
    compare_first(gradients);
    if (options_.forward_mode) compare_forward(gradients);
    if (options_.second_order) compare_second(gradients);
    return std::move(report_);
  }

 private:
  static void check_deterministic(const Dense<double>& a, const Dense<double>& b) {
    if (!(a.shape == b.shape) || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) != 0)
      throw ValueError(
          "gradcheck: the function is not deterministic, two calls with the same inputs differ; draw random "
          "numbers outside of it, or seed the generator inside");
  }

  Values first_gradients(const Variable<double>& y) const {
    Values gradients;
    for (const Variable<double>& gradient : grad(y, leaves_, {.retain_graph = true, .grad_output = seed_}))
      gradients.push_back(gradient.dense());
    return gradients;
  }

  Differences::Settings settings() const {
    return {options_.step, options_.relative_tolerance, options_.absolute_tolerance};
  }

  std::string name(std::size_t i) const { return "input " + std::to_string(i); }

  void compare_first(const Values& gradients) {
    const Differences differences([this] { return Values{f_(leaves_).dense()}; }, {seed_.dense()},
                                  settings());
    for (std::size_t i = 0; i < leaves_.size(); ++i)
      smooth_.push_back(compare(name(i), *probes_[i], gradients[i], differences, {"output"}));
  }

  void compare_forward(const Values& gradients) {
    if (find_bad_element(gradients)) return;  // has failed already
    const Variable<double> y = f_(leaves_);
    for (std::size_t i = 0; i < leaves_.size(); ++i) {
      const std::size_t count = std::min(directions, gradients[i].size());
      GradcheckPart numeric, reverse;
      numeric.what = "forward mode, " + name(i);
      reverse.what = "forward against reverse mode, " + name(i);
      numeric.shape = reverse.shape = Shape{count};
      for (std::size_t k = 0; k < count; ++k) {
        const Dense<double> v = direction(i, options_.seed + 3 + k);
        compare_modes(reverse, k, y, i, v, gradients[i]);
        compare_direction(numeric, k, y, i, on_smooth_elements(i, v), gradients[i]);
      }
      for (GradcheckPart* part : {&numeric, &reverse}) {
        part->too_small = part->largest > 0 && part->largest <= options_.absolute_tolerance;
        report_.add(std::move(*part));
      }
    }
  }

  /// Random, and relative to the elements' sizes, as the steps are.
  Dense<double> direction(std::size_t i, std::uint64_t seed) const {
    Dense<double> v = random_weights({leaves_[i].dense()}, seed)[0];
    for (std::size_t j = 0; j < v.size(); ++j) v.mutable_data()[j] *= step_at(probes_[i]->original(j), 1);
    return v;
  }

  /// Without the elements at a kink: along several of them at once, the conventions at kinks are no bounds.
  Dense<double> on_smooth_elements(std::size_t i, const Dense<double>& v) const {
    Dense<double> result = Dense<double>::filled(v.shape, 0);
    for (const std::size_t j : smooth_[i]) result.mutable_data()[j] = v.data()[j];
    return result;
  }

  Products weighed_tangent(const Variable<double>& y, std::size_t i, const Dense<double>& v) const {
    return products(push_forward<double>(y, leaves_[i], Variable<double>(v), false).dense(), seed_.dense());
  }

  /// <w, J v> of forward mode against <J^T w, v> of reverse mode.
  void compare_modes(GradcheckPart& part, std::size_t k, const Variable<double>& y, std::size_t i,
                     const Dense<double>& v, const Dense<double>& gradient) const {
    const Products forward = weighed_tangent(y, i, v), reverse = products(gradient, v);
    Estimate estimate;
    estimate.value = reverse.sum;
    estimate.error = 1e-14 * (forward.size + reverse.size);
    add_direction(part, k, compared(forward.sum, estimate, estimate.error));
  }

  /// <w, J v> of forward mode against differences of <w, f> along v.
  void compare_direction(GradcheckPart& part, std::size_t k, const Variable<double>& y, std::size_t i,
                         const Dense<double>& v, const Dense<double>& gradient) {
    if (smooth_[i].empty()) return;
    const Variable<double> distance = detail::argument_from(Dense<double>::scalar(0));
    LeafProbe distance_probe(distance);
    const Differences differences(
        [&] {
          probes_[i]->move_along(v, distance.item());
          Values values{f_(leaves_).dense()};
          probes_[i]->move_along(v, 0);
          return values;
        },
        {seed_.dense()}, settings());
    const double forward = weighed_tangent(y, i, v).sum;
    const Estimate estimate = differences.derivative(distance_probe, 0, forward);
    add_direction(part, k,
                  compared(forward, estimate, options_.relative_tolerance * products(gradient, v).size));
  }

  static void add_direction(GradcheckPart& part, std::size_t k, GradcheckElement element) {
    element.index = Shape{k};
    part.largest =
        std::fmax(part.largest, std::fmax(std::fabs(element.analytic), std::fabs(element.numeric)));
    count_in(part, element);
  }

  void compare_second(const Values& gradients) {
    const std::vector<Variable<double>> recorded =
        grad(f_(leaves_), leaves_, {.create_graph = true, .grad_output = seed_});
    std::vector<std::string> names;
    for (std::size_t i = 0; i < leaves_.size(); ++i) {
      compare_recorded(name(i) + ", recorded", recorded[i].dense(), gradients[i]);
      names.push_back("gradient in " + name(i));
    }
    if (find_bad_element(gradients)) return;  // has failed at first order
    const Values weights = random_weights(gradients, options_.seed + 2);
    const Differences differences([this] { return first_gradients(f_(leaves_)); }, weights, settings());
    const Values second = second_gradients(recorded, weights);
    for (std::size_t i = 0; i < leaves_.size(); ++i)
      compare("second order, " + name(i), *probes_[i], second[i], differences, names);
    LeafProbe seed_probe(seed_);
    compare("second order, output gradient", seed_probe, second.back(), differences, names);
  }

  /// Of the weighed first gradients, in each leaf and in the output's gradient.
  Values second_gradients(const std::vector<Variable<double>>& gradients, const Values& weights) const {
    DoubleVariables targets = leaves_;
    targets.push_back(seed_);
    Values sums;
    for (const Variable<double>& target : targets) sums.push_back(Dense<double>::filled(target.shape(), 0));
    for (std::size_t k = 0; k < gradients.size(); ++k) {
      const auto shares =
          grad(gradients[k], targets, {.retain_graph = true, .grad_output = Variable<double>(weights[k])});
      for (std::size_t i = 0; i < targets.size(); ++i) {
        double* sum = sums[i].mutable_data();
        for (std::size_t j = 0; j < sums[i].size(); ++j) sum[j] += shares[i].dense().data()[j];
      }
    }
    return sums;
  }

  /// Returns the elements that were checked and are at no kink.
  std::vector<std::size_t> compare(std::string what, LeafProbe& leaf, const Dense<double>& analytic,
                                   const Differences& differences, const std::vector<std::string>& names) {
    std::vector<std::size_t> smooth;
    GradcheckPart part;
    part.what = std::move(what);
    part.shape = leaf.shape();
    const double most_floor = options_.relative_tolerance * largest_size(analytic);
    for (const std::size_t i : chosen_elements(leaf.size(), options_)) {
      const double expected = analytic.data()[i];
      const Estimate estimate = differences.derivative(leaf, i, expected);
      GradcheckElement element = compared(expected, estimate, most_floor);
      element.index = index_of(i, leaf.shape());
      if (estimate.bad)
        element.problem = describe(*estimate.bad, differences.base(), names) + " within " +
                          std::to_string(estimate.bad_step) + " of it";
      part.largest = std::fmax(part.largest, std::fmax(std::fabs(expected), std::fabs(estimate.value)));
      if (!element.kink && element.problem.empty()) smooth.push_back(i);
      count_in(part, element);
    }
    part.too_small = part.largest > 0 && part.largest <= options_.absolute_tolerance;
    report_.add(std::move(part));
    return smooth;
  }

  GradcheckElement compared(double analytic, const Estimate& estimate, double most_floor) const {
    GradcheckElement element;
    element.analytic = analytic;
    element.numeric = estimate.value;
    element.numeric_error = estimate.error;
    element.kink = estimate.corner;
    element.left = estimate.left;
    element.right = estimate.right;
    element.error = std::fabs(analytic - estimate.value);
    double size = std::fmax(std::fabs(analytic), std::fabs(estimate.value));
    if (estimate.corner) {
      const auto [low, high] = std::minmax(estimate.left, estimate.right);
      element.error =
          std::isnan(analytic) ? analytic : std::fmax(0.0, std::fmax(low - analytic, analytic - high));
      size = std::fmax(std::fabs(low), std::fabs(high));
    }
    element.allowed = options_.absolute_tolerance + options_.relative_tolerance * size +
                      std::fmin(estimate.error, most_floor);
    if (!std::isfinite(analytic))
      element.problem = "the analytic gradient is not finite";
    else if (!std::isfinite(estimate.value) || !std::isfinite(estimate.error))
      element.problem = "differences do not settle";
    return element;
  }

  void compare_recorded(std::string what, const Dense<double>& recorded, const Dense<double>& plain) {
    GradcheckPart part;
    part.what = std::move(what);
    part.shape = plain.shape;
    const double most_floor = 1e-14 * largest_size(plain);
    for (std::size_t i = 0; i < plain.size(); ++i) {
      Estimate estimate;
      estimate.value = plain.data()[i];
      estimate.error = most_floor;
      GradcheckElement element = compared(recorded.data()[i], estimate, most_floor);
      part.largest = std::fmax(part.largest, std::fabs(estimate.value));
      element.index = index_of(i, plain.shape);
      count_in(part, element);
    }
    report_.add(std::move(part));
  }

  const ListFunction& f_;
  const GradcheckOptions& options_;
  DoubleVariables leaves_;
  std::vector<std::unique_ptr<LeafProbe>> probes_;
  Variable<double> seed_;                         // the output's gradient: the weights
  std::vector<std::vector<std::size_t>> smooth_;  // elements of each input at no kink
  GradcheckReport report_;
};

void check_arguments(const CheckedFunction& f, const DoubleVariables& inputs,
                     const GradcheckOptions& options) {
  if (inputs.empty()) throw ValueError("gradcheck: no inputs; list the Variables to differentiate in");
  if (!(options.step > 0) || !std::isfinite(options.step))
    throw ValueError("gradcheck: step is " + std::to_string(options.step) +
                     "; it must be positive and finite");
  if (!(options.relative_tolerance >= 0) || !(options.absolute_tolerance >= 0))
    throw ValueError("gradcheck: a tolerance is negative or NaN; pass 0 or more");
  if (options.max_elements.number() < 1)
    throw ValueError("gradcheck: max_elements is " + std::to_string(options.max_elements.number()) +
                     "; nothing would be checked");
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (f.in_place && !(inputs[i].is_leaf() && inputs[i].requires_grad()))
      throw GraphError("gradcheck: input " + std::to_string(i) + " ('" + std::string(inputs[i].operation()) +
                       "' of shape " + to_string(inputs[i].shape()) +
                       ") is no parameter, and a function without arguments takes its inputs in place; make "
                       "it a parameter, or take it as an argument");
}

}  // namespace

GradcheckReport check_gradients(const CheckedFunction& f, const DoubleVariables& inputs,
                                const GradcheckOptions& options) {
  check_arguments(f, inputs, options);
  const EnableGrad on;
  return Check(f, inputs, options).run();
}

}  // namespace xgrad::detail
