// How wrong is a prediction? Squared error and cross entropy, and the gradient that each sends back.
#include <cmath>

#include <xgrad/xgrad.hpp>

#include "../lesson/lesson.hpp"

namespace xg = xgrad;
using Matrix = xt::xarray<double>;
using Labels = xt::xarray<std::int64_t>;

namespace {

/// One sample of ten classes: the network is rather sure that it is class 2, and it is.
void one_sample(lesson::Lesson& lesson) {
  const auto y = xg::constant(Matrix{.1, .05, .6, 0, .05, .1, 0, .1, 0, 0});
  const Matrix t{0, 0, 1, 0, 0, 0, 0, 0, 0, 0};
  lesson.near("1/2 sum (y - t)^2", xg::nn::sum_squared_error(y, t).item(), 0.0975, 1e-15);
  lesson.near("cross entropy where class 2 has 0.6", xg::nn::cross_entropy_of_probabilities(y, t).item(),
              -std::log(0.6), 1e-15);
  const auto unsure = xg::constant(Matrix{.1, .05, .1, 0, .05, .1, 0, .6, 0, 0});
  lesson.near("cross entropy where class 2 has 0.1", xg::nn::cross_entropy_of_probabilities(unsure, t).item(),
              2.302585092994046, 1e-15);
}

/// Labels say which class; one-hot rows say the same with a 1 in its place.
void batches(lesson::Lesson& lesson) {
  const auto F = xg::constant(Matrix{{.2, .5, .3}, {.2, .6, .2}});
  const double expected = 0.8573992140459633;
  lesson.near("batch cross entropy, labels", xg::nn::cross_entropy_of_probabilities(F, Labels{2, 1}).item(),
              expected, 1e-15);
  lesson.near("batch cross entropy, one-hot rows",
              xg::nn::cross_entropy_of_probabilities(F, Matrix{{0, 0, 1}, {0, 1, 0}}).item(), expected,
              1e-15);

  // exp(54) is a large number and exp(540) is none at all: softmax and logarithm are one stable operation.
  const auto Z = xg::parameter(Matrix{{2, 25, 13}, {54, 3, 11}});
  const auto loss = xg::nn::cross_entropy(Z, Labels{2, 1});
  loss.backward();
  const xg::Array<double> g = Z.grad();
  lesson.near("softmax cross entropy from logits", loss.item(), 31.500003072148047, 1e-14);
  lesson.near("its gradient, (softmax(Z) - Y) / m", g,
              Matrix{{5.1309e-11, .499996928, -.499996928}, {.5, -.5, 1.0576e-19}}, 1e-9);
  lesson.near("the gradient's smallest elements keep their digits", g(0, 0), 5.1309e-11, 1e-15);
  lesson.near("and the very smallest", g(1, 2), 1.0576e-19, 1e-23);
}

/// One output for each of m samples.
void one_output(lesson::Lesson& lesson) {
  const Matrix z{0.5, -1.2, 2, 0.3}, y{1, 0, 1, 0};
  constexpr double m = 4;
  double squares = 0, logarithms = 0;
  Matrix f = z, error = z;
  for (std::size_t i = 0; i < 4; ++i) {
    f(i) = 1 / (1 + std::exp(-z(i)));
    error(i) = f(i) - y(i);
    squares += error(i) * error(i);
    logarithms -= y(i) * std::log(f(i)) + (1 - y(i)) * std::log(1 - f(i));
  }
  auto F = xg::parameter(f);
  const auto whole = xg::nn::mean_squared_error(F, y);
  whole.backward();
  lesson.near("mean squared error, 1/m", whole.item(), squares / m, 1e-12);
  lesson.near("its gradient, 2 (F - Y) / m", F.grad(), 2 * error / m, 1e-12);
  F.zero_grad();
  const auto half = 0.5 * xg::nn::mean_squared_error(F, y);
  half.backward();
  lesson.near("mean squared error, 1/(2m)", half.item(), squares / (2 * m), 1e-12);
  lesson.near("its gradient, (F - Y) / m", F.grad(), error / m, 1e-12);

  const auto Z = xg::parameter(z);
  const auto entropy = xg::nn::binary_cross_entropy(xg::sigmoid(Z), y, xg::nn::Reduction::mean, 1e-12);
  entropy.backward();
  lesson.near("binary cross entropy", entropy.item(), logarithms / m, 1e-12);
  lesson.near("its gradient in the logits, (F - Y) / m", Z.grad(), error / m, 1e-12);
  const auto lost = xg::nn::binary_cross_entropy(xg::constant(0.0), Matrix(1.0));
  lesson.near("epsilon keeps the logarithm of 0 finite", lost.item(), -std::log(1e-12), 1e-12);
}

void draw(plot::Drawing& drawing) {
  plot::Curve entropy{"cross entropy: -log y", {}, {}, plot::blue},
      squared{"squared error: (1 - y)^2 / 2", {}, {}, plot::orange};
  for (int i = 1; i <= 200; ++i) {
    const double y = i / 200.0;
    entropy.x.push_back(y);
    entropy.y.push_back(xg::nn::cross_entropy_of_probabilities(xg::constant(Matrix{y}), Labels(0)).item());
    squared.x.push_back(y);
    squared.y.push_back(xg::nn::sum_squared_error(xg::constant(Matrix{y}), Matrix{1}).item());
  }
  plot::figure(drawing, "losses", "What a loss says to a probability y of the true class",
               {{.x_label = "probability of the true class",
                 .y_label = "loss",
                 .layers = {entropy, squared},
                 .x = {0, 1},
                 .y = {0, 5}}});
}

void teach(lesson::Lesson& lesson) {
  one_sample(lesson);
  batches(lesson);
  one_output(lesson);
  draw(lesson.drawing());
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, "losses", "Squared error and cross entropy, with their gradients.", teach);
}
