// Newton's method on Rosenbrock's function, from its usual start: each step goes by the gradient and the
// Hessian.
#include <cmath>
#include <iostream>
#include <xgrad/xgrad.hpp>

namespace xg = xgrad;

namespace {

/// 100 (y - x^2)^2 + (1 - x)^2: a curved valley, with its lowest point at (1, 1).
xg::Variable<double> rosenbrock(const xg::Variable<double>& point) {
  const auto x = xg::slice(point, {0}), y = xg::slice(point, {1});
  return 100 * xg::square(y - x * x) + xg::square(1 - x);
}

/// The solution of a system of two equations, by Cramer's rule.
xt::xarray<double> solve(const xg::Array<double>& a, const xg::Array<double>& b) {
  const double determinant = a(0, 0) * a(1, 1) - a(0, 1) * a(1, 0);
  return {(b(0) * a(1, 1) - a(0, 1) * b(1)) / determinant, (a(0, 0) * b(1) - b(0) * a(1, 0)) / determinant};
}

}  // namespace

int main() {
  auto point = xg::constant(xt::xarray<double>{-1.2, 1});
  for (int step = 0; step <= 6; ++step) {
    const auto [value, gradient] = xg::value_and_grad(rosenbrock, point);
    std::cout << "step " << step << ": f(" << point.value()(0) << ", " << point.value()(1)
              << ") = " << value.item() << ", gradient " << xg::sqrt(xg::sum(gradient * gradient)).item()
              << '\n';
    const xg::Array<double> hessian = xg::hessian(rosenbrock, point);
    point.set_value(point.value() - solve(hessian, gradient.value()));
  }
}
