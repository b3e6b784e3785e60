// Operations of one's own, one wrong on purpose: X X' with the derivative 2 dY X, which is right
// for a symmetric dY alone; (dY + dY') X is always (M. Giles, "Collected matrix derivative results
// for forward and reverse mode algorithmic differentiation", 2008). A norm, whose dY is symmetric,
// hides it; gradcheck of the operation itself, which weighs outputs at random, finds it.
#include <iostream>

#include <xgrad/xgrad.hpp>

namespace xg = xgrad;
using Var = xg::Variable<double>;

struct LogCosh {  // derived by hand, and where cosh(x) would overflow, too
  static constexpr std::string_view name = "log_cosh";
  template <class V>
  static V value(const V& x) {
    return abs(x) + log1p(exp(-2 * abs(x))) - 0.6931471805599453;
  }
  template <class V>
  static V gradient(const V& x, xg::unused, const V& dy) {
    return dy * tanh(x);
  }
};

auto gram(const auto& derivative) {
  const auto value = [](const std::vector<xg::Array<double>>& in) -> xg::Array<double> {
    return xg::matmul(xg::constant(in[0]), xg::constant(in[0]), {.transpose_b = true}).value();
  };
  const auto vjp = [=](const std::vector<Var>& in, const Var&, const Var& dy) {
    return std::vector<Var>{derivative(in[0], dy)};
  };
  return xg::custom_operation<double>("gram", value, vjp);
}

int main() {
  xg::manual_seed(0);
  const auto x = xg::parameter(xg::randn({4, 3}));
  const auto swish = xg::elementwise("swish", [](auto v) { return v / (1 + exp(-v)); });
  const auto wrong = gram([](Var v, Var dy) { return 2 * xg::matmul(dy, v); });
  const auto right = gram([](Var v, Var dy) { return xg::matmul(dy + xg::transpose(dy), v); });
  const auto all = xg::GradcheckOptions{.second_order = true, .forward_mode = true};
  const auto good = xg::gradcheck(
      [&](const Var& v) { return right({swish(v) + xg::elementwise<LogCosh>(v)}); }, {x}, all);
  const auto hidden = xg::gradcheck([&](const Var& v) { return xg::norm(wrong({v})); }, {x});
  const auto found = xg::gradcheck([&](const Var& v) { return wrong({v}); }, {x});
  std::cout << "right:\n" << good << "\nwrong, in a norm:\n" << hidden << "\nwrong:\n" << found;
  if (good.ok() && hidden.ok() && !found.ok()) return 0;
  std::cerr << "MISSED: gradcheck passes what is right, and finds what is wrong\n";
  return 1;
}
