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
      values.push_back(drawn(from.below(25), a, b, rows));
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
      case 22:
        return xg::square(a - b) * 0.1 + xg::exp(-xg::abs(a)) * b;
      case 23:
        return xg::tanh(a * xg::sum(b, 1, {.keep_dims = true}) - b) * 0.5 + xg::minimum(a, b) / 3.0;
      case 24: {
        const Var c = xg::sigmoid(a + b), d = c * b - a;
        return xg::matmul(c * 0.1, d) + xg::log(xg::square(d) + 1.0) * c;
      }
      default:
        return xg::cumsum(a, 1) * 0.25;
    }
  }

  std::uint64_t seed_;
  std::vector<Var> leaves_;
  Var buffer_;
};

xg::Array<double> drawn(xg::Generator& from) { return xg::random_normal<double>({4, 4}, 0, 1, from); }

/// How many groups it has.
std::size_t check_program(std::uint64_t seed) {
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
  std::size_t groups = 0;
  for (const auto& instruction : compiled.program())
    if (instruction.group) groups = *instruction.group + 1;
  return groups;
}

}  // namespace

TEST_CASE("random programs beside the functions that they were captured from") {
  // XGRAD_PROGRAM_SEED repeats one that failed.
  if (const char* only = std::getenv("XGRAD_PROGRAM_SEED"))
    return void(check_program(std::strtoull(only, nullptr, 10)));
  std::size_t groups = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) groups += check_program(seed);
  CHECK(groups > 300);
}

TEST_CASE("random formulas on values that are large enough for some to be computed again") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    const xg::Shape shape{512, 600};
    const auto f = [seed](const Var& x, const Var& y, const Var& column) {
      xg::Generator from(seed);
      std::vector<Var> values{x, y, xg::cumsum(x, 1) * 0.01};
      for (int step = 0; step < 14; ++step) {
        const Var& a = values[values.size() - 1 - from.below(3)];
        const Var& b = values[from.below(values.size())];
        const Var made[] = {a + b,
                            a * b,
                            a - b,
                            -a,
                            xg::square(a),
                            xg::abs(a),
                            xg::relu(a),
                            xg::tanh(a),
                            xg::maximum(a, b),
                            a + column,
                            xg::exp(-xg::abs(a)),
                            a * 0.5};
        values.push_back(made[from.below(std::size(made))]);
        if (from.below(8) == 0) values.push_back(xg::cumsum(values.back(), 0) * 1e-2);
      }
      return xg::mean(xg::tanh(values.back()) + values[values.size() / 2]);
    };
    xg::Generator from(seed + 1000);
    const auto compiled = xg::compile(f, {.verify = false});
    for (int call = 0; call < 3; ++call) {
      const auto of = [&](const xg::Shape& s) {
        return xg::parameter(xg::random_normal<double>(s, 0, 1, from));
      };
      const auto x = of(shape), y = of(shape), column = of({512, 1});
      check_beside<double>(
          {x, y, column}, [&] { return compiled(x, y, column); }, [&] { return f(x, y, column); });
    }
  }
}
