// Losses of classes along any axis of any number of axes. Figures are PyTorch 1.13.1's, in double: logits
// 2 sin(0.37 k), k from 1, [2, 3, 2, 2], whose classes lie along axis 1 there always.
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/ops/cross_entropy.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/shape.hpp>
#include <xgrad/ops/softmax.hpp>

#include "../message_of.hpp"
#include "../variables.hpp"

namespace xg = xgrad;
using xg::CrossEntropyOptions;
using xg::Reduction;
using xgrad::testing::gradient_of;
using xgrad::testing::message_of;
using Var = xg::Variable<double>;
using Numbers = std::vector<double>;

namespace {

xt::xarray<double> numbers() {
  xt::xarray<double> made = 2 * xt::sin(0.37 * xt::arange<double>(1, 25));
  made.reshape({2, 3, 2, 2});
  return made;
}

const xg::Indices labels = xt::xarray<std::int64_t>{{{0, 2}, {1, 1}}, {{2, 0}, {0, 1}}};

void check_close(const xg::Array<double>& given, const Numbers& expected) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK(given.storage()[i] == doctest::Approx(expected[i]).epsilon(1e-10));
  }
}

/// A loss and the first six elements of its gradient.
template <class Loss>
void check_loss(const Loss& loss, double expected, const Numbers& gradient) {
  const Var z = xg::parameter(numbers());
  CHECK(loss(z).item() == doctest::Approx(expected).epsilon(1e-11));
  check_close(gradient_of(loss(z), z), gradient);
  CHECK(xg::gradcheck([&](const Var& x) { return loss(x); }, {z}, {.second_order = true}).ok());
}

}  // namespace

TEST_CASE("cross entropy of images, [N, C, H, W], has its classes along axis 1") {
  check_loss(
      [](const Var& z) { return xg::cross_entropy(z, labels, {.axis = 1}); }, 1.98750637508,
      {-0.0981266938716, 0.0528088871219, 0.0828278268563, 0.102821551671, 0.0891618269236, 0.0674397505246});
  check_loss(
      [](const Var& z) { return xg::cross_entropy(z, labels, {.reduction = Reduction::sum, .axis = -3}); },
      15.9000510006,
      {-0.785013550973, 0.422471096975, 0.662622614851, 0.822572413366, 0.713294615389, 0.539518004197});
  const Var losses =
      xg::cross_entropy(xg::constant(numbers()), labels, {.reduction = Reduction::none, .axis = 1});
  CHECK(losses.shape() == xg::Shape{2, 2, 2});
  check_close(losses.value(), {1.53718028062, 3.26988234912, 1.15485834721, 1.82588791294, 0.145644197485,
                               3.99000148977, 3.53920963119, 0.437386792256});
}

TEST_CASE("weights, ignored labels and smoothing go with an axis") {
  check_loss(
      [](const Var& z) {
        return xg::cross_entropy(
            z, labels, {.weight = {1, 0.5, 2}, .ignore_index = 1, .label_smoothing = 0.1, .axis = 1});
      },
      2.18994393365, {-0.102109110975, 0.110914705124, 0, 0, 0.101216598902, 0.145344215435});
  const Var losses =
      xg::cross_entropy(xg::constant(numbers()), labels,
                        {.reduction = Reduction::none, .weight = {1, 0.5, 2}, .ignore_index = 1, .axis = 1});
  CHECK(losses.shape() == xg::Shape{2, 2, 2});
  check_close(losses.value(),
              {1.53718028062, 6.53976469825, 0, 0, 0.29128839497, 3.99000148977, 3.53920963119, 0});
}

TEST_CASE("rows of probabilities lie along the axis of the logits' classes") {
  const auto targets = [](const Var& z) { return xg::softmax(z * 0.5 + 0.1 * xg::cos(z), 1).detach(); };
  const Var t = targets(xg::constant(numbers()));
  check_loss([&](const Var& z) { return xg::cross_entropy(z, t, {.axis = 1}); }, 1.05499278145,
             {-0.0119365356236, 0.000965190916867, 0.0179858302203, 0.0269734156185, 0.0257968056114,
              0.0102578154818});
  check_loss(
      [&](const Var& z) {
        return xg::cross_entropy(z, t, {.weight = {1, 0.5, 2}, .label_smoothing = 0.2, .axis = 1});
      },
      1.39843253921,
      {-0.0131354959946, 0.000496774404215, 0.0190699405407, 0.031685202798, 0.0575668790446,
       0.0372027957748});
}

TEST_CASE("the last axis is the classes' unless an option says otherwise") {
  const Var last = xg::constant(xt::xarray<double>(xt::transpose(numbers(), {0, 2, 3, 1})));
  CHECK(xg::cross_entropy(last, labels).item() == doctest::Approx(1.98750637508).epsilon(1e-11));
  CHECK(xg::cross_entropy(last, labels, Reduction::none).shape() == xg::Shape{2, 2, 2});
  CHECK(xg::nll_loss(xg::log_softmax(last, -1), labels).item() ==
        doctest::Approx(1.98750637508).epsilon(1e-11));
  check_loss(
      [](const Var& z) {
        return xg::nll_loss(xg::log_softmax(z, 1), labels, {.weight = {1, 0.5, 2}, .axis = 1});
      },
      2.07135423777,
      {-0.0923545354085, 0.0994049639942, 0.0389778008736, 0.048386612551, 0.0839170135752, 0.126945412752});
  // A matrix whose classes are its rows.
  const Var columns = xg::constant(xt::xarray<double>{{1, 2}, {3, 5}});
  CHECK(xg::cross_entropy(columns, xg::Indices(xg::Shape{2}, 1), {.axis = 0}).item() ==
        doctest::Approx((std::log1p(std::exp(-2.0)) + std::log1p(std::exp(-3.0))) / 2));
}

TEST_CASE("labels for another axis are refused, and the way out named") {
  const Var z = xg::parameter(numbers());
  CHECK(message_of([&] { xg::cross_entropy(z, labels); }) ==
        "cross_entropy: labels [2, 2, 2] do not fit predictions [2, 3, 2, 2] with the classes along axis 3; "
        "give "
        "[2, 3, 2], one label a sample, or say .axis = 1 if the classes lie along that one, or give one-hot "
        "rows");
  CHECK_THROWS_AS(xg::cross_entropy(z, labels, {.axis = 4}), xg::ShapeError);
  CHECK_THROWS_AS(xg::nll_loss(z, labels, {.axis = 2}), xg::ShapeError);
  CHECK_THROWS_AS(xg::cross_entropy(z, labels, {.weight = {1, 2}, .axis = 1}), xg::ValueError);
}
