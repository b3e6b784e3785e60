// The models of the course: softmax regression and the two-layer network, with their known figures, and what
// backpropagation spares.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/numerical_gradient.hpp>
#include <xgrad/nn/loss.hpp>
#include <xgrad/nn/two_layer_net.hpp>
#include <xgrad/ops/creation.hpp>
#include <xgrad/ops/linear_algebra.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/optim/sgd.hpp>

#include "../variables.hpp"

namespace {

using xgrad::Array;
using xgrad::Indices;
using xgrad::Shape;
using xgrad::Variable;
using xgrad::nn::HiddenActivation;
using xgrad::nn::TwoLayerNet;
using xgrad::testing::largest_difference;

using Matrix = xt::xarray<double>;

double largest_element(const Array<double>& a) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a.storage()[i]));
  return largest;
}

const Matrix three_inputs = {{1, 2}, {3, 4}, {5, 6}};
const Matrix first_weight = {
    {-.00416757847405471, -.00056266827226329, -.02136196095668454, .01640270808404989},
    {-.01793435585194863, -.00841747365656204, .00502881417158043, -.01245288086607232}};
const Matrix second_weight = {{-1.05795222e-2, -9.09007615e-3, 5.51454045e-3},
                              {2.29220801e-2, 4.15393930e-4, -1.11792545e-2},
                              {5.39058321e-3, -5.96159700e-3, -1.91304965e-4},
                              {1.17500122e-2, -7.47870949e-3, 9.02525097e-5}};

/// The network 2-4-3 with the course's parameters.
TwoLayerNet<double> course_net() {
  TwoLayerNet<double> net(2, 4, 3);
  net.hidden().weight().set_value(first_weight);
  net.hidden().bias().set_value(xt::zeros<double>({4}));
  net.output().weight().set_value(second_weight);
  net.output().bias().set_value(xt::zeros<double>({3}));
  return net;
}

/// Cross entropy, and reg times the sum of the squared weights.
Variable<double> course_loss(TwoLayerNet<double>& net, double reg) {
  const Indices labels = xt::xarray<std::int64_t>{2, 0, 1};
  const auto squares = sum(square(net.hidden().weight())) + sum(square(net.output().weight()));
  return xgrad::nn::cross_entropy(net(xgrad::constant(three_inputs)), labels) + reg * squares;
}

template <class F>
double seconds(F&& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

TEST_CASE("softmax regression with L2 has the course's loss and gradient") {
  const auto x = xgrad::constant(Matrix{{2, 3}, {4, 5}});
  const Indices labels = xt::xarray<std::int64_t>{2, 1};
  const auto w = xgrad::parameter(Matrix{{.1, .2, .3}, {.4, .2, .8}});
  const auto loss = xgrad::nn::cross_entropy(matmul(x, w), labels) + 0.2 * sum(square(w));
  loss.backward();
  CHECK(std::abs(loss.item() - 2.0863049636282662) < 1e-15);
  const Matrix expected = {{.30213245, -1.75779321, 1.69566076}, {.5254108, -2.19194012, 2.22652932}};
  CHECK(largest_difference(w.grad(), expected) < 1e-8);
}

TEST_CASE("the two-layer network 2-4-3 has the course's logits and loss") {
  TwoLayerNet<double> net = course_net();
  const Matrix expected = {{-1.36253581e-4, 4.87491807e-4, -2.47960226e-5},
                           {-1.64985210e-4, 1.01574088e-3, -5.99877659e-5},
                           {-1.96135525e-4, 1.54048069e-3, -9.36558871e-5}};
  CHECK(largest_difference(net(xgrad::constant(three_inputs)).value(), expected) < 1e-9);
  CHECK(std::abs(course_loss(net, 1e-3).item() - 1.09842777) < 1e-8);
}

TEST_CASE("training by numerical gradients and by backpropagation takes the same path") {
  TwoLayerNet<double> by_graph = course_net(), by_differences = course_net();
  // A rate of 0.2 or more makes the descent jump about, and then any difference grows.
  xgrad::optim::SGD<double> first(by_graph.parameters(), {.learning_rate = 0.1});
  xgrad::optim::SGD<double> second(by_differences.parameters(), {.learning_rate = 0.1});
  for (int step = 0; step < 100; ++step) {
    first.zero_grad();
    course_loss(by_graph, 1e-3).backward();
    first.step();
    std::vector<Array<double>> gradients;
    for (const Variable<double>& parameter : second.parameters())
      gradients.push_back(xgrad::numerical_gradient(
          [&] {
            const xgrad::NoGrad quiet;
            return course_loss(by_differences, 1e-3).item();
          },
          parameter));
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      Variable<double> parameter = second.parameters()[i];
      parameter.set_grad(to_dense(gradients[i]));
    }
    second.step();
  }
  for (std::size_t i = 0; i < first.parameters().size(); ++i)
    CHECK(largest_difference(first.parameters()[i].value(), second.parameters()[i].value()) < 1e-6);
  CHECK(course_loss(by_graph, 1e-3).item() < 0.7);  // from 1.098
}

