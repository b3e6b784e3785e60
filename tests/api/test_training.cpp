// The public surface by example: optimizers, schedules and clipping.
#include <doctest/doctest.h>

#include <xgrad/xgrad.hpp>
namespace xg = xgrad;

TEST_CASE("optimizers take any vector of Variables, or groups of them with options of their own") {
  xg::manual_seed(0);
  xg::nn::Sequential<float> net{xg::nn::Linear<float>(4, 3), xg::nn::ReLU<float>(),
                                xg::nn::Linear<float>(3, 2)};
  xg::optim::SGD<float> sgd(net.parameters(), {.learning_rate = 0.1, .momentum = 0.9});
  xg::optim::Adagrad<float> adagrad(net.parameters(), {.learning_rate = 0.01});
  xg::optim::RMSprop<float> rmsprop(net.parameters(), {.learning_rate = 0.01, .momentum = 0.9});
  xg::optim::Adam<float> adam(net.parameters());
  xg::optim::AdamW<float> adamw(net.parameters(), {.learning_rate = 0.001, .weight_decay = 0.05});

  auto weight = xg::parameter(xt::xarray<double>{1, 2});
  auto bias = xg::parameter(xt::xarray<double>{0, 0});
  xg::optim::AdamW<double> groups({{{weight}, {.learning_rate = 0.1, .weight_decay = 0.05}},
                                   {{bias}, {.learning_rate = 0.2, .weight_decay = 0}}});
  CHECK(groups.group_count() == 2);
  CHECK(groups.learning_rate(1) == 0.2);

  const xg::Variable<float> images(xg::Dense<float>::filled({5, 4}, 1));
  const xg::Indices labels = {0, 1, 1, 0, 1};
  float first = 0, last = 0;
  for (int step = 0; step < 20; ++step) {
    auto loss = xg::nn::cross_entropy(net(images), labels);
    sgd.zero_grad();
    loss.backward();
    xg::optim::clip_grad_norm(net.parameters(), 1.0);
    xg::optim::clip_grad_value(net.parameters(), 0.5);
    sgd.step();
    if (step == 0) first = loss.item();
    last = loss.item();
  }
  CHECK(last < first);
}

TEST_CASE("schedules scale each group's own rate, and everything resumes from a state") {
  auto x = xg::parameter(xt::xarray<double>{1, 2});
  xg::optim::Adam<double> adam({x}, {.learning_rate = 0.1});
  xg::optim::CosineAnnealingLR cosine(adam, {.t_max = 10});
  xg::optim::LinearWarmup schedule(adam, {.total_steps = 5}, cosine);
  for (int step = 0; step < 7; ++step) {
    adam.zero_grad();
    xg::sum(xg::square(x)).backward();
    adam.step();
    schedule.step();
  }
  auto y = xg::parameter(x.value());
  xg::optim::Adam<double> resumed({y}, {.learning_rate = 0.1});
  resumed.load_state(adam.state());
  xg::optim::CosineAnnealingLR resumed_cosine(resumed, {.t_max = 10});
  xg::optim::LinearWarmup resumed_schedule(resumed, {.total_steps = 5}, resumed_cosine);
  resumed_schedule.load_state(schedule.state());
  for (auto* optimizer : {&adam, &resumed}) {
    optimizer->zero_grad();
    for (auto parameter : optimizer->parameters()) xg::sum(xg::square(parameter)).backward();
    optimizer->step();
  }
  CHECK(x.value() == y.value());

  xg::optim::StepLR steps(resumed, {.step_size = 30, .gamma = 0.1});
  xg::optim::MultiStepLR milestones(resumed, {.milestones = {30, 80}, .gamma = 0.1});
  xg::optim::LambdaLR own(resumed, {.lr_lambda = [](double t) { return 1 / (1 + t / 100); }});
  xg::optim::ExponentialLR exponential(resumed, {.gamma = 0.95});
  xg::optim::OneCycleLR cycle(resumed, {.total_steps = 100});
  xg::optim::ReduceLROnPlateau plateau(resumed, {.factor = 0.5, .patience = 2});
  plateau.step(1.0);
}

TEST_CASE("LBFGS evaluates the loss by a closure") {
  auto x = xg::parameter(xt::xarray<double>{3, -4});
  xg::optim::LBFGS<double> lbfgs({x}, {.max_iter = 50});
  lbfgs.step([&] {
    lbfgs.zero_grad();
    auto loss = xg::sum(xg::square(x - 1));
    loss.backward();
    return loss;
  });
  CHECK(xt::allclose(x.value(), xt::ones<double>({2})));
}
