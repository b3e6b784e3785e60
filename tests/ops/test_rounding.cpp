// Rounding at halves, at zeros and at numbers that are whole already, on every lane and in the rest of a
// line.
#include <cmath>
#include <limits>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/ops/comparison.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/rounding.hpp>

namespace xg = xgrad;

namespace {

/// Halves and their neighbours, from small to those that have no digits behind the point.
template <class T>
std::vector<T> hard_numbers() {
  constexpr T infinity = std::numeric_limits<T>::infinity();
  std::vector<T> all = {0, std::numeric_limits<T>::denorm_min(), infinity,
                        std::numeric_limits<T>::quiet_NaN()};
  const T whole = std::ldexp(T(1), std::numeric_limits<T>::digits - 1);
  for (const T base : {T(0.5), T(1), T(1.5), T(2.5), T(1000.5), whole / 4 + T(0.5), whole / 2 + T(0.5),
                       whole - T(0.5), whole, whole + 1, 3 * whole, std::numeric_limits<T>::max()})
    for (const T x : {std::nextafter(base, T(0)), base, std::nextafter(base, infinity)}) all.push_back(x);
  const std::size_t count = all.size();
  for (std::size_t i = 0; i < count; ++i) all.push_back(-all[i]);
  return all;
}

template <class T>
bool same(T a, T b) {
  return std::isnan(a) ? std::isnan(b) : a == b && std::signbit(a) == std::signbit(b);
}

}  // namespace

TEST_CASE_TEMPLATE("floor, ceil, round and trunc are the C library's, signs of zeros too", T, float, double) {
  const std::vector<T> all = hard_numbers<T>();
  xt::xarray<T> numbers = xt::zeros<T>({all.size()});
  std::copy(all.begin(), all.end(), numbers.begin());
  const auto x = xg::constant(numbers);
  const auto check = [&](const xg::Variable<T>& y, T (*one)(T)) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      CAPTURE(all[i]);
      CHECK(same(y.value()(i), one(all[i])));
    }
  };
  check(xg::floor(x), [](T a) { return std::floor(a); });
  check(xg::ceil(x), [](T a) { return std::ceil(a); });
  check(xg::trunc(x), [](T a) { return std::trunc(a); });
  check(xg::round(x), [](T a) { return std::nearbyint(a); });  // ties to even, as the processor rounds
}

TEST_CASE("round takes a half to the even number, and rounding has no gradient") {
  const auto x = xg::parameter(xt::xarray<double>{0.5, 1.5, 2.5, -0.5, -1.5});
  CHECK(xg::round(x).value() == xt::xarray<double>{0, 2, 2, 0, -2});
  CHECK_FALSE(xg::round(x).requires_grad());
  xg::sum(x + xg::floor(x)).backward();
  CHECK(x.grad() == xt::xarray<double>{1, 1, 1, 1, 1});
}

TEST_CASE("isnan and isinf give masks") {
  const double infinity = std::numeric_limits<double>::infinity();
  const auto x = xg::parameter(xt::xarray<double>{1, NAN, infinity, -infinity, 0});
  CHECK(xg::isnan(x) == xg::Mask(xt::xarray<bool>{false, true, false, false, false}));
  CHECK(xg::isinf(x) == xg::Mask(xt::xarray<bool>{false, false, true, true, false}));
  // Together with isfinite, each number is one of three.
  for (std::size_t i = 0; i < 5; ++i)
    CHECK(int(xg::isnan(x)(i)) + int(xg::isinf(x)(i)) + int(xg::isfinite(x)(i)) == 1);
}
