#include <dlfcn.h>
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>
#include <xgrad/core/array/error.hpp>
#include <xgrad/core/array/memory.hpp>
#include <xgrad/core/kernels/dispatch.hpp>
#include <xgrad/core/kernels/gemm.hpp>
#include <xgrad/core/kernels/gemm_kernels.hpp>
#include <xgrad/core/kernels/packed_factor.hpp>
#include <xgrad/core/kernels/random.hpp>

#include "../../threads.hpp"

namespace xg = xgrad;
using xgrad::testing::Threads;

namespace {

template <class T>
struct Problem {
  xg::GemmSize size;
  std::vector<T> a, b, c;

  Problem(const xg::GemmSize& size_, std::uint64_t seed)
      : size(size_), a(size.m * size.k), b(size.k * size.n), c(size.m * size.n) {
    xg::Generator from(seed);
    for (std::vector<T>* values : {&a, &b, &c})
      for (T& value : *values) value = static_cast<T>(2 * from.uniform() - 1);
  }

  std::vector<T> product(xg::Into into) const {
    std::vector<T> out = c;
    // What is overwritten must not be read either.
    if (into == xg::Into::overwrite) out.assign(out.size(), std::numeric_limits<T>::quiet_NaN());
    xg::gemm(size, a.data(), b.data(), out.data(), into);
    return out;
  }

  double expected(std::size_t i, std::size_t j, xg::Into into) const {
    double sum = into == xg::Into::add ? static_cast<double>(c[i * size.n + j]) : 0;
    for (std::size_t p = 0; p < size.k; ++p)
      sum += static_cast<double>(a[size.transpose_a ? p * size.m + i : i * size.k + p]) *
             static_cast<double>(b[size.transpose_b ? j * size.k + p : p * size.n + j]);
    return sum;
  }

  /// The largest difference from plain loops, in units of the rounding of one term.
  double error(xg::Into into) const { return error_of(product(into), into); }
  double error_of(const std::vector<T>& out, xg::Into into) const {
    double worst = 0;
    for (std::size_t i = 0; i < size.m; ++i)
      for (std::size_t j = 0; j < size.n; ++j) {
        const double off = std::fabs(static_cast<double>(out[i * size.n + j]) - expected(i, j, into));
        worst = off <= worst ? worst : off;
        if (std::isnan(off)) return off;
      }
    return worst / static_cast<double>(std::numeric_limits<T>::epsilon());
  }
};

template <class Check>
void for_all_flags(std::size_t m, std::size_t n, std::size_t k, const Check& check) {
  for (bool transpose_a : {false, true})
    for (bool transpose_b : {false, true}) {
      const xg::GemmSize size{m, n, k, transpose_a, transpose_b};
      INFO("[" << m << ", " << k << "] x [" << k << ", " << n << "], transposed: " << transpose_a << " "
               << transpose_b);
      check(size);
    }
}

template <class T>
double kernel_error(const xg::kernels::GemmKernels& kernels, const Problem<T>& problem, bool add) {
  const auto [m, n, k, ta, tb] = problem.size;
  const auto stride = [](bool one, std::size_t width) {
    return one ? 1 : static_cast<std::ptrdiff_t>(width);
  };
  std::vector<T> out = problem.c;
  if (!add) out.assign(out.size(), std::numeric_limits<T>::quiet_NaN());
  xg::memory::Buffer panel(xg::kernels::most_terms * xg::kernels::panel_row_bytes);
  kernels.product[std::is_same_v<T, double>](
      {problem.a.data(), stride(ta, k), stride(!ta, m), problem.b.data(), stride(tb, n), stride(!tb, k),
       out.data(), static_cast<std::ptrdiff_t>(n), m, n, k, add, panel.mutable_data()});
  return problem.error_of(out, add ? xg::Into::add : xg::Into::overwrite);
}

/// The same with B packed as a whole, for rows of A as they stand.
template <class T>
double packed_error(const xg::kernels::GemmKernels& kernels, const Problem<T>& problem, bool add) {
  const auto [m, n, k, ta, tb] = problem.size;
  std::vector<T> out = problem.c;
  if (!add) out.assign(out.size(), std::numeric_limits<T>::quiet_NaN());
  xg::memory::Buffer panels(k * (n * sizeof(T) + xg::kernels::panel_unit_bytes));
  xg::kernels::Product all{};
  all.b = problem.b.data();
  all.b_row = tb ? 1 : static_cast<std::ptrdiff_t>(n);
  all.b_column = tb ? static_cast<std::ptrdiff_t>(k) : 1;
  all.m = m;
  all.n = n;
  all.k = k;
  all.add = add;
  all.panel = panels.mutable_data();
  kernels.pack[std::is_same_v<T, double>](all);
  all.b = nullptr;
  all.packed = true;
  all.a = problem.a.data();
  all.a_row = ta ? 1 : static_cast<std::ptrdiff_t>(k);
  all.a_column = ta ? static_cast<std::ptrdiff_t>(m) : 1;
  all.c = out.data();
  all.c_row = static_cast<std::ptrdiff_t>(n);
  kernels.product[std::is_same_v<T, double>](all);
  return problem.error_of(out, add ? xg::Into::add : xg::Into::overwrite);
}

constexpr xg::Into ways[] = {xg::Into::overwrite, xg::Into::add};

}  // namespace

