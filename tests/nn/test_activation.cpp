#include <limits>
#include <string>
#include <utility>

#include <doctest/doctest.h>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/nn/activation.hpp>
#include <xgrad/nn/sequential.hpp>
#include <xgrad/ops/creation.hpp>
#include <xgrad/ops/operators.hpp>

namespace {

using xgrad::Shape;
using xgrad::Variable;
namespace nn = xgrad::nn;

const Variable<double> sample(std::uint64_t seed) {
  xgrad::Generator from(seed);
  return xgrad::constant(xgrad::random_normal<double>({3, 5}, 0, 2, from));
}

/// The module computes what the function does, has the right name and no parameters, and a right gradient.
template <class M, class F>
void check_activation(M module, const std::string& name, F function) {
  CAPTURE(name);
  CHECK(module.name() == name);
  CHECK(module.parameters().empty());
  const auto x = sample(3);
  CHECK(module(x).value() == function(x).value());
  const auto report = xgrad::gradcheck([&](const Variable<double>& in) { return module(in); }, {x});
  INFO(report);
  CHECK(report.ok());
}

/// An activation of a user's own.
struct Swish {
  static constexpr const char* name = "Swish";
  double beta;
  template <class T>
  Variable<T> operator()(const Variable<T>& x) const {
    return x * sigmoid(beta * x);
  }
};

}  // namespace

TEST_CASE("every activation has its module") {
  using V = const Variable<double>&;
  check_activation(nn::ReLU<double>(), "ReLU", [](V x) { return relu(x); });
  check_activation(nn::Sigmoid<double>(), "Sigmoid", [](V x) { return sigmoid(x); });
  check_activation(nn::Tanh<double>(), "Tanh", [](V x) { return tanh(x); });
  check_activation(nn::LeakyReLU<double>(), "LeakyReLU", [](V x) { return leaky_relu(x, 0.01); });
  check_activation(nn::ELU<double>(), "ELU", [](V x) { return elu(x, 1); });
  check_activation(nn::SELU<double>(), "SELU", [](V x) { return selu(x); });
  check_activation(nn::GELU<double>(), "GELU", [](V x) { return gelu(x); });
  check_activation(nn::SiLU<double>(), "SiLU", [](V x) { return silu(x); });
  check_activation(nn::Mish<double>(), "Mish", [](V x) { return mish(x); });
  check_activation(nn::Softplus<double>(), "Softplus", [](V x) { return softplus(x); });
  check_activation(nn::Softsign<double>(), "Softsign", [](V x) { return softsign(x); });
  check_activation(nn::Hardtanh<double>(), "Hardtanh", [](V x) { return hardtanh(x, -1, 1); });
  check_activation(nn::Softmax<double>(), "Softmax", [](V x) { return softmax(x, -1); });
  check_activation(nn::LogSoftmax<double>(), "LogSoftmax", [](V x) { return log_softmax(x, -1); });
}

TEST_CASE("an activation's options are its module's arguments") {
  using V = const Variable<double>&;
  check_activation(nn::LeakyReLU<double>(0.2), "LeakyReLU", [](V x) { return leaky_relu(x, 0.2); });
  check_activation(nn::ELU<double>(2), "ELU", [](V x) { return elu(x, 2); });
  check_activation(nn::Hardtanh<double>(-2, 0.5), "Hardtanh", [](V x) { return hardtanh(x, -2, 0.5); });
  check_activation(nn::Softmax<double>(0), "Softmax", [](V x) { return softmax(x, 0); });
  check_activation(nn::LogSoftmax<double>(0), "LogSoftmax", [](V x) { return log_softmax(x, 0); });
  CHECK(nn::LeakyReLU<float>(0.2).function().slope == 0.2);
}

TEST_CASE("bounds in the wrong order are refused, and not taken for a constant") {
  const auto x = sample(4);
  const auto says = [](auto&& f, const char* text) { CHECK_THROWS_WITH_AS(f(), text, xgrad::ValueError); };
  says([] { nn::Hardtanh<double>(6, 0); }, "Hardtanh: min is 6 and max 0; give the lower bound first");
  says([] { nn::Hardtanh<float>(2); }, "Hardtanh: min is 2 and max 1; give the lower bound first");
  says([&] { hardtanh(x, 0.5, -1); }, "hardtanh: min is 0.5 and max -1; give the lower bound first");
  says([&] { hardtanh(x, 3); }, "hardtanh: min is 3 and max 1; give the lower bound first");
  says([&] { hardtanh(x, 0, std::numeric_limits<double>::quiet_NaN()); },
       "hardtanh: min is 0 and max nan; give the lower bound first");
  CHECK(hardtanh(x, 2, 2).value() == xgrad::full({3, 5}, 2.0));
  // Of operands the elements are not compared: min(max(x, min), max).
  CHECK(hardtanh(x, xgrad::constant(6), xgrad::constant(0)).value() == xgrad::zeros({3, 5}));
}

TEST_CASE("a function object of one's own becomes a module") {
  nn::Sequential<double> net{nn::FunctionModule<double, Swish>(Swish{1.5}), nn::ReLU<double>()};
  const auto x = sample(4);
  CHECK(net[0].name() == "Swish");
  CHECK(net(x).value() == relu(x * sigmoid(1.5 * x)).value());
}
