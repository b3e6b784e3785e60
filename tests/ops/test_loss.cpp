// The losses: figures worked out independently, closed forms, gradients at both orders, edges, errors.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/cross_entropy.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/loss.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/softmax.hpp>

#include "../message_of.hpp"
#include "../variables.hpp"

namespace xg = xgrad;
using xgrad::testing::gradient_of;
using xgrad::testing::labels_of;
using xgrad::testing::largest_difference;
using xgrad::testing::message_of;
using xgrad::testing::random_labels;
using xgrad::testing::random_variable;
using xgrad::testing::rows_of_labels;
using Var = xg::Variable<double>;
using xg::Reduction;

namespace {

constexpr Reduction reductions[] = {Reduction::mean, Reduction::sum, Reduction::none};

}  // namespace

TEST_CASE("the sum of squared errors of one sample is 0.0975") {
  const auto y = xg::parameter(xt::xarray<double>{.1, .05, .6, 0, .05, .1, 0, .1, 0, 0});
  const xt::xarray<double> t = {0, 0, 1, 0, 0, 0, 0, 0, 0, 0};
  CHECK(xg::sum_squared_error(y, t).item() == doctest::Approx(0.0975).epsilon(1e-12));
  CHECK(xg::sum_squared_error(y, t, Reduction::none).item() == doctest::Approx(0.0975).epsilon(1e-12));
  CHECK(largest_difference(gradient_of(xg::sum_squared_error(y, t), y), y.value() - t) < 1e-15);
}

TEST_CASE("mean squared error is the mean over all elements; its half comes from sum_squared_error") {
  INFO("seed 51");
  std::mt19937_64 random(51);
  const auto F = random_variable<double>({7, 1}, random), Y = random_variable<double>({7, 1}, random);
  const xg::Array<double> error = F.value() - Y.value();
  double square = 0;
  for (double e : error.storage()) square += e * e;
  CHECK(std::fabs(xg::mean_squared_error(F, Y).item() - square / 7) < 1e-12);
  CHECK(std::fabs(xg::sum_squared_error(F, Y).item() - square / 14) < 1e-12);
  CHECK(std::fabs(xg::mean_squared_error(F, Y, Reduction::sum).item() - square) < 1e-12);
  CHECK(largest_difference(gradient_of(xg::mean_squared_error(F, Y), F), 2 * error / 7) < 1e-15);
  CHECK(largest_difference(gradient_of(xg::mean_squared_error(F, Y), Y), -2 * error / 7) < 1e-15);
  CHECK(largest_difference(gradient_of(xg::sum_squared_error(F, Y), F), error / 7) < 1e-15);
  CHECK(largest_difference(xg::mean_squared_error(F, Y, Reduction::none).value(), error * error) < 1e-15);
  const auto G = random_variable<double>({3, 4}, random);
  CHECK(xg::sum_squared_error(G, xt::zeros<double>({3, 4}), Reduction::none).shape() == xg::Shape{3});
}

TEST_CASE(
    "binary cross entropy agrees with its closed form, and through a sigmoid its gradient is (F - Y) / m") {
  INFO("seed 52");
  std::mt19937_64 random(52);
  const auto z = random_variable<double>({9, 1}, random, -5, 5);
  const auto Y = random_variable<double>({9, 1}, random, 0, 1);
  const Var F = xg::sigmoid(z);
  double expected = 0;
  for (std::size_t r = 0; r < 9; ++r) {
    const double f = F.value()(r, 0), y = Y.value()(r, 0);
    expected -= (y * std::log(f) + (1 - y) * std::log(1 - f)) / 9;
  }
  CHECK(std::fabs(xg::binary_cross_entropy(F, Y).item() - expected) < 1e-12);
  CHECK(std::fabs(xg::binary_cross_entropy_with_logits(z, Y).item() - expected) < 1e-12);
  const xg::Array<double> gradient = (F.value() - Y.value()) / 9;
  CHECK(largest_difference(gradient_of(xg::binary_cross_entropy(F, Y), z), gradient) < 1e-12);
  CHECK(largest_difference(gradient_of(xg::binary_cross_entropy_with_logits(z, Y), z), gradient) < 1e-15);
  CHECK(largest_difference(gradient_of(xg::binary_cross_entropy_with_logits(z, Y), Y), -z.value() / 9) <
        1e-15);
}

