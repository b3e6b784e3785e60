// Figures of predictions. Expected numbers were computed with NumPy from the definitions in
// train/metrics.hpp.
#include <cmath>
#include <limits>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/train/metrics.hpp>

#include "../message_of.hpp"

namespace {

using namespace xgrad::train;
using xgrad::constant;
using xgrad::Indices;
using xgrad::testing::message_of;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// Eleven samples of five classes, of which class 3 is nowhere.
const Indices labels = xt::xarray<std::int64_t>{0, 1, 2, 2, 1, 0, 2, 0, 2, 4, 4};
const Indices predicted = xt::xarray<std::int64_t>{0, 2, 2, 1, 1, 0, 2, 2, 2, 2, 4};
const Indices counts = xt::xarray<std::int64_t>{
    {2, 0, 1, 0, 0}, {0, 1, 1, 0, 0}, {0, 1, 3, 0, 0}, {0, 0, 0, 0, 0}, {0, 0, 1, 0, 1}};

/// Logits whose largest element stands where `predicted` says.
xgrad::Variable<float> logits() {
  xt::xarray<float> rows = xt::zeros<float>({11, 5});
  for (std::size_t i = 0; i < 11; ++i) rows(i, static_cast<std::size_t>(predicted(i))) = 0.5f;
  return constant(rows);
}

}  // namespace

TEST_CASE("a confusion matrix has a row for each true class and a column for each predicted one") {
  CHECK(confusion_matrix(predicted, labels, 5) == counts);
  CHECK(confusion_matrix(logits(), labels) == counts);
  // The first of equal elements, as accuracy has it.
  CHECK(confusion_matrix(constant(xt::ones<double>({1, 2})), Indices({1}, 1)) ==
        Indices(xt::xarray<std::int64_t>{{0, 0}, {1, 0}}));
}

TEST_CASE("confusion matrices of batches add up to that of all samples") {
  const Indices first = xt::xarray<std::int64_t>{0, 1, 2, 2},
                rest = xt::xarray<std::int64_t>{1, 0, 2, 0, 2, 4, 4};
  Indices sum = confusion_matrix(xt::xarray<std::int64_t>{0, 2, 2, 1}, first, 5);
  sum += confusion_matrix(xt::xarray<std::int64_t>{1, 0, 2, 2, 2, 2, 4}, rest, 5);
  CHECK(sum == counts);
}

TEST_CASE("F1 of each class, of their mean and of all samples together") {
  const auto scores = f1_scores(counts);
  const std::vector<double> expected = {0.8, 0.5, 0.6, not_a_number, 2.0 / 3};
  for (std::size_t k = 0; k < 5; ++k) {
    CAPTURE(k);
    if (k == 3)
      CHECK(std::isnan(scores(k)));  // a class that is nowhere has no score
    else
      CHECK(scores(k) == doctest::Approx(expected[k]).epsilon(1e-14));
  }
  CHECK(f1_score(counts) == doctest::Approx(0.6416666666666666).epsilon(1e-14));
  CHECK(f1_score(counts, Average::macro) == f1_score(counts));
  CHECK(f1_score(counts, Average::micro) == doctest::Approx(0.6363636363636364).epsilon(1e-14));
  CHECK(f1_score(logits(), labels) == f1_score(counts));
  // Of one label a sample the micro average is the accuracy.
  CHECK(f1_score(logits(), labels, Average::micro) == doctest::Approx(accuracy(logits(), labels)));
}

TEST_CASE("a class that is only predicted, or never, has an F1 of 0 and counts in the mean") {
  const Indices missed = xt::xarray<std::int64_t>{{0, 2}, {0, 2}};  // class 0 never found: 0; class 1: 4 / 6
  CHECK(f1_scores(missed)(0) == 0);
  CHECK(f1_score(missed) == doctest::Approx(1.0 / 3));
}

TEST_CASE("F1 of one class, and of no samples") {
  CHECK(f1_score(Indices({1, 1}, 7)) == 1);
  CHECK(f1_score(Indices({1, 1}, 7), Average::micro) == 1);
  CHECK(std::isnan(f1_score(Indices({3, 3}, 0))));
  CHECK(std::isnan(f1_score(Indices({3, 3}, 0), Average::micro)));
  CHECK(std::isnan(f1_score(constant(xt::xarray<float>::from_shape({0, 3})), Indices({0}, 0))));
}

