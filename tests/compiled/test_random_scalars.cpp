// Functions of single numbers drawn at random: each captured, and replayed on changed leaves.
#include <doctest/doctest.h>

#include "beside_eager.hpp"

namespace xg = xgrad;
using namespace xgrad::testing;

namespace {

/// A function of leaves of one element, and of vectors made of them; the same one for the same seed.
template <class T>
class DrawnScalars {
 public:
  using V = xg::Variable<T>;
  DrawnScalars(std::uint64_t seed, bool has_vectors) : seed_(seed), has_vectors_(has_vectors) {}

  V operator()(const std::vector<V>& leaves) const {
    xg::Generator from(seed_);
    std::vector<V> values = leaves;
    const std::size_t steps = 10 + from.below(40);
    for (std::size_t step = 0; step < steps; ++step) {
      // Some values are read often, and by what comes late.
      const V& a = values[from.below(3) == 0 ? from.below(leaves.size()) : from.below(values.size())];
      const V& b = values[from.below(values.size())];
      const V& c = values[from.below(values.size())];
      values.push_back(drawn(from.below(has_vectors_ ? 32 : 26), a, b, c));
    }
    V total = sum_of(values.back());
    for (std::size_t k = leaves.size(); k + 1 < values.size(); k += 2)
      total = total + sum_of(values[k]) * T(0.25);
    return total;
  }

 private:
  static V sum_of(const V& x) { return x.size() == 1 ? xg::reshape(x, {}) : xg::sum(x); }
  static V drawn(std::uint64_t operation, const V& a, const V& b, const V& c) {
    switch (operation) {
      case 0:
        return a + b;
      case 1:
        return a - b;
      case 2:
      case 3:
        return a * b;
      case 4:
        return a / (xg::square(b) + T(1));
      case 5:
        return -a;
      case 6:
        return xg::reciprocal(xg::exp(a));
      case 7:
        return xg::relu(a);
      case 8:
        return xg::maximum(a, b);
      case 9:
        return xg::minimum(a, b);
      case 10:
        return xg::tanh(a) * b;
      case 11:
        return xg::sigmoid(a) + xg::sin(b);
      case 12:
        return xg::log(xg::abs(a) + T(0.5));
      case 13:
        return xg::where(a > b, c, a);
      case 14:
        return xg::clamp(a, T(-0.5), T(0.75)) * c;
      case 15:
        return xg::leaky_relu(a) - xg::gelu(b);
      case 16:
        return xg::pow(xg::sigmoid(a), b);
      case 17:
        return a * a + a;
      case 18:
        return xg::softplus(a) * T(2);
      case 19:
        return xg::sqrt(xg::square(a) + T(0.1));
      case 20:
        return a.detach() * b;
      case 21:
        return xg::atan2(a, b);
      case 22:
        return T(3) - xg::square(a);
      case 23:
        return (a * b) + (a * b);
      case 24:
        return T(1) / (T(2) + xg::exp(-a));
      case 25:
        return xg::cos(a) * c + b;
      case 26:
        return a.size() == 1 ? xg::broadcast_to(xg::reshape(a, {1}), {3}) * b : a;
      case 27:
        return a.size() == 1 ? a + xg::constant(xg::Array<T>{1, -2, 3}) : a * b;
      case 28:
        return xg::mean(a * b);
      case 29:
        return xg::reshape(xg::sum(a), {1, 1}) * c;
      case 30:
        return xg::dropout(a, 0.5) + b;
      default:
        return xg::max(a) * b;
    }
  }

  std::uint64_t seed_;
  bool has_vectors_;
};

template <class T>
void check_drawn(std::uint64_t seed, bool has_vectors) {
  CAPTURE(seed);
  using V = xg::Variable<T>;
  xg::Generator from(seed + 77);
  const auto draw = [&](const xg::Shape& shape) { return xg::random_normal<T>(shape, 0, 1, from); };
  std::vector<V> leaves{xg::parameter(draw({})), xg::parameter(draw({1})), xg::parameter(draw({})),
                        xg::constant(draw({1, 1}))};
  const DrawnScalars<T> function(seed, has_vectors);
  const auto compiled = xg::compile([&] { return function(leaves); });
  xg::manual_seed(seed);
  for (int k = 0; k < 4; ++k) {
    check_beside<T>(
        leaves, [&] { return compiled(); }, [&] { return function(leaves); });
    for (V& leaf : leaves) leaf.set_value(draw(leaf.shape()));
  }
}

}  // namespace

TEST_CASE("functions of single numbers, drawn at random") {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    check_drawn<double>(seed, false);
    check_drawn<float>(seed, false);
  }
}

TEST_CASE("functions of single numbers and of vectors made of them, drawn at random") {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    check_drawn<double>(seed, true);
    check_drawn<float>(seed, true);
  }
}
