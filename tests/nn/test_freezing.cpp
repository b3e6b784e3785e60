// What freezing a module means to its forward pass, to counting, summary and states, and to optimizers.
#include <doctest/doctest.h>

#include <sstream>
#include <xgrad/xgrad.hpp>

#include "../optim/every_optimizer.hpp"

namespace xg = xgrad;
using Net = xg::nn::Sequential<double>;
using Linear = xg::nn::Linear<double>;
using Values = xt::xarray<double>;
using Var = xg::Variable<double>;

namespace {

Net two_layers() { return Net{Linear(2, 3), xg::nn::Tanh<double>(), Linear(3, 1)}; }

}  // namespace

TEST_CASE("a frozen module gives no gradients, and passes them on") {
  xg::manual_seed(1);
  auto net = two_layers();
  auto x = xg::parameter({{1, 2}, {3, 4}});
  xg::sum(net(x)).backward();
  const Values through = x.grad();
  x.zero_grad();
  net.freeze();
  xg::sum(net(x)).backward();
  CHECK(x.grad() == through);
  for (const auto& parameter : net.parameters()) {
    CHECK_FALSE(parameter.requires_grad());
    CHECK_FALSE(parameter.has_grad());
  }
  CHECK_FALSE(net(xg::constant({{1, 2}})).requires_grad());

  net.unfreeze();
  xg::sum(net(x)).backward();
  for (const auto& parameter : net.parameters()) CHECK(parameter.has_grad());
}

TEST_CASE("a module inside is frozen by itself, and counted") {
  auto net = two_layers();
  CHECK(net.parameter_count() == 13);  // 2 * 3 + 3 and 3 + 1
  CHECK(net.trainable_parameter_count() == 13);
  CHECK(net.summary({1, 2}).find("frozen") == std::string::npos);
  net.named_modules()[1].second->freeze();  // the first layer
  CHECK(net.parameter_count() == 13);
  CHECK(net.trainable_parameter_count() == 4);
  const std::string table = net.summary({1, 2});
  CHECK(
      table.ends_with("\ntotal                      56     25          13"
                      "\nfrozen                                         9\n"));
}

TEST_CASE("a state goes into a frozen module, which stays frozen") {
  auto net = two_layers();
  const auto other = two_layers();
  net.freeze();
  net.load_state(other.state());
  CHECK(net.parameters()[0].value() == other.parameters()[0].value());
  CHECK(net.trainable_parameter_count() == 0);
}

TEST_CASE("no optimizer moves a frozen parameter, whatever it remembers of it") {
  for (const auto& kind : xg::testing::every_optimizer<double>()) {
    CAPTURE(kind.name);
    auto w = xg::parameter({1, 2}), b = xg::parameter({3, 4});
    const auto optimizer = kind.make({w, b});
    const auto step = [&] {
      optimizer->zero_grad();
      xg::sum(w * w * b).backward();
      optimizer->step();
    };
    step();
    const Values w_there = w.value(), b_before = b.value();
    w.set_requires_grad(false);
    step();
    step();
    CHECK(w.value() == w_there);
    CHECK((b.value() != b_before));
    w.set_requires_grad(true);
    step();
    CHECK((w.value() != w_there));
  }
}

TEST_CASE("LBFGS forgets what it learnt with a parameter that is frozen by now") {
  auto w = xg::parameter({1, 2}), b = xg::parameter({3, 4});
  xg::optim::LBFGS<double> lbfgs({w, b}, {.max_iter = 3});
  const auto closure = [&] {
    lbfgs.zero_grad();
    auto loss = xg::sum(xg::square(w * b - 5) + xg::square(w - 1));
    loss.backward();
    return loss;
  };
  lbfgs.step(closure);
  w.set_requires_grad(false);
  const Values there = w.value();
  for (int i = 0; i < 10; ++i) lbfgs.step(closure);
  CHECK(w.value() == there);
  CHECK(xt::allclose(b.value(), 5 / there));  // the minimum for this w
}

TEST_CASE("LBFGS forgets what it learnt of gradients alone of a parameter that is frozen by now") {
  auto a = xg::parameter(0.0), b = xg::parameter(0.0);
  xg::optim::LBFGS<double> lbfgs({a, b}, {.max_iter = 1});
  const auto closure = [&] {
    lbfgs.zero_grad();
    const auto d = a - 3;
    auto loss = d * d * d * d + a * b;
    loss.backward();
    return loss;
  };
  lbfgs.step(closure);
  b.set_requires_grad(false);
  const double there = b.item();
  lbfgs.step(closure);
  CHECK(b.item() == there);
}

TEST_CASE("a frozen parameter that functional_call was given gets no gradient later") {
  Linear layer(2, 1);
  auto weight = xg::parameter({{1}, {1}});
  weight.set_requires_grad(false);
  auto x = xg::parameter({{1, 2}});
  const auto y = xg::sum(xg::nn::functional_call(layer, {{"weight", weight}}, x));
  weight.set_requires_grad(true);
  y.backward();
  CHECK_FALSE(weight.has_grad());
  CHECK(x.grad() == Values{{1, 1}});
}

TEST_CASE("an optimizer takes frozen parameters, and clipping counts none of them") {
  auto w = xg::parameter({3, 4}), b = xg::parameter({6, 8});
  w.set_requires_grad(false);
  xg::optim::SGD<double> sgd({w, b}, {.learning_rate = 1});
  xg::sum(w * b).backward();
  CHECK(xg::optim::clip_grad_norm(sgd.parameters(), 100) == 5);
  sgd.step();
  CHECK(b.value() == Values{3, 4});
  CHECK(w.value() == Values{3, 4});
}

TEST_CASE("fine-tuning by fit moves the head alone") {
  xg::manual_seed(3);
  auto net = two_layers();
  net.named_modules()[1].second->freeze();
  const auto before = net.state();
  xg::data::TensorDataset data(xg::randn({8, 2}), xg::randn({8, 1}));
  xg::data::DataLoader loader(data, {.batch_size = 4, .seed = 1});
  xg::optim::Adam<double> adam(net.parameters(), {.learning_rate = 0.1});
  const auto loss = [](const auto& y, const auto& t) { return xg::nn::mean_squared_error(y, t); };
  xg::train::fit(net, adam, loss, loader, {.epochs = 2});
  const auto after = net.state();
  CHECK(after[0].second == before[0].second);
  CHECK(after[1].second == before[1].second);
  CHECK((after[2].second != before[2].second));
}

TEST_CASE("a copy of a module has the same parameters frozen") {
  auto net = two_layers();
  net.named_modules()[1].second->freeze();
  auto copy = xg::nn::clone(net);
  CHECK(copy.trainable_parameter_count() == 4);
  CHECK(copy.named_parameters()[0].second.operation() == "frozen parameter");
}

TEST_CASE("functional_call refuses a gradient for a frozen parameter") {
  Linear layer(2, 1);
  layer.freeze();
  const auto x = xg::constant({{1, 2}});
  const auto weight = xg::parameter({{1}, {1}});
  CHECK_THROWS_AS(xg::nn::functional_call(layer, {{"weight", weight}}, x), xg::GraphError);
  const auto y = xg::nn::functional_call(layer, {{"weight", weight.detach()}}, xg::parameter({{1, 2}}));
  CHECK(y.item() == doctest::Approx(3 + layer.bias().item()));
}
