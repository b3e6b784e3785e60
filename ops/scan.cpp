#include "scan.hpp"

#include <algorithm>
#include <bit>
#include <string>
#include <vector>

#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "../core/graph/record.hpp"
#include "arrange.hpp"
#include "operators.hpp"
#include "over.hpp"
#include "shape.hpp"
#include "slice.hpp"

namespace xgrad {
using namespace detail;

namespace {

using detail::shape_of;

using worth_a_thread::costly_elements;
// Columns whose running sums are kept side by side.
constexpr std::size_t strip = 128;

std::size_t lines_of_a_piece(std::size_t line) {
  return std::max<std::size_t>(1, costly_elements / std::max<std::size_t>(1, line));
}

/// Running sums down `count` rows of at most `strip` columns; `step` leads to the next row.
template <class T>
void sum_down(const T* in, T* out, std::size_t count, std::ptrdiff_t step, std::size_t columns) {
  double total[strip] = {};
  for (std::size_t c = 0; c < count; ++c, in += step, out += step)
    for (std::size_t i = 0; i < columns; ++i) out[i] = static_cast<T>(total[i] += static_cast<double>(in[i]));
}

template <class T>
void sum_along(const T* in, T* out, std::size_t count, std::ptrdiff_t step) {
  double total = 0;
  for (std::size_t c = 0; c < count; ++c, in += step, out += step)
    *out = static_cast<T>(total += static_cast<double>(*in));
}

struct Cumsum {
  static constexpr std::string_view name = "cumsum";
  static constexpr bool is_linear = true;
  std::size_t axis = 0;
  bool from_the_end = false;
  void fields(auto& visit) const {
    visit("axis", axis);
    visit("from_the_end", from_the_end);
  }
  Cumsum over_directions(const Shape&) const { return {axis + 1, from_the_end}; }

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    Dense<T> result(x.shape);
    std::size_t inner = 1;
    for (std::size_t k = axis + 1; k < x.dim(); ++k) inner *= x.shape[k];
    const std::size_t count = x.shape[axis];
    if (x.size() == 0) return result;
    const std::size_t strips = (inner + strip - 1) / strip;
    const auto row = static_cast<std::ptrdiff_t>(inner);
    const std::ptrdiff_t step = from_the_end ? -row : row;
    const std::size_t first = from_the_end ? (count - 1) * inner : 0;
    const T* in = x.data() + first;
    T* out = result.mutable_data() + first;
    parallel_for(x.size() / (count * inner) * strips, lines_of_a_piece(count * std::min(inner, strip)),
                 [=](std::size_t begin, std::size_t end) {
                   for (std::size_t k = begin; k < end; ++k) {
                     const std::size_t column = k % strips * strip, at = k / strips * count * inner + column;
                     if (inner == 1)
                       sum_along(in + at, out + at, count, step);
                     else
                       sum_down(in + at, out + at, count, step, std::min(strip, inner - column));
                   }
                 });
    return result;
  }
  /// An element is in its own sum and in all later ones.
  template <class V>
  void vjp(Backward<V>& b) const {
    b.give(0, apply(Cumsum{axis, !from_the_end}, b.gradient()));
  }
};

/// Eight products side by side, which a processor multiplies at once.
template <class T>
double product_of(const T* x, std::size_t count) {
  double lanes[8] = {1, 1, 1, 1, 1, 1, 1, 1};
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8)
    for (std::size_t k = 0; k < 8; ++k) lanes[k] *= static_cast<double>(x[i + k]);
  for (std::size_t k = 0; i < count; ++i, ++k) lanes[k] *= static_cast<double>(x[i]);
  double product = 1;
  for (const double lane : lanes) product *= lane;
  return product;
}

