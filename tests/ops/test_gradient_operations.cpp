// Gradients that are operations of their own: the same bits whether a sweep is recorded or not, and what a
// graph gives that is performed again on other inputs, labels among them.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>
#include <xgrad/core/graph/backward.hpp>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/ops/attention.hpp>
#include <xgrad/ops/batch_norm.hpp>
#include <xgrad/ops/cross_entropy.hpp>
#include <xgrad/ops/dropout.hpp>
#include <xgrad/ops/layer_norm.hpp>
#include <xgrad/ops/loss.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/softmax.hpp>
#include <xgrad/ops/statistics.hpp>

#include "row_runs.hpp"

namespace xg = xgrad;
using namespace xgrad::testing;
using xg::Shape;
using xg::detail::Node;
using xg::detail::Value;

namespace {

/// A function of some values and of labels, which most do not read.
template <class T>
struct Case {
  std::string name;
  Shapes shapes;
  std::function<xg::Variable<T>(const Variables<T>&, const xg::Indices&)> apply;
};

constexpr xg::Reduction reductions[] = {xg::Reduction::mean, xg::Reduction::sum, xg::Reduction::none};

template <class T>
void add_softmax_and_norms(std::vector<Case<T>>& all) {
  for (const Shape& shape : {Shape{5, 19}, Shape{3, 4, 7}, Shape{700, 301}}) {
    const Shape last{shape.back()}, second{shape[1]};
    for (const int axis : {0, -1}) {
      all.push_back({"softmax", {shape}, [=](const auto& in, auto&) { return xg::softmax(in[0], axis); }});
      all.push_back(
          {"log_softmax", {shape}, [=](const auto& in, auto&) { return xg::log_softmax(in[0], axis); }});
    }
    all.push_back({"layer_norm", {shape}, [](const auto& in, auto&) { return xg::layer_norm(in[0]); }});
    all.push_back({"layer_norm", {shape, last, last}, [](const auto& in, auto&) {
                     return xg::layer_norm(in[0], in[1], in[2]);
                   }});
    all.push_back({"batch_norm", {shape}, [](const auto& in, auto&) { return xg::batch_norm(in[0]); }});
    all.push_back({"batch_norm", {shape, second, second}, [](const auto& in, auto&) {
                     return xg::batch_norm(in[0], in[1], in[2]);
                   }});
    all.push_back({"var", {shape}, [](const auto& in, auto&) { return xg::var(in[0], {.axes = {-1}}); }});
    all.push_back({"std", {shape}, [](const auto& in, auto&) { return xg::std(in[0], {.axes = {0}}); }});
    all.push_back({"norm", {shape}, [](const auto& in, auto&) { return xg::norm(in[0], {.axes = {-1}}); }});
    all.push_back({"attention", {shape, shape, shape}, [](const auto& in, auto&) {
                     return xg::scaled_dot_product_attention(in[0], in[1], in[2], {.causal = true});
                   }});
    all.push_back({"dropout", {shape}, [](const auto& in, auto&) {
                     xg::Generator from(4);
                     return xg::dropout(in[0], 0.3, from);
                   }});
  }
}

template <class T>
void add_losses(std::vector<Case<T>>& all) {
  for (const xg::Reduction reduction : reductions)
    for (const Shape& shape : {Shape{5, 19}, Shape{9001, 23}}) {
      const auto add = [&](const char* name, auto loss) {
        all.push_back({name, {shape, shape}, [=](const auto& in, auto&) { return loss(in[0], in[1]); }});
      };
      all.push_back({"cross_entropy", {shape}, [=](const auto& in, const auto& labels) {
                       return xg::cross_entropy(in[0], labels, reduction);
                     }});
      all.push_back({"nll_loss", {shape}, [=](const auto& in, const auto& labels) {
                       return xg::nll_loss(in[0], labels, reduction);
                     }});
      add("cross_entropy of rows",
          [=](const auto& x, const auto& t) { return xg::cross_entropy(x, t, reduction); });
      add("mean_squared_error",
          [=](const auto& x, const auto& t) { return xg::mean_squared_error(x, t, reduction); });
      add("sum_squared_error",
          [=](const auto& x, const auto& t) { return xg::sum_squared_error(x, t, reduction); });
      add("huber_loss", [=](const auto& x, const auto& t) { return xg::huber_loss(x, t, reduction, 0.5); });
      add("l1_loss", [=](const auto& x, const auto& t) { return xg::l1_loss(x, t, reduction); });
      add("binary_cross_entropy_with_logits", [=](const auto& x, const auto& t) {
        return xg::binary_cross_entropy_with_logits(x, t, reduction);
      });
      add("binary_cross_entropy", [=](const auto& x, const auto& t) {
        return xg::binary_cross_entropy(xg::softmax(x), t, reduction);
      });
      add("cross_entropy_of_probabilities", [=](const auto& x, const auto& t) {
        return xg::cross_entropy_of_probabilities(xg::softmax(x), t, reduction);
      });
      add("kl_div", [=](const auto& x, const auto& t) { return xg::kl_div(x, xg::softmax(t), reduction); });
    }
}

template <class T>
std::vector<Case<T>> all_cases() {
  std::vector<Case<T>> all;
  add_softmax_and_norms(all);
  add_losses(all);
  return all;
}

template <class T>
Variables<T> drawn(const Shapes& shapes, std::uint64_t seed) {
  xg::Generator from(seed);
  Variables<T> in;
  for (const Shape& shape : shapes) in.push_back(xg::parameter(xg::random_normal<T>(shape, 0.5, 1, from)));
  return in;
}

/// One a sample, of the classes that the last axis has.
xg::Indices drawn_labels(const Shape& shape, std::uint64_t seed) {
  xg::Generator from(seed);
  xg::Indices labels = xt::zeros<std::int64_t>({shape[0]});
  for (std::int64_t& label : labels) label = static_cast<std::int64_t>(from.below(shape.back()));
  return labels;
}

template <class T>
std::vector<xg::Dense<T>> values_of(const Variables<T>& all) {
  std::vector<xg::Dense<T>> made;
  for (const xg::Variable<T>& x : all) made.push_back(x.dense());
  return made;
}

/// The gradients of the case's weighed value, on the way to which the gradient of the value belongs to the
/// sweep alone, and is written in place.
template <class T>
std::vector<xg::Dense<T>> gradients(const Case<T>& each, std::uint64_t seed, bool create_graph) {
  const Variables<T> in = drawn<T>(each.shapes, seed);
  const xg::Variable<T> y = each.apply(in, drawn_labels(each.shapes[0], seed));
  const xg::Variable<T> weighed = y * weights<T>(y.shape());
  return values_of(
      xg::grad(weighed, in, {.create_graph = create_graph, .grad_output = weights<T>(y.shape(), 5)}));
}

template <class T>
void check_bits() {
  for (const Case<T>& each : all_cases<T>()) {
    INFO(each.name << " of " << text_of(each.shapes) << ", elements of " << sizeof(T) << " bytes");
    CHECK(same_bits(gradients(each, 1, false), gradients(each, 1, true)));
  }
}

/// Performs again what is behind a node, on other values of its leaves.
class Again {
 public:
  explicit Again(xg::Dense<std::int64_t> labels) : labels_(std::move(labels)) {}
  void put(const Node& leaf, Value value) { known_[&leaf] = {std::move(value)}; }
  Value of(Node& node) {
    const auto* further = dynamic_cast<const xg::detail::FurtherOutput*>(&node);
    return outputs_of(node.maker())[further != nullptr ? further->number() : 0];
  }
  /// Whether a constant on the way, a number, has gone with the call that made it.
  bool lost() const { return lost_; }