TEST_CASE("gemm agrees with plain loops for every size, flag and way to write") {
  const std::size_t extents[] = {1, 2, 3, 5, 17, 33};
  for (std::size_t m : extents)
    for (std::size_t n : extents)
      for (std::size_t k : extents)
        for_all_flags(m, n, k, [&](const xg::GemmSize& size) {
          for (xg::Into into : ways) {
            // k + 1 terms below 1, rounded one after the other.
            const double bound = static_cast<double>(k + 1);
            CHECK(Problem<double>(size, m + n + k).error(into) <= bound);
            CHECK(Problem<float>(size, m + n + k).error(into) <= bound);
          }
        });
}

TEST_CASE("gemm is right where several threads share the work, and gives the same bits on one and on two") {
  const xg::GemmSize large[] = {
      {701, 503, 100}, {503, 701, 100}, {5000, 7, 1001}, {1, 999, 1001}, {999, 1, 1001}};
  for (const xg::GemmSize& shape : large)
    for_all_flags(shape.m, shape.n, shape.k, [&](const xg::GemmSize& size) {
      const Problem<float> problem(size, 5);
      const Problem<double> in_double(size, 6);
      for (xg::Into into : ways) {
        Threads two(2);
        CHECK(problem.error(into) <= static_cast<double>(size.k + 1));
        const auto shared = problem.product(into);
        CHECK(two.shared_a_loop());
        const auto shared_double = in_double.product(into);
        CHECK(two.shared_a_loop());
        const Threads one(1);
        const auto alone = problem.product(into);
        const auto alone_double = in_double.product(into);
        CHECK(std::memcmp(shared.data(), alone.data(), alone.size() * sizeof(float)) == 0);
        CHECK(std::memcmp(shared_double.data(), alone_double.data(), alone.size() * sizeof(double)) == 0);
      }
    });
}

TEST_CASE("our own kernel agrees with plain loops on every instruction set that is here") {
  std::vector<const xg::kernels::GemmKernels*> sets = {xg::kernels::gemm_kernels<xg::isa::baseline>()};
#if defined(__x86_64__)
  if (xg::instruction_set() != xg::InstructionSet::baseline)
    sets.push_back(xg::kernels::gemm_kernels<xg::isa::avx2>());
  if (xg::instruction_set() == xg::InstructionSet::avx512)
    sets.push_back(xg::kernels::gemm_kernels<xg::isa::avx512>());
#endif
  // Tails of rows and columns, more terms than are taken at a time, rows of B far apart, fewer columns than
  // lanes, one term.
  const xg::GemmSize shapes[] = {{1, 1, 1},    {7, 50, 3},   {13, 49, 600}, {70, 300, 9}, {65, 3, 100},
                                 {64, 16, 70}, {40, 5, 300}, {2, 100, 513}, {9, 500, 300}, {37, 43, 1}};
  for (const xg::GemmSize& shape : shapes)
    for_all_flags(shape.m, shape.n, shape.k, [&](const xg::GemmSize& size) {
      const Problem<float> problem(size, 7);
      const Problem<double> in_double(size, 8);
      for (const xg::kernels::GemmKernels* kernels : sets)
        for (bool add : {false, true}) {
          CHECK(kernel_error(*kernels, problem, add) <= static_cast<double>(size.k + 1));
          CHECK(kernel_error(*kernels, in_double, add) <= static_cast<double>(size.k + 1));
          CHECK(packed_error(*kernels, problem, add) <= static_cast<double>(size.k + 1));
          CHECK(packed_error(*kernels, in_double, add) <= static_cast<double>(size.k + 1));
        }
    });
}

