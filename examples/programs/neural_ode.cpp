// A network learns the law of a motion from places along it: it is the right side of a differential equation.
// Chen, Rubanova, Bettencourt and Duvenaud, "Neural ordinary differential equations", NeurIPS 2018. To be
// seen: the learnt motion stays on the true one, whose closed form is known, and the paper's adjoint equation,
// which keeps no steps, gives the gradient of the recorded ones up to the solver's error of fourth order.
#include <algorithm>
#include <cmath>
#include <iostream>
#include <vector>
#include <xgrad/xgrad.hpp>

namespace xg = xgrad;
using Var = xg::Variable<double>;
using Values = std::vector<Var>;

constexpr double step = 0.1;

/// One step of Runge and Kutta's method for several values at once, whose speeds f gives.
template <class F>
Values runge_kutta(F&& f, const Values& y, double h) {
  const auto moved = [&](const Values& speed, double by) {
    Values to;
    for (std::size_t i = 0; i < y.size(); ++i) to.push_back(y[i] + by * speed[i]);
    return to;
  };
  const Values a = f(y), b = f(moved(a, h / 2)), c = f(moved(b, h / 2)), d = f(moved(c, h));
  Values next;
  for (std::size_t i = 0; i < y.size(); ++i) next.push_back(y[i] + h / 6 * (a[i] + 2 * (b[i] + c[i]) + d[i]));
  return next;
}

/// y after so many steps.
template <class Net>
Var flow(Net& net, Var y, int steps, double h) {
  for (int i = 0; i < steps; ++i) y = runge_kutta([&](const Values& v) { return Values{net(v[0])}; }, {y}, h)[0];
  return y;
}

/// The gradients of sum(y(end)) by the adjoint equation: back in time go y, a = the gradient in y with
/// da/dt = -a df/dy, and those in the parameters with dg/dt = -a df/dp.
template <class Net>
Values adjoint(Net& net, const Var& start, int steps, double h) {
  const Values parameters = net.parameters();
  const auto speeds = [&](const Values& v) {
    Values inputs{xg::parameter(v[0].value())};
    inputs.insert(inputs.end(), parameters.begin(), parameters.end());
    const Var f = net(inputs[0]);
    Values result = xg::grad(f, inputs, {.grad_output = v[1]});
    for (Var& r : result) r = -r;
    result.insert(result.begin(), f.detach());
    return result;
  };
  const Var end = xg::no_grad([&] { return flow(net, start, steps, h); });
  Values v{end, xg::constant(xg::ones_like(end))};
  for (const Var& p : parameters) v.push_back(xg::constant(xg::zeros_like(p)));
  for (int i = 0; i < steps; ++i) v = runge_kutta(speeds, v, -h);
  return {v.begin() + 2, v.end()};
}

/// The largest difference of the two gradients, as a share of the largest element, with steps of h.
template <class Net>
double disagreement(Net& net, const Var& start, double h) {
  const int steps = static_cast<int>(std::lround(2 / h));
  const Values recorded = xg::grad(xg::sum(flow(net, start, steps, h)), net.parameters());
  const Values other = adjoint(net, start, steps, h);
  double difference = 0, largest = 0;
  for (std::size_t i = 0; i < other.size(); ++i) {
    difference = std::max(difference, xg::max(xg::abs(recorded[i] - other[i])).item());
    largest = std::max(largest, xg::max(xg::abs(recorded[i])).item());
  }
  return difference / largest;
}

/// The true motion from (2, 0): a spiral, which solves dx/dt = -x/10 - 2y, dy/dt = 2x - y/10. A time a row.
Var spiral(const Var& times) {
  return 2 * xg::stack({xg::exp(-0.1 * times) * xg::cos(2 * times), xg::exp(-0.1 * times) * xg::sin(2 * times)}, 1);
}

int main(int count, char** arguments) {
  xg::manual_seed(count > 1 ? std::stoull(arguments[1]) : 0);
  xg::nn::Sequential net{xg::nn::Linear<double>(2, 32), xg::nn::Tanh<double>(), xg::nn::Linear<double>(32, 2)};
  xg::optim::Adam adam(net.parameters(), {.learning_rate = 0.01});
  xg::optim::CosineAnnealingLR cosine(adam, {.t_max = 1500});
  for (int i = 0; i < 1500; ++i) {
    const Var from = xg::constant(9 * xg::rand({64}));
    const Var loss = xg::nn::l1_loss(flow(net, spiral(from), 5, step), spiral(from + 5 * step));
    adam.zero_grad();
    loss.backward();
    adam.step();
    cosine.step();
    if (i % 300 == 299) std::cout << "training " << i + 1 << ": mean error after 5 steps " << loss.item() << '\n';
  }

  const xg::Variable<double> start = spiral(xg::constant({0.0}));
  double worst = 0;
  for (int steps = 10; steps <= 100; steps += 10) {
    const Var reached = xg::no_grad([&] { return flow(net, start, steps, step); });
    worst = std::max(worst, xg::norm(reached - spiral(xg::constant({steps * step}))).item());
  }
  const double coarse = disagreement(net, start, step), fine = disagreement(net, start, step / 2);
  std::cout << "farthest from the true motion in 100 steps " << worst << "\nadjoint and recorded gradient differ by "
            << coarse << ", with steps half as long by " << fine << ", " << coarse / fine << " times less\n";
  const bool follows = worst < 0.2, same = coarse < 1e-3, order = coarse > 10 * fine;
  if (!follows) std::cerr << "MISSED: the learnt motion leaves the true one by a tenth of its size\n";
  if (!same) std::cerr << "MISSED: the adjoint gradient is not the recorded one\n";
  if (!order) std::cerr << "MISSED: half the step should make the difference 2^4 times less\n";
  return follows && same && order ? 0 : 1;
}
