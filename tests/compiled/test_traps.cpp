// What other libraries that capture programs fell into, a case each.
#include <doctest/doctest.h>

#include <iostream>
#include <memory>
#include <optional>
#include <sstream>

#include "../message_of.hpp"
#include "beside_eager.hpp"

namespace xg = xgrad;
using namespace xgrad::testing;
using Var = xg::Variable<double>;
using Float = xg::Variable<float>;

TEST_CASE("trap: a cache that gives another function's program") {
  const auto x = xg::constant(3.0);
  std::vector<double> values;
  for (int k = 0; k < 4; ++k) {  // each of one type, and at the addresses of the one before
    auto f = xg::compile([k](const Var& v) { return v * static_cast<double>(k); });
    f(x);
    values.push_back(f(x).item());
  }
  CHECK(values == std::vector<double>{0, 3, 6, 9});
}

TEST_CASE("trap: a schedule of the learning rate that captures anew") {
  auto w = xg::parameter({1.0, 2.0});
  xg::optim::Adam<double> adam({w}, {.learning_rate = 0.1});
  auto loss = xg::compile([&](const Var& x) { return xg::sum(xg::square(x * w)); });
  for (int k = 0; k < 20; ++k) {
    adam.set_learning_rate(0.1 / (k + 1));
    adam.zero_grad();
    loss(xg::constant({1.0, 1.0})).backward();
    adam.step();
  }
  CHECK(loss.programs() == 1);
}

TEST_CASE("trap: a rate that is an argument is an input, not a program") {
  auto f = xg::compile([](const Var& x, const Var& rate) { return xg::sum(x * rate); });
  const auto x = xg::constant({1.0, 2.0});
  for (int k = 1; k < 20; ++k) CHECK(f(x, 0.5 * k).item() == 1.5 * k);
  CHECK(f.programs() == 1);
}

TEST_CASE("trap: the memory of a live gradient, or of a live result, given to somebody else") {
  auto w = xg::parameter({1.0, 2.0});
  auto f = xg::compile([&](const Var& x) { return xg::sum(xg::exp(x * w)); });
  auto g = xg::compile([&](const Var& x) { return xg::exp(x * w); });
  f(xg::constant({1.0, 1.0})).backward();
  w.zero_grad();
  f(xg::constant({1.0, 1.0})).backward();
  const xg::Array<double> gradient = w.grad();
  const xg::Array<double> copy = 1.0 * gradient;
  const Var result = g(xg::constant({1.0, 1.0}));
  const xg::Array<double> value = 1.0 * result.value();
  for (int k = 0; k < 5; ++k) {
    w.zero_grad();
    f(xg::constant({2.0 + k, 3.0})).backward();
    g(xg::constant({2.0 + k, 3.0}));
  }
  CHECK(gradient == copy);
  CHECK(result.value() == value);
}

TEST_CASE("trap: random numbers that are frozen, or drawn in another order") {
  const auto ones = xg::constant(xg::Array<double>(xt::ones<double>({200})));
  const auto function = [&](const Var& x) { return xg::dropout(x, 0.5) + 10.0 * xg::dropout(x, 0.25); };
  auto f = xg::compile(function, {.verify = false});
  xg::manual_seed(7);
  std::vector<xg::Array<double>> replayed, called;
  for (int k = 0; k < 4; ++k) replayed.push_back(f(ones).value());
  const auto after = xg::generator().state();
  xg::manual_seed(7);
  for (int k = 0; k < 4; ++k) called.push_back(function(ones).value());
  CHECK(xg::generator().state() == after);
  for (std::size_t k = 0; k < 4; ++k) CHECK(replayed[k] == called[k]);
  CHECK(replayed[1] != replayed[2]);
}

TEST_CASE("trap: an unused dropout, after which the generator is out of step") {
  const auto function = [](const Var& x) {
    xg::dropout(x, 0.5);
    return xg::sum(xg::dropout(x, 0.5));
  };
  auto f = xg::compile(function);
  auto x = xg::parameter(xg::Array<double>(xt::ones<double>({64})));
  for (int k = 0; k < 4; ++k)
    check_beside<double>(
        {x}, [&] { return f(x); }, [&] { return function(x); });
}

TEST_CASE("trap: a backward of an earlier call draws that call's mask") {
  auto x = xg::parameter(xg::Array<double>(xt::ones<double>({64})));
  auto f = xg::compile([](const Var& v) { return xg::dropout(v, 0.5); });
  f(x);
  const Var one = f(x), two = f(x);
  one.backward({.grad_output = xg::Array<double>(xt::ones<double>({64}))});
  CHECK(x.grad() == one.value());
  x.zero_grad();
  two.backward({.grad_output = xg::Array<double>(xt::ones<double>({64}))});
  CHECK(x.grad() == two.value());
}

