#include "scan.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "expression_gradient.hpp"
#include "families.hpp"
#include "operators.hpp"
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
  std::size_t axis = 0;
  bool from_the_end = false;
  void fields(auto& visit) const {
    visit("axis", axis);
    visit("from_the_end", from_the_end);
  }

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

/// Columns [0, half), [half, 2 half), and the last one where their number is odd.
template <class T>
struct Halves {
  Variable<T> left, right;
  std::optional<Variable<T>> odd;
  explicit Halves(const Variable<T>& rows) {
    const auto columns = static_cast<std::ptrdiff_t>(rows.shape()[1]), half = columns / 2;
    left = slice(rows, {all, range(0, half)});
    right = slice(rows, {all, range(half, 2 * half)});
    if (columns % 2 == 1) odd = slice(rows, {all, range(2 * half, columns)});
  }
};

/// ProductsOfOthers from operations that are right at 0, in as many steps as the number of columns has binary
/// digits: halves are multiplied up a tree, and down it each half's others are its sibling and its parent's
/// others.
template <class T>
Variable<T> products_in_a_tree(const Variable<T>& rows, const Variable<T>& dy) {
  std::vector<Variable<T>> levels{rows};
  while (levels.back().shape()[1] > 1) {
    const Halves<T> halves(levels.back());
    const Variable<T> product = halves.left * halves.right;
    levels.push_back(halves.odd ? concatenate({product, *halves.odd}, 1) : product);
  }
  Variable<T> found = rows.shape()[1] == 0 ? rows : dy;
  for (std::size_t level = levels.size() - 1; level-- > 0;) {
    const Halves<T> halves(levels[level]);
    const auto half = static_cast<std::ptrdiff_t>(halves.left.shape()[1]);
    const Variable<T> above = slice(found, {all, range(0, half)});
    std::vector<Variable<T>> parts{above * halves.right, above * halves.left};
    if (halves.odd) parts.push_back(slice(found, {all, range(half, half + 1)}));
    found = concatenate(parts, 1);
  }
  return found;
}

/// For each element of a matrix, the product of the others of its row, times that row's dy.
struct ProductsOfOthers {
  static constexpr std::string_view name = "products_of_others";

  bool saves(std::size_t, const Wanted&) const { return true; }

  template <class T>
  Dense<T> forward(const Dense<T>& rows, const Dense<T>& dy) const {
    Dense<T> products(rows.shape);
    const std::size_t lines = rows.shape[0], count = rows.shape[1];
    const T *in = rows.data(), *scale = dy.data();
    T* out = products.mutable_data();
    parallel_for(lines, lines_of_a_piece(count), [=](std::size_t begin, std::size_t end) {
      std::vector<double> scratch;
      for (std::size_t k = begin; k < end; ++k)
        products_of_others(in + k * count, out + k * count, count, scale[k], scratch);
    });
    return products;
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    give_gradients_of(b, std::array<std::size_t, 2>{0, 1},
                      [](const auto& places) { return products_in_a_tree(places[0], places[1]); });
  }
};

/// Products over lines of any axes, which are brought to the end: x becomes a matrix with a line a row.
struct Prod {
  static constexpr std::string_view name = "prod";
  Shape shape, result;  ///< of the input, and as the caller wants it
  Axes order, inverse;  ///< the reduced axes last, and back
  std::size_t lines = 1, count = 1;
  bool moves_axes = false;
  void fields(auto& visit) const {
    visit("shape", shape);
    visit("result", result);
    visit("order", order);
    visit("inverse", inverse);
    visit("lines", lines);
    visit("count", count);
    visit("moves_axes", moves_axes);
  }

  bool saves(std::size_t, const Wanted&) const { return true; }

  Prod() = default;
  Prod(const Shape& of, const ReduceOptions& options) : shape(of) {
    const AxisList<bool> reduced = reduced_axes(name, options.axes, of);
    result = reduced_shape(of, reduced, options.keep_dims);
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

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    const Dense<T> rows = to_rows(x);
    Dense<T> products(result);
    const T* in = rows.data();
    T* out = products.mutable_data();
    parallel_for(lines, lines_of_a_piece(count), [=, this](std::size_t begin, std::size_t end) {
      for (std::size_t k = begin; k < end; ++k) out[k] = static_cast<T>(product_of(in + k * count, count));
    });
    return products;
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    b.give(0,
           from_rows(apply(ProductsOfOthers{}, to_rows(b.input(0)), reshape(b.gradient(), Shape{lines, 1}))));
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
  return apply(Prod(shape_of(x), options), x);
}

[[gnu::used]] constexpr auto instances = instantiate::for_tensors([]<class V>() {
  return std::make_tuple(instantiate::overload<V(const V&, Integer)>(cumsum),
                         instantiate::overload<V(const V&)>(cumsum), prod<V>);
});

std::vector<std::string_view> detail::scan_operation_names() {
  return names_of<kernels::List<Cumsum, ProductsOfOthers, Prod>>();
}

}  // namespace xgrad
