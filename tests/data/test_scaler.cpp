#include <cmath>
#include <string>

#include <doctest/doctest.h>
#include <xgrad/core/array/array_from.hpp>
#include <xgrad/data/normalise.hpp>
#include <xgrad/data/scaler.hpp>
#include <xgrad/io/save.hpp>

#include "../io/temporary_folder.hpp"
#include "../message_of.hpp"

using xgrad::Array;
using xgrad::Shape;
using xgrad::data::StandardScaler;
using xgrad::testing::message_of;
using Values = Array<double>;

TEST_CASE("what is learnt from the training samples is applied to others") {
  const Values train = {{1, 10, 5}, {3, 10, 5}, {5, 40, 5}, {7, 40, 5}};
  const StandardScaler scaler(train);
  CHECK(scaler.mean() == Values{4, 25, 5});
  CHECK(xt::allclose(scaler.deviation(), Values{std::sqrt(5.0), 15, 1}));  // of 1, 3, 5, 7: 20 / 4
  CHECK(scaler.transform(train) == xgrad::data::normalise(train));
  const Values test = {{9, 55, 6}, {4, 25, 5}};
  CHECK(xt::allclose(scaler.transform(test), Values{{std::sqrt(5.0), 2, 1}, {0, 0, 0}}));
  CHECK(xt::allclose(scaler.inverse_transform(scaler.transform(test)), test));
  CHECK(xt::allclose(scaler.transform(Values{4, 40, 5}), Values{0, 1, 0}));  // a single sample
}

TEST_CASE("samples of any shape are scaled place by place, and columns of one axis as one") {
  const StandardScaler images(Array<float>{{{1, 2}, {3, 4}}, {{3, 2}, {7, 8}}});
  CHECK(images.mean() == Values{{2, 2}, {5, 6}});
  CHECK(images.deviation() == Values{{1, 1}, {2, 2}});
  CHECK(images.transform(Array<float>{{{3, 3}, {5, 8}}}) == Array<float>{{{1, 1}, {0, 1}}});
  const StandardScaler targets(Values{1, 3});
  CHECK(targets.transform(Values{1, 2, 5}) == Values{-1, 0, 3});
}

TEST_CASE("a scaler is kept in a file and goes on with the same bits") {
  const xgrad::testing::TemporaryFolder folder;
  const std::string path = folder / "scaler.safetensors";
  const Array<float> train = {{0.1f, 1e6f}, {0.2f, 3e6f}, {0.4f, 4e6f}};
  const StandardScaler scaler(train);
  xgrad::io::save_arrays(scaler.state(), path);
  const StandardScaler<float> read(xgrad::io::load_arrays<double>(path));
  CHECK(read.transform(train) == scaler.transform(train));
}

TEST_CASE("samples that do not fit are refused") {
  const StandardScaler scaler(Values{{1, 2}, {3, 4}});
  CHECK(
      message_of([&] {
        scaler.transform(Values{{1, 2, 3}});
      }) ==
      "StandardScaler: transform of [1, 3], and it was made from samples of shape [2]; give [N, ...] of such "
      "samples");
  CHECK(
      message_of([&] {
        scaler.inverse_transform(Values{1, 2, 3});
      }) ==
      "StandardScaler: inverse_transform of [3], and it was made from samples of shape [2]; give [N, ...] of "
      "such samples");
  CHECK(message_of([] {
          const StandardScaler none{Values(Shape{0, 3})};
        }) == "StandardScaler: samples [0, 3] are none; give at least one to learn from");
  CHECK(message_of([] { const StandardScaler none{Values(Shape{}, 1.0)}; }) ==
        "StandardScaler: a value of shape [] has no first axis; give samples [N, ...]");
  CHECK(message_of([] {
          const StandardScaler<double> none{std::vector<StandardScaler<double>::NamedArray>{}};
        }) == "StandardScaler: there is no 'mean' in the state; give what state() gave");
  CHECK(message_of([] {
          const StandardScaler<double> none({{"mean", Values{0}}, {"deviation", Values{0}}});
        }) == "StandardScaler: a deviation of the state is not above 0; give what state() gave");
  const StandardScaler tiny(xgrad::array<double>({{1e-200}, {2e-200}}));  // whose squares are 0
  CHECK(std::isfinite(tiny.transform(xgrad::array<double>({{1e-200}}))(0, 0)));
}
