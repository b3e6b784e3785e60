// Losses with class weights, ignored labels, smoothing and weights of positive targets. Figures are
// PyTorch 1.13.1's, in double: logits 2 sin(0.37 k), k from 1, [4, 5].
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/ops/cross_entropy.hpp>
#include <xgrad/ops/loss.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/softmax.hpp>

#include "../message_of.hpp"
#include "../variables.hpp"

namespace xg = xgrad;
using xg::CrossEntropyOptions;
using xg::Reduction;
using xgrad::testing::gradient_of;
using xgrad::testing::labels_of;
using xgrad::testing::message_of;
using Var = xg::Variable<double>;
using Numbers = std::vector<double>;

namespace {

xt::xarray<double> numbers() {
  xt::xarray<double> made = xt::sin(0.37 * xt::arange<double>(1, 21));
  made.reshape({4, 5});
  return made;
}

Var logits() { return xg::parameter(2 * numbers()); }

const xg::ClassWeights weights = {1, 0.5, 2, 0.25, 3};

void check_close(const xg::Array<double>& given, const Numbers& expected) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK(given.storage()[i] == doctest::Approx(expected[i]).epsilon(1e-10));
  }
}

/// The mean and the first elements of its gradient, the sum, and every row's loss.
void check_reductions(const xg::Indices& labels, CrossEntropyOptions options, double mean,
                      const Numbers& gradient, double sum, const Numbers& none) {
  const Var z = logits();
  CHECK(xg::cross_entropy(z, labels, options).item() == doctest::Approx(mean).epsilon(1e-11));
  check_close(gradient_of(xg::cross_entropy(z, labels, options), z), gradient);
  options.reduction = Reduction::sum;
  CHECK(xg::cross_entropy(z, labels, options).item() == doctest::Approx(sum).epsilon(1e-11));
  options.reduction = Reduction::none;
  check_close(xg::cross_entropy(z, labels, options).value(), none);
}

}  // namespace

TEST_CASE("cross_entropy with weights of classes is PyTorch's, whose mean is weighted") {
  check_reductions(labels_of({1, 4, 2, 0}), {.weight = weights}, 2.80458159547,
                   {0.00607971594018, -0.065560753332, 0.0176922109243, 0.0216171893115, 0.0201716371559,
                    0.221704572736, 0.128548142129, 0.064677108791, 0.0309887882786, -0.445918611935},
                   18.2297803706, {0.956251493836, 10.1580686245, 3.80098009802, 3.31448015418});
}

TEST_CASE("cross_entropy with an ignored label is PyTorch's, whose mean leaves it out") {
  check_reductions(labels_of({1, 4, -100, 0}), {.ignore_index = -100}, 2.87100200557,
                   {0.0263454357408, -0.284096597772, 0.0766662473387, 0.0936744870166, 0.0874104276758,
                    0.160119969198, 0.0928403248713, 0.0467112452379, 0.0223807915345, -0.322052330842},
                   8.6130060167, {1.91250298767, 3.38602287485, 0, 3.31448015418});
}

TEST_CASE("cross_entropy with smoothed labels is PyTorch's") {
  check_reductions(labels_of({1, 4, 2, 0}), {.label_smoothing = 0.1}, 2.5485775095,
                   {0.0147590768056, -0.193072448329, 0.0524996855041, 0.0652558652624, 0.0605578207568,
                    0.115089976899, 0.0646302436535, 0.0300334339284, 0.0117855936509, -0.221539248131},
                   10.194310038, {1.89181024693, 3.24869263557, 1.87427908687, 3.17952806864});
}

TEST_CASE("cross_entropy with all of them is PyTorch's") {
  check_reductions(labels_of({1, 4, -100, 0}),
                   {.weight = weights, .ignore_index = -100, .label_smoothing = 0.1}, 3.05455611965,
                   {0.00583027549446, -0.0830198953532, 0.0210109475732, 0.0354219388254, 0.0207567334602,
                    0.29818229734, 0.173245991785, 0.0793953646108, 0.0411885848891, -0.592012238625},
                   13.7455025384, {1.07595388076, 9.46498116853, 0, 3.20456748911});
}

TEST_CASE("cross_entropy of rows, weighted and smoothed, is PyTorch's, whose mean is over samples") {
  xt::xarray<double> t = xt::abs(numbers());
  for (std::size_t row = 0; row < 4; ++row) {
    double total = 0;
    for (std::size_t c = 0; c < 5; ++c) total += t(row, c);
    for (std::size_t c = 0; c < 5; ++c) t(row, c) /= total;
  }
  const Var z = logits();
  const auto loss = xg::cross_entropy(z, t, {.weight = weights, .label_smoothing = 0.2});
  CHECK(loss.item() == doctest::Approx(2.39207688202).epsilon(1e-11));
  check_close(gradient_of(loss, z),
              {-0.000406518700988, 0.0303473599164, -0.0300938218932, 0.08493368634, -0.0847807056622,
               0.0829622885393, 0.0669182652123, -0.00449392981089, 0.016310461765, -0.161697085706});
  check_close(
      xg::cross_entropy(z, t, {.reduction = Reduction::none, .weight = weights, .label_smoothing = 0.2})
          .value(),
      {2.15282996774, 3.21939254181, 2.0382726463, 2.15781237221});
}

