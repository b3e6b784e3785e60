// Regression by a Gaussian process: Rasmussen and Williams, "Gaussian processes for machine
// learning", 2006, algorithm 2.1. Hyper-parameters by LBFGS, and Laplace's approximation of their
// posterior, whose covariance is the inverse Hessian. To be seen: it holds the values that the
// data were drawn with, and importance sampling says how far it is from the posterior.
#include <cmath>
#include <iostream>

#include <xgrad/xgrad.hpp>
#include <xgrad/xtensor.hpp>

namespace xg = xgrad;
using Var = xg::Variable<double>;

// theta holds the logarithms of the length, the amplitude and the noise.
Var kernel(const Var& theta, const Var& a, const Var& b) {
  const auto distance = (a[{xg::all, xg::newaxis}] - b[xg::newaxis]) * xg::exp(-theta[0]);
  return xg::exp(2 * theta[1] - 0.5 * xg::square(distance));
}

struct Factors {
  Var l, alpha;  // K + noise = l l', and alpha = (K + noise)^-1 y
};

Factors factors(const Var& theta, const Var& x, const Var& y) {
  const auto noise = xg::exp(2 * theta[2]) * xg::eye(x.size());
  const auto l = xg::cholesky(kernel(theta, x, x) + noise);
  return {l, xg::solve_triangular(l, xg::solve_triangular(l, y), {.transpose = true})};
}

int main() {
  xg::manual_seed(0);
  const auto truth = xg::constant({std::log(0.8), std::log(1.5), std::log(0.2)});
  const auto all = xg::constant(12 * xg::rand({200}));
  const auto root_of_k = xg::cholesky(kernel(truth, all, all) + 1e-8 * xg::eye(200));
  const auto f = xg::matmul(root_of_k, xg::constant(xg::randn({200})));
  const auto x = all[xg::range(0, 100)], y = f[xg::range(0, 100)] + 0.2 * xg::randn({100});
  const auto x_new = all[xg::range(100, 200)], f_new = f[xg::range(100, 200)];

  // Minus the logarithm of evidence times prior, N(0, 2^2) for each of theta, but for constants.
  const auto energy = [&](const Var& at) {
    const auto [l, alpha] = factors(at, x, y);
    return xg::dot(y, alpha) / 2 + xg::sum(xg::log(xg::diagonal(l))) + xg::sum(at * at) / 8;
  };
  const auto theta = xg::parameter({0.0, 0.0, -1.0});
  xg::optim::LBFGS lbfgs({theta}, {.max_iter = 100});
  lbfgs.step([&] {
    lbfgs.zero_grad();
    const auto loss = energy(theta);
    loss.backward();
    return loss;
  });
  const auto hessian = xg::constant(xg::hessian(energy, theta));
  const auto root = xg::cholesky(xg::inverse(hessian));

  xg::NoGrad off;
  const auto gap = truth - theta, deviations = xg::norm(root, {.axes = {1}});
  const double distance = xg::dot(gap, xg::matmul(hessian, gap)).item();
  double sum = 0, squares = 0;  // of the weights of samples of the approximation
  for (int k = 0; k < 500; ++k) {
    const auto z = xg::constant(xg::randn({3}));
    const auto ratio = energy(theta) - energy(theta + xg::matmul(root, z)) + xg::sum(z * z) / 2;
    sum += std::exp(ratio.item());
    squares += std::exp(2 * ratio.item());
  }
  const double share = sum * sum / squares / 500;
  const auto [l, alpha] = factors(theta, x, y);
  const auto across = kernel(theta, x_new, x);
  const auto known = xg::sum(xg::square(xg::solve_triangular(l, xg::transpose(across))), 0);
  const auto error = (f_new - xg::matmul(across, alpha)) / xg::sqrt(xg::exp(2 * theta[1]) - known);
  const double inside = xg::mean(xg::abs(error) < 1.96).item();
  std::cout << "log length, amplitude, noise " << theta.value() << " +- " << deviations.value()
            << "\nsquared distance of the true ones " << distance << ", of 500 samples count "
            << 500 * share << ", new values in the 95 % band " << inside << '\n';
  // Chi squared of three degrees of freedom is above 16.3 once in a thousand; new values lie near
  // each other, so that they leave the band together.
  if (distance < 16.3 && share > 0.4 && inside > 0.7) return 0;
  std::cerr << "MISSED: a distance below 16.3, 200 samples that count, 0.7 in the band\n";
  return 1;
}