TEST_CASE("trap: captured leaves that are freed under the program") {
  auto w = std::make_unique<Var>(xg::parameter({1.0, 2.0}));
  auto f = xg::compile([v = *w](const Var& x) { return xg::sum(x * v); });
  const auto x = xg::constant({3.0, 4.0});
  f(x);
  w.reset();
  CHECK(f(x).item() == 11);
  std::optional<Var> local = xg::parameter({5.0, 6.0});
  auto g = xg::compile([&local](const Var& y) { return xg::sum(y * *local); });
  const Var z = g(x);
  local.emplace(xg::parameter({7.0, 8.0}));  // another leaf stands there now
  z.backward();
  CHECK(
      message_of<xg::CaptureError>([&] { g(x); }) ==
      "compile: verified, the function reads a parameter of shape [2] where it read a parameter of shape [2] "
      "when it was captured; the function reads what is no argument and changes between calls, such as a "
      "number captured by reference; pass it as an argument");
}

TEST_CASE("trap: a print inside") {
  std::ostringstream text;
  auto f = xg::compile([&](const Var& x) {
    const Var y = x * 2.0;
    text << y;
    return y;
  });
  CHECK(
      message_of<xg::CaptureError>([&] {
        f(xg::constant(1.0));
      }).starts_with("operator<<: the elements of 'multiply' of shape [] are read while compile() captures"));
  CHECK(text.str().empty());
}

TEST_CASE("trap: a smaller last batch, and labels that are frozen") {
  xg::manual_seed(1);
  xg::nn::Linear<float> net(4, 3);
  const auto function = [&](const Float& x, const xg::Indices& labels) {
    return xg::cross_entropy(net(x), labels);
  };
  auto loss = xg::compile(function);
  for (int epoch = 0; epoch < 3; ++epoch)
    for (const std::size_t size : {8U, 8U, 5U}) {
      const auto x = xg::constant(xg::randn<float>({size, 4}));
      const xg::Indices labels = xg::randint(0, 3, {size});
      check_beside<float>(
          net.parameters(), [&] { return loss(x, labels); }, [&] { return function(x, labels); });
    }
  CHECK(loss.programs() == 2);
}

TEST_CASE("trap: a captured double that changes is found by verify") {
  double scale = 0.1;
  auto f = xg::compile([&](const Var& x) { return x * scale; });
  f(xg::constant(1.0));
  scale = 0.2;
  CHECK(message_of<xg::CaptureError>([&] { f(xg::constant(1.0)); }) ==
        "compile: verified, a constant that the function computes with is not what it was: element 0 is "
        "0.10000000000000001 and should be 0.20000000000000001; the function reads what is no argument and "
        "changes between calls, such as a number captured by reference; pass it as an argument");
  CHECK(f.programs() == 0);
  CHECK(f(xg::constant(1.0)).item() == 0.2);
}

TEST_CASE("trap: labels + 1 inside") {
  auto f = xg::compile([](const Float& x, const xg::Indices& labels) {
    const xg::Indices next = labels + 1;
    return xg::cross_entropy(x, next);
  });
  CHECK(
      message_of<xg::CaptureError>([&] {
        f(xg::constant(xg::Array<float>(xt::ones<float>({2, 4}))), xg::Indices{0, 1});
      }) ==
      "compile: argument 1, Indices of shape [2], is read by no operation: what was made of it inside would "
      "stay as it is now; make it outside, and pass the result");
}

TEST_CASE("trap: batch normalisation in eval after more training") {
  xg::manual_seed(3);
  xg::nn::BatchNorm1d<double> norm(3), other(3);
  const auto function = [](xg::nn::BatchNorm1d<double>& net, const Var& x) {
    return xg::sum(xg::square(net(x) + net(x * 2.0)));  // called twice: two updates, one after the other
  };
  auto f = xg::compile([&](const Var& x) { return function(norm, x); });
  for (int epoch = 0; epoch < 4; ++epoch) {
    norm.train();
    other.train();
    for (int k = 0; k < 3; ++k) {
      auto x = xg::parameter(xg::randn<double>({6, 3}));
      check_same(f(x), function(other, x));
    }
    norm.eval();
    other.eval();
    auto x = xg::parameter(xg::randn<double>({6, 3}));
    check_same(f(x), function(other, x));
    for (const std::size_t k : {0U, 1U})
      check_same(norm.named_buffers()[k].second, other.named_buffers()[k].second);
  }
  CHECK(f.programs() == 2);
}

