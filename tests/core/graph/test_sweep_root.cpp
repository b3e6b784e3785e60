// Who runs a sweep owns what it starts from: hooks, users' derivatives and checkpointed blocks may drop every
// handle to it. Expected gradients are by hand. The number of live nodes says whether a graph is still there
// while it is swept, so that these fail rather than now and then crash.
#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>
#include <xgrad/xgrad.hpp>

#include "../../message_of.hpp"

namespace xg = xgrad;
using xgrad::testing::message_of;
using Var = xg::Variable<double>;
using Values = xt::xarray<double>;

namespace {

std::int64_t live_nodes() { return xg::memory_stats().live_nodes; }

/// Drops a handle, which must free no node: somebody else is still at work on the graph.
class Dropper {
 public:
  void drop(Var& handle) {
    const auto before = live_nodes();
    handle = Var();
    freed_ += before - live_nodes();
    // New nodes come to lie where freed ones were.
    for (double i = 0; i < 64; ++i) rubble_.push_back(xg::parameter(i));
  }
  std::int64_t freed() const { return freed_; }

 private:
  std::int64_t freed_ = 0;
  std::vector<Var> rubble_;
};

/// Everything that sweeps from `root`, with the gradients by which it is to find {2, 4} at x.
void sweep_by(int way, Var& root, const Var& x) {
  if (way == 0) {
    root.backward();
    CHECK(x.grad() == Values{2, 4});
  } else {
    const auto found = xg::grad(root, {x}, {.create_graph = way == 2});
    CHECK(found[0].value() == Values{2, 4});
  }
}

}  // namespace

TEST_CASE("a hook may drop the last handle to what is differentiated: at the root, inside, or at a leaf") {
  for (int way = 0; way < 3; ++way)
    for (int place = 0; place < 3; ++place) {
      CAPTURE(way);
      CAPTURE(place);
      Dropper dropper;
      auto x = xg::parameter(Values{1, 2});
      Var root;
      {
        Var inner = x * x;
        root = xg::sum(inner * 1.0 + 0.0);
        (place == 0 ? root : place == 1 ? inner : x).register_hook([&](const Var&) { dropper.drop(root); });
      }
      sweep_by(way, root, x);
      CHECK_FALSE(root.defined());
      CHECK(dropper.freed() == 0);
    }
}

TEST_CASE("a derivative of a user's may drop the last handle to what is differentiated") {
  for (int way = 0; way < 3; ++way) {
    CAPTURE(way);
    Dropper dropper;
    const auto x = xg::parameter(Values{1, 2});
    Var root;
    const auto twice = xg::custom_operation<double>(
        "twice", [](const std::vector<xg::Array<double>>& in) { return xg::Array<double>(in[0] * 2); },
        [&](const std::vector<Var>&, const Var&, const Var& dy) {
          dropper.drop(root);
          return std::vector<Var>{dy * 2};
        });
    root = xg::sum(twice({x * x * 0.5}) + 0.0);
    sweep_by(way, root, x);
    CHECK(dropper.freed() == 0);
  }
}

TEST_CASE("a checkpointed block may drop the last handle to what is differentiated") {
  for (int way = 0; way < 3; ++way) {
    CAPTURE(way);
    Dropper dropper;
    const auto x = xg::parameter(Values{1, 2});
    Var root;
    root = xg::sum(xg::checkpoint(
                       [&](const Var& a) {
                         if (root.defined()) dropper.drop(root);
                         return a * a;
                       },
                       {x * 1.0}) +
                   0.0);
    sweep_by(way, root, x);
    CHECK(dropper.freed() == 0);
  }
}

TEST_CASE("derivatives of functions go on when the function's result is dropped meanwhile") {
  Dropper dropper;
  const auto x = xg::parameter(Values{1, 2}), ones = xg::constant(Values{1, 1});
  Var result;
  const auto cubes = [&](const Var& z) {
    Var cube = z * z * z;
    cube.register_hook([&](const Var&) {
      if (result.defined()) dropper.drop(result);
    });
    return result = cube;
  };
  const auto sum_of_cubes = [&](const Var& z) { return xg::sum(cubes(z)); };
  CHECK(xg::vjp(cubes, x, ones).cotangent.value() == Values{3, 12});
  CHECK(xg::jvp(cubes, x, ones).tangent.value() == Values{3, 12});
  CHECK(xg::value_and_grad(sum_of_cubes, x).gradient.value() == Values{3, 12});
  CHECK(xg::hvp(sum_of_cubes, x, ones).value() == Values{6, 12});
  CHECK(xg::jacobian(cubes, x) == Values{{3, 0}, {0, 12}});
  CHECK(xg::hessian(sum_of_cubes, x) == Values{{6, 0}, {0, 12}});
  CHECK(dropper.freed() == 0);
  result = Var();
}

