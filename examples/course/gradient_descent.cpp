// The gradient points uphill, so a function is made small by going the other way, step by step.
#include <cmath>

#include <xgrad/xgrad.hpp>

#include "../lesson/lesson.hpp"

namespace xg = xgrad;
using Matrix = xt::xarray<double>;
using Var = xg::Variable<double>;

namespace {

/// x_0^2 + x_1^2
Var bowl(const Var& x) { return xg::sum(x * x); }

/// Arrows along the negative gradient, one from each point of a lattice.
plot::Panel field() {
  plot::Arrows arrows{"", {}, plot::blue};
  constexpr double length = 0.06;  // of an arrow, for a gradient of length 1
  for (int i = -8; i <= 8; ++i)
    for (int j = -8; j <= 8; ++j) {
      const double x = i / 4.0, y = j / 4.0;
      const auto gradient = xg::value_and_grad(bowl, xg::constant(Matrix{x, y})).gradient.value();
      arrows.arrows.push_back({x, y, -length * gradient(0), -length * gradient(1)});
    }
  return {.title = "The negative gradient, shortened",
          .x_label = "x_0",
          .y_label = "x_1",
          .layers = {arrows},
          .x = {-2.2, 2.2},
          .y = {-2.2, 2.2},
          .same_scale = true};
}

plot::Panel contours(const plot::Curve& path) {
  plot::Grid grid{.left = -5.2, .right = 5.2, .bottom = -5.2, .top = 5.2, .columns = 151, .rows = 151};
  const plot::Contours lines{"contours of f",
                             plot::evaluate(grid, [](double x, double y) { return x * x + y * y; }),
                             {1, 4, 9, 16, 25}};
  return {.title = "The path from (-3, 4) at rate 0.1",
          .x_label = "x_0",
          .y_label = "x_1",
          .layers = {lines, path},
          .x = {-5.2, 5.2},
          .y = {-5.2, 5.2},
          .same_scale = true,
          .key = plot::below_axes};
}

void teach(lesson::Lesson& lesson) {
  const auto at = xg::parameter(Matrix{3, 4});
  lesson.near("gradient at (3, 4) by the graph", xg::value_and_grad(bowl, at).gradient.value(), Matrix{6, 8},
              1e-15);
  lesson.near("gradient at (3, 4) by differences",
              xg::numerical_gradient([&] { return bowl(at).item(); }, at), Matrix{6, 8}, 1e-9);

  const auto x = xg::parameter(Matrix{-3, 4});
  xg::optim::SGD<double> sgd({x}, {.learning_rate = 0.1});
  plot::Curve path{"gradient descent", {-3}, {4}, plot::orange, plot::Mark::path};
  for (int step = 0; step < 100; ++step) {
    sgd.zero_grad();
    bowl(x).backward();
    sgd.step();
    path.x.push_back(x.value()(0));
    path.y.push_back(x.value()(1));
  }
  // Each step takes a fifth of what is left: after 100 of them 0.8^100 of the start, printed to nine digits.
  lesson.near("x_0 after 100 steps", path.x.back(), -6.11110793e-10, 0.5e-18);
  lesson.near("x_1 after 100 steps", path.y.back(), 8.14814391e-10, 0.5e-18);
  plot::figure(lesson.drawing(), "gradient_descent", "f(x_0, x_1) = x_0^2 + x_1^2, downhill",
               {field(), contours(path)}, 2, {360, 400});
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, "gradient_descent", "A gradient as a field of arrows, and the way downhill.",
                     teach);
}
