// dropout: which elements stay, that the choice repeats, and its statistics.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/checkpoint.hpp>
#include <xgrad/ops/dropout.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>

#include "../message_of.hpp"
#include "../threads.hpp"

namespace xg = xgrad;
using xgrad::testing::message_of;
using xgrad::testing::Threads;

namespace {

/// Whether the element stays, by the generator's own numbers: a block of four words is two of them.
bool stays(std::uint64_t seed, std::uint64_t first_block, std::size_t element, double p) {
  const std::uint64_t block = first_block + element / 64 * 16 + element % 16;
  const std::size_t word = element % 64 / 16;
  xg::Generator at(xg::GeneratorState{seed, 2 * block + word / 2});
  const std::uint64_t number = at.next();
  return static_cast<double>(word % 2 == 0 ? number & 0xffffffffu : number >> 32) >= std::round(p * 0x1p32);
}

template <class T>
void check_mask(const xg::GeneratorState& start, std::size_t count, double p) {
  CAPTURE(count);
  CAPTURE(start.seed);
  CAPTURE(start.counter);
  xg::Generator from(start);
  const xg::Variable<T> x(xg::Dense<T>::filled({count}, T(3)));
  const xg::Array<T> y = xg::dropout(x, p, from).value();
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < count; ++i)
    wrong +=
        y(i) != (stays(start.seed, (start.counter + 1) / 2, i, p) ? T(3) * static_cast<T>(1 / (1 - p)) : 0);
  CHECK(wrong == 0);
  CHECK(from.state().seed == start.seed);
  CHECK(from.state().counter == (start.counter + 1) / 2 * 2 + (count + 63) / 64 * 32);
}

const xt::xarray<double> ones = xt::ones<double>({40, 50});

}  // namespace

TEST_CASE("which elements stay is decided by the generator's numbers, the same for float and double") {
  for (const std::size_t count : {0u, 1u, 5u, 15u, 16u, 17u, 63u, 64u, 65u, 200u, 40000u})
    for (const double p : {0.1, 0.5, 0.9}) {
      check_mask<float>({7, 0}, count, p);
      check_mask<double>({7, 0}, count, p);
    }
  check_mask<float>({0xfedcba9876543210u, 33}, 1000, 0.3);
  check_mask<double>({0xfedcba9876543210u, 33}, 1000, 0.3);
  // A block's number that passes from one word to two.
  check_mask<float>({5, 0x1fffffff0u}, 1000, 0.5);
  check_mask<double>({5, 0x1fffffff0u}, 1000, 0.5);
}

TEST_CASE("the share that stays is 1 - p, and the mean is kept") {
  constexpr std::size_t count = 1'000'000;
  const xg::Variable<float> x(xg::Dense<float>::filled({count}, 1));
  for (const double p : {0.02, 0.25, 0.5, 0.8}) {
    CAPTURE(p);
    xg::Generator from(12345);
    const xg::Array<float> y = xg::dropout(x, p, from).value();
    double kept = 0, neighbours = 0;
    for (std::size_t i = 0; i < count; ++i) kept += y(i) != 0;
    for (std::size_t i = 0; i + 1 < count; ++i) neighbours += y(i) != 0 && y(i + 1) != 0;
    // Five standard deviations of a binomial share.
    CHECK(std::fabs(kept / count - (1 - p)) < 5 * std::sqrt(p * (1 - p) / count));
    CHECK(std::fabs(neighbours / count - (1 - p) * (1 - p)) < 10 * std::sqrt(p * (1 - p) / count));
    CHECK(xg::mean(xg::Variable<float>(xg::to_dense(y))).item() ==
          doctest::Approx(kept / count / (1 - p)).epsilon(1e-6));
  }
}

TEST_CASE("dropout draws from this thread's generator: a seed repeats it, the next call differs") {
  xg::manual_seed(4);
  const auto first = xg::dropout(xg::constant(ones)).value(),
             second = xg::dropout(xg::constant(ones)).value();
  CHECK(first != second);
  xg::manual_seed(4);
  CHECK(xg::dropout(xg::constant(ones)).value() == first);
  CHECK(xg::dropout(xg::constant(ones)).value() == second);
  xg::manual_seed(5);
  CHECK(xg::dropout(xg::constant(ones)).value() != first);
}

TEST_CASE("dropout's gradient has the mask of its value, and nothing is saved for it") {
  xg::manual_seed(1);
  const auto x = xg::parameter(ones);
  const auto y = xg::dropout(x, 0.3);
  y.backward({.retain_graph = true, .grad_output = ones});
  CHECK(x.grad() == y.value());
  x.node().gradient()->reset();
  xg::dropout(xg::constant(ones));  // what is drawn in between does not matter
  y.backward({.grad_output = ones});
  CHECK(x.grad() == y.value());
}

TEST_CASE("inside a checkpoint the mask is drawn again as it was") {
  const auto block = [](const xg::Variable<double>& x) { return xg::dropout(x * x, 0.4); };
  const auto x = xg::parameter(2 * ones), w = xg::parameter(2 * ones);
  xg::manual_seed(9);
  const auto plain = block(x);
  xg::manual_seed(9);
  const auto kept = xg::checkpoint(block, {w});
  CHECK(kept.value() == plain.value());
  xg::sum(plain * plain).backward();
  xg::sum(kept * kept).backward();
  CHECK(w.grad() == x.grad());
}

TEST_CASE("p = 0 is the input itself and draws nothing, p = 1 leaves zeros") {
  xg::manual_seed(2);
  const auto before = xg::generator().state();
  const auto x = xg::parameter(ones);
  CHECK(&xg::dropout(x, 0).node() == &x.node());
  CHECK(xg::generator().state() == before);
  const auto y = xg::dropout(x, 1);
  CHECK(xt::all(xt::equal(y.value(), 0)));
  y.backward({.grad_output = ones});
  CHECK(xt::all(xt::equal(x.grad(), 0)));
}

TEST_CASE("a NaN passes through dropout, kept or not") {
  const auto x = xg::constant(std::numeric_limits<double>::quiet_NaN() * ones);
  CHECK(xt::all(xt::isnan(xg::dropout(x, 0.5).value())));
}

TEST_CASE("dropout does not depend on the number of threads") {
  const xg::Variable<float> x(xg::Dense<float>::filled({333, 1001}, 1));
  xg::Array<float> alone;
  for (const std::size_t threads : {1u, 2u, 3u}) {
    Threads use(threads);
    xg::manual_seed(6);
    const auto y = xg::dropout(x, 0.5).value();
    CHECK(use.shared_a_loop() == (threads > 1));
    if (threads == 1) alone = y;
    CHECK(y == alone);
  }
}

TEST_CASE("dropout refuses what is no probability, and draws nothing then") {
  const auto before = xg::generator().state();
  CHECK(message_of<xg::ValueError>([] { xg::dropout(xg::constant(ones), 1.5); }) ==
        "dropout: p is 1.5; give the share of elements to drop, from 0 to 1");
  CHECK_THROWS_AS(xg::dropout(xg::constant(ones), -0.1), xg::ValueError);
  CHECK_THROWS_AS(xg::dropout(xg::constant(ones), std::nan("")), xg::ValueError);
  CHECK(xg::generator().state() == before);
}
