// Chains of a million nodes, on a thread whose stack is 8 MB.
#include <doctest/doctest.h>
#include <pthread.h>

#include <functional>
#include <xgrad/core/graph/gradients.hpp>
#include <xgrad/xgrad.hpp>

namespace xg = xgrad;
using Var = xg::Variable<double>;

namespace {

void* call(void* function) {
  (*static_cast<std::function<void()>*>(function))();
  return nullptr;
}

/// Runs `f` on a thread with a stack of 8 MB, the usual limit.
void on_small_stack(std::function<void()> f) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  REQUIRE(pthread_attr_setstacksize(&attributes, 8u << 20) == 0);
  pthread_t thread;
  REQUIRE(pthread_create(&thread, &attributes, call, &f) == 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

constexpr int length = 1'000'000;

}  // namespace

TEST_CASE("a chain of a million nodes is built, differentiated and destroyed without recursion") {
  on_small_stack([] {
    auto x = xg::parameter(1.0);
    Var y = x;
    for (int i = 0; i < length; ++i) y = y + x;
    y.backward();
    CHECK(x.grad()() == length + 1);
  });
}

TEST_CASE("a chain of a million nodes is differentiated twice") {
  on_small_stack([] {
    const double factor = 1 - 1e-6;
    auto x = xg::parameter(1.0);
    Var y = x * x;
    for (int i = 0; i < length; ++i) y = y * factor;
    xg::detail::Node* const targets[] = {&x.node()};
    Var first(xg::detail::recorded_gradients(y.handle(), Var(xg::Dense<double>::scalar(1)).handle(), targets,
                                             true)[0]);
    CHECK(first.item() == doctest::Approx(2 * 0.36787925723164));
    Var second(xg::detail::recorded_gradients(first.handle(), Var(xg::Dense<double>::scalar(1)).handle(),
                                              targets, true)[0]);
    CHECK(second.item() == doctest::Approx(2 * 0.36787925723164));
  });
}

TEST_CASE("a sum of a hundred thousand branches is differentiated") {
  on_small_stack([] {
    auto x = xg::parameter(2.0);
    Var y = x * 0.0;
    for (int i = 0; i < 100'000; ++i) y = y + x * x;
    y.backward();
    CHECK(x.grad()() == 400'000);
  });
}
