#include <cmath>
#include <sstream>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/core/array/array.hpp>
#include <xgrad/xtensor.hpp>

namespace {

using xgrad::Array;
using xgrad::Dense;
using xgrad::Shape;

const xt::xarray<double> plain = {{1, 2, 3}, {4, 5, 6}};

/// The address of the elements, asked for without writing.
template <class T>
const T* address(const Array<T>& array) {
  return array.data();
}

/// Whether doing `action` to a shared, non-const Array makes it copy its buffer.
template <class F>
bool detaches(F action) {
  Array<double> array = plain;
  const Array<double> other = array;
  REQUIRE(address(array) == address(other));
  action(array);
  CHECK(other == plain);
  return address(array) != address(other);
}

/// Reads every element, so that a lazy expression does what it would do.
template <class E>
void read(const E& expression) {
  xt::xarray<double> sink = expression;
  (void)sink;
}

}  // namespace

TEST_CASE("any xtensor expression converts to an Array") {
  Array<double> a = xt::xarray<double>{{1, 2}, {3, 4}};
  CHECK(a.shape() == Shape{2, 2});
  CHECK(a(1, 0) == 3);
  Array<double> ones = xt::ones<double>({2, 2});
  CHECK(ones == xt::xarray<double>{{1, 1}, {1, 1}});
  Array<double> sum = a + 2 * ones;
  CHECK(sum == xt::xarray<double>{{3, 4}, {5, 6}});
  Array<float> narrow = xt::cast<float>(a);
  CHECK(narrow(1, 1) == 4.0f);
  Array<double> fixed = xt::xtensor<double, 2>{{1, 2}, {3, 4}};
  CHECK(fixed == a);
  Array<double> part = xt::view(a, xt::all(), 1);
  CHECK(part == xt::xarray<double>{2, 4});
  xgrad::Indices indices = xt::arange<std::int64_t>(0, 4);
  CHECK(indices(3) == 3);
  xgrad::Mask mask = a > 2.0;
  CHECK(mask == xt::xarray<bool>{{false, false}, {true, true}});
  Array<double> listed = {{1, 2}, {3, 4}};
  CHECK(listed == a);
  Array<double> filled(Shape{2, 3}, 7.0);
  CHECK(filled == 7.0 * xt::ones<double>({2, 3}));
}

