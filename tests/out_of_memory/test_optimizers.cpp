// When memory runs out, at whichever allocation, a call of an optimizer throws std::bad_alloc and has changed
// nothing; called again with memory, it does what it would have done. Wants XGRAD_POOL=off, so that every
// buffer and node is an allocation.
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/optim/clip.hpp>
#include <xgrad/optim/lbfgs.hpp>
#include <xgrad/optim/sgd.hpp>

#include "../optim/every_optimizer.hpp"
#include "../optim/training.hpp"
#include "../threads.hpp"
#include "failing_new.hpp"

namespace {

using namespace xgrad::optim;
using xgrad::Array;
using xgrad::Dense;
using xgrad::Shape;
using xgrad::Variable;
using xgrad::testing::every_optimizer;
using xgrad::testing::OptimizerKind;
using xgrad::testing::normal_numbers;
using xgrad::testing::OptimizerState;
using xgrad::testing::OutOfMemoryAfter;
using xgrad::testing::same_bits;
using xgrad::testing::Threads;

/// One that every update does by itself, one that two threads share, and one more.
template <class T>
std::vector<Variable<T>> parameters() {
  std::vector<Variable<T>> all;
  for (const std::size_t count : {3u, 70'001u, 5u})
    all.push_back(xgrad::detail::parameter_from(normal_numbers<T>(count, count)));
  return all;
}

/// The optimizer's state and its parameters.
template <class T>
OptimizerState<T> everything(const Optimizer<T>& optimizer) {
  OptimizerState<T> all = optimizer.state();
  for (const Variable<T>& parameter : optimizer.parameters()) all.emplace_back("value", parameter.value());
  return all;
}

template <class T>
void give_gradients(const Optimizer<T>& optimizer, std::uint64_t seed) {
  for (Variable<T> parameter : optimizer.parameters())
    parameter.set_grad(normal_numbers<T>(parameter.size(), ++seed));
}

/// `call` with memory that runs out after 0, 1, 2 ... allocations, until there is enough: each time
/// `everything` has to be as it was. How often it ran out.
template <class Everything, class Call>
std::size_t run_out(const Everything& everything, const Call& call) {
  const auto before = everything();
  for (std::size_t allocations = 0;; ++allocations) {
    CAPTURE(allocations);
    bool thrown = false;
    {
      const OutOfMemoryAfter limit(allocations);
      try {
        call();
      } catch (const std::bad_alloc&) {
        thrown = true;
      }
    }
    if (!thrown) return allocations;
    REQUIRE(xgrad::testing::ran_out());
    REQUIRE(same_bits(everything(), before));
    REQUIRE(allocations < 100'000);
  }
}

}  // namespace

TEST_CASE_TEMPLATE("a step that runs out of memory changes nothing, be it the first or a later one", T, float,
                   double) {
  for (const OptimizerKind<T>& kind : every_optimizer<T>()) {
    CAPTURE(kind.name);
    const Threads one(1);
    const auto optimizer = kind.make(parameters<T>()), undisturbed = kind.make(parameters<T>());
    for (std::uint64_t step = 1; step <= 2; ++step) {
      CAPTURE(step);
      give_gradients(*undisturbed, 10 * step);
      undisturbed->step();
      give_gradients(*optimizer, 10 * step);
      // Somebody else holds the values, so that writing to them needs buffers of their own.
      const OptimizerState<T> held = everything(*optimizer);
      const auto now = [&] { return everything(*optimizer); };
      CHECK(run_out(now, [&] {
              const Threads two(2);  // the second is started here, which allocates
              optimizer->step();
            }) >= 3);
      CHECK(same_bits(everything(*optimizer), everything(*undisturbed)));
    }
  }
}

TEST_CASE_TEMPLATE("a state that there is no memory for is not loaded in part", T, float, double) {
  for (const OptimizerKind<T>& kind : every_optimizer<T>()) {
    CAPTURE(kind.name);
    const auto optimizer = kind.make(parameters<T>()), trained = kind.make(parameters<T>());
    give_gradients(*trained, 1);
    trained->step();
    const OptimizerState<T> state = trained->state();
    CHECK(run_out([&] { return everything(*optimizer); }, [&] { optimizer->load_state(state); }) > 3);
    CHECK(same_bits(optimizer->state(), state));
  }
}

TEST_CASE_TEMPLATE("a step of LBFGS that runs out of memory changes nothing", T, float, double) {
  const auto make = [] { return LBFGS<T>(parameters<T>(), {.max_iter = 3, .history_size = 2}); };
  const auto step = [](LBFGS<T>& lbfgs) {
    lbfgs.step([&] {
      lbfgs.zero_grad();
      Variable<T> loss = sum(square(lbfgs.parameters()[0] - 1));
      for (std::size_t i = 1; i < 3; ++i) loss = loss + sum(square(square(lbfgs.parameters()[i])));
      loss.backward();
      return loss;
    });
  };
  LBFGS<T> lbfgs = make(), undisturbed = make();
  for (int i = 0; i < 2; ++i) {
    step(undisturbed);
    const LBFGSEnding ending = lbfgs.ending();
    CHECK(run_out(
              [&] {
                CHECK(lbfgs.ending() == ending);
                return everything(lbfgs);
              },
              [&] { step(lbfgs); }) > 100);
    CHECK(same_bits(everything(lbfgs), everything(undisturbed)));
  }
}

TEST_CASE_TEMPLATE("clipping that runs out of memory changes no gradient", T, float, double) {
  const SGD<T> sgd(parameters<T>(), {.learning_rate = 0.1});
  give_gradients(sgd, 1);
  const auto gradients = [&] {
    OptimizerState<T> all;
    for (const Variable<T>& parameter : sgd.parameters()) all.emplace_back("gradient", parameter.grad());
    return all;
  };
  const OptimizerState<T> held = gradients();
  CHECK(run_out(gradients, [&] { clip_grad_norm(sgd.parameters(), 1); }) > 3);
  CHECK_FALSE(same_bits(gradients(), held));
  const OptimizerState<T> clipped = gradients();
  CHECK(run_out(gradients, [&] { clip_grad_value(sgd.parameters(), 1e-3); }) > 3);
  CHECK_FALSE(same_bits(gradients(), clipped));
}