TEST_CASE("l1 and Huber losses have their closed forms, in values and in gradients, also at the kinks") {
  const auto y = xg::parameter(xt::xarray<double>{1, 1, 1, 1, 1});
  const xt::xarray<double> t = {1, 0.75, 2, -1, 4};  // errors of 0, 0.25, -1, 2, -3
  CHECK(xg::l1_loss(y, t, Reduction::none).value() == xt::xarray<double>{0, 0.25, 1, 2, 3});
  CHECK(xg::l1_loss(y, t).item() == 6.25 / 5);
  CHECK(gradient_of(xg::l1_loss(y, t, Reduction::sum), y) == xt::xarray<double>{0, 1, -1, 1, -1});
  CHECK(xg::huber_loss(y, t, Reduction::none).value() == xt::xarray<double>{0, 0.03125, 0.5, 1.5, 2.5});
  CHECK(xg::huber_loss(y, t, Reduction::sum).item() == 4.53125);
  CHECK(gradient_of(xg::huber_loss(y, t, Reduction::sum), y) == xt::xarray<double>{0, 0.25, -1, 1, -1});
  CHECK(xg::huber_loss(y, t, Reduction::none, 2).value() == xt::xarray<double>{0, 0.03125, 0.5, 2, 4});
  CHECK(gradient_of(xg::huber_loss(y, t, Reduction::sum, 2), y) == xt::xarray<double>{0, 0.25, -1, 2, -2});
  const auto target = xg::parameter(t);
  CHECK(gradient_of(xg::l1_loss(y, target, Reduction::sum), target) == xt::xarray<double>{0, -1, 1, -1, 1});
  CHECK(gradient_of(xg::huber_loss(y, target, Reduction::sum), target) ==
        xt::xarray<double>{0, -0.25, 1, -1, 1});
  for (const double delta : {0.0, -1.0, static_cast<double>(INFINITY), std::nan("")})
    CHECK_THROWS_AS(xg::huber_loss(y, t, Reduction::mean, delta), xg::ValueError);
  CHECK(message_of([&] { xg::huber_loss(y, t, Reduction::mean, 0); }) ==
        "huber_loss: delta is 0.000000; give a finite number above 0, the error at which the loss becomes a "
        "line");
  const auto nan = xg::parameter(xt::xarray<double>{std::nan("")});
  CHECK(std::isnan(xg::l1_loss(nan, xt::xarray<double>{1}).item()));
  CHECK(std::isnan(xg::huber_loss(nan, xt::xarray<double>{1}).item()));
  CHECK(std::isnan(gradient_of(xg::huber_loss(nan, xt::xarray<double>{1}), nan)(0)));
}

TEST_CASE("kl_div is the cross entropy less the targets' entropy, and nothing where the target is 0") {
  const auto z = xg::parameter(xt::xarray<double>{{0.5, -1, 2}, {1, 0, -3}});
  const xt::xarray<double> t = {{0.25, 0.25, 0.5}, {0, 1, 0}};
  const double entropy = 0.25 * std::log(4) * 2 + 0.5 * std::log(2);
  const Var q = xg::log_softmax(z);
  CHECK(xg::kl_div(q, t, Reduction::sum).item() ==
        doctest::Approx(xg::cross_entropy(z, t, Reduction::sum).item() - entropy).epsilon(1e-14));
  CHECK(xg::kl_div(q, t).item() == doctest::Approx(xg::kl_div(q, t, Reduction::sum).item() / 2));
  CHECK(xg::kl_div(q, t, Reduction::none).shape() == xg::Shape{2});
  CHECK(std::fabs(xg::kl_div(xg::log(xg::constant(t)), t).item()) < 1e-15);
  const auto impossible = xg::parameter(xt::xarray<double>{-INFINITY, 0});
  const auto sure = xg::parameter(xt::xarray<double>{0, 1});
  CHECK(xg::kl_div(impossible, sure).item() == 0);
  CHECK(gradient_of(xg::kl_div(impossible, sure), impossible) == xt::xarray<double>{0, -1});
  CHECK(gradient_of(xg::kl_div(impossible, sure), sure) == xt::xarray<double>{0, 1});
}