TEST_CASE("an Array stands in xtensor expressions") {
  const Array<double> a = plain;
  const Array<double> row = xt::xarray<double>{10, 20, 30};
  const xt::xarray<double, xt::layout_type::column_major> columns = plain;

  SUBCASE("broadcasting") {
    Array<double> sum = a + row;
    CHECK(sum == xt::xarray<double>{{11, 22, 33}, {14, 25, 36}});
    auto wide = xt::broadcast(row, {2, 3});
    CHECK(xt::sum(wide)() == 120);
  }
  SUBCASE("mixed layouts") {
    Array<double> sum = a + columns;
    CHECK(sum == 2 * plain);
    Array<double> converted = columns;
    CHECK(converted == plain);
    xt::xarray<double, xt::layout_type::column_major> back = a * columns;
    CHECK(back == plain * plain);
    Array<double> dynamic = xt::xarray<double, xt::layout_type::dynamic>(columns);
    CHECK(dynamic == plain);
  }
  SUBCASE("eval") {
    auto doubled = xt::eval(a + a);
    CHECK(doubled == 2 * plain);
    auto mixed = xt::eval(a + columns);
    CHECK(mixed == 2 * plain);
    CHECK(&xt::eval(a) == &a);
    auto turned = xt::eval(xt::transpose(a));
    CHECK(turned == xt::transpose(plain));
  }
  SUBCASE("reductions") {
    CHECK(xt::sum(a)() == 21);
    Array<double> columns_sum = xt::sum(a, {0});
    CHECK(columns_sum == xt::xarray<double>{5, 7, 9});
    Array<double> rows_mean = xt::mean(a, {1}, xt::keep_dims);
    CHECK(rows_mean.shape() == Shape{2, 1});
    CHECK(rows_mean(1, 0) == 5);
    Array<double> eager = xt::amax(a, {1}, xt::evaluation_strategy::immediate);
    CHECK(eager == xt::xarray<double>{3, 6});
    CHECK(xt::argmax(a)() == 5);
    Array<double> running = xt::cumsum(a, 1);
    CHECK(running == xt::xarray<double>{{1, 3, 6}, {4, 9, 15}});
  }
  SUBCASE("joining and shaping") {
    Array<double> joined = xt::concatenate(xt::xtuple(a, a), 0);
    CHECK(joined.shape() == Shape{4, 3});
    CHECK(joined(3, 2) == 6);
    Array<double> stacked = xt::stack(xt::xtuple(a, plain), 0);
    CHECK(stacked.shape() == Shape{2, 2, 3});
    Array<double> turned = xt::transpose(a);
    CHECK(turned == xt::transpose(plain));
    Array<double> wider = xt::expand_dims(a, 1);
    CHECK(wider.shape() == Shape{2, 1, 3});
    Array<double> narrower = xt::squeeze(wider);
    CHECK(narrower.shape() == Shape{2, 3});
    Array<double> flat = xt::ravel(a);
    CHECK(flat.shape() == Shape{6});
    Array<double> flipped = xt::flip(a, 0);
    CHECK(flipped(0, 0) == 4);
    Array<double> sorted = xt::sort(xt::eval(-a));
    CHECK(sorted(0, 0) == -3);
    CHECK(xt::sort(sorted)(1, 0) == -6);
  }
  SUBCASE("views, also for writing") {
    Array<double> b = a;
    xt::view(b, 0, xt::all()) = 0.0;
    CHECK(b == xt::xarray<double>{{0, 0, 0}, {4, 5, 6}});
    xt::view(b, xt::all(), xt::range(0, 2)) += 1.0;
    CHECK(b == xt::xarray<double>{{1, 1, 0}, {5, 6, 6}});
    xt::strided_view(b, {xt::ellipsis(), 0}) = xt::xarray<double>{7, 8};
    CHECK(b(1, 0) == 8);
    b += row;
    b = 2 * b;
    CHECK(b(0, 0) == 34);
    CHECK(a == plain);
  }
  SUBCASE("printing and npy") {
    std::ostringstream ours, theirs;
    ours << a;
    theirs << plain;
    CHECK(ours.str() == theirs.str());
    CHECK(xt::dump_npy(a).size() == xt::dump_npy(plain).size());
    std::istringstream stream(xt::dump_npy(a));
    Array<double> loaded = xt::load_npy<double>(stream);
    CHECK(loaded == a);
  }
  SUBCASE("reshape in place") {
    Array<double> b = a;
    b.reshape({-1, 2});
    CHECK(b.shape() == Shape{3, 2});
    CHECK(address(b) == address(a));
    CHECK(a.shape() == Shape{2, 3});
  }
  CHECK(a == plain);
}

TEST_CASE("no axes, no elements, too many axes") {
  Array<double> scalar = 3.0;
  CHECK(scalar.dimension() == 0);
  CHECK(scalar() == 3);
  CHECK(to_dense(scalar).size() == 1);
  CHECK(to_array(Dense<double>::scalar(4))() == 4);
  Array<double> zero;
  CHECK(zero.dimension() == 0);
  CHECK(zero() == 0);
  Array<double> sum = xt::sum(xt::xarray<double>(plain));
  CHECK(sum() == 21);

  Array<double> empty = xt::zeros<double>({0, 3});
  CHECK(empty.size() == 0);
  CHECK(empty.shape() == Shape{0, 3});
  const Dense<double> none = to_dense(empty);
  CHECK(none.defined());
  CHECK(none.size() == 0);
  CHECK(to_array(none).shape() == Shape{0, 3});
  CHECK(to_dense(Array<double>(xt::zeros<double>({2, 0}))).defined());
  Array<double> both = xt::concatenate(xt::xtuple(empty, plain), 0);
  CHECK(both == plain);

  CHECK_THROWS_AS(Array<double>(xt::ones<double>(std::vector<std::size_t>(9, 1))), xgrad::ShapeError);
}

