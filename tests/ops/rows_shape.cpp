#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/shape.hpp>

#include "gradient_of.hpp"
#include "row_refusals.hpp"
#include "row_shapes.hpp"

namespace xgrad::testing {
namespace {

using Arrays = std::vector<Array<double>>;
using Index = std::vector<std::size_t>;

/// Calls `element` with every index of `shape`, in row-major order.
std::vector<double> each(const Index& shape, const std::function<double(const Index&)>& element) {
  std::vector<double> result;
  for (std::size_t extent : shape)
    if (extent == 0) return result;
  Index index(shape.size(), 0);
  for (;;) {
    result.push_back(element(index));
    std::size_t axis = shape.size();
    while (axis > 0 && ++index[axis - 1] == shape[axis - 1]) index[--axis] = 0;
    if (axis == 0) return result;
  }
}

double at(const Array<double>& x, const Index& index) { return x.element(index.begin(), index.end()); }

/// The result holds x's elements in their order.
std::vector<double> same(const Arrays& in) { return {in[0].cbegin(), in[0].cend()}; }

std::vector<OperationRow> reshape_rows() {
  const std::vector<Argument> one = {{{2, 3, 4}}};
  return {
      row(
          "reshape", "", one,
          [](const auto& in) {
            return square(reshape(in[0], {4, -1}));
          },
          [](const Arrays& in) {
            auto x = same(in);
            for (double& element : x) element *= element;
            return x;
          }),
      row(
          "reshape", "a gradient passed on", one,
          [](const auto& in) {
            return reshape(in[0], {6, 4});
          },
          same),
      row(
          "reshape", "flatten", one, [](const auto& in) { return flatten(in[0], 1); }, same),
      row(
          "reshape", "expand_dims", one, [](const auto& in) { return expand_dims(in[0], -1); }, same),
      row(
          "reshape", "squeeze", {{{2, 1, 3, 1}}}, [](const auto& in) { return squeeze(in[0], {1}); }, same),
      row(
          "reshape", "of one element to no axes", {{{1, 1}}}, [](const auto& in) { return squeeze(in[0]); },
          same),
      row(
          "reshape", "of no elements", {{{0, 3}}},
          [](const auto& in) {
            return reshape(in[0], {3, 0, 2});
          },
          same),
  };
}

std::vector<OperationRow> transpose_rows() {
  return {
      row(
          "transpose", "", {{{3, 5}}}, [](const auto& in) { return transpose(in[0]); },
          [](const Arrays& in) {
            const Index shape(in[0].shape().rbegin(), in[0].shape().rend());
            return each(shape, [&](const Index& i) { return at(in[0], Index(i.rbegin(), i.rend())); });
          }),
      row(
          "transpose", "permute", {{{2, 3, 4, 2}}},
          [](const auto& in) {
            return square(permute(in[0], {2, 0, -1, 1}));
          },
          [](const Arrays& in) {
            return each({4, 2, 2, 3}, [&](const Index& i) {
              const double x = in[0](i[1], i[3], i[0], i[2]);
              return x * x;
            });
          }),
      row(
          "transpose", "swap_axes", {{{2, 3, 4}}}, [](const auto& in) { return swap_axes(in[0], 0, -1); },
          [](const Arrays& in) {
            return each({4, 3, 2}, [&](const Index& i) { return in[0](i[2], i[1], i[0]); });
          }),
      row(
          "transpose", "larger than a tile", {{{37, 45}}}, [](const auto& in) { return transpose(in[0]); },
          [](const Arrays& in) {
            return each({45, 37}, [&](const Index& i) { return in[0](i[1], i[0]); });
          }),
  };
}

std::vector<OperationRow> slice_rows() {
  return {
      row(
          "slice", "", {{{4, 3, 5}}},
          [](const auto& in) {
            return square(slice(in[0], {range(1, 3), all, 3}));
          },
          [](const Arrays& in) {
            return each({2, 3}, [&](const Index& i) {
              const double x = in[0](i[0] + 1, i[1], 3);
              return x * x;
            });
          }),
      row(
          "slice", "steps forward and back", {{{7, 5}}},
          [](const auto& in) {
            return slice(in[0], {range(std::nullopt, std::nullopt, 3), range(-1, 0, -2)});
          },
          [](const Arrays& in) {
            const std::size_t rows = in[0].shape(0), columns = in[0].shape(1);
            return each({(rows + 2) / 3, columns / 2},
                        [&](const Index& i) { return in[0](3 * i[0], columns - 1 - 2 * i[1]); });
          }),
      row(
          "slice", "nothing left out", {{{3, 2}}},
          [](const auto& in) { return square(slice(in[0], std::initializer_list<SliceItem>{})); },
          [](const Arrays& in) {
            std::vector<double> x = same(in);
            for (double& element : x) element *= element;
            return x;
          }),
      row(
          "slice", "one element", {{{3, 2}}},
          [](const auto& in) {
            return slice(in[0], {-1, 0});
          },
          [](const Arrays& in) { return std::vector<double>{in[0](2, 0)}; }),
      row(
          "slice", "split", {{{2, 6}}},
          [](const auto& in) {
            const auto parts = split(in[0], 3, 1);
            return subtract(multiply(parts[0], parts[2]), parts[1]);
          },
          [](const Arrays& in) {
            return each({2, 2}, [&](const Index& i) {
              return in[0](i[0], i[1]) * in[0](i[0], i[1] + 4) - in[0](i[0], i[1] + 2);
            });
          }),
      row(
          "slice_scatter", "", {{{2, 3}}},
          [](const auto& in) {
            return square(slice_scatter(in[0], {4, 5}, {range(3, 0, -2), range(1, 4)}));
          },
          [](const Arrays& in) {
            return each({4, 5}, [&](const Index& i) {
              const bool inside = (i[0] == 3 || i[0] == 1) && i[1] >= 1 && i[1] < 4;
              const double x = inside ? in[0]((3 - i[0]) / 2, i[1] - 1) : 0;
              return x * x;
            });
          }),
      row(
          "slice_scatter", "into every second row", {{{2, 3}}},
          [](const auto& in) {
            const Shape& shape = in[0].shape();
            return slice_scatter(in[0], {2 * shape[0], shape[1]}, {range(0, std::nullopt, 2)});
          },
          [](const Arrays& in) {
            return each({2 * in[0].shape(0), in[0].shape(1)},
                        [&](const Index& i) { return i[0] % 2 == 0 ? in[0](i[0] / 2, i[1]) : 0; });
          }),
      row(
          "slice_scatter", "one element", {{{}}},
          [](const auto& in) { return slice_scatter(in[0], {3}, {1}); },
          [](const Arrays& in) {
            return std::vector<double>{0, in[0](), 0};
          }),
  };
}

/// Of a value with a row more, whose first and whose last rows are taken: the one's gradient is added to the
/// other's.
OperationRow add_slice_row() {
  return row(
      "add_slice", "", {{{2, 3}}, {{2, 3}}},
      [](const auto& in) {
        Shape shape = in[0].shape();
        if (!shape.empty()) ++shape[0];
        const auto both = [](const auto& x) {
          return concatenate({slice(x, {range(0, -1)}), slice(x, {range(1, std::nullopt)})});
        };
        return gradient_of(both, shape, concatenate({in[0], in[1]}));
      },
      [](const Arrays& in) {
        const std::size_t rows = in[0].shape(0);
        return each({rows + 1, in[0].shape(1)}, [&](const Index& i) {
          return (i[0] < rows ? in[0](i[0], i[1]) : 0) + (i[0] > 0 ? in[1](i[0] - 1, i[1]) : 0);
        });
      });
}

std::vector<OperationRow> joining_rows() {
  return {
      row(
          "concatenate", "", {{{2, 3}}, {{2, 1}}, {{2, 4}}},
          [](const auto& in) { return square(concatenate(in, 1)); },
          [](const Arrays& in) {
            const std::size_t second = in[0].shape(1), third = second + in[1].shape(1);
            return each({in[0].shape(0), third + in[2].shape(1)}, [&](const Index& i) {
              const double x = i[1] < second  ? in[0](i[0], i[1])
                               : i[1] < third ? in[1](i[0], i[1] - second)
                                              : in[2](i[0], i[1] - third);
              return x * x;
            });
          }),
      row(
          "concatenate", "one value twice, first axis", {{{2, 3}}, {{0, 3}}},
          [](const auto& in) {
            return concatenate({in[0], in[1], in[0]});
          },
          [](const Arrays& in) {
            return each({4, 3}, [&](const Index& i) { return in[0](i[0] % 2, i[1]); });
          }),
      row(
          "concatenate", "stack", {{{2, 3}}, {{2, 3}}}, [](const auto& in) { return stack(in, -1); },
          [](const Arrays& in) {
            return each({in[0].size(), 2}, [&](const Index& i) { return in[i[1]].storage()[i[0]]; });
          }),
  };
}

}  // namespace

std::vector<OperationRow> shape_rows() {
  std::vector<OperationRow> all;
  for (const auto& rows : {reshape_rows(), transpose_rows(), slice_rows(), joining_rows()})
    all.insert(all.end(), rows.begin(), rows.end());
  all.push_back(add_slice_row());
  return all;
}

std::vector<FurtherShapes> shape_shapes() {
  return {
      of_one("reshape (flatten)", {{0, 3}, {3, 0, 2}}),
      of_one("reshape (expand_dims)", {{}, {0, 3}}, {{401, 701}}),
      of_one("transpose", {{}, {4}, {0, 3}, {3, 0, 2}}, {{401, 701}, {90, 50, 60}}),
      of_one("slice (nothing left out)", {{}, {0, 3}}),
      of_one("slice (steps forward and back)", {{0, 5}, {4, 0}, {1, 1}}, {{1203, 702}}),
      of_one("slice (flip)", {{0, 5}, {4, 0}}, {{401, 701}}),
      of_one("slice_scatter (into every second row)", {{0, 3}, {2, 0}}, {{401, 701}}),
      {"add_slice", {{{0, 3}, {0, 3}}, {{2, 0}, {2, 0}}}, {{{401, 701}, {401, 701}}}},
      {"concatenate",
       {{{2, 0}, {2, 1}, {2, 4}}, {{0, 3}, {0, 1}, {0, 2}}, {{2, 0}, {2, 0}, {2, 0}}},
       {{{401, 500}, {401, 1}, {401, 300}}}},
      {"concatenate (stack)", {{{}, {}}, {{0, 3}, {0, 3}}}, {{{401, 500}, {401, 500}}}},
  };
}

std::vector<Refusal> shape_refusals() {
  return {
      {"reshape", {{2, 3}}, {"[2, 3]", "[4, -1]"}},
      {"reshape (a gradient passed on)", {{5, 5}}, {"[5, 5]", "[6, 4]"}},
      {"reshape (squeeze)", {{2, 2}}, {"axis 1", "[2, 2]"}},
      {"transpose (permute)", {{2, 3, 4}}, {"[2, 0, -1, 1]", "[2, 3, 4]"}},
      {"transpose (swap_axes)", {{}}, {"axis 0", "[]"}},
      {"slice", {{4, 3}}, {"3 items", "[4, 3]"}},
      {"slice", {{4, 3, 3}}, {"position 3", "[4, 3, 3]"}, value_error},
      {"slice (one element)", {{0, 2}}, {"position -1", "[0, 2]"}, value_error},
      {"slice (split)", {{2, 5}}, {"3 parts", "axis 1", "[2, 5]"}},
      {"slice (flip)", {{4}}, {"axis 1", "[4]"}},
      {"add_slice", {{}, {}}, {"concatenate: ", "[]"}},
      {"slice_scatter", {{3, 2}}, {"[3, 2]", "[2, 3]", "[4, 5]"}},
      {"concatenate", {{2, 3}, {2, 1}, {3, 4}}, {"axis 1", "[2, 3]", "[3, 4]"}},
      {"concatenate", {{2, 3}, {2}, {2, 4}}, {"[2, 3]", "[2]"}},
      {"concatenate (stack)", {{2, 3}, {3, 2}}, {"[2, 3]", "[3, 2]"}},
  };
}

}  // namespace xgrad::testing