TEST_CASE("a packed factor multiplies as gemm does, packed or not, and each row alone as among others") {
  for (const bool transposed : {false, true})
    for (const std::size_t rows : {std::size_t{5}, std::size_t{130}})
      for (const auto& [columns, terms] :
           {std::pair<std::size_t, std::size_t>{70, 33}, {700, 300}, {1, 3}, {3, 1}}) {
        const std::size_t n = columns, k = terms;
        CAPTURE(n);
        CAPTURE(rows);
        const Problem<double> problem({rows, n, k, false, transposed}, 9);
        const xg::PackedFactor<double> factor(problem.b.data(), k, n, transposed, rows);
        for (const xg::Into into : ways) {
          std::vector<double> out = problem.c;
          if (into == xg::Into::overwrite) out.assign(out.size(), std::numeric_limits<double>::quiet_NaN());
          factor.multiply(rows, problem.a.data(), out.data(), into);
          CHECK(problem.error_of(out, into) <= static_cast<double>(k + 1));
        }
        if (xg::instruction_set() == xg::InstructionSet::baseline || rows < 128) continue;
        std::vector<double> all(rows * n), one(n);
        factor.multiply(rows, problem.a.data(), all.data());
        factor.multiply(1, problem.a.data() + 7 * k, one.data());
        CHECK(std::memcmp(one.data(), all.data() + 7 * n, n * sizeof(double)) == 0);
      }
  float c[4] = {1, 2, 3, 4};
  const xg::PackedFactor<float> of_nothing(nullptr, 0, 2, false, 1000),
      to_nothing(nullptr, 2, 0, false, 1000);
  of_nothing.multiply(1, nullptr, c);
  CHECK(c[1] == 0);
  of_nothing.multiply(1, nullptr, c + 2, xg::Into::add);
  CHECK(c[2] == 3);
  to_nothing.multiply(2, c, nullptr);
}

TEST_CASE("gemm over no terms gives zeros or adds nothing, and with no rows or columns does nothing") {
  float c[6] = {1, 2, 3, 4, 5, 6};
  xg::gemm<float>({2, 3, 0}, nullptr, nullptr, c, xg::Into::add);
  CHECK(c[5] == 6);
  xg::gemm<float>({2, 2, 0}, nullptr, nullptr, c);
  CHECK(c[3] == 0);
  CHECK(c[4] == 5);
  xg::gemm<float>({0, 3, 2}, nullptr, c, nullptr);
  xg::gemm<float>({3, 0, 2}, c, nullptr, nullptr);
}

TEST_CASE("gemm refuses extents that BLAS cannot count") {
  const std::size_t most = 2147483647;
  CHECK_THROWS_WITH_AS(xg::gemm<float>({2, 2, most + 1}, nullptr, nullptr, std::vector<float>(4).data()),
                       "matmul: an extent of 2147483648 in [2, 2147483648] x [2147483648, 2] is larger than "
                       "BLAS takes (2147483647); split that side",
                       xg::ShapeError);
}

TEST_CASE("the first product makes OpenBLAS's own threads one, and a number that is set later stays") {
  const auto threads = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "openblas_get_num_threads"));
  const auto set_threads = reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"));
  REQUIRE(bool(threads && set_threads));
  const Problem<double> any({200, 200, 200}, 3);
  any.product(xg::Into::overwrite);
  CHECK(threads() == 1);
  set_threads(2);
  any.product(xg::Into::overwrite);
  CHECK(threads() == 2);
  set_threads(1);
}
