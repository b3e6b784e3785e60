// How long a model and an operation of one's own take, forward and backward: measured, compared, profiled.
#include <iostream>
#include <string>
#include <xgrad/xgrad.hpp>

namespace xg = xgrad;
using V = xg::Variable<float>;

/// x tanh(softplus(x)), of operations one by one.
V mish_of_steps(const V& x) { return x * xg::tanh(xg::softplus(x)); }

int main(int count, char** arguments) {
  const std::string folder = count > 1 ? std::string(arguments[1]) + "/" : "";
  const double seconds = count > 2 ? std::stod(arguments[2]) : 1;
  xg::manual_seed(0);

  xg::nn::Sequential net{xg::nn::Linear<>(64, 100), xg::nn::ReLU<>(), xg::nn::Linear<>(100, 10)};
  xg::optim::SGD sgd(net.parameters(), {.learning_rate = 0.1, .momentum = 0.9});
  const V images = xg::constant(xg::rand<float>({100, 64}));
  const xg::Indices labels = xg::randint(0, 10, {100});

  const auto digits = xg::measure([&] { return xg::cross_entropy(net(images), labels); },
                                  {.name = "digits", .seconds = seconds, .update = [&] { sgd.step(); }});
  std::cout << digits << '\n';
  digits.save(folder + "digits.json");

  const auto mish = xg::elementwise("mish", [](auto x) { return x * tanh(log1p(exp(x))); });
  const V x = xg::parameter(xg::randn<float>({100, 1000}));
  std::cout << xg::compare([&] { return xg::sum(mish_of_steps(x)); }, [&] { return xg::sum(mish(x)); },
                           {.first = "steps", .second = "one formula", .seconds = seconds})
            << "\n\n";

  std::cout << xg::measure_growth(
                   [](std::size_t n) {
                     const V a = xg::parameter(xg::rand<float>({n, n}));
                     return [a] { return xg::sum(xg::matmul(a, a)); };
                   },
                   {64, 128, 256}, {.name = "matmul", .seconds = seconds / 3})
            << '\n';

  xg::Profile profile;
  for (int step = 0; step < 100; ++step) {
    sgd.zero_grad();
    xg::cross_entropy(net(images), labels).backward();
    sgd.step();
  }
  profile.stop();
  std::cout << profile.table() << '\n' << profile.table({.by = xg::ProfileBy::scope});
  profile.save_trace(folder + "trace.json");
  profile.save_report(folder + "profile.html");

  const xg::Profile of_memory({.memory = true});
  xg::cross_entropy(net(images), labels).backward();
  std::cout << '\n' << of_memory.peak_memory(3);
}