TEST_CASE("a drawing with gradients goes on when a derivative drops what is drawn") {
  Dropper dropper;
  const auto x = xg::parameter(3.0);
  Var root;
  const auto twice = xg::custom_operation<double>(
      "twice", [](const std::vector<xg::Array<double>>& in) { return xg::Array<double>(in[0] * 2); },
      [&](const std::vector<Var>&, const Var&, const Var& dy) {
        dropper.drop(root);
        return std::vector<Var>{dy * 2};
      });
  root = twice({x * 1.0}) + 0.0;
  const std::string drawing = xg::io::to_dot(root, {.show_gradients = true});
  CHECK(drawing.find("gradient 2") != std::string::npos);
  CHECK(dropper.freed() == 0);
}

TEST_CASE("a hook may drop the targets of grad(), also those that no path leads to") {
  for (const bool create_graph : {false, true}) {
    CAPTURE(create_graph);
    Dropper dropper;
    auto x = xg::parameter(Values{1, 2});
    std::vector<Var> targets{x, xg::parameter(Values{5, 6, 7}) * 2.0, x * 3.0};
    Var root = xg::sum(x * x + targets[2]);
    root.register_hook([&](const Var&) {
      for (Var& target : targets) dropper.drop(target);
      targets.clear();
      targets.shrink_to_fit();
      dropper.drop(root);
    });
    // In a sweep around it, so that marks have to be put back at the end.
    auto around = xg::parameter(1.0);
    around.register_hook([&](const Var&) {
      const auto found = xg::grad(root, targets, {.create_graph = create_graph});
      REQUIRE(found.size() == 3);
      CHECK(found[0].value() == Values{5, 7});
      CHECK(found[1].value() == Values{0, 0, 0});
      CHECK(found[2].value() == Values{1, 1});
    });
    (around * 2.0).backward();
    CHECK(dropper.freed() == 0);
  }
}

TEST_CASE("a function of a user's may change the list of inputs that it was called with") {
  const auto x = xg::parameter(Values{1, 2});
  std::vector<Var> inputs{x * 1.0};
  const auto squared = xg::custom_operation<double>(
      "squared",
      [&](const std::vector<xg::Array<double>>& in) {
        inputs.clear();
        return xg::Array<double>(in[0] * in[0]);
      },
      [](const std::vector<Var>& in, const Var&, const Var& dy) { return std::vector<Var>{dy * in[0] * 2}; });
  xg::sum(squared(inputs)).backward();
  CHECK(x.grad() == Values{2, 4});

  inputs = {x * 1.0};
  const auto block = [&](const std::vector<Var>& in) {
    inputs.clear();
    return in[0] * in[0];
  };
  xg::sum(xg::checkpoint(block, inputs)).backward();
  CHECK(x.grad() == Values{4, 8});
}

TEST_CASE("a sweep inside a hook that spends the node it hangs on is told so, not read from what has gone") {
  auto x = xg::parameter(Values{1, 2});
  Var inner = x * x;
  const Var root = xg::sum(inner);
  bool first = true;
  inner.register_hook([&](const Var& g) {
    if (std::exchange(first, false)) inner.backward({.grad_output = g.value()});
  });
  CHECK(message_of<xg::GraphError>([&] { root.backward(); }) ==
        "backward: the graph through 'multiply' was spent by an earlier backward; pass {.retain_graph = "
        "true} to the earlier one");
  CHECK(x.grad() == Values{2, 4});  // what the hook's own sweep found stays
}

TEST_CASE("a sweep inside a checkpointed block may spend the block's own node") {
  const auto x = xg::parameter(Values{1, 2});
  Var kept;
  bool sweep = false;
  double seen = 0;
  const auto block = [&, factors = std::vector<double>(1000, 1.0)](const Var& a) {
    if (!std::exchange(sweep, false)) return a * a * factors[999];
    kept.backward({.grad_output = xg::Array<double>(Values{1, 1})});
    const std::vector<double> rubble(1000, 7.0);  // where the factors were, had the block gone
    seen = factors[999];
    return a * a * factors[999];
  };
  kept = xg::checkpoint(block, {x * 1.0});
  const Var root = xg::sum(kept);
  sweep = true;
  CHECK(message_of<xg::GraphError>([&] { root.backward(); }) ==
        "backward: the graph through 'multiply' was spent by an earlier backward; pass {.retain_graph = "
        "true} to the earlier one");
  CHECK(seen == 1);
  CHECK(x.grad() == Values{2, 4});
}

TEST_CASE("a hook inside a checkpointed block may sweep what it hangs on, and is told so") {
  const auto x = xg::parameter(Values{1, 2});
  bool first = true;
  Var h;
  const auto block = [&](const Var& a) {
    h = a * a;
    h.register_hook([&](const Var& g) {
      if (std::exchange(first, false)) h.backward({.grad_output = g.value()});
    });
    return h * 1.0;
  };
  CHECK(message_of<xg::GraphError>([&] { xg::sum(xg::checkpoint(block, {x})).backward(); }) ==
        "checkpoint: the block uses 'multiply' of a graph that an earlier backward has spent; pass "
        "{.retain_graph = true} to the earlier one");
}