 private:
  const std::vector<Value>& outputs_of(Node& node) {
    const auto found = known_.find(&node);
    if (found != known_.end()) return found->second;
    std::vector<Value> made;
    if (node.is_leaf()) {
      made = {node.kind() == xg::detail::ElementKind::int64 ? labels_ : node.value()};
      lost_ = lost_ || !made[0].defined();
    } else {
      std::vector<Value> inputs;
      for (Node* input : node.inputs()) inputs.push_back(of(*input));
      made = lost_ ? std::vector<Value>(8) : node.perform_again(inputs);
    }
    return known_[&node] = std::move(made);
  }

  std::map<const Node*, std::vector<Value>> known_;
  Value labels_;
  bool lost_ = false;
};

template <class T>
struct ValueAndGradients {
  Variables<T> leaves;  ///< the last one weighs the gradients
  Variables<T> results;
  xg::Indices labels;

  ValueAndGradients(const Case<T>& each, std::uint64_t seed)
      : leaves(drawn<T>(each.shapes, seed)), labels(drawn_labels(each.shapes[0], seed)) {
    const xg::Variable<T> y = each.apply(leaves, labels);
    const auto weigh = xg::parameter(weights<T>(y.shape(), seed));
    results = xg::grad(y, leaves, {.create_graph = true, .grad_output = weigh});
    results.push_back(y);
    leaves.push_back(weigh);
  }
};

/// The cases of which something could not be performed again, since a number that is a constant of the call
/// has gone with it.
template <class T>
std::set<std::string> check_again() {
  std::set<std::string> lost;
  for (const Case<T>& each : all_cases<T>()) {
    if (each.shapes[0][0] > 100) continue;
    INFO(each.name << " of " << text_of(each.shapes) << ", elements of " << sizeof(T) << " bytes");
    const ValueAndGradients<T> recorded(each, 1), fresh(each, 2);
    for (std::size_t k = 0; k < fresh.results.size(); ++k) {
      INFO("result " << k << ", the last is the value");
      Again again(xg::to_dense(fresh.labels));
      for (std::size_t i = 0; i < fresh.leaves.size(); ++i)
        again.put(recorded.leaves[i].node(), fresh.leaves[i].dense());
      const xg::Dense<T> got(again.of(recorded.results[k].node()));
      if (again.lost()) lost.insert(each.name);
      CHECK((again.lost() || same_bits(got, fresh.results[k].dense())));
    }
  }
  return lost;
}

}  // namespace

