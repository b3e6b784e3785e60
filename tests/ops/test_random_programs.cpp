// Expressions of 5 to 60 operations with shared parts and broadcasting, made by chance, against numerical
// gradients. XGRAD_RANDOM_PROGRAMS sets how many; a thousand by default, always the same ones.
#include <doctest/doctest.h>

#include <cstdlib>
#include <random>
#include <sstream>
#include <string>
#include <vector>
#include <xgrad/xgrad.hpp>

namespace xg = xgrad;
using Var = xg::Variable<double>;
using Values = std::vector<Var>;

namespace {

/// One line of a program: an operation on earlier values. Results stay within a few units, so that a long
/// program neither overflows nor saturates.
struct Instruction {
  std::size_t operation, first, second;
};

using Unary = Var (*)(const Var&);
using Binary = Var (*)(const Var&, const Var&);

const Unary unary[] = {
    [](const Var& x) { return xg::tanh(x); },
    [](const Var& x) { return xg::sigmoid(x); },
    [](const Var& x) { return xg::sin(x); },
    [](const Var& x) { return xg::exp(-xg::square(x)); },
    [](const Var& x) { return xg::log1p(xg::square(x)); },
    [](const Var& x) { return xg::sqrt(1 + xg::square(x)) - 1; },
    [](const Var& x) { return xg::softplus(x) * 0.5; },
    [](const Var& x) { return xg::erf(x); },
    [](const Var& x) { return xg::atan(x); },
    [](const Var& x) { return xg::mean(x); },
    [](const Var& x) { return x.dim() == 0 ? x : xg::sum(x, {.axes = {0}, .keep_dims = true}) * 0.4; },
    [](const Var& x) { return x.dim() == 0 ? x : xg::logsumexp(x, {.axes = {-1}, .keep_dims = true}) * 0.5; },
    [](const Var& x) { return x.dim() == 0 ? x : xg::softmax(x); },
    [](const Var& x) { return x.dim() == 0 ? x : xg::flip(x, 0); },
};

const Binary binary[] = {
    [](const Var& a, const Var& b) { return (a + b) * 0.6; },
    [](const Var& a, const Var& b) { return a - 0.5 * b; },
    [](const Var& a, const Var& b) { return xg::tanh(a * b); },
    [](const Var& a, const Var& b) { return a / (1 + xg::square(b)); },
    [](const Var& a, const Var& b) { return xg::logaddexp(a, b) * 0.5; },
    [](const Var& a, const Var& b) { return xg::tanh(xg::pow(1 + xg::square(a), 0.3 * b)); },
    // A product of matrices, and back to a shape that broadcasts with the others.
    [](const Var& a, const Var& b) {
      const Var square =
          xg::matmul(xg::broadcast_to(a, {3, 4}), xg::broadcast_to(b, {3, 4}), {.transpose_b = true});
      return xg::tanh(xg::sum(square, {.axes = {1}, .keep_dims = true}) * 0.2);
    },
};

constexpr std::size_t unary_count = std::size(unary), binary_count = std::size(binary);

class Program {
 public:
  explicit Program(std::uint64_t seed) : random_(seed) {
    const xg::Shape shapes[] = {{3, 4}, {3, 1}, {1, 4}, {4}, {}, {1, 1}};
    for (std::size_t i = 0, n = 2 + pick(3); i < n; ++i)
      inputs_.push_back(input(shapes[pick(std::size(shapes))]));
    for (std::size_t i = 0, n = 5 + pick(56); i < n; ++i) {
      const std::size_t known = inputs_.size() + i;
      // The latest values are taken more often, so that programs are deep as well as wide.
      const std::size_t recent = known - 1 - pick(std::min<std::size_t>(known, 3));
      lines_.push_back({pick(unary_count + 2 * binary_count), recent, pick(known)});
    }
  }

  const Values& inputs() const { return inputs_; }
  std::size_t size() const { return lines_.size(); }

  Var operator()(const Values& in) const {
    Values values = in;
    for (const Instruction& line : lines_) {
      const Var &a = values[line.first], &b = values[line.second];
      const std::size_t which = line.operation;
      values.push_back(which < unary_count ? unary[which](a)
                                           : binary[(which - unary_count) % binary_count](a, b));
    }
    Var result = values.back();
    for (const Var& x : in) result = result + 0.1 * xg::mean(xg::square(x));  // no input without a part
    return result;
  }

 private:
  std::size_t pick(std::size_t count) {
    return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_);
  }

  Var input(const xg::Shape& shape) {
    xg::Dense<double> values(shape);
    double* out = values.mutable_data();
    std::uniform_real_distribution<double> number(-1.5, 1.5);
    for (std::size_t i = 0; i < values.size(); ++i) out[i] = number(random_);
    return xg::detail::parameter_from(std::move(values));
  }

  std::mt19937_64 random_;
  Values inputs_;
  std::vector<Instruction> lines_;
};

std::uint64_t program_count() {
  const char* wanted = std::getenv("XGRAD_RANDOM_PROGRAMS");
  return wanted ? std::strtoull(wanted, nullptr, 10) : 1000;
}

}  // namespace

TEST_CASE("programs made by chance have the gradients that differences find") {
  for (std::uint64_t seed = 0; seed < program_count(); ++seed) {
    const Program program(seed);
    INFO("seed ", seed, ", ", program.size(), " operations");
    const auto report = xg::gradcheck([&](const Values& in) { return program(in); }, program.inputs(),
                                      {.second_order = seed % 20 == 0, .forward_mode = seed % 10 == 0});
    std::ostringstream text;
    text << report;
    INFO(text.str());
    REQUIRE(report.ok());
  }
}