TEST_CASE("every loss over random shapes agrees with plain loops, in float and in double") {
  std::mt19937_64 random(53);
  INFO("seed 53");
  for (std::size_t columns = 1; columns < 90; ++columns) {
    const std::size_t rows = 1 + random() % 6;
    const auto x = random_variable<double>({rows, columns}, random),
               t = random_variable<double>({rows, columns}, random, 0, 1);
    const xg::Indices labels = random_labels(rows, columns, random);
    const xg::Variable<float> xf(xg::to_dense(xg::Array<float>(x.value()))),
        tf(xg::to_dense(xg::Array<float>(t.value())));
    double square = 0, absolute = 0, huber = 0, binary = 0, picked = 0, weighed = 0, divergence = 0;
    for (std::size_t r = 0; r < rows; ++r) {
      double total = 0;
      for (std::size_t c = 0; c < columns; ++c) total += std::exp(x.value()(r, c));
      picked += std::log(total) - x.value()(r, static_cast<std::size_t>(labels(r)));
      for (std::size_t c = 0; c < columns; ++c) {
        const double a = x.value()(r, c), b = t.value()(r, c);
        square += (a - b) * (a - b);
        absolute += std::fabs(a - b);
        const double beyond = std::fmax(std::fabs(a - b) - 1, 0);
        huber += ((a - b) * (a - b) - beyond * beyond) / 2;
        divergence += b * (std::log(b) - a);
        binary += std::log1p(std::exp(a)) - a * b;
        weighed += b * (std::log(total) - a);
      }
    }
    const double n = static_cast<double>(rows), all = n * static_cast<double>(columns);
    const auto agree = [&](const Var& exact, const xg::Variable<float>& single, double expected) {
      CHECK(exact.item() == doctest::Approx(expected).epsilon(1e-13));
      CHECK(static_cast<double>(single.item()) == doctest::Approx(expected).epsilon(2e-6));
    };
    agree(xg::mean_squared_error(x, t), xg::mean_squared_error(xf, tf), square / all);
    agree(xg::l1_loss(x, t), xg::l1_loss(xf, tf), absolute / all);
    agree(xg::huber_loss(x, t), xg::huber_loss(xf, tf), huber / all);
    agree(xg::kl_div(x, t), xg::kl_div(xf, tf), divergence / n);
    agree(xg::sum_squared_error(x, t), xg::sum_squared_error(xf, tf), square / (2 * n));
    agree(xg::binary_cross_entropy_with_logits(x, t), xg::binary_cross_entropy_with_logits(xf, tf),
          binary / all);
    agree(xg::cross_entropy(x, labels), xg::cross_entropy(xf, labels), picked / n);
    agree(xg::cross_entropy(x, t), xg::cross_entropy(xf, tf), weighed / n);
    agree(xg::cross_entropy(x, labels, Reduction::sum), xg::cross_entropy(xf, labels, Reduction::sum),
          picked);
    CHECK(xg::sum(xg::cross_entropy(x, t, Reduction::none)).item() ==
          doctest::Approx(weighed).epsilon(1e-13));
    CHECK(xg::sum(xg::nll_loss(xg::log_softmax(x), labels, Reduction::none)).item() ==
          doctest::Approx(picked).epsilon(1e-13));
    const xg::Array<double> by_labels = gradient_of(xg::cross_entropy(x, labels), x);
    CHECK(largest_difference(by_labels,
                             gradient_of(xg::cross_entropy(x, rows_of_labels(labels, columns)), x)) < 1e-15);
    CHECK(largest_difference(by_labels, (xg::softmax(x).value() - rows_of_labels(labels, columns)) / n) <
          1e-15);
  }
}