TEST_CASE("gradients of softmax, norms, attention, dropout and losses have the same bits recorded or not") {
  check_bits<double>();
  check_bits<float>();
}

TEST_CASE("performed again on other inputs and labels, values and gradients are those of a new call") {
  std::set<std::string> lost = check_again<double>();
  lost.merge(check_again<float>());
  for (const char* whole : {"softmax", "log_softmax", "layer_norm", "batch_norm", "attention", "dropout",
                            "cross_entropy", "nll_loss"}) {
    INFO(whole);
    CHECK(lost.count(whole) == 0);
  }
}

TEST_CASE("labels are checked when a loss is performed again") {
  const auto x = drawn<double>({{2, 3}}, 1)[0];
  for (const auto& loss : {xg::cross_entropy(x, xg::Indices{2, 0}), xg::nll_loss(x, xg::Indices{2, 0})}) {
    const std::vector<Value> bad{x.dense(), xg::to_dense(xg::Indices{0, 3})},
        few{x.dense(), xg::to_dense(xg::Indices{0})};
    CHECK_THROWS_AS(loss.node().perform_again(bad), xg::ValueError);
    CHECK_THROWS_AS(loss.node().perform_again(few), xg::ShapeError);
  }
}

namespace {

/// Of two lines that differ by a factor, whose squares may be lost: the gradient of the gradient, weighed so
/// that it comes out as 1 / factor.
template <class T, class F>
void check_second_order(const F& normalized, bool lines_are_columns, int power) {
  CAPTURE(power);
  CAPTURE(sizeof(T));
  const T factor = std::ldexp(T(1), power);
  constexpr std::size_t n = 9;
  const double base[n] = {1, -2.5, 0.75, 4, 3, -0.125, 2, 2, -1};
  const Shape shape = lines_are_columns ? Shape{n, 2} : Shape{2, n};
  xt::xarray<T> values = xt::zeros<T>(shape), dy = values, a = values;
  const auto at = [&](auto& x, std::size_t line, std::size_t i) -> auto& {
    return lines_are_columns ? x(i, line) : x(line, i);
  };
  for (std::size_t line = 0; line < 2; ++line)
    for (std::size_t i = 0; i < n; ++i) {
      const T by = line == 0 ? T(1) : factor;
      at(values, line, i) = static_cast<T>(base[i]) * by;
      at(dy, line, i) = (static_cast<T>(i * i) / T(16) - T(1)) * by;
      at(a, line, i) = static_cast<T>(base[n - 1 - i]);
    }
  const auto x = xg::parameter(values), u = xg::parameter(dy);
  const auto dx = xg::grad(normalized(x), {x}, {.create_graph = true, .grad_output = u})[0];
  const auto second = xg::grad(dx, {x, u}, {.grad_output = a});
  const xg::Array<T> of_x = second[0].value(), of_u = second[1].value();
  const double near = 256 * static_cast<double>(std::numeric_limits<T>::epsilon());
  for (std::size_t i = 0; i < n; ++i)
    for (const xg::Array<T>* each : {&of_x, &of_u}) {
      const auto expected = static_cast<double>(at(*each, 0, i));
      CHECK(std::fabs(static_cast<double>(at(*each, 1, i) * factor) - expected) <=
            near * std::fmax(1, std::fabs(expected)));
    }
}

}  // namespace

TEST_CASE("the second order of layer_norm and batch_norm is right far out, too") {
  const auto layer = [](const auto& x) { return xg::layer_norm(x, {.epsilon = 0}); };
  const auto batch = [](const auto& x) { return xg::batch_norm(x, {.epsilon = 0}); };
  for (const int power : {0, 532, -532}) {
    check_second_order<double>(layer, false, power);
    check_second_order<double>(batch, true, power);
  }
  for (const int power : {0, 70, -70}) {
    check_second_order<float>(layer, false, power);
    check_second_order<float>(batch, true, power);
  }
}