TEST_CASE("every gradient of the two-layer network agrees with central differences") {
  const Indices labels = xt::xarray<std::int64_t>{3, 9, 0, 5};
  for (const auto activation : {HiddenActivation::tanh, HiddenActivation::sigmoid, HiddenActivation::relu}) {
    xgrad::manual_seed(2);
    TwoLayerNet<double> net(64, 20, 10, activation);
    const auto x = xgrad::constant(xgrad::rand({4, 64}));
    const auto loss = [&] { return xgrad::nn::cross_entropy(net(x), labels); };
    loss().backward();
    for (const auto& named : net.named_parameters()) {
      const auto& parameter = named.second;
      CAPTURE(named.first);
      const auto numeric = xgrad::numerical_gradient(
          [&] {
            const xgrad::NoGrad quiet;
            return loss().item();
          },
          parameter);
      CHECK(largest_difference(parameter.grad(), numeric) <= 1e-7 * largest_element(parameter.grad()));
    }
  }
  xgrad::manual_seed(0);
}

TEST_CASE(
    "a numerical gradient of the network 784-100-10 would cost thousands of times what backward costs") {
  xgrad::manual_seed(1);
  TwoLayerNet<double> net(784, 100, 10);
  CHECK(net.parameter_count() == 79510);
  CHECK(net.summary({100, 784}) ==
        "TwoLayerNet: input [100, 784], output [100, 10]\n"
        "\n"
        "layer   type         output       bytes     FLOPs  parameters\n"
        "itself  TwoLayerNet  [100, 10]    80000     10000           0\n"
        "hidden  Linear       [100, 100]   80000  15690000       78500\n"
        "output  Linear       [100, 10]     8000    201000        1010\n"
        "total                            168000  15901000       79510\n");

  const auto x = xgrad::constant(xgrad::rand({20, 784}));
  const Indices labels = xt::zeros<std::int64_t>({20});
  const auto loss = [&] { return xgrad::nn::cross_entropy(net(x), labels); };
  const auto value = [&] {
    const xgrad::NoGrad quiet;
    return loss().item();
  };
  Array<double> slice;
  double numerical = 1e9, backward = 1e9;  // the best of three, for what else the machine does
  for (int run = 0; run < 3; ++run) {
    numerical =
        std::min(numerical, seconds([&] { slice = xgrad::numerical_gradient(value, net.output().bias()); }));
    backward = std::min(backward, seconds([&] {
                          net.zero_grad();
                          loss().backward();
                        }));
  }
  CHECK(largest_difference(net.output().bias().grad(), slice) < 1e-8);
  const double passes = 2.0 * static_cast<double>(net.parameter_count());
  const double whole = numerical / (2 * 10) * passes;
  MESSAGE("backward: ", backward * 1e3, " ms; a numerical gradient: ", passes, " forward passes, ", whole,
          " s, or ", whole / backward, " times as long");
  CHECK(whole / backward > 1000);
  xgrad::manual_seed(0);
}
