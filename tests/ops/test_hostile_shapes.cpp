// Shapes that no value can have, asked for through every operation that moves or repeats elements: before
// such sizes were computed with a check they wrapped around, and a buffer was smaller than its shape said.
// What is a legal shape of an empty value is NumPy's choice.
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/arrange.hpp>
#include <xgrad/ops/custom_formula.hpp>
#include <xgrad/ops/indexing.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/pooling.hpp>
#include <xgrad/ops/shape.hpp>
#include <xgrad/ops/slice.hpp>

#include "../hostile.hpp"

namespace xg = xgrad;
using namespace xg::testing;
using xg::Shape;

namespace {

using Var = xg::Variable<double>;

constexpr std::ptrdiff_t longest = std::numeric_limits<std::ptrdiff_t>::max();

}  // namespace

TEST_CASE("a padding of negative width is refused") {
  const Var x = ones({100}), matrix = ones({2, 3});
  check_refused<xg::ValueError>({
      {"pad: a width of -4 after axis 0 of shape [100] is negative, and pad only adds elements; use slice to "
       "take some off",
       [&] {
         xg::pad(x, {{0, 96 - 100}});
       }},
      {"pad: a width of -1 after axis 1 of shape [2, 3] is negative, and pad only adds elements; use slice "
       "to take some off",
       [&] {
         xg::pad(matrix, {{1, 1}, {2, -1}});
       }},
      {"pad: a width of -9223372036854775808 before axis 0 of shape [2, 3] is negative, and pad only adds "
       "elements; use slice to take some off",
       [&] {
         xg::pad(matrix, {{std::numeric_limits<std::ptrdiff_t>::min(), 0}});
       }},
  });
}

TEST_CASE("an unsigned number that is too large is no negative one") {
  const Var x = ones({3});
  check_refused({
      {"pad: [3] would become [9223372036854775810], and a value has less than 2^60 elements; make it "
       "smaller",
       [&] {
         xg::pad(x, {{0, std::size_t(96) - 100}});
       }},
      {"pad: [3] would become [9223372036854775810], and a value has less than 2^60 elements; make it "
       "smaller",
       [&] {
         xg::pad(x, {{std::size_t(-4), 0}});
       }},
      {"reshape: [3] to [9223372036854775807]: 3 elements do not become so many; give extents whose product "
       "is 3",
       [&] { xg::reshape(x, {all_ones}); }},
      {"reshape: [3] to [9223372036854775807]: 3 elements do not become so many; give extents whose product "
       "is 3",
       [&] { xg::reshape(x, Shape{all_ones}); }},
  });
  check_refused<xg::ValueError>({
      {"slice: position 9223372036854775807 is out of range for axis 0 of shape [3]; give one from -3 to 2",
       [&] { xg::slice(x, {all_ones}); }},
      {"slice: position 9223372036854775807 is out of range for axis 0 of shape [3]; give one from -3 to 2",
       [&] { xg::slice(x, {all_ones - 2}); }},
  });
}

