// What a program cannot do is refused when it is captured, in one sentence; and then nothing has changed.
#include <doctest/doctest.h>

#include "../message_of.hpp"
#include "beside_eager.hpp"

namespace xg = xgrad;
using namespace xgrad::testing;
using Var = xg::Variable<double>;

namespace {

/// What capturing `f` says for x = {1, 2, 3}, a parameter.
template <class F>
std::string refusal(const F& f) {
  auto compiled = xg::compile(f);
  const auto x = xg::parameter({1.0, 2.0, 3.0});
  const std::string message = message_of<xg::CaptureError>([&] { compiled(x); });
  CHECK(compiled.programs() == 0);
  return message;
}

std::string leaves(const std::string& call, const std::string& what) {
  return call + ": the elements of " + what +
         " are read while compile() captures, and later calls would keep them as they are now; return the "
         "Variable from the function, or leave this part outside of it";
}

std::string impossible(const std::string& call, const std::string& advice) {
  return call + ": not possible while compile() captures a function; " + advice;
}

}  // namespace

TEST_CASE("elements that leave the graph") {
  const std::string x = "'parameter' of shape [3]", y = "'multiply' of shape [3]";
  CHECK(refusal([](const Var& v) { return v * xg::sum(v).item(); }) == leaves("item", "'sum' of shape []"));
  CHECK(refusal([](const Var& v) { return v * v.item(1); }) == leaves("item", x));
  CHECK(refusal([](const Var& v) { return xg::constant((v * v).value()); }) == leaves("value", y));
  CHECK(refusal([](const Var& v) { return v * (v * v).to_vector()[0]; }) == leaves("to_vector", y));
  CHECK(refusal([](const Var& v) { return xg::take(v, xg::argmax(v)); }) == leaves("argmax", x));
  CHECK(refusal([](const Var& v) { return xg::take(v, xg::argsort(v)); }) == leaves("argsort", x));
  CHECK(refusal([](const Var& v) { return xg::topk(v, 2).values; }) == leaves("topk", x));
  CHECK(refusal([](const Var& v) { return xg::max_with_indices(v, 0).values; }) ==
        leaves("max_with_indices", x));
  CHECK(refusal([](const Var& v) { return xg::where(xg::isnan(v), v, v); }) == leaves("not_equal", x));
  CHECK(refusal([](const Var& v) { return xg::where(xg::isinf(v), v, v); }) == leaves("isinf", x));
  CHECK(refusal([](const Var& v) { return xg::where(xg::equal(v, v), v, v); }) == leaves("equal", x));
}

TEST_CASE("the message names the scope") {
  const std::string message = refusal([](const Var& v) {
    const xg::Scope scope("head");
    return v * xg::sum(v).item();
  });
  CHECK(message.starts_with("item: the elements of 'sum' of shape [] in scope 'head' (under the guard of "));
  CHECK(message.find("test_refusals.cpp:") != std::string::npos);
}

TEST_CASE("elements that depend on no input may be read") {
  const auto c = xg::constant(2.0);
  auto f = xg::compile([&](const Var& x) { return x * (c * c).item() * xg::constant(3.0).item(); });
  const auto x = xg::parameter(1.0);
  CHECK(f(x).item() == 12);
  CHECK(f(x).item() == 12);
}

TEST_CASE("sweeps, hooks and changes of leaves") {
  auto w = xg::parameter(2.0);
  const std::string differentiate = "capture what gives the value, and differentiate what it returns";
  const std::string sweep = "write grad(), whose results can be a part of the program, or " + differentiate;
  CHECK(refusal([](const Var& v) {
          xg::sum(v).backward();
          return v;
        }) == impossible("backward", sweep));
  CHECK(refusal([](const Var& v) {
          return xg::constant(xg::jacobian([](const Var& u) { return u * u; }, v));
        }) == impossible("jacobian",
                         "write vjp() or hvp(), whose results can be a part of the program, or take all "
                         "derivatives of what the captured function gives"));
  CHECK(refusal([&](const Var& v) { return v * w.grad()(); }) ==
        impossible("grad", "read gradients outside of the function"));
  CHECK(refusal([&](const Var& v) {
          w.zero_grad();
          return v;
        }) == impossible("zero_grad", "call it outside of the function"));
  CHECK(refusal([&](const Var& v) {
          w.set_value(xg::Array<double>(1.0));
          return v;
        }) == impossible("set_value", "set leaves outside of the function; += under NoGrad is captured"));
  CHECK(refusal([&](const Var& v) {
          w.set_requires_grad(false);
          return v * w;
        }) == impossible("set_requires_grad", "freeze parameters outside of the function"));
  CHECK(refusal([](const Var& v) {
          Var y = v * v;
          y.retain_grad();
          return y;
        }) == impossible("retain_grad", "do it outside, on an argument, a parameter or a result"));
  CHECK(refusal([](const Var& v) { return xg::checkpoint([](const Var& u) { return u * u; }, {v}); }) ==
        impossible("checkpoint", "compile the block alone, and call it in a checkpoint outside"));
  CHECK(refusal([](const Var& v) { return xg::jvp([](const Var& u) { return u * u; }, v, v).tangent; }) ==
        impossible("jvp", "pass {.create_graph = true}, and detach() what it gives"));
  CHECK(w.item() == 2);
  CHECK(w.requires_grad());
}

