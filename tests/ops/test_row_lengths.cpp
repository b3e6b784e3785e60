// Kernels take a row in packs, several of them at a time: where an element stands is no part of its result.
#include <doctest/doctest.h>

#include <cstring>
#include <xgrad/xgrad.hpp>

namespace xg = xgrad;

namespace {

/// Value and gradients of a formula over x, a column and a number, element by element.
template <class T>
std::vector<T> results(const xg::Array<T>& at, T column, T number) {
  const auto x = xg::parameter(at);
  const xg::Variable<T> c = xg::constant(xg::full<T>({at.shape()[0], 1}, column)), n = xg::constant(number);
  const auto y = xg::exp(x * c) / (x + n) - xg::pow(xg::abs(x), c) * xg::relu(x - n) + n;
  xg::sum(y).backward();
  const xg::Array<T> value = y.value(), gradient = x.grad();
  std::vector<T> all(value.begin(), value.end());
  all.insert(all.end(), gradient.begin(), gradient.end());
  return all;
}

template <class T>
void check_places() {
  xg::Generator from(11);
  constexpr std::size_t longest = 150;
  const xg::Array<T> row = xg::random_normal<T>({1, longest}, 0, 1, from);
  const std::vector<T> whole = results<T>(row, T(0.75), T(3.5));
  for (std::size_t count = 1; count < longest; ++count) {
    CAPTURE(count);
    // From another place on, and as two rows.
    const std::size_t first = (7 * count) % (longest - count + 1);
    xg::Array<T> part = xg::zeros<T>({2, count});
    for (std::size_t i = 0; i < count; ++i) part(0, i) = part(1, i) = row(0, first + i);
    const std::vector<T> got = results<T>(part, T(0.75), T(3.5));
    std::size_t differing = 0;
    for (std::size_t i = 0; i < 4 * count; ++i) {
      const T expected = whole[(i < 2 * count ? 0 : longest) + first + i % count];
      differing += std::memcmp(&got[i], &expected, sizeof(T)) != 0;
    }
    CHECK(differing == 0);
  }
}

}  // namespace

TEST_CASE("an element has the same bits wherever it stands, in rows of any length") {
  check_places<float>();
  check_places<double>();
}
