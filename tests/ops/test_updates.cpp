// Updates by hand: += -= *= /= on parameters, modules' buffers, constants and results, and what looks like
// writing and is not.
#include <doctest/doctest.h>

#include <utility>
#include <vector>
#include <xgrad/xgrad.hpp>
#include <xgrad/xtensor.hpp>

#include "../message_of.hpp"

namespace xg = xgrad;
using xgrad::testing::message_of;
using Var = xg::Variable<double>;
using X = xt::xarray<double>;

namespace {

template <class A>
concept ElementWritten = requires(A a) {
  a.value()(0) = 1.0;
};
template <class A>
concept Filled = requires(A a) {
  a.value().fill(0.0);
};
template <class A>
concept Assigned = requires(A a, const X& x) {
  a.value() = x;
};
template <class A>
concept FlatWritten = requires(A a) {
  a.value().flat(0) = 1.0;
};
template <class A>
concept PointedAt = requires(A a) {
  *a.value().data() = 1.0;
};
template <class A>
concept Iterated = requires(A a) {
  *a.value().begin() = 1.0;
};
template <class A>
concept GradientWritten = requires(A a) {
  a.grad()(0) = 1.0;
};
template <class A>
concept InputsWritten = requires(A a) {
  a.inputs()(0) = 1.0;
};
template <class A>
concept TargetsWritten = requires(A a) {
  a.targets()(0) = 1;
};
template <class A, class B>
concept Subtracts = requires(A a, B b) {
  a -= b;
};

/// A module with a parameter and a buffer, and both to be seen.
class Counter : public xg::nn::Module<double> {
 public:
  Counter()
      : scale(register_parameter("scale", xg::Array<double>(X{1, 2}))),
        seen(register_buffer("seen", xg::Array<double>(X{0, 0}))) {}
  Var forward(const Var& x) override {
    const xg::NoGrad off;
    seen += x;
    return x * 2;
  }
  Var& scale;
  Var& seen;
};

}  // namespace

TEST_CASE("a value, a gradient and a data set's arrays are not written through a temporary") {
  static_assert(!ElementWritten<Var>);
  static_assert(!Filled<Var>);
  static_assert(!Assigned<Var>);
  static_assert(!FlatWritten<Var>);
  static_assert(!PointedAt<Var>);
  static_assert(!Iterated<Var>);
  static_assert(!GradientWritten<Var>);
  static_assert(!InputsWritten<xg::data::TensorDataset<float>>);
  static_assert(!TargetsWritten<xg::data::TensorDataset<float>>);
  static_assert(!Subtracts<Var&, xg::Variable<float>>);
}

TEST_CASE("reading an element or a view of value() copies nothing") {
  const Var x = xg::parameter(X{{1, 2}, {3, 4}});
  const auto before = xg::memory_stats().live_buffers;
  const auto value = x.value();
  double sum = x.value()(0, 1) + x.value().flat(2);
  for (double element : x.value()) sum += element;
  CHECK(sum == 15);  // 2 + 3 + (1 + 2 + 3 + 4)
  CHECK(xt::sum(xt::view(x.value(), 1, xt::all()))() == 7);
  CHECK(x.value().storage().buffer().same_block(x.dense().buffer));
  CHECK(xg::memory_stats().live_buffers == before);
  xg::Array<double> own = x.value();
  CHECK(own.storage().buffer().same_block(x.dense().buffer));
  own(0, 0) = 100;  // a copy of one's own: the parameter stays
  CHECK(x.value()(0, 0) == 1);
  const std::pair<std::string, xg::Array<double>> named("x", x.value());
  CHECK(named.second == X{{1, 2}, {3, 4}});
  auto other = xg::parameter(X{{0, 0}, {0, 0}});
  other.set_value(x.value());
  CHECK(other.dense().buffer.same_block(x.dense().buffer));
}

TEST_CASE("under NoGrad a parameter is updated in place, through any handle, by anything") {
  auto w = xg::parameter(X{1, 2, 4});
  const Var same = w;
  const xg::detail::Node* const node = &w.node();
  const xg::NoGrad off;
  w -= 1;
  CHECK(same.value() == X{0, 1, 3});
  w += xg::Array<double>(X{1, 1, 1});
  CHECK(same.value() == X{1, 2, 4});
  w *= 2 * X{1, 2, 3};
  CHECK(same.value() == X{2, 8, 24});
  w /= xg::constant(X{2, 4, 8});
  CHECK(same.value() == X{1, 2, 3});
  w *= xg::constant(2.0);
  CHECK(same.value() == X{2, 4, 6});
  (w += 1) *= 10;
  CHECK(same.value() == X{30, 50, 70});
  CHECK(&w.node() == node);
  CHECK(w.requires_grad());
  CHECK(w.operation() == "parameter");
  Var(w) -= 30;  // a temporary handle to a parameter is as good as another
  CHECK(same.value() == X{0, 20, 40});
  auto f = xg::parameter(xt::xarray<float>{1, 2});
  f -= 0.5 * xt::xarray<double>{1, 2};
  CHECK(f.value() == xt::xarray<float>{0.5f, 1});
}

