// A motor too weak to lift a pendulum learns to swing it up. Haarnoja, Zhou, Abbeel and Levine, "Soft
// actor-critic", 2018; two critics and a learnt temperature as in their "Algorithms and applications", 2018.
#include <algorithm>
#include <cmath>
#include <ctime>
#include <numbers>
#include <vector>

#include <fmt/core.h>
#include <xgrad/xgrad.hpp>

#include "../lesson/lesson.hpp"

namespace xg = xgrad;
using Var = xg::Variable<float>;
using Net = xg::nn::Sequential<float>;
using Row = std::vector<float>;

namespace {

constexpr double pi = std::numbers::pi;

/// A rod of 1 m and 1 kg on a motor, somewhere at first; at angle 0 it stands. A push lasts 0.05 s.
struct Pendulum {
  double angle = pi * (2 * xg::generator().uniform() - 1), speed = 2 * xg::generator().uniform() - 1;
  /// By -2 to 2 N m. Gives the reward: the less, the further from standing still upright.
  double push(double torque) {
    const double off = std::remainder(angle, 2 * pi);
    const double cost = off * off + 0.1 * speed * speed + 0.001 * torque * torque;
    speed = std::clamp(speed + 0.05 * (15 * std::sin(angle) + 3 * torque), -8.0, 8.0);
    angle += 0.05 * speed;
    return -cost;
  }
  Row seen() const { return {float(std::cos(angle)), float(std::sin(angle)), float(speed)}; }
};

Net network(std::size_t in, std::size_t out) {
  using namespace xg::nn;
  return Net{Linear(in, 64), ReLU<float>(), Linear(64, 64), ReLU<float>(), Linear(64, out)};
}

Var columns(const Var& x, int first, int end) { return x[{xg::all, xg::range(first, end)}]; }

/// Says what an action is worth in a state; the target is what it said on average of late.
struct Critic {
  Net net = network(4, 1);
  xg::optim::Adam<float> adam{net.parameters()};
  xg::optim::EMA<float> target{net.parameters(), 0.995};
};

struct Agent {
  Net actor = network(3, 2);
  Critic one, two;
  Var log_temperature = xg::parameter(0.0f);
  xg::optim::Adam<float> adam{actor.parameters()}, temperature_adam{{log_temperature}};

  /// Actions from -1 to 1 at random, tanh of normal numbers, and the logarithms of their densities.
  std::pair<Var, Var> act(const Var& states) {
    const Var output = actor(states), mean = columns(output, 0, 1);
    const Var log_deviation = xg::clamp(columns(output, 1, 2), -20, 2);
    const Var noise = xg::constant(xg::randn<float>(mean.shape())), x = mean + xg::exp(log_deviation) * noise;
    const Var log_normal = -0.5 * xg::square(noise) - log_deviation - 0.5 * std::log(2 * pi);
    const Var log_slope = 2 * (std::numbers::ln2 - x - xg::softplus(-2 * x));  // log(1 - tanh^2)
    return {xg::tanh(x), log_normal - log_slope};
  }
  /// The lesser opinion of the two critics.
  Var worth(const Var& states, const Var& actions) {
    const Var both = xg::concatenate({states, actions}, 1);
    return xg::minimum(one.net(both), two.net(both));
  }
  /// From rows of a state, the action there, its reward and the next state.
  void learn(const Var& rows) {
    const Var states = columns(rows, 0, 3), rewards = columns(rows, 4, 5), next = columns(rows, 5, 8);
    const Var temperature = xg::exp(log_temperature).detach();
    const Var goal = [&] {
      const xg::NoGrad off;
      const auto averaged_one = one.target.apply(), averaged_two = two.target.apply();
      const auto [actions, log_density] = act(next);
      return rewards + 0.99 * (worth(next, actions) - temperature * log_density);
    }();
    for (Critic* critic : {&one, &two}) {
      critic->adam.zero_grad();
      xg::nn::mean_squared_error(critic->net(columns(rows, 0, 4)), goal).backward();
      critic->adam.step();
      critic->target.update();
    }
    one.net.freeze(), two.net.freeze();
    adam.zero_grad(), temperature_adam.zero_grad();
    const auto [actions, log_density] = act(states);
    xg::mean(temperature * log_density - worth(states, actions)).backward();
    (-log_temperature * (xg::mean(log_density).detach() - 1)).backward();  // towards an entropy of -1
    adam.step(), temperature_adam.step();
    one.net.unfreeze(), two.net.unfreeze();
  }
};

/// What 50 episodes earn on average where the agent does what it holds for best.
double mean_return(Agent& agent) {
  const xg::NoGrad off;
  double sum = 0;
  for (int i = 0; i < 50; ++i)
    for (auto [t, pendulum] = std::pair(0, Pendulum()); t < 200; ++t)
      sum += pendulum.push(2 * std::tanh(agent.actor(xg::constant(pendulum.seen(), {1, 3})).item(0, 0)));
  return sum / 50;
}

void teach(lesson::Lesson& lesson) {
  xg::manual_seed(0);
  Agent agent;
  const double untrained = mean_return(agent);
  plot::Curve returns{"", {}, {}, plot::blue};
  std::vector<Row> memory;
  Pendulum pendulum;
  double sum = 0;
  const std::clock_t start = std::clock();
  for (int step = 1; step <= (lesson.small() ? 5000 : 10000); ++step) {
    Row row = pendulum.seen(), batch;
    row.push_back(agent.act(xg::constant(row, {1, 3})).first.item());
    row.push_back(float(pendulum.push(2 * row[3])));
    for (float x : pendulum.seen()) row.push_back(x);
    memory.push_back(row), sum += row[4];
    for (int i = 0; i < 100; ++i)
      for (float x : memory[xg::generator().below(memory.size())]) batch.push_back(x);
    agent.learn(xg::constant(batch, {100, 8}));
    if (step % 200 != 0) continue;
    returns.x.push_back(step), returns.y.push_back(sum);
    sum = 0, pendulum = {};
  }
  fmt::print("trained in {:.2f} s of one processor\n", double(std::clock() - start) / CLOCKS_PER_SEC);
  lesson.at_most("an episode's mean return, untrained", untrained, -1000);
  lesson.at_least("an episode's mean return, trained", mean_return(agent), lesson.small() ? -600 : -220);
  plot::figure(lesson.drawing(), "soft_actor_critic", "A pendulum too heavy for its motor, upright after all",
               {{.x_label = "step", .y_label = "an episode's return", .layers = {returns}, .key = ""}}, 1,
               {640, 260});
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, "soft_actor_critic", "A weak motor learns to swing a pendulum up.", teach,
                     "out/beyond");
}
