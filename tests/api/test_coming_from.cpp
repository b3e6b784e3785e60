// The expressions of docs/coming-from.md, as they stand in its tables: tests/api/check_table.cmake compares.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <vector>
#include <xgrad/xgrad.hpp>
#include <xgrad/xtensor.hpp>
namespace xg = xgrad;

namespace {

using List = std::vector<double>;

template <class T>
bool is(const xg::Array<T>& found, const xg::Shape& shape, const List& elements) {
  if (found.shape() != shape) return false;
  for (std::size_t i = 0; i < elements.size(); ++i)
    if (!(std::fabs(static_cast<double>(found.storage()[i]) - elements[i]) < 1e-12)) return false;
  return found.size() == elements.size();
}
template <class T>
bool is(const xg::Variable<T>& found, const xg::Shape& shape, const List& elements) {
  return is(found.value(), shape, elements);
}

struct Given {
  xg::Variable<double> x = xg::parameter({{1, 2}, {3, 4}}), y = xg::constant({{2, 0}, {1, 5}});
};

}  // namespace

TEST_CASE("what makes tensors in PyTorch has its word") {
  const Given given;
  const auto &x = given.x, &y = given.y;
  CHECK(is(xg::constant({{1, 2}, {3, 4}}), {2, 2}, {1, 2, 3, 4}));
  CHECK(xg::parameter(2.0).requires_grad());
  CHECK(is(xg::array<std::int64_t>({0, 2, 1}), {3}, {0, 2, 1}));
  CHECK(is(xg::zeros<float>({2, 3}), {2, 3}, {0, 0, 0, 0, 0, 0}));
  xg::manual_seed(0);
  const auto drawn = xg::randn<float>({2, 3});
  xg::manual_seed(0);
  CHECK(drawn == xg::randn<float>({2, 3}));
  CHECK(is(xg::ones_like(x), {2, 2}, {1, 1, 1, 1}));
  CHECK(x.shape() == xg::Shape{2, 2});
  CHECK(x.size() == 4);
  CHECK(xg::sum(x).item() == 10);
  CHECK(x.item(0, 1) == 2);
  CHECK(x.to_vector() == List{1, 2, 3, 4});
  CHECK(y.to_vector() == List{2, 0, 1, 5});
}

TEST_CASE("what chooses and reduces in PyTorch has its word") {
  const Given given;
  const auto& x = given.x;
  CHECK(is(x[0], {2}, {1, 2}));
  CHECK(is(x[{0, 1}], {}, {2}));
  CHECK(is(x[{xg::all, 1}], {2}, {2, 4}));
  CHECK(is(x[{xg::ellipsis, 1}], {2}, {2, 4}));
  CHECK(is(x[{xg::all, xg::newaxis}], {2, 1, 2}, {1, 2, 3, 4}));
  CHECK(is(x[xg::range(0, 1)], {1, 2}, {1, 2}));
  CHECK(is(x[x > 2], {2}, {3, 4}));
  CHECK(is(x[xg::greater(x, 1) && xg::less(x, 4)], {2}, {2, 3}));
  const auto index = xg::array<std::int64_t>({1, 0, 1});
  CHECK(is(x[index], {3, 2}, {3, 4, 1, 2, 3, 4}));
  CHECK(is(x[{{1, 0, 1}}], {3, 2}, {3, 4, 1, 2, 3, 4}));
  const auto columns = xg::array<std::int64_t>(std::vector{1, 0}, {2, 1});
  CHECK(is(xg::take_along_axis(x, columns, 1), {2, 1}, {2, 3}));
  CHECK(is(xg::sum(x, 1), {2}, {3, 7}));
  CHECK(is(xg::mean(x, {0, 1}, {.keep_dims = true}), {1, 1}, {2.5}));
  CHECK(is(xg::var(x, 0, {.ddof = 1}), {2}, {2, 2}));
  CHECK(is(xg::max(x, 1), {2}, {2, 4}));
  const auto largest = xg::max_with_indices(x, 1);
  CHECK(is(largest.values, {2}, {2, 4}));
  CHECK(is(largest.indices, {2}, {1, 1}));
  CHECK(is(xg::argmax(x, 1), {2}, {1, 1}));
}