TEST_CASE("trap: the places of max_pool and of ties on new inputs") {
  const auto function = [](const Var& x) {
    return xg::sum(xg::square(xg::max_pool2d(x, 2))) + xg::sum(xg::max(x, {3})) +
           xg::sum(xg::sort(xg::reshape(x, {-1})) * xg::maximum(xg::reshape(x, {-1}), 0.0));
  };
  auto f = xg::compile(function);
  xg::manual_seed(5);
  for (int k = 0; k < 4; ++k) {
    xg::Array<double> drawn = xt::round(2 * xg::randn<double>({1, 2, 4, 4}));  // with ties
    auto x = xg::parameter(drawn);
    check_beside<double>(
        {x}, [&] { return f(x); }, [&] { return function(x); });
  }
}

TEST_CASE("trap: a hook inside") {
  auto f = xg::compile([](const Var& x) {
    Var y = x * x;
    y.register_hook([](const Var& gradient) { return gradient * 2.0; });
    return y;
  });
  CHECK(message_of<xg::CaptureError>([&] { f(xg::parameter(1.0)); }) ==
        "register_hook: not possible while compile() captures a function; do it outside, on an argument, a "
        "parameter or a result");
}

TEST_CASE("trap: choices by values follow the inputs") {
  const auto function = [](const Var& x, const xg::Mask& mask) {
    return xg::sum(xg::where(x > 0.5, x * x, -x) * xg::where(mask, x, 3.0 * x) +
                   xg::masked_fill(x, x < 0, 2.0) + xg::clamp(x, -1, 1) * xg::sign(x));
  };
  auto f = xg::compile(function);
  for (int k = 0; k < 4; ++k) {
    auto x = xg::parameter({-1.0 + k, 0.5, 2.0 - k});
    const xg::Mask mask{k % 2 == 0, true, k > 1};
    check_beside<double>(
        {x}, [&] { return f(x, mask); }, [&] { return function(x, mask); });
  }
}

TEST_CASE("trap: detach follows the inputs") {
  auto w = xg::parameter(2.0);
  auto f = xg::compile([&](const Var& x) { return x * (x * w).detach() + w.detach() * x; });
  for (int k = 1; k < 4; ++k) {
    w.set_value(xg::Array<double>(1.0 + k));
    auto x = xg::parameter(3.0 * k);
    w.zero_grad();
    f(x).backward();
    CHECK(x.grad()() == 3.0 * k * (1 + k) + 1 + k);
    CHECK(!w.has_grad());
  }
}

TEST_CASE("trap: a user's own operation is called at each call") {
  int calls = 0;
  const auto cube = xg::custom_operation<double>(
      "cube",
      [&](const std::vector<xg::Array<double>>& in) {
        ++calls;
        return xg::Array<double>(in[0] * in[0] * in[0]);
      },
      [](const auto& in, const auto&, const auto& dy) { return std::vector<Var>{dy * 3.0 * in[0] * in[0]}; });
  auto f = xg::compile([&](const Var& x) { return xg::sum(cube({x * 2.0})); }, {.verify = false});
  for (int k = 1; k < 4; ++k) {
    auto x = xg::parameter(1.0 * k);
    f(x).backward();
    CHECK(x.grad()() == 24 * k * k);
    CHECK(calls == k);
  }
  const auto mish = xg::elementwise("mish", [](auto x) { return x * tanh(log1p(exp(x))); });
  auto g = xg::compile([&](const Var& x) { return xg::sum(mish(x)); });
  for (int k = 0; k < 3; ++k) {
    auto x = xg::parameter({0.5 * k, -1.0, 2.0});
    check_beside<double>(
        {x}, [&] { return g(x); }, [&] { return xg::sum(mish(x)); });
  }
}

TEST_CASE("trap: a shape that keeps changing is named, once") {
  std::ostringstream text;
  std::streambuf* const before = std::clog.rdbuf(text.rdbuf());
  auto f = xg::compile([](const Var& x) { return xg::sum(x); }, {.most_programs = 2});
  for (std::size_t n = 1; n < 6; ++n) CHECK(f(xg::constant(xg::zeros<double>({n}))).item() == 0);
  std::clog.rdbuf(before);
  CHECK(f.programs() == 2);
  CHECK(text.str() ==
        "compile: more than 2 programs of one function, so that the least recently used ones go and are "
        "captured "
        "again: argument 0 keeps changing its shape, [1] and [3] among others; pad it to a few, or raise "
        ".most_programs\n");
}