TEST_CASE("R2 is the part of the variance that is explained, and the mean over columns") {
  const auto p = constant(xt::xarray<double>{2.5, 0, 2, 8});
  const xt::xarray<double> t = {3, -0.5, 2, 7};
  CHECK(r2_score(p, t) == doctest::Approx(0.9486081370449679).epsilon(1e-14));
  CHECK(r2_score(constant(t), constant(t)) == 1);
  CHECK(r2_score(constant(xt::xarray<double>{2.875, 2.875, 2.875, 2.875}), t) == 0);  // the mean
  CHECK(r2_score(constant(xt::xarray<float>{{0, 2}, {-1, 2}, {8, -5}}),
                 xt::xarray<float>{{0.5, 1}, {-1, 1}, {7, -6}}) ==
        doctest::Approx(0.9368005266622779).epsilon(1e-14));
}

TEST_CASE("R2 is NaN where there is nothing to explain, or a number is NaN") {
  // A tenth has no mean of three to the bit: the variance is none, not a tiny one.
  CHECK(std::isnan(r2_score(constant(xt::xarray<double>{1, 2, 3}), xt::xarray<double>{0.1, 0.1, 0.1})));
  CHECK(std::isnan(r2_score(constant(xt::xarray<double>::from_shape({1})), xt::ones<double>({1}))));
  CHECK(std::isnan(r2_score(constant(xt::xarray<double>{not_a_number, 2}), xt::xarray<double>{1, 2})));
  CHECK(std::isnan(r2_score(constant(xt::xarray<double>{1, 2}), xt::xarray<double>{not_a_number, 2})));
  // Far from 0 the squares of the targets would have no digits left.
  CHECK(r2_score(constant(xt::xarray<double>{1e8 + 1, 1e8 + 2, 1e8 + 4}),
                 xt::xarray<double>{1e8 + 1, 1e8 + 2, 1e8 + 3}) == doctest::Approx(0.5));
}

TEST_CASE("metrics: what does not fit is refused in one sentence") {
  const auto rows = constant(xt::xarray<double>{{1, 2}, {3, not_a_number}});
  CHECK(message_of([&] { confusion_matrix(rows, Indices({2}, 0)); }) ==
        "confusion_matrix: row 1 of the predictions has a NaN in column 1, and so no largest element; see "
        "DetectAnomaly for where it comes from");
  CHECK(message_of([&] { confusion_matrix(rows, Indices({3}, 0)); }) ==
        "confusion_matrix: predictions [2, 2] and labels [3] do not fit; give [n, classes] and [n]");
  CHECK(message_of([&] {
          confusion_matrix(constant(xt::xarray<double>({{1, 2}})), Indices({1}, 2));
        }) == "confusion_matrix: the label of row 0 is 2, and there are 2 classes; count them from 0");
  // One logit a sample is no row of classes.
  CHECK(message_of([&] {
          confusion_matrix(constant(xt::ones<double>({2, 1})), Indices({2}, 1));
        }) ==
        "confusion_matrix: the label of row 0 is 1, and there are 1 classes; count them from 0, and give a "
        "column of predictions for each");
  CHECK(message_of([&] { confusion_matrix(Indices({1}, -1), Indices({1}, 0), 3); }) ==
        "confusion_matrix: the predicted class of row 0 is -1, and there are 3 classes; count them from 0");
  CHECK(message_of([&] { confusion_matrix(Indices({2}, 0), Indices({1}, 0), 3); }) ==
        "confusion_matrix: predicted classes [2] and labels [1] do not fit; give [n] and [n]");
  CHECK(message_of([&] { confusion_matrix(Indices({1}, 0), Indices({1}, 0), 0); }) ==
        "confusion_matrix: the number of classes is 0; it must be at least 1");
  CHECK(message_of([&] { f1_score(labels); }) ==
        "f1_score: [11] is no confusion matrix; give one of confusion_matrix, [classes, classes]");
  CHECK(message_of([&] {
          f1_scores(Indices({1, 1}, -3));
        }) ==
        "f1_score: element [0, 0] of the counts is -3; give a matrix of confusion_matrix, or a sum of such");
  // Broadcasting would compare each prediction with every target.
  CHECK(message_of([&] {
          r2_score(constant(xt::ones<double>({2, 1})), xt::xarray<double>{1, 2});
        }) == "r2_score: predictions [2, 1] and targets [2] do not fit; give both as [n], or both as [n, k]");
}