TEST_CASE("nothing is padded, repeated or broadcast to a shape that no value can have") {
  const Var one = ones({1}), three = ones({3}), x = ones({100});
  SUBCASE("padded") {
    const Var rows = ones({0, 3}), half = ones({K59, 0});
    check_refused({
        {"pad: [100] would become [9223372036854775907], and a value has less than 2^60 elements; make it "
         "smaller",
         [&] {
           xg::pad(x, {{0, longest}});
         }},
        {"pad: [100] would become [2^64 - 1 or more], and a value has less than 2^60 elements; make it "
         "smaller",
         [&] {
           xg::pad(x, {{longest, longest}});
         }},
        {"pad: [0, 3] would become [0, 1152921504606846979], and a value has less than 2^60 elements, "
         "extents of 0 left out; make it smaller",
         [&] {
           xg::pad(rows, {{0, 0}, {0, K60}});
         }},
        {"pad: [576460752303423488, 0] would become [1152921504606846976, 0], and a value has less than 2^60 "
         "elements, extents of 0 left out; make it smaller",
         [&] {
           xg::pad(half, {{K59, 0}, {0, 0}});
         }},
    });
  }
  SUBCASE("repeated") {
    const Var columns = ones({3, 0}), long_rows = ones({K30, 0});
    check_refused({
        {"repeat: [3] would become [6917529027641081856], and a value has less than 2^60 elements; make it "
         "smaller",
         [&] { xg::repeat(three, K61, 0); }},
        {"repeat: [3] would become [2^64 - 1 or more], and a value has less than 2^60 elements; make it "
         "smaller",
         [&] { xg::repeat(three, all_ones / 3 + 1, 0); }},
        {"repeat: [3] would become [2^64 - 1 or more], and a value has less than 2^60 elements; make it "
         "smaller",
         [&] { xg::repeat(three, all_ones); }},
        {"repeat: [3, 0] would become [3458764513820540928, 0], and a value has less than 2^60 elements, "
         "extents of 0 left out; make it smaller",
         [&] { xg::repeat(columns, K60, 0); }},
        {"tile: [3] would become [6917529027641081856], and a value has less than 2^60 elements; make it "
         "smaller",
         [&] { xg::tile(three, Shape{K61}); }},
        {"tile: [3] would become [2^64 - 1 or more], and a value has less than 2^60 elements; make it "
         "smaller",
         [&] { xg::tile(three, Shape{std::size_t(-1)}); }},
        {"tile: [1] would become [4294967296, 4294967296], and a value has less than 2^60 elements; make it "
         "smaller",
         [&] {
           xg::tile(one, Shape{K32, K32});
         }},
        {"tile: [3] would become [0, 3458764513820540928], and a value has less than 2^60 elements, extents "
         "of 0 left out; make it smaller",
         [&] {
           xg::tile(three, Shape{0, K60});
         }},
        {"tile: [1073741824, 0] would become [1152921504606846976, 0], and a value has less than 2^60 "
         "elements, extents of 0 left out; make it smaller",
         [&] {
           xg::tile(long_rows, Shape{K30, 1});
         }},
    });
  }
  SUBCASE("broadcast") {
    const Var tall = ones({K40, 1, 0}), wide = ones({1, K40, 0});
    static constexpr const char* both =
        ": [1099511627776, 1, 0] and [1, 1099511627776, 0] would become [1099511627776, 1099511627776, 0], "
        "and a value has less than 2^60 elements, extents of 0 left out; make it smaller";
    const auto of = [](std::string name) { return name += both; };
    static const std::string texts[] = {of("add"), of("maximum"), of("hypotenuse")};
    const auto hypotenuse = xg::elementwise("hypotenuse", [](auto a, auto b) { return sqrt(a * a + b * b); });
    check_refused({
        {"broadcast_to: [1] would become [4294967296, 4294967296, 3], and a value has less than 2^60 "
         "elements; make it smaller",
         [&] {
           xg::broadcast_to(one, Shape{K32, K32, 3});
         }},
        {"broadcast_to: [1] would become [2^64 - 1 or more], and a value has less than 2^60 elements; make "
         "it smaller",
         [&] { xg::broadcast_to(one, Shape{all_ones}); }},
        {"broadcast_to: [1] would become [1152921504606846976], and a value has less than 2^60 elements; "
         "make it smaller",
         [&] { xg::broadcast_to(one, Shape{K60}); }},
        {"broadcast_to: [1] would become [0, 1099511627776, 1099511627776], and a value has less than 2^60 "
         "elements, extents of 0 left out; make it smaller",
         [&] {
           xg::broadcast_to(one, Shape{0, K40, K40});
         }},
        {texts[0].c_str(), [&] { tall + wide; }},
        {texts[1].c_str(), [&] { xg::maximum(tall, wide); }},
        {texts[2].c_str(), [&] { hypotenuse(tall, wide); }},
    });
  }
}

