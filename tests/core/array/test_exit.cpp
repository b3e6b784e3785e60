// What the library says lives for ever is there to the very end of the program: for static objects that are
// destroyed after everything else, and for threads that still run while main returns. Each case is a process
// of its own, where freed memory is overwritten (MALLOC_PERTURB_), so that reading what has gone fails.
#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <thread>
#include <vector>
#include <xgrad/xgrad.hpp>

#include "../../child.hpp"

#if defined(__unix__)

namespace xg = xgrad;
using Var = xg::Variable<double>;
using Values = xt::xarray<double>;

namespace {

/// An elementwise operation by struct: 3 x.
struct Thrice {
  static constexpr std::string_view name = "thrice";
  template <class V>
  static V value(const V& x) {
    return x * V(3.0);
  }
  template <class V>
  static V gradient(xg::formulas::unused, xg::formulas::unused, const V& dy) {
    return dy * V(3.0);
  }
};

/// Calls what it is given when the program ends. It is made before main, and so before all that is made when
/// it is first asked for: it goes after that.
struct AtEnd {
  std::function<bool()> is_right;
  ~AtEnd() {
    if (is_right && !is_right()) _exit(7);
  }
};
AtEnd at_end;

bool is(const xg::Array<double>& found, const Values& expected) {
  return found.dimension() == expected.dimension() && xt::allclose(found, expected, 1e-12, 1e-12);
}

/// Everything that a training step uses, with gradients by hand; whether they came out.
bool every_kind() {
  const auto x = xg::parameter(Values{1, 2});
  bool right = true;
  const auto gradient_is = [&](const Var& y, const Values& expected) {
    Var(x).zero_grad();
    y.backward();
    right = right && is(x.grad(), expected);
  };
  gradient_is(xg::sum(xg::elementwise<Thrice>(x)), {3, 3});
  const auto cube = xg::elementwise("cube", [](auto v) { return v * v * v; });
  gradient_is(xg::sum(cube(x)), {3, 12});
  gradient_is(xg::sum(xg::exp(xg::log(x)) / 2 - xg::sqrt(x * x)), {-0.5, -0.5});
  gradient_is(xg::max(x) + xg::mean(x) + xg::sum(xg::softmax(x, 0)), {0.5, 1.5});
  gradient_is(xg::sum(xg::matmul(xg::reshape(x, {1, 2}), xg::constant(Values{{1, 2}, {3, 4}}))), {3, 7});
  {
    // A vector product, and one that is large enough for BLAS.
    const auto large = xg::parameter(Values(xt::ones<double>({300, 300})));
    xg::sum(xg::matmul(large, large) * 0.5).backward();
    right = right && large.grad()(7, 8) == 300;
    gradient_is(xg::sum(xg::matmul(xg::constant(Values{{1, 2}, {3, 4}}), x)), {4, 6});
  }
  {
    const xg::Scope scope("end");
    Var inner = x * x;
    int calls = 0;
    inner.register_hook([&](const Var& g) {
      ++calls;
      return g * 2;
    });
    inner.retain_grad();
    gradient_is(xg::sum(inner), {4, 8});
    right = right && calls == 1 && inner.scope() == "end" && is(inner.grad(), {2, 2});
  }
  gradient_is(xg::sum(xg::checkpoint([](const Var& a) { return a * a; }, {x})), {2, 4});
  {
    // One step of each on the gradient {1, 1}; SGD moves by the rate times the gradient, Adam by the rate.
    const auto stepped = [&](auto&& optimizer) {
      Var(x).zero_grad();
      const Values before = x.value();
      xg::sum(x).backward();
      optimizer.step();
      const bool moved = xt::allclose(before - x.value(), Values{0.5, 0.5}, 1e-6, 1e-6);
      Var(x).set_value(before);
      return moved;
    };
    right = right && stepped(xg::optim::SGD<double>({x}, {.learning_rate = 0.5}));
    right = right && stepped(xg::optim::Adam<double>({x}, {.learning_rate = 0.5}));
  }
  {
    xg::nn::LSTM<double> lstm(2, 3);
    xg::nn::GRU<double> gru(2, 3);
    const auto sequence = xg::constant(Values(xt::ones<double>({4, 1, 2})));
    xg::sum(lstm.forward(sequence) + gru.forward(sequence)).backward();
    for (const auto& parameter : lstm.parameters()) right = right && parameter.has_grad();
  }
  return right;
}

/// Trains until the process ends.
void train_for_ever(std::atomic<int>& steps) {
  xg::nn::Sequential<double> net(xg::nn::Linear<double>(40, 300), xg::nn::Tanh<double>(),
                                 xg::nn::Linear<double>(300, 1));
  xg::optim::Adam<double> adam(net.parameters(), {.learning_rate = 1e-3});
  const auto cube = xg::elementwise("cube", [](auto v) { return v * v * v; });
  const auto inputs = xg::constant(Values(xt::ones<double>({64, 40})));
  while (true) {
    const xg::Scope scope("step");
    net.zero_grad();
    const Var out = net(inputs);
    xg::mean(cube(out) + xg::elementwise<Thrice>(out) + xg::softplus(out)).backward();
    adam.step();
    ++steps;
  }
}

/// Several runs of a child, all of which must end well.
int failures(const char* child, int runs) {
  int failed = 0;
  for (int i = 0; i < runs; ++i) failed += xgrad::testing::run_afresh(child, "MALLOC_PERTURB_", "165") != 0;
  return failed;
}

}  // namespace

TEST_CASE("child: a static object differentiates at the end" * doctest::skip()) {
  CHECK(every_kind());  // so that everything is made, after the static object
  at_end.is_right = every_kind;
}

TEST_CASE("child: a static object differentiates first at the end" * doctest::skip()) {
  at_end.is_right = every_kind;
}

TEST_CASE("child: a graph is differentiated at the end that was recorded before" * doctest::skip()) {
  const auto x = xg::parameter(Values{1, 2});
  const Var y = xg::sum(xg::elementwise<Thrice>(xg::exp(xg::log(x))) * x);  // 3 x x
  at_end.is_right = [x, y] {
    y.backward();
    return is(x.grad(), {6, 12});
  };
}

TEST_CASE("child: a thread trains on while main returns" * doctest::skip()) {
  static std::atomic<int> steps{0};
  for (int i = 0; i < 2; ++i) std::thread([] { train_for_ever(steps); }).detach();
  while (steps < 20) std::this_thread::yield();
  // Everything that is destroyed is gone by then, and the threads go on.
  at_end.is_right = [] {
    const int before = steps;
    while (steps < before + 20) std::this_thread::yield();
    return true;
  };
}

TEST_CASE("a static object's destructor may run every kind of backward pass") {
  CHECK(failures("child: a static object differentiates at the end", 1) == 0);
  CHECK(failures("child: a static object differentiates first at the end", 1) == 0);
  CHECK(failures("child: a graph is differentiated at the end that was recorded before", 1) == 0);
}

TEST_CASE("a detached thread may train on while main returns") {
  CHECK(failures("child: a thread trains on while main returns", 20) == 0);
}

#endif