TEST_CASE("an update by hand is gradient descent, and what is learnt is seen by the network") {
  xg::nn::Sequential<double> net{xg::nn::Linear<double>(2, 1)};
  for (auto [name, p] : net.named_parameters()) p.set_value(xt::ones<double>(p.shape()));
  const auto loss = xg::sum(net(xg::constant(X{{3, 5}})));  // gradients 3, 5 and 1
  loss.backward();
  {
    const xg::NoGrad off;
    for (auto p : net.parameters()) p -= 0.5 * p.grad();
  }
  CHECK(net.parameters()[0].value()(0, 0) == -0.5);
  CHECK(net.parameters()[0].value()(1, 0) == -1.5);
  CHECK(net.parameters()[1].value()(0) == 0.5);
  CHECK(net.parameters()[0].grad()(1, 0) == 5);  // gradients are kept
}

TEST_CASE("what stands on both sides is read before it is written") {
  auto w = xg::parameter(X{3, 5});
  xg::sum(w * w).backward();
  const xg::NoGrad off;
  w *= w.grad();  // 2 w
  CHECK(w.value() == X{18, 50});
  const Var also = w;
  w -= also;
  CHECK(w.value() == X{0, 0});
  w += 2;
  w *= w + w;
  CHECK(w.value() == X{8, 8});
  w -= w.value();
  CHECK(w.value() == X{0, 0});
  auto m = xg::parameter(X{{1, 2}, {3, 4}});
  m -= xt::view(m.value(), 0, xt::all());  // a view of the value itself, repeated
  CHECK(m.value() == X{{0, 0}, {2, 2}});
}

TEST_CASE("saved values, Arrays of users and their shape stay as they were") {
  auto w = xg::parameter(X{3, 5});
  const auto y = w * w;
  const xg::Array<double> before = w.value();
  {
    const xg::NoGrad off;
    w -= 1;
  }
  CHECK(before == X{3, 5});
  CHECK(w.value() == X{2, 4});
  y.backward({.grad_output = xt::ones<double>({2})});
  CHECK(w.grad() == X{6, 10});  // 2 w of the time of recording
  xg::Array<double> shared = X{1, 2};
  const auto v = xg::parameter(shared);
  {
    const xg::NoGrad off;
    Var(v) *= 10;
  }
  CHECK(shared == X{1, 2});
  shared(0) = 7;
  CHECK(v.value() == X{10, 20});
}

TEST_CASE("an update keeps the shape, and one that throws changes nothing") {
  auto w = xg::parameter(X{1, 2});
  const xg::NoGrad off;
  CHECK(message_of<xg::ShapeError>([&] {
          w -= X{{1, 2}, {3, 4}};
        }) ==
        "-=: a right side of shape [2, 2] for a parameter of shape [2], which keeps its shape; reduce the "
        "right "
        "side to it");
  CHECK(message_of<xg::ShapeError>([&] {
          w *= X{1, 2, 3};
        }) == "*=: shapes do not broadcast: [2] and [3] (axis 0: 2 vs 3); make the extents equal or 1");
  auto one = xg::parameter(1.0);
  CHECK_THROWS_AS(one += w, xg::ShapeError);
  CHECK_THROWS_AS(w += Var(), xg::GraphError);
  CHECK(w.value() == X{1, 2});
  CHECK(one.item() == 1);
  Var empty;
  CHECK(message_of([&] { empty += 1; }) == "Variable: empty, it has no value; assign one first");
}

TEST_CASE("while operations are recorded an update is an error that says what to do") {
  auto w = xg::parameter(X{1, 2});
  const char* const text =
      "+=: a parameter of shape [2] is not written to while operations are recorded; do it under an "
      "xgrad::NoGrad, by an optimizer, or with set_value()";
  CHECK(message_of<xg::GraphError>([&] { w += 1; }) == text);
  CHECK(message_of<xg::GraphError>([&] { w += w; }) == text);
  CHECK(message_of<xg::GraphError>([&] {
          const xg::NoGrad off;
          const xg::EnableGrad on;
          w += 1;
        }) == text);
  CHECK(w.value() == X{1, 2});
  const Counter counter;
  CHECK(message_of<xg::GraphError>([&] { counter.seen -= 1; }) ==
        "-=: a buffer of shape [2] is not written to while operations are recorded; do it under an "
        "xgrad::NoGrad, by an optimizer, or with set_value()");
}

