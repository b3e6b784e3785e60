// What derivatives promise in every row of the table, to rounding: forward and reverse mode are transposes of
// each other, a recorded gradient is the gradient that plain values give, and float follows double at second
// order.
#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <xgrad/derivatives/jvp.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>

#include "row_runs.hpp"

namespace xg = xgrad;
using namespace xgrad::testing;

namespace {

/// A sum of products, and the sum of their sizes: what its rounding is relative to.
struct Product {
  double value = 0, size = 0;
};

template <class T>
Product product_of(const xg::Dense<T>& a, const xg::Dense<T>& b) {
  REQUIRE(a.shape == b.shape);
  Product p;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double term = static_cast<double>(a.data()[i]) * static_cast<double>(b.data()[i]);
    p.value += term;
    p.size += std::fabs(term);
  }
  return p;
}

template <class T>
xg::Variable<T> call_with(const OperationRow& row, Variables<T> in, std::size_t k, const xg::Variable<T>& x) {
  in[k] = x;
  return call(row, in);
}

template <class T>
bool has_nan(const xg::Dense<T>& x) {
  return std::any_of(x.data(), x.data() + x.size(), [](T element) { return std::isnan(element); });
}

/// <J v, u> = <v, J^T u> for the Jacobian in each input; a value that is no number has no tangent either.
template <class T>
void check_duality(const OperationRow& row, const Arrays& values, double tolerance) {
  const auto in = parameters<T>(values);
  const auto reverse = run(row, in);
  for (std::size_t k = 0; k < in.size(); ++k) {
    INFO("input " << k);
    const xg::Array<T> v = weights<T>(in[k].shape(), 17);
    const auto [y, tangent] =
        xg::jvp([&](const xg::Variable<T>& x) { return call_with(row, in, k, x); }, in[k], v);
    CHECK(same_bits(y.dense(), reverse[0]));
    if (has_nan(y.dense())) {
      CHECK(has_nan(tangent.dense()));
      continue;
    }
    const Product pushed = product_of(tangent.dense(), xg::to_dense(weights<T>(y.shape())));
    const Product pulled = product_of(xg::to_dense(v), reverse[k + 1]);
    INFO("<Jv, u> is " << pushed.value << ", <v, J^T u> is " << pulled.value);
    CHECK(std::fabs(pushed.value - pulled.value) <= tolerance * std::fmax(1, pushed.size + pulled.size));
  }
}

/// The gradients, and how each moves when the gradients are weighed and differentiated again: in the inputs,
/// and last in the output's gradient.
template <class T>
struct Orders {
  Variables<T> first, second;
};

template <class T>
Orders<T> recorded(const OperationRow& row, const Arrays& values) {
  Variables<T> all = parameters<T>(values);
  const xg::Variable<T> y = call(row, all);
  const auto u = xg::parameter(weights<T>(y.shape()));
  Orders<T> made;
  made.first = xg::grad(y, all, {.create_graph = true, .grad_output = u});
  xg::Variable<T> weighed = xg::sum(u) * 0;
  for (std::size_t k = 0; k < all.size(); ++k)
    weighed = weighed + xg::sum(made.first[k] * weights<T>(all[k].shape(), 23 + k));
  all.push_back(u);
  made.second = xg::grad(weighed, all);
  return made;
}

template <class T>
void check_recorded(const OperationRow& row, const Arrays& values, double tolerance) {
  const auto plain = run(row, parameters<T>(values));
  const auto on_variables = recorded<T>(row, values).first;
  REQUIRE(plain.size() == on_variables.size() + 1);
  for (std::size_t k = 0; k < on_variables.size(); ++k) {
    INFO("input " << k);
    CHECK(on_variables[k].shape() == plain[k + 1].shape);
    CHECK(difference(on_variables[k].dense(), plain[k + 1].data(), plain[k + 1].size(), tolerance) == "");
  }
}

/// What follows, on the row's own arguments and, for elementwise rows, on shapes that broadcast.
template <class Check>
void for_some_arguments(const OperationRow& row, const Check& check) {
  xg::Generator from(29);
  for (std::uint64_t seed = 20; row.differentiable && seed < 26; ++seed) {
    const bool own = seed < 22;
    if (!own && !row.elementwise) return;
    const Shapes shapes = own ? own_shapes(row) : broadcastable_shapes(row.arguments.size(), from);
    INFO("seed " << seed << ", shapes " << text_of(shapes));
    check(sample(row, shapes, seed));
  }
}

}  // namespace

TEST_CASE("forward mode is the transpose of reverse mode, to rounding") {
  for_each_row([](const OperationRow& row) {
    for_some_arguments(row, [&](const Arrays& in) {
      check_duality<double>(row, in, 1e-13);
      check_duality<float>(row, in, 1e-5);
    });
  });
}

TEST_CASE("a gradient that is recorded is the one that plain values give, to rounding") {
  for_each_row([](const OperationRow& row) {
    for_some_arguments(row, [&](const Arrays& in) {
      check_recorded<double>(row, in, 1e-13);
      check_recorded<float>(row, in, 1e-5);
    });
  });
}

TEST_CASE("second-order gradients in float agree with those in double") {
  for_each_row([](const OperationRow& row) {
    for_some_arguments(row, [&](const Arrays& drawn) {
      const Arrays in = as_floats(drawn);
      const auto in_float = recorded<float>(row, in).second;
      const auto in_double = recorded<double>(row, in).second;
      REQUIRE(in_float.size() == in_double.size());
      for (std::size_t k = 0; k < in_float.size(); ++k) {
        INFO("input " << k << ", the last is the output's gradient");
        CHECK(in_float[k].shape() == in_double[k].shape());
        CHECK(difference(in_float[k].dense(), in_double[k].dense().data(), in_double[k].size(),
                         row.float_second_tolerance) == "");
      }
    });
  });
}