TEST_CASE("what assigns to parts in PyTorch and NumPy has its word") {
  auto x = Given().x;
  x = xg::index_put(x, 0, 7);
  CHECK(is(x, {2, 2}, {7, 7, 3, 4}));
  x = xg::index_put(x, 0, 1, true);
  CHECK(is(x, {2, 2}, {8, 8, 3, 4}));
  x = xg::index_put(x, x > 2, 0);
  CHECK(is(x, {2, 2}, {0, 0, 0, 0}));
  const auto index = xg::array<std::int64_t>({1, 0, 1});
  x = xg::index_put(x, index, 1, true);
  CHECK(is(x, {2, 2}, {1, 1, 2, 2}));
}

TEST_CASE("what computes and joins in PyTorch has its word") {
  const Given given;
  const auto &x = given.x, &y = given.y;
  CHECK(is(xg::maximum(x, y), {2, 2}, {2, 2, 3, 5}));
  CHECK(is(xg::clamp(x, 2, 3), {2, 2}, {2, 2, 3, 3}));
  CHECK(is(xg::matmul(x, y), {2, 2}, {4, 10, 10, 20}));
  CHECK(is(x * y, {2, 2}, {2, 0, 3, 20}));
  CHECK(is(xg::transpose(x), {2, 2}, {1, 3, 2, 4}));
  CHECK(is(xg::reshape(x, {-1, 1}), {4, 1}, {1, 2, 3, 4}));
  CHECK(is(xg::expand_dims(x, 0), {1, 2, 2}, {1, 2, 3, 4}));
  CHECK(is(xg::concatenate({x, y}, 1), {2, 4}, {1, 2, 2, 0, 3, 4, 1, 5}));
  CHECK(is(xg::stack({x, y}), {2, 2, 2}, {1, 2, 3, 4, 2, 0, 1, 5}));
  const auto parts = xg::chunk(x, 2);
  CHECK(is(parts.at(1), {1, 2}, {3, 4}));
  const double p = 1 / (1 + std::exp(1.0)), q = 1 - p;  // of logits one apart
  CHECK(is(xg::softmax(x, 1), {2, 2}, {p, q, p, q}));
  const double w = 1 / (1 + std::exp(14 / std::sqrt(2.0)));  // of products 11 and 25
  CHECK(is(xg::scaled_dot_product_attention(x, x, y, {.causal = true}), {2, 2}, {2, 0, 1 + w, 5 - 5 * w}));
  const auto labels = xg::array<std::int64_t>({1, 1});
  CHECK(is(xg::nn::cross_entropy(x, labels), {}, {-std::log(q)}));
  CHECK(is(xg::nn::cross_entropy(x, labels, {.label_smoothing = 0.1}), {},
           {-0.95 * std::log(q) - 0.05 * std::log(p)}));
}

TEST_CASE("what differentiates in PyTorch has its word") {
  const Given given;
  const auto &x = given.x, &y = given.y;
  auto loss = xg::sum(x * y);
  CHECK(is(xg::grad(loss, {x})[0], {2, 2}, {2, 0, 1, 5}));
  CHECK_FALSE(x.has_grad());
  loss = xg::sum(x * y);
  loss.backward();
  CHECK(is(x.grad(), {2, 2}, {2, 0, 1, 5}));
  CHECK(x.requires_grad());
  CHECK_FALSE(x.detach().requires_grad());
  {
    auto frozen = xg::parameter(1);
    auto& x = frozen;
    x.set_requires_grad(false);
    CHECK_FALSE((x * x).requires_grad());
  }
  xg::NoGrad off;
  CHECK_FALSE((x * y).requires_grad());
}