TEST_CASE("nothing is scattered, reshaped or joined to a shape that no value can have") {
  const Var three = ones({3}), none = ones({0});
  SUBCASE("scattered") {
    const Var empty = ones({0, 2, 2});
    check_refused({
        {"slice_scatter: [3] would become [1099511627776, 1099511627776], and a value has less than 2^60 "
         "elements; make it smaller",
         [&] {
           xg::slice_scatter(three, Shape{K40, K40}, {0, xg::range(0, 3)});
         }},
        {"slice_scatter: [3] would become [2^64 - 1 or more], and a value has less than 2^60 elements; make "
         "it smaller",
         [&] { xg::slice_scatter(three, Shape{all_ones}, {xg::range(0, 3)}); }},
        {"slice_scatter: [3] would become [2305843009213693953, 8], and a value has less than 2^60 elements; "
         "make it smaller",
         [&] {
           xg::slice_scatter(three, Shape{K61 + 1, 8}, {K61, xg::range(0, 3)});
         }},
        {"diagonal_scatter: [4294967296, 0] would become [0, 4294967296, 4294967296], and a value has less "
         "than 2^60 elements, extents of 0 left out; make it smaller",
         [&] {
           xg::diagonal_scatter(ones({K32, 0}), Shape{0, K32, K32});
         }},
        {"diagonal_scatter: [3] would become [4294967296, 4294967296], and a value has less than 2^60 "
         "elements; make it smaller",
         [&] {
           xg::diagonal_scatter(three, Shape{K32, K32});
         }},
        {"scatter_along_axis: [3] would become [2^64 - 1 or more], and a value has less than 2^60 elements; "
         "make it smaller",
         [&] { xg::scatter_along_axis(three, zeros({3}), 0, Shape{all_ones}); }},
        {"scatter_slices: [3, 4] would become [4611686018427387904, 4], and a value has less than 2^60 "
         "elements; make it smaller",
         [&] {
           xg::scatter_slices(ones({3, 4}), zeros({3}), 0, Shape{2 * K61, 4});
         }},
        {"avg_pool2d_gradient: [1, 1, 1, 1] would become [2147483648, 2147483648, 2, 2], and a value has "
         "less than 2^60 elements; make it smaller",
         [&] {
           xg::avg_pool2d_gradient(ones({1, 1, 1, 1}), Shape{K31, K31, 2, 2}, {});
         }},
    });
  }
  SUBCASE("reshaped") {
    check_refused({
        {"reshape: [0] would become [0, 1099511627776, 1099511627776], and a value has less than 2^60 "
         "elements, extents of 0 left out; make it smaller",
         [&] {
           xg::reshape(none, {0, K40, K40});
         }},
        {"reshape: [0] would become [1099511627776, 1099511627776, 0], and a value has less than 2^60 "
         "elements, extents of 0 left out; make it smaller",
         [&] {
           xg::reshape(none, {K40, K40, 0});
         }},
        {"reshape: [0] would become [0, 1099511627776, 1048576], and a value has less than 2^60 elements, "
         "extents of 0 left out; make it smaller",
         [&] {
           xg::reshape(none, {-1, K40, 1 << 20});
         }},
        {"reshape: [3] to [1099511627776, 1099511627776]: 3 elements do not become so many; give extents "
         "whose product is 3",
         [&] {
           xg::reshape(three, {K40, K40});
         }},
        {"reshape: [3] to [-1, 4294967296, 4294967296]: no extent of axis 0 alone gives 3 elements; give "
         "extents whose product divides 3",
         [&] {
           xg::reshape(three, {-1, K32, K32});
         }},
    });
  }
  SUBCASE("joined and taken apart") {
    const Var half = ones({K59, 0});
    check_refused({
        {"concatenate: shape [1152921504606846976, 0] is too large, and a value has less than 2^60 elements, "
         "extents of 0 left out; make it smaller",
         [&] {
           xg::concatenate({half, half});
         }},
        {"stack: shape [2, 576460752303423488, 0] is too large, and a value has less than 2^60 elements, "
         "extents of 0 left out; make it smaller",
         [&] {
           xg::stack({half, half}, 2);
         }},
        {"split: 9223372036854775807 parts of axis 0 of shape [0]; give less than 2^60",
         [&] { xg::split(none, all_ones); }},
    });
  }
}
