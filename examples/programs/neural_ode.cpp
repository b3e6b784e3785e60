// A network learns the law of a motion, the right side of its differential equation, from places
// along it (Chen et al., "Neural ordinary differential equations", 2018). To be seen: it stays
// near the true motion, whose closed form is known, and the adjoint equation, which keeps no
// steps, gives the recorded gradient but for the solver's error, which is of fourth order.
#include <algorithm>
#include <cmath>
#include <iostream>
#include <vector>
#include <xgrad/xgrad.hpp>

namespace xg = xgrad;
using Var = xg::Variable<double>;
using Values = std::vector<Var>;
using Net = xg::nn::Sequential<double>;
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
  for (std::size_t i = 0; i < y.size(); ++i)
    next.push_back(y[i] + h / 6 * (a[i] + 2 * (b[i] + c[i]) + d[i]));
  return next;
}

/// y after so many steps.
Var flow(Net& net, Var y, int steps, double h) {
  const auto speed = [&](const Values& v) { return Values{net(v[0])}; };
  for (int i = 0; i < steps; ++i) y = runge_kutta(speed, {y}, h)[0];
  return y;
}

/// The gradients of sum(y(end)) by the adjoint equation: back in time go y, the gradient a in it
/// with da/dt = -a df/dy, and those in the parameters with dg/dt = -a df/dp.
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

/// How far the two gradients in the first weights are apart, as a share of their size.
double disagreement(Net& net, const Var& start, int steps, double h) {
  const Var one = xg::grad(xg::sum(flow(net, start, steps, h)), net.parameters())[0];
  return (xg::norm(one - adjoint(net, start, steps, h)[0]) / xg::norm(one)).item();
}

/// The true motion from (2, 0), a time a row: dx/dt = -x/10 - 2y, dy/dt = 2x - y/10.
Var spiral(const Var& t) {
  const Var radius = 2 * xg::exp(-0.1 * t), angle = 2 * t;
  return xg::stack({radius * xg::cos(angle), radius * xg::sin(angle)}, 1);
}

int main() {
  xg::manual_seed(0);
  Net net{xg::nn::Linear<double>(2, 32), xg::nn::Tanh<double>(), xg::nn::Linear<double>(32, 2)};
  xg::optim::Adam adam(net.parameters(), {.learning_rate = 0.01});
  xg::optim::CosineAnnealingLR cosine(adam, {.t_max = 1500});
  for (int i = 0; i < 1500; ++i) {
    const Var from = xg::constant(9 * xg::rand({64}));
    adam.zero_grad();
    xg::nn::l1_loss(flow(net, spiral(from), 5, step), spiral(from + 5 * step)).backward();
    adam.step();
    cosine.step();
  }
  const Var start = spiral(xg::constant({0.0}));
  double worst = 0;
  for (int steps = 10; steps <= 100; steps += 10) {
    const Var reached = xg::no_grad([&] { return flow(net, start, steps, step); });
    worst = std::max(worst, xg::norm(reached - spiral(xg::constant({steps * step}))).item());
  }
  const double coarse = disagreement(net, start, 20, step);
  const double fine = disagreement(net, start, 40, step / 2);
  std::cout << "farthest from the true motion in 100 steps " << worst
            << "\nadjoint and recorded gradient differ by " << coarse
            << ", with steps half as long by " << fine << ", " << coarse / fine << " times less\n";
  const char* missed = worst > 0.1          ? "the motion leaves the true one by a twentieth of it"
                       : coarse > 1e-3      ? "the adjoint gradient is not the recorded one"
                       : coarse < 10 * fine ? "half the step is no 2^4 times as good"
                                            : nullptr;
  if (missed) std::cerr << "MISSED: " << missed << '\n';
  return missed ? 1 : 0;
}