TEST_CASE("constants and results are rebound, in every mode, and p = p - ... rebinds the handle") {
  auto c = xg::constant(X{1, 2});
  const Var first = c;
  c += 1;
  CHECK(first.value() == X{1, 2});
  CHECK(c.value() == X{2, 3});
  auto w = xg::parameter(X{1, 2});
  auto y = w * 1;
  const Var earlier = y;
  y *= 3;
  CHECK(earlier.value() == X{1, 2});
  CHECK(y.operation() == "multiply");
  xg::sum(y).backward();
  CHECK(w.grad() == X{3, 3});
  const xg::NoGrad off;
  y += 1;
  CHECK(y.value() == X{4, 7});
  c -= 1;
  CHECK(first.value() == X{1, 2});
  auto p = w;
  p = p - 1;  // as in PyTorch: another Variable
  CHECK(p.value() == X{0, 1});
  CHECK(w.value() == X{1, 2});
  CHECK(w.detach().value() == X{1, 2});
  auto d = w.detach();
  d -= 1;  // a constant of its own
  CHECK(w.value() == X{1, 2});
}

TEST_CASE("a temporary handle that would be rebound to no effect is an error") {
  auto w = xg::parameter(X{1, 2});
  CHECK(message_of<xg::GraphError>([&] { (w * 2) -= 1; }) ==
        "-=: the left side is a temporary handle to a 'multiply' of shape [2], and rebinding it changes "
        "nothing; give it a name, as in auto x = ...; x -= ...");
  const xg::NoGrad off;
  CHECK_THROWS_AS(w.detach() += 1, xg::GraphError);
  CHECK_THROWS_AS(xg::reshape(w, {2, 1}) += 1, xg::GraphError);
  CHECK(w.value() == X{1, 2});
}

TEST_CASE("the result of an operation that has nothing to do is no handle to the parameter") {
  auto w = xg::parameter(X{{1, 2}, {3, 4}});
  const xg::NoGrad off;
  xg::manual_seed(0);
  std::vector<Var> results = {xg::reshape(w, {2, 2}),
                              xg::broadcast_to(w, xg::Shape{2, 2}),
                              xg::sum_to(w, xg::Shape{2, 2}),
                              xg::squeeze(w),
                              xg::flatten(xg::parameter(X{1})),
                              xg::dropout(w, 0.0),
                              xg::cast<double>(w),
                              xg::tile(w, {1, 1}),
                              xg::repeat(w, 1, 0),
                              xg::roll(w, 0, 0),
                              xg::flip(w, 0),
                              xg::permute(w, {0, 1}),
                              xg::swap_axes(w, 0, 0),
                              xg::transpose(w),
                              xg::slice(w, {xg::all, xg::all}),
                              xg::pad(w, {{0, 0}, {0, 0}}),
                              xg::concatenate({w}, 0),
                              xg::split(w, 1, 0)[0],
                              xg::sum(w, {.axes = {0}}),
                              xg::clamp(w, -100, 100),
                              xg::diagonal(w),
                              xg::tril(w),
                              xg::expand_dims(w, 0),
                              xg::roll(w, {}, {}),
                              xg::nn::Dropout<double>(0.0)(w),
                              xg::einsum("ij->ij", {w})};
  for (std::size_t i = 0; i < results.size(); ++i) {
    CAPTURE(i);
    results[i] -= 1;
    CHECK(w.value() == X{{1, 2}, {3, 4}});
  }
}

TEST_CASE("a module's buffer is updated in place under NoGrad") {
  Counter counter;
  const Var buffer = counter.named_buffers()[0].second;
  counter(xg::constant(X{1, 2}));
  counter(xg::constant(X{1, 2}));
  CHECK(buffer.value() == X{2, 4});
  counter.summary({2});  // changes nothing of the module
  CHECK(buffer.value() == X{2, 4});
  CHECK(counter.state()[1].second == X{2, 4});
}

TEST_CASE("functions that are differentiated rebind their arguments as any function does") {
  const auto f = [](const Var& x) {
    Var y = x;
    y *= x;  // x itself stays
    y *= x;
    return xg::sum(y);
  };
  const auto x = xg::parameter(X{1, 2});
  CHECK(xg::value_and_grad(f, x).gradient.value() == X{3, 12});           // 3 x^2
  CHECK(xg::hessian(f, x) == X{{6, 0}, {0, 12}});                         // 6 x
  CHECK(xg::jvp(f, x, xg::Array<double>(X{1, 1})).tangent.item() == 15);  // 3 + 12
  CHECK(xg::gradcheck([&](const std::vector<Var>& in) { return f(in[0]); }, {x}).ok());
  CHECK(x.value() == X{1, 2});
}

TEST_CASE("a hook of backward() may update its parameter, and later nodes see what was saved") {
  auto w = xg::parameter(X{1, 2});
  const auto hook = w.register_hook([&](const Var& g) { Var(w) -= 0.5 * g; });
  xg::sum(w * w).backward();
  CHECK(w.value() == X{0, 0});  // w - w
  CHECK(w.grad() == X{2, 4});
}

TEST_CASE("set_grad takes any expression of the value's shape") {
  auto w = xg::parameter(X{1, 2});
  xg::sum(w * w).backward();
  w.set_grad(0.5 * w.grad());
  CHECK(w.grad() == X{1, 2});
  CHECK(message_of([&] {
          w.set_grad(X{1, 2, 3});
        }) == "set_grad: [3] for a parameter of shape [2]; they must be equal");
  CHECK(w.grad() == X{1, 2});
}