/// out[i] = scale * the product of all elements but x[i]: what stands before it times what stands after.
template <class T>
void products_of_others(const T* x, T* out, std::size_t count, T scale, std::vector<double>& before) {
  before.resize(count);
  double product = static_cast<double>(scale);
  for (std::size_t i = 0; i < count; product *= static_cast<double>(x[i++])) before[i] = product;
  product = 1;
  for (std::size_t i = count; i-- > 0; product *= static_cast<double>(x[i]))
    out[i] = static_cast<T>(before[i] * product);
}

/// How lines over any axes are brought to the end: a value becomes a matrix with a line a row, and back.
struct Lines {
  Shape shape;
  Axes order, inverse;  ///< the reduced axes last, and back
  std::size_t lines = 1, count = 1;
  bool moves_axes = false;

  Lines(const Shape& of, const AxisList<bool>& reduced) : shape(of) {
    for (const bool last : {false, true})
      for (std::size_t axis = 0; axis < of.size(); ++axis) {
        if (reduced[axis] != last) continue;
        moves_axes |= order.size() != axis;
        order.push_back(static_cast<std::ptrdiff_t>(axis));
        (last ? count : lines) *= of[axis];
      }
    inverse.resize(order.size());
    for (std::size_t k = 0; k < order.size(); ++k)
      inverse[static_cast<std::size_t>(order[k])] = static_cast<std::ptrdiff_t>(k);
  }

  template <class V>
  V to_rows(const V& x) const {
    return reshape(moves_axes ? permute(x, order) : x, Shape{lines, count});
  }
  template <class V>
  V from_rows(const V& rows) const {
    if (!moves_axes) return reshape(rows, shape);
    Shape permuted;
    for (std::ptrdiff_t axis : order) permuted.push_back(shape[static_cast<std::size_t>(axis)]);
    return permute(reshape(rows, permuted), inverse);
  }
};

/// Products in columns, and by how much each moves as its factors do.
template <class V>
struct Moving {
  V product, slope;

  friend Moving operator*(const Moving& a, const Moving& b) {
    return {a.product * b.product, a.slope * b.product + a.product * b.slope};
  }
  std::size_t columns() const { return shape_of(product)[1]; }
  Moving part(std::size_t from, std::size_t to) const {
    const Range columns = range(static_cast<std::ptrdiff_t>(from), static_cast<std::ptrdiff_t>(to));
    return {slice(product, {all, columns}), slice(slope, {all, columns})};
  }
  /// The second half of the columns before the first.
  Moving halves_swapped() const {
    const auto half = static_cast<std::ptrdiff_t>(columns() / 2);
    return {roll(product, half, 1), roll(slope, half, 1)};
  }
  Moving twice() const { return {tile(product, Shape{1, 2}), tile(slope, Shape{1, 2})}; }
  /// With columns of 1, which do not move, up to a power of two.
  Moving filled_up() const {
    const std::size_t missing = std::bit_ceil(columns()) - columns();
    if (missing == 0) return *this;
    const std::vector<PadWidth> widths{{0, 0}, {0, missing}};
    return {pad(product, widths, 1), pad(slope, widths)};
  }
};

/// Halves are multiplied up a tree, in as many steps as the number of columns has binary digits: all columns
/// first, their product last.
template <class V>
std::vector<Moving<V>> products_up(const Moving<V>& columns) {
  std::vector<Moving<V>> levels{columns.filled_up()};
  while (const std::size_t half = levels.back().columns() / 2)
    levels.push_back(levels.back().part(0, half) * levels.back().part(half, 2 * half));
  return levels;
}

/// The product of all columns but one, for each: down that tree, a half's others are its sibling and its
/// parent's others.
template <class V>
Moving<V> others_down(const std::vector<Moving<V>>& levels, Moving<V> of_one) {
  for (std::size_t level = levels.size() - 1; level-- > 0;)
    of_one = of_one.twice() * levels[level].halves_swapped();
  return of_one;
}

