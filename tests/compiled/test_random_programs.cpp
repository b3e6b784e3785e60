// Functions drawn at random: each captured, and replayed on changed leaves, arguments and labels.
#include <doctest/doctest.h>

#include <cstdlib>
#include <functional>
#include <iostream>

#include "beside_eager.hpp"

namespace xg = xgrad;
using namespace xgrad::testing;
using Var = xg::Variable<double>;

namespace {

/// A function of x [rows, columns] and of parameters, always the same one for the same seed.
class DrawnFunction {
 public:
  DrawnFunction(std::uint64_t seed, std::vector<Var> leaves, Var buffer)
      : seed_(seed), leaves_(std::move(leaves)), buffer_(std::move(buffer)) {}

  Var operator()(const Var& x, const xg::Indices& rows) {
    xg::Generator from(seed_);
    std::vector<Var> values{x};
    values.insert(values.end(), leaves_.begin(), leaves_.end());
    const std::size_t steps = 4 + from.below(12);
    for (std::size_t step = 0; step < steps; ++step) {
      const Var& a = values[from.below(values.size())];
      const Var& b = values[from.below(values.size())];
      values.push_back(drawn(from.below(22), a, b, rows));
    }
    Var total = xg::sum(xg::tanh(values.back())) + xg::mean(xg::take(x, rows));
    for (std::size_t k = 0; k + 1 < values.size(); k += 3) total = total + xg::mean(xg::tanh(values[k]));
    return total;
  }

 private:
  Var drawn(std::uint64_t operation, const Var& a, const Var& b, const xg::Indices& rows) {
    switch (operation) {
      case 0:
        return a + b;
      case 1:
        return a * b;
      case 2:
        return a - 0.5 * b;
      case 3:
        return xg::tanh(a);
      case 4:
        return xg::relu(a);
      case 5:
        return xg::exp(xg::tanh(a)) / (xg::square(b) + 1.0);
      case 6:
        return xg::sigmoid(a) * xg::sum(b, 0);
      case 7:
        return a - xg::mean(a, {-1}, {.keep_dims = true});
      case 8:
        return xg::softmax(a);
      case 9:
        return xg::take(xg::take(a, rows), xg::Indices{0, 2, 1, -1}) *
               xg::broadcast_to(xg::max(b), {4, a.shape()[1]});
      case 10:
        return xg::where(a > b, a, xg::sin(b));
      case 11:
        return xg::concatenate({a[{xg::range(1, 4)}], b[{xg::range(0, 1)}]}, 0);
      case 12:
        return xg::transpose(xg::matmul(xg::transpose(a), b)) * xg::mean(a, 0);
      case 13:
        return xg::dropout(a, 0.25);
      case 14:
        return a.detach() * b;
      case 15:
        return xg::maximum(a, b);
      case 16:
        return xg::reshape(xg::reshape(a, {-1}), {4, -1});
      case 17:
        return xg::max(a, {0}, {.keep_dims = true}) + b;
      case 18: {
        const xg::NoGrad off;
        buffer_ *= 0.5;
        buffer_ += xg::mean(a);
        return xg::tanh(a);
      }
      case 19:
        return a * buffer_;
      case 20:
        return xg::layer_norm(a);
      default:
        return xg::cumsum(a, 1) * 0.25;
    }
  }

  std::uint64_t seed_;
  std::vector<Var> leaves_;
  Var buffer_;
};

xg::Array<double> drawn(xg::Generator& from) { return xg::random_normal<double>({4, 4}, 0, 1, from); }

void check_program(std::uint64_t seed) {
  CAPTURE(seed);
  xg::Generator from(seed + 1000000);
  std::vector<Var> leaves{xg::parameter(drawn(from)), xg::parameter(drawn(from))};
  auto buffer = xg::detail::buffer_from(xg::Dense<double>::scalar(0.5));
  auto other = xg::detail::buffer_from(xg::Dense<double>::scalar(0.5));
  DrawnFunction function(seed, leaves, other);
  const auto compiled = xg::compile(DrawnFunction(seed, leaves, buffer));
  xg::manual_seed(seed);
  for (int k = 0; k < 4; ++k) {
    auto x = xg::parameter(drawn(from));
    xg::Indices rows = xg::randint(-4, 4, {4}, from);
    auto all = leaves;
    all.push_back(x);
    check_beside<double>(
        all, [&] { return compiled(x, rows); }, [&] { return function(x, rows); });
    check_same(buffer, other);
    for (Var& leaf : leaves) leaf.set_value(drawn(from));
  }
}

}  // namespace

TEST_CASE("random programs beside the functions that they were captured from") {
  // XGRAD_PROGRAM_SEED repeats one that failed.
  if (const char* only = std::getenv("XGRAD_PROGRAM_SEED"))
    return check_program(std::strtoull(only, nullptr, 10));
  for (std::uint64_t seed = 1; seed <= 300; ++seed) check_program(seed);
}
