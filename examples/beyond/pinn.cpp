// A network that is given an equation rather than data: its loss is what the network's own derivatives, first
// and second, leave over in the equation of a damped oscillator. Raissi, Perdikaris and Karniadakis,
// "Physics-informed neural networks", Journal of Computational Physics 378, 2019.
#include <cmath>

#include <fmt/core.h>
#include <xgrad/xgrad.hpp>

#include "../lesson/lesson.hpp"

namespace xg = xgrad;
using Var = xg::Variable<double>;
using Net = xg::nn::Sequential<double>;

namespace {

// u'' + 2 damping u' + frequency^2 u = 0 from u(0) = 1, u'(0) = 0, for times up to `end`.
constexpr double damping = 0.2, frequency = 2, end = 10;

double closed_form(double t) {
  const double w = std::sqrt(frequency * frequency - damping * damping);
  return std::exp(-damping * t) * (std::cos(w * t) + damping / w * std::sin(w * t));
}

/// Evenly spaced from 0 to `end`, a column.
xg::Array<double> times(std::size_t count) {
  xg::Array<double> t = xg::Array<double>::from_shape({count, 1});
  for (std::size_t i = 0; i < count; ++i)
    t(i, 0) = end * static_cast<double>(i) / static_cast<double>(count - 1);
  return t;
}

/// Whatever the network says, this starts at 1 and at rest.
Var motion(Net& net, const Var& t) { return 1 + xg::square(xg::tanh(t)) * net(2 / end * t - 1); }

struct Motion {
  Var place, speed, acceleration;
};

/// At every time at once. All ones are a direction in which each time moves alone, since no output depends on
/// two of them; and forward mode goes through forward mode.
Motion moving(Net& net, const Var& t) {
  const xg::Array<double> ones = xt::ones<double>(t.shape());
  Var place;
  const auto speed_at = [&](const Var& at) {
    const auto [output, tangent] =
        xg::jvp([&](const Var& x) { return motion(net, x); }, at, ones, {.create_graph = true});
    place = output;
    return tangent;
  };
  const auto [speed, acceleration] = xg::jvp(speed_at, t, ones, {.create_graph = true});
  return {place, speed, acceleration};
}

/// The mean square of what is left over.
Var residual(Net& net, const Var& t) {
  const auto [place, speed, acceleration] = moving(net, t);
  return xg::mean(xg::square(acceleration + 2 * damping * speed + frequency * frequency * place));
}

/// The same derivatives by two sweeps in reverse.
void agreement(lesson::Lesson& lesson, Net& net) {
  const Var t = xg::parameter(times(50));
  const Motion forwards = moving(net, t);
  const Var speed = xg::grad(xg::sum(motion(net, t)), {t}, {.create_graph = true})[0];
  const Var acceleration = xg::grad(xg::sum(speed), {t})[0];
  lesson.near("u' forwards and in reverse", forwards.speed.value(), speed.value(), 1e-12);
  lesson.near("u'' forwards and in reverse", forwards.acceleration.value(), acceleration.value(), 1e-12);
}

plot::Curve train(Net& net, int steps) {
  const Var t = xg::parameter(times(150));
  xg::optim::LBFGS<double> lbfgs(net.parameters(),
                                 {.max_iter = 20, .tolerance_grad = 0, .tolerance_change = 0});
  plot::Curve losses{"", {}, {}, plot::blue};
  for (int step = 0; step < steps; ++step) {
    const double loss = lbfgs.step([&] {
      net.zero_grad();
      const Var left_over = residual(net, t);
      left_over.backward();
      return left_over;
    });
    losses.x.push_back(20 * step + 1);
    losses.y.push_back(loss);
    if (step % 10 == 0) fmt::print("iteration {}: mean square residual {:.3g}\n", 20 * step, loss);
  }
  return losses;
}

void teach(lesson::Lesson& lesson) {
  xg::manual_seed(0);
  Net net{xg::nn::Linear<double>(1, 32), xg::nn::Tanh<double>(), xg::nn::Linear<double>(32, 32),
          xg::nn::Tanh<double>(), xg::nn::Linear<double>(32, 1)};
  agreement(lesson, net);
  const plot::Curve losses = train(net, lesson.small() ? 80 : 150);

  const auto t = times(401);
  const xg::Array<double> found = motion(net, xg::constant(t)).value();
  plot::Curve exact{"closed form", {}, {}, plot::orange},
      learned{"network", {}, {}, plot::blue, plot::Mark::points};
  plot::Curve errors{"", {}, {}, plot::blue};
  double worst = 0;
  for (std::size_t i = 0; i < t.size(); ++i) {
    const double error = std::abs(found(i, 0) - closed_form(t(i, 0)));
    worst = std::max(worst, error);
    for (plot::Curve* curve : {&exact, &errors}) curve->x.push_back(t(i, 0));
    exact.y.push_back(closed_form(t(i, 0)));
    if (i % 8 == 0) {  // points with room between them, or they hide the line that they lie on
      learned.x.push_back(t(i, 0));
      learned.y.push_back(found(i, 0));
    }
    errors.y.push_back(error);
  }
  lesson.at_most("largest error against the closed form", worst, lesson.small() ? 5e-3 : 5e-4);

  plot::figure(lesson.drawing(), "pinn", "A damped oscillator, from its equation alone",
               {{.title = "u'' + 0.4 u' + 4 u = 0, u(0) = 1, u'(0) = 0",
                 .x_label = "t",
                 .y_label = "u",
                 .layers = {exact, learned}},
                {.title = "Its error",
                 .x_label = "t",
                 .y_label = "|network - closed form|",
                 .layers = {errors},
                 .y = {1e-8, 1e-3},
                 .logarithmic_y = true,
                 .key = ""},
                {.title = "Its training",
                 .x_label = "iteration of LBFGS",
                 .y_label = "mean square residual",
                 .layers = {losses},
                 .logarithmic_x = true,
                 .logarithmic_y = true,
                 .key = ""}},
               1, {640, 260});
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, "pinn", "A network learns a motion from its differential equation.", teach,
                     "out/beyond");
}
