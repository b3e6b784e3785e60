#include <cmath>
#include <functional>
#include <string>
#include <xgrad/ops/cross_entropy.hpp>
#include <xgrad/ops/loss.hpp>
#include <xgrad/ops/operators.hpp>

#include "gradient_of.hpp"
#include "row_refusals.hpp"
#include "row_shapes.hpp"

namespace xgrad::testing {
namespace {

using Arrays = std::vector<Array<double>>;

constexpr std::size_t samples = 3, classes = 19;

/// One loss a row, or one an element: reduced as asked.
std::vector<double> reduced(std::vector<double> losses, Reduction reduction) {
  if (reduction == Reduction::none) return losses;
  double total = 0;
  for (double loss : losses) total += loss;
  return {reduction == Reduction::mean ? total / static_cast<double>(losses.size()) : total};
}

Reference elementwise_loss(double (*one)(double, double), Reduction reduction) {
  return [=](const Arrays& in) {
    std::vector<double> losses;
    for (std::size_t i = 0; i < in[0].size(); ++i)
      losses.push_back(one(in[0].storage()[i], in[1].storage()[i]));
    return reduced(losses, reduction);
  };
}

/// The sums of term(row, class) over each row's classes, as many of both as x has.
std::vector<double> row_sums(const Array<double>& x,
                             const std::function<double(std::size_t, std::size_t)>& term) {
  std::vector<double> sums(x.shape(0), 0);
  for (std::size_t r = 0; r < x.shape(0); ++r)
    for (std::size_t c = 0; c < x.shape(1); ++c) sums[r] += term(r, c);
  return sums;
}

std::vector<double> log_totals(const Array<double>& logits) {
  std::vector<double> totals =
      row_sums(logits, [&](std::size_t r, std::size_t c) { return std::exp(logits(r, c)); });
  for (double& total : totals) total = std::log(total);
  return totals;
}

std::size_t label(std::size_t row) { return row % 3 * 7 + 2; }
Indices labels(std::size_t count = samples) {
  Indices all = xt::zeros<std::int64_t>({count});
  for (std::size_t r = 0; r < count; ++r) all(r) = static_cast<std::int64_t>(label(r));
  return all;
}

double squared(double a, double b) { return (a - b) * (a - b); }
double binary(double p, double t) {
  const double least = 1e-12;
  return -(t * std::log(larger(p, least)) + (1 - t) * std::log(larger(1 - p, least)));
}
double binary_with_logits(double z, double t) {
  // An infinite logit that is right costs nothing, and is not 0 times infinity.
  if (z > 0) return (t == 1 ? 0 : (1 - t) * z) + std::log1p(std::exp(-z));
  return (t == 0 ? 0 : -t * z) + std::log1p(std::exp(z));
}

const Argument any = {{samples, classes}}, share = {{samples, classes}, 0.1, 0.9};

double absolute(double a, double b) { return std::fabs(a - b); }
double huber(double a, double b) { return squared(a, b) / 2; }
double huber_beyond(double a, double b) { return 0.5 * (std::fabs(a - b) - 0.25); }

void add_elementwise(std::vector<OperationRow>& rows, Reduction reduction, const char* variant) {
  const bool fused = reduction != Reduction::none;
  rows.push_back(row(
      fused ? "mean_squared_error" : "squared_error", variant, {any, any},
      [=](const auto& in) { return mean_squared_error(in[0], in[1], reduction); },
      elementwise_loss(squared, reduction)));
  rows.push_back(row(
      "binary_cross_entropy", variant, {share, share},
      [=](const auto& in) { return binary_cross_entropy(in[0], in[1], reduction); },
      elementwise_loss(binary, reduction)));
  rows.push_back(row(
      "binary_cross_entropy_with_logits", variant, {{{samples, classes}, -6, 6}, share},
      [=](const auto& in) { return binary_cross_entropy_with_logits(in[0], in[1], reduction); },
      elementwise_loss(binary_with_logits, reduction)));
  // On either side of the kinks, where prediction and target are equal, or delta apart.
  const Argument above = {{samples, classes}, 2, 3}, below = {{samples, classes}, 0, 1};
  rows.push_back(row(
      "l1_loss", variant, {above, below}, [=](const auto& in) { return l1_loss(in[0], in[1], reduction); },
      elementwise_loss(absolute, reduction)));
  rows.push_back(row(
      "huber_loss", variant, {below, below},
      [=](const auto& in) { return huber_loss(in[0], in[1], reduction, 1.5); },
      elementwise_loss(huber, reduction)));
  rows.push_back(row(
      "huber_loss", std::string("beyond delta, ") + variant, {below, above},
      [=](const auto& in) { return huber_loss(in[0], in[1], reduction, 0.5); },
      elementwise_loss(huber_beyond, reduction)));
}

void add_over_classes(std::vector<OperationRow>& rows, Reduction reduction, const char* variant) {
  const auto with = [=](const char* what) { return std::string(what) + ", " + variant; };
  rows.push_back(row(
      "cross_entropy", with("labels"), {any},
      [=](const auto& in) { return cross_entropy(in[0], labels(), reduction); },
      [=](const Arrays& in) {
        std::vector<double> losses = log_totals(in[0]);
        for (std::size_t r = 0; r < in[0].shape(0); ++r) losses[r] -= in[0](r, label(r));
        return reduced(losses, reduction);
      }));
  rows.push_back(row(
      "cross_entropy", with("rows"), {any, share},
      [=](const auto& in) { return cross_entropy(in[0], in[1], reduction); },
      [=](const Arrays& in) {
        const std::vector<double> totals = log_totals(in[0]);
        return reduced(
            row_sums(in[0],
                     [&](std::size_t r, std::size_t c) { return in[1](r, c) * (totals[r] - in[0](r, c)); }),
            reduction);
      }));
  rows.push_back(row(
      "cross_entropy_of_probabilities", with("rows"), {share, share},
      [=](const auto& in) { return cross_entropy_of_probabilities(in[0], in[1], reduction); },
      [=](const Arrays& in) {
        return reduced(row_sums(in[0], [&](std::size_t r,
                                           std::size_t c) { return -in[1](r, c) * std::log(in[0](r, c)); }),
                       reduction);
      }));
  rows.push_back(row(
      "cross_entropy_of_probabilities", with("labels"), {share},
      [=](const auto& in) { return cross_entropy_of_probabilities(in[0], labels(), reduction); },
      [=](const Arrays& in) {
        std::vector<double> losses;
        for (std::size_t r = 0; r < in[0].shape(0); ++r) losses.push_back(-std::log(in[0](r, label(r))));
        return reduced(losses, reduction);
      }));
  rows.push_back(row(
      "kl_div", variant, {any, share}, [=](const auto& in) { return kl_div(in[0], in[1], reduction); },
      [=](const Arrays& in) {
        return reduced(row_sums(in[0],
                                [&](std::size_t r, std::size_t c) {
                                  return in[1](r, c) * (std::log(in[1](r, c)) - in[0](r, c));
                                }),
                       reduction);
      }));
  rows.push_back(row(
      "nll_loss", variant, {any}, [=](const auto& in) { return nll_loss(in[0], labels(), reduction); },
      [=](const Arrays& in) {
        std::vector<double> losses;
        for (std::size_t r = 0; r < in[0].shape(0); ++r) losses.push_back(-in[0](r, label(r)));
        return reduced(losses, reduction);
      }));
}

/// Of as many samples as predictions come with.
void add_labelled(std::vector<OperationRow>& rows) {
  const Argument four = {{4, classes}};
  rows.push_back(row(
      "cross_entropy", "a label a row", {four},
      [](const auto& in) { return cross_entropy(in[0], labels(in[0].shape()[0])); },
      [](const Arrays& in) {
        std::vector<double> losses = log_totals(in[0]);
        for (std::size_t r = 0; r < losses.size(); ++r) losses[r] -= in[0](r, label(r));
        return reduced(losses, Reduction::mean);
      }));
  rows.push_back(row(
      "nll_loss", "a label a row", {four},
      [](const auto& in) { return nll_loss(in[0], labels(in[0].shape()[0])); },
      [](const Arrays& in) {
        std::vector<double> losses;
        for (std::size_t r = 0; r < in[0].shape(0); ++r) losses.push_back(-in[0](r, label(r)));
        return reduced(losses, Reduction::mean);
      }));
}

double factor_of(Reduction reduction, std::size_t count) {
  return reduction == Reduction::mean ? 1 / static_cast<double>(count) : 1;
}

/// What weighs the losses: one number, or one a row.
Argument weight_of(Reduction reduction) { return {reduction == Reduction::none ? Shape{samples} : Shape{}}; }

/// slope(row, class) times the gradient of the row's loss, which stands last.
Reference row_gradients(Reduction reduction,
                        std::function<double(const Arrays&, double, std::size_t, std::size_t)> slope) {
  return [=](const Arrays& in) {
    const std::vector<double> totals = log_totals(in[0]);
    const Array<double>& dy = in.back();
    std::vector<double> result;
    for (std::size_t r = 0; r < in[0].shape(0); ++r)
      for (std::size_t c = 0; c < in[0].shape(1); ++c) {
        const double weight = dy.storage()[dy.size() == 1 ? 0 : r] * factor_of(reduction, in[0].shape(0));
        result.push_back(slope(in, std::exp(in[0](r, c) - totals[r]), r, c) * weight);
      }
    return result;
  };
}

void add_class_gradients(std::vector<OperationRow>& rows, Reduction reduction, const std::string& variant) {
  const auto minus_label = [](double p, std::size_t r, std::size_t c) { return p - (c == label(r)); };
  rows.push_back(row(
      "cross_entropy_gradient", "labels, " + variant, {any, weight_of(reduction)},
      gradient_of([=](const auto& in) { return cross_entropy(in[0], labels(in[0].shape()[0]), reduction); }),
      row_gradients(reduction, [=](const Arrays&, double p, std::size_t r, std::size_t c) {
        return minus_label(p, r, c);
      })));
  rows.push_back(row("cross_entropy_gradient", "rows, " + variant, {any, share, weight_of(reduction)},
                     gradient_of([=](const auto& in) { return cross_entropy(in[0], in[1], reduction); }),
                     row_gradients(reduction, [](const Arrays& in, double p, std::size_t r, std::size_t c) {
                       double total = 0;
                       for (std::size_t k = 0; k < in[0].shape(1); ++k) total += in[1](r, k);
                       return p * total - in[1](r, c);
                     })));
  rows.push_back(
      row("nll_loss_gradient", variant, {any, weight_of(reduction)},
          gradient_of([=](const auto& in) { return nll_loss(in[0], labels(in[0].shape()[0]), reduction); }),
          [=](const Arrays& in) {
            std::vector<double> result(in[0].size(), 0);
            const Array<double>& dy = in.back();
            const std::size_t count = in[0].shape(0);
            for (std::size_t r = 0; r < count; ++r)
              result[r * in[0].shape(1) + label(r)] =
                  -dy.storage()[dy.size() == 1 ? 0 : r] * factor_of(reduction, count);
            return result;
          }));
}

/// The gradients of a fused loss in prediction and target, from those of one element.
template <class F>
void add_fused_gradients(std::vector<OperationRow>& rows, const std::string& name, const Argument& prediction,
                         const Argument& target, F loss, double (*of_prediction)(double, double),
                         double (*of_target)(double, double), double factor = 1) {
  for (const std::size_t which : {0u, 1u}) {
    const auto slope = which == 0 ? of_prediction : of_target;
    rows.push_back(row("loss_gradient", name + (which == 0 ? " in the prediction" : " in the target"),
                       {prediction, target, {{}}}, gradient_of(loss, which), [=](const Arrays& in) {
                         std::vector<double> result;
                         for (std::size_t i = 0; i < in[0].size(); ++i)
                           result.push_back(slope(in[0].storage()[i], in[1].storage()[i]) *
                                            in[2].storage()[0] * factor);
                         return result;
                       }));
  }
}

double clamped(double x, double most) { return larger(smaller(x, most), -most); }

void add_fused_gradients(std::vector<OperationRow>& rows) {
  add_fused_gradients(
      rows, "mean_squared_error", any, any,
      [](const auto& in) { return mean_squared_error(in[0], in[1], Reduction::sum); },
      [](double a, double b) { return 2 * (a - b); }, [](double a, double b) { return 2 * (b - a); });
  add_fused_gradients(
      rows, "sum_squared_error", {{4, 3}}, {{4, 3}},
      [](const auto& in) { return sum_squared_error(in[0], in[1]); },
      [](double a, double b) { return a - b; }, [](double a, double b) { return b - a; }, 0.25);
  const Argument above = {{samples, classes}, 2, 3}, below = {{samples, classes}, 0, 1};
  add_fused_gradients(
      rows, "huber_loss", below, below,
      [](const auto& in) { return huber_loss(in[0], in[1], Reduction::sum, 1.5); },
      [](double a, double b) { return clamped(a - b, 1.5); },
      [](double a, double b) { return clamped(b - a, 1.5); });
  add_fused_gradients(
      rows, "l1_loss", above, below, [](const auto& in) { return l1_loss(in[0], in[1], Reduction::sum); },
      [](double a, double b) { return sign_of(a - b); }, [](double a, double b) { return sign_of(b - a); });
  add_fused_gradients(
      rows, "binary_cross_entropy", share, share,
      [](const auto& in) { return binary_cross_entropy(in[0], in[1], Reduction::sum); },
      [](double p, double t) { return (1 - t) / larger(1 - p, 1e-12) - t / larger(p, 1e-12); },
      [](double p, double) { return std::log(larger(1 - p, 1e-12)) - std::log(larger(p, 1e-12)); });
  add_fused_gradients(
      rows, "binary_cross_entropy_with_logits", {{samples, classes}, -6, 6}, share,
      [](const auto& in) { return binary_cross_entropy_with_logits(in[0], in[1], Reduction::sum); },
      [](double z, double t) { return 1 / (1 + std::exp(-z)) - t; }, [](double z, double) { return -z; });
  add_fused_gradients(
      rows, "kl_div", any, share, [](const auto& in) { return kl_div(in[0], in[1], Reduction::sum); },
      [](double, double t) { return -t; }, [](double q, double t) { return std::log(t) + 1 - q; });
}

}  // namespace

std::vector<OperationRow> loss_rows() {
  std::vector<OperationRow> rows;
  const std::pair<Reduction, const char*> reductions[] = {
      {Reduction::mean, "mean"}, {Reduction::sum, "sum"}, {Reduction::none, "none"}};
  for (const auto& [reduction, variant] : reductions) {
    add_elementwise(rows, reduction, variant);
    add_over_classes(rows, reduction, variant);
    add_class_gradients(rows, reduction, variant);
  }
  add_labelled(rows);
  add_fused_gradients(rows);
  rows.push_back(row(
      "sum_squared_error", "mean", {any, any}, [](const auto& in) { return sum_squared_error(in[0], in[1]); },
      [](const Arrays& in) {
        return reduced(row_sums(in[0], [&](std::size_t r,
                                           std::size_t c) { return squared(in[0](r, c), in[1](r, c)) / 2; }),
                       Reduction::mean);
      }));
  rows.push_back(row(
      "sum_squared_error", "sum", {{{7}}, {{7}}},
      [](const auto& in) { return sum_squared_error(in[0], in[1], Reduction::sum); },
      [](const Arrays& in) {
        double total = 0;
        for (std::size_t i = 0; i < in[0].size(); ++i)
          total += squared(in[0].storage()[i], in[1].storage()[i]) / 2;
        return std::vector<double>{total};
      }));
  return rows;
}

std::vector<FurtherShapes> loss_shapes() {
  std::vector<FurtherShapes> all;
  for (const char* row : {"mean_squared_error (mean)", "mean_squared_error (sum)", "sum_squared_error (sum)",
                          "l1_loss (mean)", "binary_cross_entropy_with_logits (sum)",
                          "binary_cross_entropy (mean)", "huber_loss (sum)", "squared_error (none)"})
    all.push_back({row, {{{0}, {0}}, {{}, {}}, {{3, 0}, {3, 0}}}, {{{401, 701}, {401, 701}}}});
  all.push_back({"sum_squared_error (mean)", {{{0, 19}, {0, 19}}, {{3, 0}, {3, 0}}}});
  all.push_back(
      {"cross_entropy (rows, mean)", {{{0, 19}, {0, 19}}, {{3, 0}, {3, 0}}}, {{{401, 701}, {401, 701}}}});
  for (const char* row : {"cross_entropy_of_probabilities (rows, mean)", "kl_div (mean)", "kl_div (none)"})
    all.push_back({row, {{{0, 19}, {0, 19}}, {{3, 0}, {3, 0}}}, {{{401, 701}, {401, 701}}}});
  all.push_back({"cross_entropy (rows, none)", {{{0, 19}, {0, 19}}}, {{{9001, 19}, {9001, 19}}}});
  all.push_back(of_one("cross_entropy (a label a row)", {{0, 19}, {1, 17}}, {{9001, 19}}));
  all.push_back(of_one("nll_loss (a label a row)", {{0, 19}, {1, 17}}, {{9001, 19}}));
  for (const char* row : {"cross_entropy_gradient (labels, none)", "nll_loss_gradient (none)"})
    all.push_back({row, {{{0, 19}, {0}}, {{1, 17}, {1}}}, {{{9001, 19}, {9001}}}});
  for (const char* row : {"cross_entropy_gradient (labels, sum)", "nll_loss_gradient (sum)"})
    all.push_back({row, {{{0, 19}, {}}, {{1, 17}, {}}}, {{{9001, 19}, {}}}});
  all.push_back(
      {"cross_entropy_gradient (rows, none)", {{{0, 19}, {0, 19}, {0}}}, {{{9001, 19}, {9001, 19}, {9001}}}});
  for (const char* of : {" in the prediction)", " in the target)"})
    for (const char* loss : {"mean_squared_error", "huber_loss", "binary_cross_entropy_with_logits"})
      all.push_back({std::string("loss_gradient (") + loss + of,
                     {{{0}, {0}, {}}, {{}, {}, {}}, {{3, 0}, {3, 0}, {}}},
                     {{{401, 701}, {401, 701}, {}}}});
  return all;
}

std::vector<Refusal> loss_refusals() {
  return {
      {"mean_squared_error (mean)", {{3, 1}, {3}}, {"[3, 1]", "[3]", "does not broadcast"}},
      {"squared_error (none)", {{3, 1}, {3}}, {"[3, 1]", "[3]", "does not broadcast"}},
      {"l1_loss (mean)", {{3, 1}, {3}}, {"l1_loss: ", "[3, 1]", "[3]", "does not broadcast"}},
      {"huber_loss (sum)", {{3, 1}, {3}}, {"huber_loss: ", "[3, 1]", "[3]", "does not broadcast"}},
      {"kl_div (none)", {{3, 19}, {3, 1}}, {"kl_div: ", "[3, 19]", "[3, 1]", "does not broadcast"}},
      {"kl_div (none)", {{}, {}}, {"0 axes", "[]"}},
      {"binary_cross_entropy (mean)", {{3, 2}, {2}}, {"[3, 2]", "[2]", "does not broadcast"}},
      {"binary_cross_entropy_with_logits (sum)", {{3, 2}, {2}}, {"[3, 2]", "[2]", "does not broadcast"}},
      {"cross_entropy_of_probabilities (rows, mean)", {{3, 19}, {3, 1}}, {"[3, 19]", "[3, 1]"}},
      {"cross_entropy_of_probabilities (rows, mean)", {{}, {}}, {"0 axes", "[]"}},
      {"cross_entropy_of_probabilities (labels, sum)", {{3, 9}}, {"row 1 is 9", "9 classes"}, value_error},
      {"sum_squared_error (mean)", {{3, 4}, {4}}, {"[3, 4]", "[4]", "does not broadcast"}},
      {"cross_entropy (labels, mean)", {{4, 19}}, {"labels [3]", "[4, 19]"}},
      {"cross_entropy (labels, mean)", {{}}, {"0 axes", "[]"}},
      {"cross_entropy (labels, mean)", {{3, 16}}, {"row 2 is 16", "16 classes"}, value_error},
      {"cross_entropy (rows, mean)", {{3, 19}, {3, 18}}, {"[3, 19]", "[3, 18]"}},
      {"cross_entropy (rows, mean)", {{}, {}}, {"0 axes", "[]"}},
      {"cross_entropy_gradient (labels, mean)", {{3, 19}, {3}}, {"[]", "[3]"}},
      {"cross_entropy_gradient (labels, mean)", {{3, 16}, {}}, {"row 2 is 16", "16 classes"}, value_error},
      {"nll_loss_gradient (sum)", {{3, 19}, {3}}, {"[]", "[3]"}},
      {"loss_gradient (huber_loss in the target)",
       {{3, 1}, {3}, {}},
       {"[3, 1]", "[3]", "does not broadcast"}},
      {"nll_loss (sum)", {{2, 19}}, {"labels [3]", "[2, 19]"}},
      {"nll_loss (sum)", {{}}, {"0 axes", "[]"}},
      {"nll_loss (none)", {{3, 9}}, {"row 1 is 9", "9 classes"}, value_error},
  };
}

}  // namespace xgrad::testing