TEST_CASE("NumPy's words") {
  const Given given;
  const auto &x = given.x, &y = given.y;
  const xg::Array<double> a = xg::ones({2, 2});
  const xg::Mask m = xg::greater(x, 2);
  const auto u = xg::constant({1, 2});
  CHECK(is(xg::arange(5), {5}, {0, 1, 2, 3, 4}));
  CHECK(is(xg::linspace(0, 1, 5), {5}, {0, 0.25, 0.5, 0.75, 1}));
  CHECK(is(xg::eye(2), {2, 2}, {1, 0, 0, 1}));
  CHECK(is(xg::full({2, 2}, 7), {2, 2}, {7, 7, 7, 7}));
  CHECK(is(x[{1, 0}], {}, {3}));
  CHECK(is(x[{xg::range(std::nullopt, std::nullopt, -1), 0}], {2}, {3, 1}));
  CHECK(is(x[{{0, 1}, {1, 0}}], {2}, {2, 3}));
  CHECK(is(x[m], {2}, {3, 4}));
  CHECK(is(x[xg::newaxis], {1, 2, 2}, {1, 2, 3, 4}));
  CHECK(is(xg::where(m, x, 0), {2, 2}, {0, 0, 3, 4}));
  CHECK(is(xg::cumsum(x, 1), {2, 2}, {1, 3, 3, 7}));
  CHECK(is(xg::std(x, 0), {2}, {1, 1}));
  CHECK(is(xg::norm(x, {.axes = {1}}), {2}, {std::sqrt(5.0), 5}));
  CHECK(is(xg::sort(y, 1), {2, 2}, {0, 2, 1, 5}));
  CHECK(is(xg::sort(x, 1), {2, 2}, {1, 2, 3, 4}));
  CHECK(is(xg::argsort(x, 1), {2, 2}, {0, 1, 0, 1}));
  CHECK(is(xg::flip(x, 1), {2, 2}, {2, 1, 4, 3}));
  CHECK(is(xg::tile(x, {2, 1}), {4, 2}, {1, 2, 3, 4, 1, 2, 3, 4}));
  CHECK(is(xg::outer(u, u), {2, 2}, {1, 2, 2, 4}));
  CHECK(is(xg::einsum("ij,jk->ik", {x, y}), {2, 2}, {4, 10, 10, 20}));
  CHECK(is(xg::solve(x, y), {2, 2}, {-3, 5, 2.5, -2.5}));
  CHECK(is(xg::determinant(x), {}, {-2}));
  CHECK(is(x + a, {2, 2}, {2, 3, 4, 5}));
}

TEST_CASE("JAX's words") {
  const Given given;
  const auto& x = given.x;
  const auto v = xg::ones({2, 2});
  const auto f = [](const xg::Variable<double>& at) { return xg::sum(at * at * at); };
  const auto h = [](const xg::Variable<double>& at) { return at * at; };
  const auto [value, gradient] = xg::value_and_grad(f, x);
  CHECK(value.item() == 100);
  CHECK(is(gradient, {2, 2}, {3, 12, 27, 48}));
  CHECK(is(xg::jacobian(h, x), {2, 2, 2, 2}, {2, 0, 0, 0, 0, 4, 0, 0, 0, 0, 6, 0, 0, 0, 0, 8}));
  CHECK(is(xg::hessian(f, x), {2, 2, 2, 2}, {6, 0, 0, 0, 0, 12, 0, 0, 0, 0, 18, 0, 0, 0, 0, 24}));
  const auto [out, tangent] = xg::jvp(h, x, v);
  CHECK(is(tangent, {2, 2}, {2, 4, 6, 8}));
  const auto [out2, cotangent] = xg::vjp(h, x, v);
  CHECK(is(cotangent, {2, 2}, {2, 4, 6, 8}));
  const auto kept = xg::checkpoint(h, {x});
  CHECK(is(kept, {2, 2}, {1, 4, 9, 16}));
  xg::sum(kept).backward();
  CHECK(is(x.grad(), {2, 2}, {2, 4, 6, 8}));
  CHECK_FALSE(x.detach().requires_grad());
  xg::manual_seed(0);
}