TEST_CASE("what detaches a shared, non-const Array") {
  // The table in the documentation, a line a row.
  CHECK(detaches([](auto& a) { (void)a(0, 0); }));
  CHECK(detaches([](auto& a) { (void)a[{0, 0}]; }));
  CHECK(detaches([](auto& a) { (void)a.at(0, 0); }));
  CHECK(detaches([](auto& a) { (void)a.flat(0); }));
  CHECK(detaches([](auto& a) { (void)a.front(); }));
  CHECK(detaches([](auto& a) { (void)a.data(); }));
  CHECK(detaches([](auto& a) { (void)a.begin(); }));
  CHECK(detaches([](auto& a) {
    for (double& element : a) (void)element;
  }));
  CHECK(detaches([](auto& a) { CHECK(xt::view(a, 0)(1) == 2); }));
  CHECK(detaches([](auto& a) { CHECK(xt::row(a, 0)(1) == 2); }));
  CHECK(detaches([](auto& a) { CHECK(xt::transpose(a)(1, 0) == 2); }));
  CHECK(detaches([](auto& a) { CHECK(xt::reshape_view(a, {3, 2})(0, 1) == 2); }));
  CHECK(detaches([](auto& a) { CHECK(xt::strided_view(a, {0})(1) == 2); }));
  CHECK(detaches([](auto& a) { CHECK(*xt::view(a, 0).begin() == 1); }));
  CHECK(detaches([](auto& a) { a += 1; }));
}

TEST_CASE("what does not detach a shared, non-const Array") {
  CHECK_FALSE(detaches([](auto& a) { CHECK(xt::sum(a)() == 21); }));
  CHECK_FALSE(detaches([](auto& a) { read(xt::mean(a, {0})); }));
  CHECK_FALSE(detaches([](auto& a) { read(a + 2 * a); }));
  CHECK_FALSE(detaches([](auto& a) { read(xt::exp(a)); }));
  CHECK_FALSE(detaches([](auto& a) { read(xt::where(a > 2, a, -a)); }));
  CHECK_FALSE(detaches([](auto& a) { CHECK(a == plain); }));
  CHECK_FALSE(detaches([](auto& a) { std::ostringstream() << a; }));
  CHECK_FALSE(detaches([](auto& a) { CHECK(xt::norm_l1(a)() == 21); }));
  CHECK_FALSE(detaches([](auto& a) { CHECK(xt::argmax(a)() == 5); }));
  CHECK_FALSE(detaches([](auto& a) { read(xt::cumsum(a, 0)); }));
  // A view read as a whole, as an expression: xtensor takes that by const reference.
  CHECK_FALSE(detaches([](auto& a) { read(xt::view(a, 0)); }));
  CHECK_FALSE(detaches([](auto& a) { read(xt::view(a, 0) + 1); }));
  CHECK_FALSE(detaches([](auto& a) { read(xt::transpose(a)); }));
  CHECK_FALSE(detaches([](auto& a) { read(xt::reshape_view(a, {3, 2})); }));
  CHECK_FALSE(detaches([](auto& a) { read(xt::concatenate(xt::xtuple(a, a), 0)); }));
  CHECK_FALSE(detaches([](auto& a) { CHECK(*a.cbegin() == 1); }));
  CHECK_FALSE(detaches([](auto& a) {
    const Array<double> copy = a;
    CHECK(copy == a);
  }));
  CHECK_FALSE(detaches([](const auto& a) { CHECK(a(0, 1) == 2); }));
  CHECK_FALSE(detaches([](const auto& a) { read(xt::view(a, 0)); }));
  CHECK_FALSE(detaches([](const auto& a) { read(xt::transpose(a)); }));
  CHECK_FALSE(detaches([](const auto& a) {
    for (double element : a) (void)element;
  }));
}

TEST_CASE("copies are independent, and free until written") {
  Array<double> a = plain;
  Array<double> b = a;
  Array<double> c;
  c = b;
  CHECK(address(a) == address(b));
  CHECK(address(b) == address(c));
  b(0, 0) = 100;
  CHECK(a(0, 0) == 1);
  CHECK(std::as_const(c)(0, 0) == 1);
  const double* before = address(b);
  Array<double> moved = std::move(b);
  CHECK(address(moved) == before);
  std::swap(moved, c);
  CHECK(address(c) == before);
  static_assert(std::is_nothrow_move_constructible_v<xgrad::detail::Storage<double>>);
  static_assert(std::is_nothrow_copy_constructible_v<xgrad::detail::Storage<double>>);
}