TEST_CASE("gradients and second derivatives of every loss, in every argument, agree with differences") {
  INFO("seed 55");
  std::mt19937_64 random(55);
  const auto x = random_variable<double>({3, 4}, random),
             t = random_variable<double>({3, 4}, random, 0.1, 0.9);
  const auto p = random_variable<double>({3, 4}, random, 0.1, 0.9);
  const xg::Indices labels = labels_of({3, 0, 2});
  using Loss = std::function<Var(const Var&, const Var&, Reduction)>;
  const std::tuple<const char*, Loss, Var> losses[] = {
      {"mean_squared_error",
       [](const Var& a, const Var& b, Reduction r) { return xg::mean_squared_error(a, b, r); }, x},
      {"sum_squared_error",
       [](const Var& a, const Var& b, Reduction r) { return xg::sum_squared_error(a, b, r); }, x},
      {"l1_loss", [](const Var& a, const Var& b, Reduction r) { return xg::l1_loss(a, b, r); }, x},
      {"huber_loss", [](const Var& a, const Var& b, Reduction r) { return xg::huber_loss(a, b, r); }, x},
      {"kl_div", [](const Var& a, const Var& b, Reduction r) { return xg::kl_div(a, b, r); }, x},
      {"binary_cross_entropy",
       [](const Var& a, const Var& b, Reduction r) { return xg::binary_cross_entropy(a, b, r); }, p},
      {"binary_cross_entropy_with_logits",
       [](const Var& a, const Var& b, Reduction r) { return xg::binary_cross_entropy_with_logits(a, b, r); },
       x},
      {"cross_entropy of rows",
       [](const Var& a, const Var& b, Reduction r) { return xg::cross_entropy(a, b, r); }, x},
      {"cross_entropy of labels",
       [&](const Var& a, const Var& b, Reduction r) { return xg::cross_entropy(a * b, labels, r); }, x},
      {"nll_loss", [&](const Var& a, const Var& b, Reduction r) { return xg::nll_loss(a * b, labels, r); },
       x},
      {"probabilities, rows",
       [](const Var& a, const Var& b, Reduction r) { return xg::cross_entropy_of_probabilities(a, b, r); },
       p},
      {"probabilities, labels",
       [&](const Var& a, const Var& b, Reduction r) {
         return xg::cross_entropy_of_probabilities(a * b, labels, r);
       },
       p}};
  for (const auto& row : losses)
    for (Reduction reduction : reductions) {
      const auto loss = std::get<Loss>(row);
      const auto report = xg::gradcheck(
          [&](const std::vector<Var>& in) {
            const Var y = loss(in[0], in[1], reduction);
            return y * y;
          },
          {std::get<Var>(row), t}, {.second_order = true});
      INFO(std::get<0>(row) << '\n' << report);
      CHECK(report.ok());
    }
}

