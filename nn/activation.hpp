// Activations as modules: ReLU<>(), LeakyReLU<double>(0.2).
#pragma once

#include <concepts>

#include "../ops/activation.hpp"
#include "../ops/exponential.hpp"
#include "../ops/softmax.hpp"
#include "module.hpp"

namespace xgrad::nn {

/// A module without parameters that applies a function object: its `name`, its `operator()` from Variable to
/// Variable. Constructed from what the function object is constructed from.
template <class T, class Function>
class FunctionModule : public Module<T> {
 public:
  template <class... Options>
  requires std::constructible_from<Function, Options...>
  explicit FunctionModule(Options... options) : function_(options...) {}

  Variable<T> forward(const Variable<T>& x) override { return function_(x); }
  std::string name() const override { return Function::name; }
  const Function& function() const noexcept { return function_; }

 protected:
  std::unique_ptr<Module<T>> make_another() const override {
    return std::make_unique<FunctionModule>(function_);
  }

 private:
  Function function_;
};

namespace functions {

struct ReLU {
  static constexpr const char* name = "ReLU";
  auto operator()(const auto& x) const { return relu(x); }
};

struct Sigmoid {
  static constexpr const char* name = "Sigmoid";
  auto operator()(const auto& x) const { return sigmoid(x); }
};

struct Tanh {
  static constexpr const char* name = "Tanh";
  auto operator()(const auto& x) const { return tanh(x); }
};

struct LeakyReLU {
  static constexpr const char* name = "LeakyReLU";
  double slope;
  explicit LeakyReLU(double slope_ = 0.01) : slope(slope_) {}
  auto operator()(const auto& x) const { return leaky_relu(x, slope); }
};

struct ELU {
  static constexpr const char* name = "ELU";
  double alpha;
  explicit ELU(double alpha_ = 1) : alpha(alpha_) {}
  auto operator()(const auto& x) const { return elu(x, alpha); }
};

struct SELU {
  static constexpr const char* name = "SELU";
  auto operator()(const auto& x) const { return selu(x); }
};

struct GELU {
  static constexpr const char* name = "GELU";
  auto operator()(const auto& x) const { return gelu(x); }
};

struct SiLU {
  static constexpr const char* name = "SiLU";
  auto operator()(const auto& x) const { return silu(x); }
};

struct Mish {
  static constexpr const char* name = "Mish";
  auto operator()(const auto& x) const { return mish(x); }
};

struct Softplus {
  static constexpr const char* name = "Softplus";
  auto operator()(const auto& x) const { return softplus(x); }
};

struct Softsign {
  static constexpr const char* name = "Softsign";
  auto operator()(const auto& x) const { return softsign(x); }
};

struct Hardtanh {
  static constexpr const char* name = "Hardtanh";
  double min, max;
  explicit Hardtanh(double min_ = -1, double max_ = 1) : min(min_), max(max_) {
    xgrad::detail::check_bounds(name, min, max);
  }
  auto operator()(const auto& x) const { return hardtanh(x, min, max); }
};

struct Softmax {
  static constexpr const char* name = "Softmax";
  std::ptrdiff_t axis;
  explicit Softmax(Integer axis_ = -1) : axis(axis_) {}
  auto operator()(const auto& x) const { return softmax(x, axis); }
};

struct LogSoftmax {
  static constexpr const char* name = "LogSoftmax";
  std::ptrdiff_t axis;
  explicit LogSoftmax(Integer axis_ = -1) : axis(axis_) {}
  auto operator()(const auto& x) const { return log_softmax(x, axis); }
};

}  // namespace functions

// Formulas and gradients are those of the functions in ops/activation.hpp and ops/softmax.hpp.

/// x where x > 0, 0 elsewhere.
template <class T = float>
using ReLU = FunctionModule<T, functions::ReLU>;
/// 1 / (1 + exp(-x)).
template <class T = float>
using Sigmoid = FunctionModule<T, functions::Sigmoid>;
/// tanh(x).
template <class T = float>
using Tanh = FunctionModule<T, functions::Tanh>;
/// x where x > 0, slope x elsewhere: LeakyReLU(slope = 0.01).
template <class T = float>
using LeakyReLU = FunctionModule<T, functions::LeakyReLU>;
/// x where x > 0, alpha (exp(x) - 1) elsewhere: ELU(alpha = 1).
template <class T = float>
using ELU = FunctionModule<T, functions::ELU>;
/// 1.0507 times ELU with alpha = 1.6733.
template <class T = float>
using SELU = FunctionModule<T, functions::SELU>;
/// x times the normal distribution's probability of less than x.
template <class T = float>
using GELU = FunctionModule<T, functions::GELU>;
/// x sigmoid(x), also called swish.
template <class T = float>
using SiLU = FunctionModule<T, functions::SiLU>;
/// x tanh(softplus(x)).
template <class T = float>
using Mish = FunctionModule<T, functions::Mish>;
/// log(1 + exp(x)).
template <class T = float>
using Softplus = FunctionModule<T, functions::Softplus>;
/// x / (1 + |x|).
template <class T = float>
using Softsign = FunctionModule<T, functions::Softsign>;
/// x between min and max, and the nearer of the two elsewhere: Hardtanh(min = -1, max = 1). ValueError if min
/// is above max, or one is NaN.
template <class T = float>
using Hardtanh = FunctionModule<T, functions::Hardtanh>;
/// exp(x) / sum(exp(x)) along an axis: Softmax(axis = -1).
template <class T = float>
using Softmax = FunctionModule<T, functions::Softmax>;
/// log(softmax(x)) along an axis: LogSoftmax(axis = -1).
template <class T = float>
using LogSoftmax = FunctionModule<T, functions::LogSoftmax>;

}  // namespace xgrad::nn
