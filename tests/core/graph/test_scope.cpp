#include <doctest/doctest.h>

#include <thread>
#include <xgrad/xgrad.hpp>

#include "../../message_of.hpp"

namespace xg = xgrad;
using xgrad::testing::message_of;

TEST_CASE("a scope labels what is recorded while it lives, and scopes nest into a path") {
  const auto x = xg::parameter(2.0);
  xg::Variable<double> inner, outer, after;
  {
    const xg::Scope encoder("encoder");
    {
      const xg::Scope layer("layer1");
      inner = xg::tanh(x);
    }
    outer = inner * x;
  }
  after = inner * x;
  CHECK(inner.scope() == "encoder/layer1");
  CHECK(outer.scope() == "encoder");
  CHECK(after.scope() == "");
  CHECK(x.scope() == "");
  CHECK(message_of<xg::ValueError>([] { const xg::Scope none(""); }) ==
        "Scope: the name is empty; errors and drawings need one");
}

TEST_CASE("every kind of operation carries its scope") {
  const auto x = xg::parameter(xt::xarray<double>{0.5, 1.5});
  const auto twice = xg::elementwise("twice", [](auto v) { return v + v; });
  const auto own = xg::custom_operation<double>(
      "own", [](const std::vector<xg::Array<double>>& in) -> xg::Array<double> { return in[0] * 2; });
  const xg::Scope scope("here");
  const auto block = [](const xg::Variable<double>& z) { return xg::exp(z); };
  CHECK(xg::exp(x).scope() == "here");
  CHECK(xg::sum(x).scope() == "here");
  CHECK(xg::concatenate({x, x}).scope() == "here");
  CHECK(xg::cast<float>(x).scope() == "here");
  CHECK(twice(x).scope() == "here");
  CHECK(own({x}).scope() == "here");
  CHECK(xg::checkpoint(block, {x}).scope() == "here");
}

TEST_CASE("a scope belongs to its thread, and labels nothing that is not recorded") {
  const auto x = xg::parameter(2.0);
  const xg::Scope scope("main");
  std::string elsewhere = "unset";
  std::thread([&] { elsewhere = xg::exp(x).scope(); }).join();
  CHECK(elsewhere == "");
  CHECK(xg::exp(x.detach()).scope() == "");
  const xg::NoGrad off;
  CHECK(xg::exp(x).scope() == "");
}