/// Of a matrix [lines, count] the product of the others in its row, for each element, times dy [lines, 1].
struct ProdGradient {
  static constexpr std::string_view name = "prod_gradient";
  bool saves(std::size_t input, const Wanted& wanted) const { return input == 0 || wanted[0]; }

  template <class T>
  Dense<T> forward(const Dense<T>& rows, const Dense<T>& dy) const {
    const std::size_t lines = rows.shape[0], count = rows.shape[1];
    Dense<T> products(rows.shape);
    const T *in = rows.data(), *scale = dy.data();
    T* out = products.mutable_data();
    parallel_for(lines, lines_of_a_piece(count), [=](std::size_t begin, std::size_t end) {
      std::vector<double> scratch;
      for (std::size_t k = begin; k < end; ++k)
        products_of_others(in + k * count, out + k * count, count, scale[k], scratch);
    });
    return products;
  }
  /// With h for the result's gradient: dy times the product, as the factors move by h, and how that changes
  /// with each factor. From operations that are right at 0.
  template <class V>
  void vjp(Backward<V>& b) const {
    using T = typename V::value_type;
    const std::size_t lines = b.shape(0)[0], count = b.shape(0)[1];
    const auto levels = products_up<V>({b.input(0), b.gradient()});
    if (b.wants(1)) b.give(1, levels.back().slope);
    if (!b.wants(0)) return;
    const auto column = [&](T number) { return V(Dense<T>::filled(Shape{lines, 1}, number)); };
    const Moving<V> others = others_down<V>(levels, {column(1), column(0)});
    b.give(0, b.input(1) * others.part(0, count).slope);
  }
};

/// Products over lines of any axes.
struct Prod : Over {
  static constexpr std::string_view name = "prod";
  bool saves(std::size_t, const Wanted&) const { return true; }

  static double flops(Shapes in, const Shape&) { return count_of(in[0]); }

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    const Lines lines(x.shape, axes);
    const std::size_t count = lines.count;
    const Dense<T> rows = lines.to_rows(x);
    Dense<T> products(reduced_shape(x.shape, axes, keep_dims));
    const T* in = rows.data();
    T* out = products.mutable_data();
    parallel_for(lines.lines, lines_of_a_piece(count), [=](std::size_t begin, std::size_t end) {
      for (std::size_t k = begin; k < end; ++k) out[k] = static_cast<T>(product_of(in + k * count, count));
    });
    return products;
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    const Lines lines(b.shape(0), axes);
    b.give(0, lines.from_rows(apply(ProdGradient{}, lines.to_rows(b.input(0)),
                                    reshape(b.gradient(), Shape{lines.lines, 1}))));
  }
};

}  // namespace

template <Tensor V>
V cumsum(const V& x, Integer axis) {
  return apply(Cumsum{normalize_axis("cumsum", axis, shape_of(x))}, x);
}

template <Tensor V>
V cumsum(const V& x) {
  return apply(Cumsum{}, flatten(x));
}

template <Tensor V>
V prod(const V& x, const ReduceOptions& options) {
  return apply(Prod{{reduced_axes(Prod::name, options.axes, shape_of(x)), options.keep_dims}}, x);
}

template <Tensor V>
V detail::prod_gradient(const V& rows, const V& dy) {
  const Shape &matrix = shape_of(rows), &given = shape_of(dy);
  if (matrix.size() != 2 || given != Shape{matrix[0], 1})
    throw ShapeError("prod_gradient: " + to_string(given) + " for " + to_string(matrix) +
                     " is no gradient of the products of rows; give one column");
  return apply(ProdGradient{}, rows, dy);
}

[[gnu::used]] constexpr auto instances = instantiate::for_tensors([]<class V>() {
  return std::make_tuple(instantiate::overload<V(const V&, Integer)>(cumsum),
                         instantiate::overload<V(const V&)>(cumsum),
                         instantiate::overload<V(const V&, const ReduceOptions&)>(prod), prod_gradient<V>);
});

}  // namespace xgrad
