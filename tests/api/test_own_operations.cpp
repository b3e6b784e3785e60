// The public surface by example: operations of one's own.
#include <doctest/doctest.h>

#include <xgrad/xgrad.hpp>
namespace xg = xgrad;

struct Cube {
  static constexpr std::string_view name = "cube";
  template <class V>
  static V value(const V& x) {
    return x * x * x;
  }
  template <class V>
  static V gradient(const V& x, xg::unused, const V& dy) {
    return dy * 3 * x * x;
  }
};

TEST_CASE("operations of one's own") {
  auto x = xg::parameter(xt::xarray<double>{0.5, -1});
  auto a = xg::parameter(xt::xarray<double>{2, 3});
  auto b = xg::parameter(xt::xarray<double>{5, 7});
  const xg::GradcheckOptions every = {.second_order = true, .forward_mode = true};

  auto mish = xg::elementwise("mish", [](auto x) { return x * tanh(log1p(exp(x))); });
  auto y = mish(x);
  CHECK(xt::allclose(y.value(), xg::mish(x).value()));
  CHECK(y.operation() == "mish");
  CHECK(xg::gradcheck([&](const xg::Variable<double>& in) { return mish(in); }, {x}, every).ok());

  auto z = xg::elementwise<Cube>(x);
  CHECK(z.value() == xt::xarray<double>{0.125, -1});
  CHECK(xg::gradcheck([](const xg::Variable<double>& in) { return xg::elementwise<Cube>(in); }, {x}, every)
            .ok());

  auto product = xg::custom_operation<double>(
      "product", [](const std::vector<xg::Array<double>>& in) -> xg::Array<double> { return in[0] * in[1]; },
      [](const std::vector<xg::Variable<double>>& in, const xg::Variable<double>& out,
         const xg::Variable<double>& dy) {
        return std::vector<xg::Variable<double>>{dy * in[1], dy * in[0]};
      });
  auto w = product({a, b});
  CHECK(w.value() == xt::xarray<double>{10, 21});
  CHECK(xg::gradcheck([&](const std::vector<xg::Variable<double>>& in) { return product(in); }, {a, b}, every)
            .ok());

  xg::sum(y + z + w).backward();
  CHECK(x.has_grad());
  CHECK(a.grad() == b.value());
  CHECK(b.grad() == a.value());
}