TEST_CASE("Dense and Array share a buffer") {
  Dense<double> dense = Dense<double>::filled({2, 2}, 5);
  Array<double> array = to_array(dense);
  CHECK(address(array) == dense.data());
  CHECK(array.strides() == xgrad::AxisList<std::ptrdiff_t>{2, 1});
  CHECK(to_dense(std::as_const(array)).buffer.same_block(dense.buffer));
  array(0, 0) = 1;  // detaches: the engine's value stays as it was
  CHECK(dense.data()[0] == 5);
  CHECK(address(array) != dense.data());
  CHECK_THROWS_AS(to_array(Dense<double>()), xgrad::InternalError);
}

TEST_CASE("a buffer that could still be written from outside is copied") {
  Array<double> array = plain;
  double* pointer = array.data();
  Dense<double> saved = to_dense(array);
  pointer[0] = 99;
  CHECK(saved.data()[0] == 1);
  CHECK(array(0, 0) == 99);

  SUBCASE("a moved one is taken, and is not exposed any more") {
    const double* before = address(array);
    Dense<double> taken = to_dense(std::move(array));
    CHECK(taken.data() == before);
    CHECK_FALSE(taken.buffer.exposed());
    CHECK_THROWS_WITH_AS(to_dense(array),
                         "array: shape [2, 3] holds 0 elements; it was moved from, assign to it first",
                         xgrad::ValueError);
    array = plain;
    CHECK(to_dense(array).size() == 6);
    CHECK(array(1, 2) == plain(1, 2));
  }
  SUBCASE("a moved one with another holder is copied") {
    Array<double> other = array;
    Dense<double> taken = to_dense(std::move(array));
    CHECK(taken.data() != address(other));
    CHECK(taken.data()[1] == 2);
  }
  SUBCASE("a temporary is taken") {
    Dense<double> taken = to_dense(Array<double>(plain + 1));
    CHECK(taken.buffer.unique());
    CHECK_FALSE(taken.buffer.exposed());
  }
}

// xtensor 0.27 assigns an expression of the same shape without a temporary, so that what is written is the
// storage that was moved from.
TEST_CASE("what was moved from takes a value of any shape, and gives none before") {
  Array<double> array = plain;
  Array<double> first = std::move(array);
  CHECK(array.storage().moved_from());
  std::ostringstream text;
  CHECK_THROWS_WITH_AS(text << array,
                       "array: shape [2, 3] holds 0 elements; it was moved from, assign to it first",
                       xgrad::ValueError);
  array = plain + 1;
  CHECK_FALSE(array.storage().moved_from());
  CHECK(array == plain + 1);
  CHECK(first == plain);
  Array<double> second = std::move(array);
  array = xt::view(plain, 0);
  CHECK(array == xt::view(plain, 0));
  Array<double> scalar = 3.;
  Array<double> third = std::move(scalar);
  scalar = xt::sum(plain);
  CHECK(scalar() == xt::sum(plain)());
  Array<double> fourth = std::move(scalar);
  scalar += 1;
  CHECK(std::isnan(scalar()));
  std::swap(first, second);
  CHECK(first == plain + 1);
  CHECK(second == plain);
}

TEST_CASE("storage as a container") {
  xgrad::detail::Storage<int> storage{1, 2, 3};
  CHECK(storage.size() == 3);
  CHECK(storage == xgrad::detail::Storage<int>(storage.cbegin(), storage.cend()));
  CHECK(storage.back() == 3);
  CHECK(*storage.rbegin() == 3);
  CHECK_THROWS_AS(storage.at(3), std::out_of_range);
  xgrad::detail::Storage<int> other = storage;
  other.resize(3);
  CHECK(std::as_const(other).data() == std::as_const(storage).data());
  other.resize(5);
  CHECK(other.size() == 5);
  CHECK(storage.size() == 3);
  storage.clear();
  CHECK(storage.empty());
  CHECK(storage.begin() == storage.end());
}
