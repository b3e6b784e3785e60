#include <cmath>
#include <functional>
#include <string>
#include <xgrad/ops/cross_entropy.hpp>
#include <xgrad/ops/loss.hpp>
#include <xgrad/ops/operators.hpp>

#include "operation_row.hpp"

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

}  // namespace

std::vector<OperationRow> loss_rows() {
  std::vector<OperationRow> rows;
  const std::pair<Reduction, const char*> reductions[] = {
      {Reduction::mean, "mean"}, {Reduction::sum, "sum"}, {Reduction::none, "none"}};
  for (const auto& [reduction, variant] : reductions) {
    add_elementwise(rows, reduction, variant);
    add_over_classes(rows, reduction, variant);
  }
  add_labelled(rows);
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

}  // namespace xgrad::testing