TEST_CASE_TEMPLATE("a number that is no probability is refused, wherever it stands", T, float, double) {
  using X = xg::Array<T>;
  const T above = std::nextafter(T(1), T(2)), below = -std::numeric_limits<T>::denorm_min();
  const T nan = std::numeric_limits<T>::quiet_NaN();
  const auto refused = [](const X& p, const X& t, Reduction reduction) {
    return message_of<xg::ValueError>([&] { xg::binary_cross_entropy(xg::constant(p), t, reduction); });
  };
  for (const Reduction reduction : {Reduction::mean, Reduction::sum, Reduction::none}) {
    const X t{{1, 0}, {0, 1}};
    CHECK(
        refused({{0.5, 1}, {1.5, 0}}, t, reduction) ==
        "binary_cross_entropy: the probability at [1, 0] is 1.5; give numbers from 0 to 1, as sigmoid gives "
        "them, or scores to binary_cross_entropy_with_logits");
    CHECK(refused({{0.5, 1}, {0, -0.25}}, t, reduction).find("at [1, 1] is -0.25; ") != std::string::npos);
    // After a NaN, which passes by itself; infinite; as close as can be.
    CHECK(refused({{nan, 1}, {0, 2}}, t, reduction).find("at [1, 1] is 2; ") != std::string::npos);
    CHECK(refused({{INFINITY, 1}, {0, 0}}, t, reduction).find("at [0, 0] is inf; ") != std::string::npos);
    CHECK(refused({{1, 1}, {above, 0}}, t, reduction).find("at [1, 0] is ") != std::string::npos);
    CHECK(refused({{1, below}, {1, 0}}, t, reduction).find("at [0, 1] is ") != std::string::npos);
    const auto passes = xg::binary_cross_entropy(xg::constant(X{{nan, 1}, {T(-0.0), 1}}), t, reduction);
    CHECK(std::isnan(static_cast<double>(passes.value().storage()[0])));
  }
  CHECK(message_of<xg::ValueError>([&] {
          xg::binary_cross_entropy(xg::constant(X(2)), X(1));
        }).find("the probability at [] is 2; ") != std::string::npos);

  // Far behind, at every place of a row that no number of lanes divides, and of many threads' pieces.
  for (const std::size_t place : {0u, 7u, 40u, 66u, 100'001u}) {
    X p(xg::Shape{100'003}, T(0.25)), t(xg::Shape{100'003}, T(1));
    p(place) = T(-1);
    CHECK(refused(p, t, Reduction::mean).find("at [" + std::to_string(place) + "] is -1; ") !=
          std::string::npos);
    p(place) = T(0.25);
    CHECK(xg::binary_cross_entropy(xg::constant(p), t).item() == doctest::Approx(std::log(4)));
  }
}

TEST_CASE("classes' probabilities are refused where they are taken") {
  const auto p = xg::constant({{0.5, 1.5}, {-1.0, 0.25}});
  const auto refused = [&](const auto& targets, Reduction reduction) {
    return message_of<xg::ValueError>([&] { xg::cross_entropy_of_probabilities(p, targets, reduction); });
  };
  for (const Reduction reduction : {Reduction::mean, Reduction::none}) {
    CHECK(refused(xg::Indices{1, 1}, reduction) ==
          "cross_entropy_of_probabilities: the probability at [0, 1] is 1.5; give numbers from 0 to 1, as "
          "softmax gives them, or scores to cross_entropy");
    CHECK(refused(xt::xarray<double>{{1, 0}, {0.5, 0.5}}, reduction).find("at [1, 0] is -1; ") !=
          std::string::npos);
    const auto taken = xg::cross_entropy_of_probabilities(p, xg::Indices{0, 1}, reduction);
    CHECK(xg::mean(taken).item() == doctest::Approx(std::log(8) / 2));
  }
  const auto rounded = xg::constant({{1 + 1e-15, 0.0}});
  CHECK(std::fabs(xg::cross_entropy_of_probabilities(rounded, xg::Indices{0}).item()) < 1e-14);
}

TEST_CASE("the mean loss of nothing is NaN, the sum 0") {
  const Var none(xg::Dense<double>(xg::Shape{0, 3}));
  const xg::Indices labels = xt::zeros<std::int64_t>({0});
  CHECK(std::isnan(xg::mean_squared_error(none, none).item()));
  CHECK(std::isnan(xg::cross_entropy(none, labels).item()));
  CHECK(xg::cross_entropy(none, labels, Reduction::sum).item() == 0);
  CHECK(xg::cross_entropy(none, labels, Reduction::none).shape() == xg::Shape{0});
  CHECK(xg::sum_squared_error(none, none, Reduction::sum).item() == 0);
}

TEST_CASE("losses refuse to broadcast, and name both shapes") {
  const auto column = xg::parameter(xt::zeros<double>({5, 1}));
  const Var row(xg::Dense<double>::filled({5}, 0));
  CHECK(message_of([&] { xg::mean_squared_error(column, row); }) ==
        "mean_squared_error: predictions [5, 1] and targets [5] differ in shape, and a loss does not "
        "broadcast; reshape one of them");
  CHECK_THROWS_AS(xg::sum_squared_error(column, row), xg::ShapeError);
  CHECK_THROWS_AS(xg::l1_loss(column, row), xg::ShapeError);
  CHECK_THROWS_AS(xg::huber_loss(column, row), xg::ShapeError);
  CHECK_THROWS_AS(xg::kl_div(column, row), xg::ShapeError);
  CHECK_THROWS_AS(xg::binary_cross_entropy(column, row), xg::ShapeError);
  CHECK_THROWS_AS(xg::binary_cross_entropy_with_logits(column, row, Reduction::none), xg::ShapeError);
  CHECK_THROWS_AS(xg::cross_entropy(column, row), xg::ShapeError);
  CHECK_THROWS_AS(xg::cross_entropy_of_probabilities(column, row), xg::ShapeError);
}

TEST_CASE("a loss keeps alive only what its gradient needs") {
  const auto before = xg::memory_stats().live_buffers;
  const auto z = xg::parameter(xt::xarray<double>{{1, 2, 3}});
  const auto target = xg::constant(xt::xarray<double>{{1, 0, 0}});
  {
    const Var mse = xg::mean_squared_error(z, target);
    CHECK(xg::memory_stats().live_buffers == before + 3);  // both sides and the loss
    const Var entropy = xg::cross_entropy(z, labels_of({0}));
    CHECK(xg::memory_stats().live_buffers == before + 6);  // the loss, the label, a row's shift and sums
    entropy.backward();
    CHECK(xg::memory_stats().live_buffers == before + 5);  // the loss, and the gradient
  }
}