TEST_CASE("random numbers that no operation draws, and the generator is as it was") {
  const auto before = xg::generator().state();
  const std::string expected =
      "compile: the function draws random numbers by what is no operation, or from a Generator of its own, "
      "and "
      "later calls would keep them; draw outside, and pass them as an argument";
  CHECK(refusal([](const Var& v) { return v + xg::constant(xg::randn<double>({3})); }) == expected);
  CHECK(refusal([](const Var& v) { return xg::take(v, xg::randperm(3)); }) == expected);
  xg::Generator own(3);
  CHECK(refusal([&](const Var& v) { return xg::dropout(v, 0.5, own); }) == expected);
  CHECK(xg::generator().state() == before);
}

TEST_CASE("a value that is held outside of the function") {
  Var kept;
  CHECK(
      refusal([&](const Var& v) {
        kept = v * v;
        return kept + 1.0;
      }) ==
      "compile: a 'multiply' of shape [3] that was captured is still held outside of the function; return it "
      "as one more result, or hold its detach() of a result");
  CHECK(kept.value() == xg::Array<double>{1, 4, 9});
  CHECK(refusal([&](const Var& v) {
          kept = v;
          return v + 1.0;
        }).starts_with("compile: a 'parameter' of shape [3] that was captured is still held"));
}

TEST_CASE("indices and masks that no operation reads as they are") {
  const auto x = xg::parameter({{1.0, 2.0, 3.0}, {4.0, 5.0, 6.0}});
  const auto reading = [](const std::string& call) {
    return call +
           ": it reads indices or a mask that compile() captures, but is no operation, so that later calls "
           "would keep what it gives; do this outside, and pass what it gives";
  };
  const auto with_indices = [&](const auto& f) {
    auto compiled = xg::compile(f);
    return message_of<xg::CaptureError>([&] { compiled(x, xg::Indices{0, 1}); });
  };
  CHECK(with_indices([](const Var& v, const xg::Indices& i) {
          return v + xg::sum(xg::constant(xg::one_hot<double>(i, 3)));
        }) == reading("one_hot"));
  CHECK(with_indices([](const Var& v, const xg::Indices& i) {
          return xg::cross_entropy(v, i, {.label_smoothing = 0.1});
        }) == reading("cross_entropy"));
  CHECK(with_indices([](const Var& v, const xg::Indices& i) { return xg::index_put(v, {i}, v); }) ==
        reading("index_put"));
  auto by_mask = xg::compile([](const Var& v, const xg::Mask& m) { return xg::masked_select(v, m); });
  CHECK(message_of<xg::CaptureError>([&] {
          by_mask(x, xg::Mask{{true, false, true}, {true, true, true}});
        }) == reading("masked_select"));
  auto by_comparison = xg::compile([](const Var& v) { return v[v > 2.0]; });
  CHECK(message_of<xg::CaptureError>([&] { by_comparison(x); }) == reading("masked_select"));
  auto indexed = xg::compile([](const Var& v, const xg::Indices& i) { return v[i]; });
  CHECK(indexed(x, xg::Indices{1}).value() == xg::Array<double>{{4, 5, 6}});
  CHECK(indexed(x, xg::Indices{-2}).value() == xg::Array<double>{{1, 2, 3}});
}

TEST_CASE("leaves that a refused function had written to are as they were") {
  auto buffer = xg::detail::buffer_from(xg::Dense<double>::scalar(1));
  CHECK(refusal([&](const Var& v) {
          {
            const xg::NoGrad off;
            buffer += 1.0;
          }
          return v * buffer.item();
        }) == leaves("item", "'constant' of shape []"));
  CHECK(buffer.item() == 1);
}

TEST_CASE("empty arguments and results, and options") {
  auto f = xg::compile([](const Var&) { return Var(); });
  CHECK(message_of<xg::GraphError>([&] { f(xg::constant(1.0)); }) ==
        "compile: result 0 of the function is an empty Variable; return a value");
  CHECK(message_of<xg::GraphError>([&] { f(Var()); }) ==
        "Variable: empty, it has no value; assign one first");
  CHECK(message_of<xg::ValueError>([] {
          xg::compile([](const Var& x) { return x; }, {.most_programs = 0});
        }) == "compile: .most_programs is 0; it must be at least 1");
}

TEST_CASE("what the function throws passes through, and nothing is kept") {
  auto f = xg::compile([](const Var& x) { return xg::matmul(x, x); });
  CHECK(message_of<xg::ShapeError>([&] { f(xg::parameter({{1.0, 2.0}})); }) != "nothing was thrown");
  CHECK(f.programs() == 0);
}
