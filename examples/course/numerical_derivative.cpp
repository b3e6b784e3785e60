// A derivative without a formula: how much does f change when x moves a little to either side? And what the
// graph makes of the same function.
#include <fmt/core.h>
#include <xgrad/xgrad.hpp>

#include "../lesson/lesson.hpp"

namespace xg = xgrad;
using Var = xg::Variable<double>;

namespace {

Var f(const Var& x) { return 0.01 * xg::square(x) + 0.1 * x; }

/// The tangent at `at`, from the numerical derivative.
plot::Curve tangent(lesson::Lesson& lesson, double at, double expected, const char* colour) {
  const Var x = xg::parameter(at);
  const double slope = xg::numerical_gradient([&] { return f(x).item(); }, x)();
  const auto [value, gradient] = xg::value_and_grad(f, x);
  lesson.near(fmt::format("numerical derivative at {}", at), slope, expected, 1e-9);
  lesson.near(fmt::format("derivative by the graph at {}", at), gradient.item(), expected, 1e-15);
  const double intercept = value.item() - slope * at;
  return {fmt::format("tangent at {}, slope {:.1f}", at, slope),
          {0, 20},
          {intercept, slope * 20 + intercept},
          colour,
          plot::Mark::dashes};
}

void teach(lesson::Lesson& lesson) {
  plot::Curve curve{"f(x) = 0.01 x^2 + 0.1 x", {}, {}, plot::blue};
  for (int i = 0; i <= 100; ++i) {
    curve.x.push_back(i / 5.0);
    curve.y.push_back(f(xg::constant(i / 5.0)).item());
  }
  const auto at_5 = tangent(lesson, 5, 0.2, plot::orange), at_10 = tangent(lesson, 10, 0.3, plot::green);
  const plot::Curve touched{"",
                            {5, 10},
                            {f(xg::constant(5.0)).item(), f(xg::constant(10.0)).item()},
                            "#202020",
                            plot::Mark::points};
  plot::figure(lesson.drawing(), "numerical_derivative", "A derivative is the slope of the tangent",
               {{.x_label = "x",
                 .y_label = "f(x)",
                 .layers = {at_5, at_10, curve, touched},
                 .x = {0, 20},
                 .y = {-1, 6},
                 .key = "top left"}});
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, "numerical_derivative", "Derivatives by differences, and their tangents.",
                     teach);
}
