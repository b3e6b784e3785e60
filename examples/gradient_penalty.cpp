// A critic learns how far apart two clouds of points are, held to slopes near 1 by a penalty on its gradient,
// whose own gradient is of second order. Gulrajani et al., "Improved training of Wasserstein GANs", NeurIPS
// 2017.
#include <cmath>
#include <iostream>
#include <xgrad/xgrad.hpp>

namespace xg = xgrad;
using Var = xg::Variable<double>;

namespace {

constexpr std::size_t samples = 256;
constexpr double weight = 10;  // of the penalty

Var cloud(double x, double y) {
  const auto points = xg::random_normal<double>({samples, 2}, 0, 0.5);
  return xg::constant(points + xt::xarray<double>{x, y});
}

/// The length of the critic's gradient at points between the two clouds.
Var slopes(xg::nn::Sequential<double>& critic, const Var& a, const Var& b) {
  const Var share = xg::constant(xg::rand({samples, 1}));
  const Var between = xg::parameter((share * a + (1 - share) * b).value());
  const Var gradient = xg::grad(xg::sum(critic(between)), {between}, {.create_graph = true})[0];
  return xg::sqrt(xg::sum(gradient * gradient, {.axes = {1}}));
}

}  // namespace

int main() {
  xg::manual_seed(0);
  xg::nn::Sequential<double> critic{xg::nn::Linear<double>(2, 32), xg::nn::Softplus<double>(),
                                    xg::nn::Linear<double>(32, 1)};
  xg::optim::SGD<double> sgd(critic.parameters(), {.learning_rate = 0.02, .momentum = 0.9});
  constexpr int steps = 1000, averaged = 200;
  double height = 0, slope = 0;
  for (int step = 1; step <= steps; ++step) {
    const Var real = cloud(1, 0.5), fake = cloud(-1, -0.5);
    const Var difference = xg::mean(critic(real)) - xg::mean(critic(fake));
    const Var lengths = slopes(critic, real, fake);
    const Var loss = weight * xg::mean(xg::square(lengths - 1)) - difference;
    sgd.zero_grad();
    loss.backward();
    sgd.step();
    const double mean_slope = xg::mean(lengths).item();
    if (step % 200 == 0)
      std::cout << "step " << step << ": loss " << loss.item() << ", slope " << mean_slope << '\n';
    if (step > steps - averaged) {
      height += difference.item() / averaged;
      slope += mean_slope / averaged;
    }
  }
  // The clouds differ by a shift of length sqrt(5), which is their distance. For a critic of slope s the loss
  // is weight (s - 1)^2 - s sqrt(5), least at s = 1 + sqrt(5) / (2 weight) = 1.11.
  std::cout << "slope " << slope << ", expected " << 1 + std::sqrt(5.0) / (2 * weight) << "\ndistance "
            << height / slope << ", expected " << std::sqrt(5.0) << '\n';
}
