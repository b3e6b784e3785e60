#include <cstdint>
#include <numeric>
#include <set>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/data/dataset.hpp>

using namespace xgrad::data;
using xgrad::Array;
using xgrad::Indices;
using xgrad::Variable;

namespace {

/// Row i is (10 i, 10 i + 1), its label i.
TensorDataset<double> counted(std::size_t rows) {
  Array<double> inputs(xgrad::Shape{rows, 2});
  Indices labels(xgrad::Shape{rows});
  for (std::size_t i = 0; i < rows; ++i) {
    inputs(i, 0) = 10.0 * static_cast<double>(i);
    inputs(i, 1) = inputs(i, 0) + 1;
    labels(i) = static_cast<std::int64_t>(i);
  }
  return {inputs, labels};
}

std::vector<std::size_t> rows_of(std::initializer_list<std::size_t> rows) { return rows; }

}  // namespace

TEST_CASE("a tensor data set gives the rows that are asked for, as a constant and labels") {
  const auto batch = counted(5).batch(rows_of({3, 0, 3}));
  CHECK(batch.inputs.value() == Array<double>{{30, 31}, {0, 1}, {30, 31}});
  CHECK(batch.targets == Indices{3, 0, 3});
  CHECK(batch.inputs.is_leaf());
  CHECK_FALSE(batch.inputs.requires_grad());
  CHECK(counted(5).batch(rows_of({})).inputs.shape() == xgrad::Shape{0, 2});
}

TEST_CASE("a tensor data set deduces what it holds") {
  const xt::xarray<double> doubles{{1, 2}, {3, 4}};
  const xt::xarray<float> floats{{1, 2}, {3, 4}};
  const xt::xarray<int> labels{0, 1};
  CHECK(std::is_same_v<decltype(TensorDataset(doubles, labels)), TensorDataset<double, std::int64_t>>);
  CHECK(std::is_same_v<decltype(TensorDataset(floats, Indices{0, 1})), TensorDataset<float>>);
  CHECK(std::is_same_v<decltype(TensorDataset(floats, floats)), TensorDataset<float, float>>);
  CHECK(std::is_same_v<decltype(TensorDataset(doubles, 2 * doubles)), TensorDataset<double, double>>);
  CHECK(std::is_same_v<decltype(TensorDataset(Array<float>(floats), Array<int>(labels))),
                       TensorDataset<float>>);
}

TEST_CASE("real targets come as a constant of their rows") {
  const TensorDataset dataset(Array<double>{{1, 2}, {3, 4}}, Array<double>{{5, 6}, {7, 8}});
  const auto& [inputs, targets] = dataset.batch(rows_of({1}));
  static_assert(std::is_same_v<decltype(targets), const Variable<double>>);
  CHECK(inputs.value() == Array<double>{{3, 4}});
  CHECK(targets.value() == Array<double>{{7, 8}});
}

TEST_CASE("a tensor data set keeps its samples when the array that it came from is written") {
  Array<double> inputs{{1, 2}, {3, 4}};
  const TensorDataset dataset(inputs, Indices{0, 1});
  inputs(0, 0) = 100;
  CHECK(dataset.inputs() == Array<double>{{1, 2}, {3, 4}});
  Array<double> copy = dataset.inputs();
  copy(0, 0) = 100;
  CHECK(dataset.batch(rows_of({0})).inputs.value() == Array<double>{{1, 2}});
}

TEST_CASE("inputs and targets of different length are refused") {
  CHECK_THROWS_WITH_AS(
      TensorDataset(Array<double>{{1, 2}, {3, 4}}, Indices{0, 1, 2}),
      "TensorDataset: inputs [2, 2] and targets [3] differ in axis 0 (2 vs 3); give one target a "
      "sample",
      xgrad::ShapeError);
  CHECK_THROWS_WITH_AS(TensorDataset(Array<double>(1.0), Indices{0}),
                       "TensorDataset: inputs [] and targets [1]; both need a first axis, one row a sample",
                       xgrad::ShapeError);
}

TEST_CASE("a row that is not there is refused") {
  CHECK_THROWS_WITH_AS(
      counted(3).batch(rows_of({0, 3})),
      "TensorDataset: row 3 of a data set of 3; rows count from 0 and must be below its size",
      xgrad::ValueError);
  CHECK_THROWS_AS(Subset(counted(3), {3}), xgrad::ValueError);
  CHECK_THROWS_AS(Subset(counted(3), {2}).batch(rows_of({1})), xgrad::ValueError);
}

TEST_CASE("a subset numbers its own rows, also one of a subset") {
  const Subset odd(counted(8), {1, 3, 5, 7});
  CHECK(odd.size() == 4);
  CHECK(odd.batch(rows_of({3, 0})).targets == Indices{7, 1});
  const Subset inner(odd, {2});
  CHECK(inner.batch(rows_of({0})).targets == Indices{5});
}

TEST_CASE("a subset may be a range of rows") {
  CHECK(whole(subset(counted(8), 5, 8)).targets == Indices{5, 6, 7});
  CHECK(subset(counted(8), 3, 3).size() == 0);
  CHECK_THROWS_WITH_AS(subset(counted(8), 5, 9),
                       "subset: rows 5 to 9 of a data set of 8; give a range inside it", xgrad::ValueError);
  CHECK_THROWS_AS(subset(counted(8), 5, 4), xgrad::ValueError);
}

TEST_CASE("a random split puts each row into one part, and repeats with its seed") {
  const auto dataset = counted(100);
  const auto [train, test] = random_split(dataset, {70, 30}, 7);
  CHECK(train.size() == 70);
  CHECK(test.size() == 30);
  std::set<std::size_t> rows(train.rows().begin(), train.rows().end());
  rows.insert(test.rows().begin(), test.rows().end());
  CHECK(rows.size() == 100);
  CHECK(*rows.rbegin() == 99);
  CHECK(random_split(dataset, {70, 30}, 7)[0].rows() == train.rows());
  CHECK(random_split(dataset, {70, 30}, 8)[0].rows() != train.rows());
  CHECK(random_split(dataset, {10, 20, 70}, 7).size() == 3);
}

TEST_CASE("the sizes of a random split must add up") {
  CHECK_THROWS_WITH_AS(
      random_split(counted(10), {7, 4}, 0),
      "random_split: parts of 7 + 4 rows for a data set of 10; their sizes must add up to it",
      xgrad::ValueError);
  CHECK_THROWS_AS(random_split(counted(10), {7, 2}, 0), xgrad::ValueError);
  CHECK_THROWS_AS(random_split(counted(10), {~std::size_t{0}, 11}, 0), xgrad::ValueError);
}