TEST_CASE("nll_loss with weights and an ignored label is PyTorch's") {
  const Var z = logits();
  const auto labels = labels_of({1, 4, -100, 0});
  const auto loss = xg::nll_loss(xg::log_softmax(z), labels, {.weight = weights, .ignore_index = -100});
  CHECK(loss.item() == doctest::Approx(3.20640006057).epsilon(1e-11));
  check_close(gradient_of(loss, z),
              {0.0087818119136, -0.094698865924, 0.0255554157796, 0.0312248290055, 0.0291368092253,
               0.320239938396, 0.185680649743, 0.0934224904759, 0.0447615830691, -0.644104661684});
  check_close(xg::nll_loss(xg::log_softmax(z), labels,
                           {.reduction = Reduction::none, .weight = weights, .ignore_index = -100})
                  .value(),
              {0.956251493836, 10.1580686245, 0, 3.31448015418});
}

TEST_CASE("binary_cross_entropy_with_logits with weights of positive targets is PyTorch's") {
  const Var z = logits();
  const xt::xarray<double> t = (numbers() + 1) / 2;
  const auto loss = xg::binary_cross_entropy_with_logits(z, t, {.pos_weight = weights});
  CHECK(loss.item() == doctest::Approx(0.493453816731).epsilon(1e-11));
  check_close(gradient_of(loss, z),
              {-0.000374481890313, 0.00215109036635, -0.0113099955295, -0.00140717727864, -0.0179214744792,
               -0.00336132934872, 0.00386465381388, -0.0121693663729, 0.00908367009962, -0.016343332396});
  check_close(
      xg::binary_cross_entropy_with_logits(z, t, {.reduction = Reduction::none, .pos_weight = weights})
          .value(),
      {0.626387145015, 0.353818435263, 0.393785625059, 0.0362781770865, 0.441384104484, 0.347106838923});
  // One number for all; and a small one loses no digits.
  CHECK(xg::binary_cross_entropy_with_logits(z, t, {.pos_weight = {1}}).item() ==
        doctest::Approx(xg::binary_cross_entropy_with_logits(z, t).item()).epsilon(1e-14));
  CHECK(xg::binary_cross_entropy_with_logits(xg::constant(-30.0), xg::constant(1.0), {.pos_weight = {1e-20}})
            .item() == doctest::Approx(30e-20).epsilon(1e-12));
}

TEST_CASE("without what they are for, the options change no bit") {
  const Var z = logits();
  const auto labels = labels_of({1, 4, 2, 0});
  CHECK(xg::cross_entropy(z, labels, CrossEntropyOptions{}).item() == xg::cross_entropy(z, labels).item());
  CHECK(xg::cross_entropy(z, labels, {.reduction = Reduction::sum}).item() ==
        xg::cross_entropy(z, labels, Reduction::sum).item());
  CHECK(xg::cross_entropy(z, labels, {.weight = {1, 1, 1, 1, 1}}).item() ==
        doctest::Approx(xg::cross_entropy(z, labels).item()).epsilon(1e-14));
  CHECK(
      xg::cross_entropy(z, xt::xarray<int>{1, 4, 2, 0}, {.weight = std::vector<float>{1, 0.5f, 2, 0.25f, 3}})
          .item() == xg::cross_entropy(z, labels, {.weight = weights}).item());
}

TEST_CASE("what is ignored may be anything, and of nothing the mean is NaN") {
  const double infinity = std::numeric_limits<double>::infinity();
  // A padded sample whose class 0 is ruled out.
  const auto z = xg::parameter(xt::xarray<double>{{1, 2, 3}, {-infinity, 0, 0}});
  const CrossEntropyOptions options{.ignore_index = -1};
  CHECK(xg::cross_entropy(z, labels_of({2, -1}), options).item() ==
        doctest::Approx(std::log(1 + std::exp(-1.0) + std::exp(-2.0))).epsilon(1e-14));
  const auto gradient = gradient_of(xg::cross_entropy(z, labels_of({2, -1}), options), z);
  for (std::size_t c = 0; c < 3; ++c) CHECK(gradient(1, c) == 0);
  CHECK(std::isnan(xg::cross_entropy(z, labels_of({-1, -1}), options).item()));
  CHECK(xg::cross_entropy(z, labels_of({-1, -1}), {.reduction = Reduction::sum, .ignore_index = -1}).item() ==
        0);
  // The weights of all labels are 0: 0 / 0, as in PyTorch.
  CHECK(std::isnan(xg::cross_entropy(logits(), labels_of({1, 1, 1, 1}), {.weight = {1, 0, 2, 3, 4}}).item()));
  // A class may be ignored, and one sample has no axis for samples.
  CHECK(xg::cross_entropy(xg::constant(xt::xarray<double>{1, 2, 3}), xg::Indices(xt::xarray<std::int64_t>(2)),
                          {.weight = {5, 6, 7}, .ignore_index = 0})
            .item() == doctest::Approx(std::log(1 + std::exp(-1.0) + std::exp(-2.0))).epsilon(1e-14));
}

