// Between the layers stands a function that is not linear. Each is drawn with its gradient, both as the
// engine computes them.
#include <cmath>
#include <functional>

#include <fmt/core.h>
#include <xgrad/xgrad.hpp>

#include "../lesson/lesson.hpp"

namespace xg = xgrad;
using Matrix = xt::xarray<double>;
using Var = xg::Variable<double>;

namespace {

/// From -5 to 5, without 0, where some of them have a kink.
Matrix samples() {
  Matrix x = Matrix::from_shape({200});
  for (std::size_t i = 0; i < x.size(); ++i) x(i) = -5 + (static_cast<double>(i) + 0.5) / 20;
  return x;
}

/// The first of three outputs of softmax, where the other two logits are 0 and 1.
Var softmax_first(const Var& x) {
  const Var zeros = 0 * x;
  const Var rows = xg::stack({x, zeros, zeros + 1}, 1);
  return xg::slice(xg::softmax(rows, 1), {xg::all, 0});
}

struct Activation {
  const char* name;
  Var (*f)(const Var& x);
  /// The derivative, from x and the output y.
  double (*derivative)(double x, double y);
};

// step is flat, and so records nothing: 0 * x gives it a place in the graph.
const Activation activations[] = {
    {"step", [](const Var& x) { return xg::step(x) + 0 * x; }, [](double, double) { return 0.0; }},
    {"sigmoid", [](const Var& x) { return xg::sigmoid(x); }, [](double, double y) { return y * (1 - y); }},
    {"tanh", [](const Var& x) { return xg::tanh(x); }, [](double, double y) { return 1 - y * y; }},
    {"ReLU", [](const Var& x) { return xg::relu(x); }, [](double x, double) { return x > 0 ? 1.0 : 0.0; }},
    {"leaky ReLU", [](const Var& x) { return xg::leaky_relu(x, 0.1); },
     [](double x, double) { return x > 0 ? 1.0 : 0.1; }},
    {"softmax of (x, 0, 1), first output", softmax_first, [](double, double y) { return y * (1 - y); }}};

plot::Panel show(lesson::Lesson& lesson, const Activation& activation) {
  const Var x = xg::parameter(samples());
  const Var y = activation.f(x);
  xg::sum(y).backward();
  const xg::Array<double> xs = x.value(), ys = y.value(), gradient = x.grad();
  Matrix expected = xs;
  plot::Curve value{"value", {}, {}, plot::blue}, slope{"gradient", {}, {}, plot::orange};
  for (std::size_t i = 0; i < xs.size(); ++i) {
    expected(i) = activation.derivative(xs(i), ys(i));
    value.x.push_back(xs(i));
    value.y.push_back(ys(i));
    slope.x.push_back(xs(i));
    slope.y.push_back(gradient(i));
  }
  lesson.near(fmt::format("gradient of {}", activation.name), gradient, expected, 1e-14);
  const auto numeric = xg::numerical_gradient([&] { return xg::sum(activation.f(x)).item(); }, x);
  lesson.near(fmt::format("gradient of {}, by differences", activation.name), numeric, expected, 1e-7);
  return {.title = activation.name,
          .x_label = "x",
          .layers = {value, slope},
          .x = {-5, 5},
          .y = {-1.2, 2.6},  // room for the legend
          .key = "top left"};
}

void teach(lesson::Lesson& lesson) {
  std::vector<plot::Panel> panels;
  for (const Activation& activation : activations) panels.push_back(show(lesson, activation));
  plot::figure(lesson.drawing(), "activations", "Activation functions and their gradients", panels, 2,
               {360, 260});
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, "activations", "Activation functions and their gradients.", teach);
}