TEST_CASE("losses with options have right gradients of both orders, in float too") {
  const auto labels = labels_of({1, 4, -100, 0});
  const CrossEntropyOptions all{.weight = weights, .ignore_index = -100, .label_smoothing = 0.1};
  const xg::GradcheckOptions twice{.second_order = true, .forward_mode = true};
  const auto check = [](const auto& report) {
    INFO(report);
    CHECK(report.ok());
  };
  const Var z = xg::parameter(numbers()), t = xg::parameter(xt::abs(numbers()));
  check(xg::gradcheck([&](const Var& x) { return xg::cross_entropy(x, labels, all); }, {z}, twice));
  check(xg::gradcheck(
      [&](const Var& x) { return xg::cross_entropy(x, labels, {.weight = weights, .ignore_index = -100}); },
      {z}, twice));
  check(xg::gradcheck(
      [&](const Var& x, const Var& y) {
        return xg::cross_entropy(x, y, {.weight = weights, .label_smoothing = 0.1});
      },
      {z, t}, twice));
  check(xg::gradcheck(
      [&](const Var& x) { return xg::nll_loss(x, labels, {.weight = weights, .ignore_index = -100}); }, {z},
      twice));
  check(xg::gradcheck(
      [&](const Var& x, const Var& y) {
        return xg::binary_cross_entropy_with_logits(x, y, {.pos_weight = weights});
      },
      {z, t}, twice));
  CHECK(xg::cross_entropy(xg::constant(xt::xarray<float>(2 * numbers())), labels, all).item() ==
        doctest::Approx(3.05455611965).epsilon(1e-6));
}

TEST_CASE("losses with options refuse what cannot be meant, in one sentence") {
  const Var z = logits();
  const auto labels = labels_of({1, 4, 2, 0});
  CHECK(message_of([&] {
          xg::cross_entropy(z, labels, {.weight = {1, 2}});
        }) ==
        "cross_entropy: 2 elements of weight for predictions [4, 5]; give one for each of the 5 elements of "
        "the last "
        "axis");
  CHECK(message_of([&] {
          xg::cross_entropy(z, labels, {.weight = {1, 2, -3, 4, 5}});
        }) == "cross_entropy: element 2 of weight is -3; a weight must be finite and at least 0");
  CHECK(message_of([&] { xg::cross_entropy(z, labels, {.label_smoothing = 1.5}); }) ==
        "cross_entropy: label_smoothing is 1.5; it must be from 0 to 1");
  // PyTorch ignores -100 by default; here it is asked for.
  CHECK(message_of([&] {
          xg::cross_entropy(z, labels_of({1, -100, 2, 0}), {.weight = weights});
        }) == "cross_entropy: the label of row 1 is -100, and there are 5 classes; count them from 0");
  CHECK(message_of([&] {
          xg::cross_entropy(z, labels_of({1, 5, 2, -1}), {.ignore_index = -1});
        }) == "cross_entropy: the label of row 1 is 5, and there are 5 classes; count them from 0");
  CHECK(message_of([&] { xg::cross_entropy(z, numbers(), {.ignore_index = -1}); }) ==
        "cross_entropy: ignore_index is -1, and targets [4, 5] are rows of real numbers, not labels; give "
        "labels, or "
        "rows of zeros for samples to leave out");
  CHECK(message_of([&] {
          xg::cross_entropy(z, xg::Indices({4, 5}, 0), {.weight = weights});
        }) ==
        "cross_entropy: labels [4, 5] are rows of integers, of which a mean could be that of labels or that "
        "of rows; with "
        "options give labels [4], or rows of real numbers");
  CHECK(message_of([&] { xg::nll_loss(z, labels, {.weight = {1}}); }) ==
        "nll_loss: 1 elements of weight for predictions [4, 5]; give one for each of the 5 elements of the "
        "last axis");
  CHECK(message_of([&] {
          xg::binary_cross_entropy_with_logits(z, numbers(), {.pos_weight = {1, 2, 3, 4}});
        }) ==
        "binary_cross_entropy_with_logits: 4 elements of pos_weight for predictions [4, 5]; give one for "
        "each of the "
        "5 elements of the last axis");
  CHECK(message_of([&] {
          xg::binary_cross_entropy_with_logits(z, xt::ones<double>({5}), {.pos_weight = weights});
        }) ==
        "binary_cross_entropy_with_logits: predictions [4, 5] and targets [5] differ in shape, and a loss "
        "does not "
        "broadcast; reshape one of them");
}
