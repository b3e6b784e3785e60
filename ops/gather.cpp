#include "gather.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "../core/graph/capture.hpp"
#include "../core/graph/record.hpp"
#include "arrange.hpp"
#include "indexing.hpp"
#include "operators.hpp"
#include "shape.hpp"

namespace xgrad {
using namespace detail;

namespace {

using detail::shape_of;

/// For each place of `shape` the element of a value of shape `own` that broadcasting puts there.
std::vector<std::size_t> broadcast_places(const Shape& own, const Shape& shape) {
  std::vector<std::size_t> places(element_count(shape));
  for (std::size_t flat = 0; flat < places.size(); ++flat) {
    std::size_t rest = flat, stride = 1;
    for (std::size_t axis = shape.size(), left = own.size(); left > 0; rest /= shape[axis]) {
      --axis;
      if (own[--left] != 1) places[flat] += rest % shape[axis] * stride;
      stride *= own[left];
    }
  }
  return places;
}

Dense<std::int64_t> to_indices(const std::vector<std::int64_t>& places) {
  Dense<std::int64_t> all(Shape{places.size()});
  std::copy(places.begin(), places.end(), all.mutable_data());
  return all;
}

/// What gather and scatter_add ask of their indices; returns the axis.
std::size_t check_indices(std::string_view operation, const Shape& shape, const Dense<std::int64_t>& indices,
                          std::ptrdiff_t axis) {
  const std::size_t along = normalize_axis(operation, axis, shape);
  const Shape& chosen = indices.shape;
  const std::string both =
      std::string(operation) + ": indices " + to_string(chosen) + " for shape " + to_string(shape);
  if (chosen.size() != shape.size()) throw ShapeError(both + "; they must have as many axes");
  for (std::size_t k = 0; k < shape.size(); ++k)
    if (k != along && chosen[k] > shape[k])
      throw ShapeError(both + " (axis " + std::to_string(k) + ": " + std::to_string(chosen[k]) + " vs " +
                       std::to_string(shape[k]) + "); only along axis " + std::to_string(along) +
                       " may they be longer");
  checked_indices(operation, indices, shape, along);
  return along;
}

/// The first `extents` elements along each axis.
template <class V>
V corner(const V& x, const Shape& extents) {
  if (shape_of(x) == extents) return x;
  std::vector<SliceItem> items;
  for (std::size_t extent : extents) items.push_back(range(0, static_cast<std::ptrdiff_t>(extent)));
  return slice(x, std::span<const SliceItem>(items));
}

/// x's shape, cut to that of the indices but along the axis.
Shape cut_shape(const Shape& x, const Shape& indices, std::size_t axis) {
  Shape cut = indices;
  cut[axis] = x[axis];
  return cut;
}

/// Zeros behind x along each axis, up to `shape`.
template <class V>
V filled_up(const V& x, const Shape& shape) {
  if (shape_of(x) == shape) return x;
  std::vector<PadWidth> widths;
  for (std::size_t k = 0; k < shape.size(); ++k) widths.push_back({0, shape[k] - shape_of(x)[k]});
  return pad(x, widths);
}

/// Index arrays for the first axes of x, as row numbers of x seen as a matrix [rows, row_size].
struct Rows {
  Shape chosen, target;  ///< the broadcast shape of the arrays, and with the axes left
  std::size_t rows = 1, row_size = 1;
  std::vector<std::int64_t> numbers;

  Rows(const Shape& shape, const std::vector<Dense<std::int64_t>>& indices) {
    if (indices.empty() || indices.size() > shape.size())
      throw ShapeError("index_put: " + std::to_string(indices.size()) + " index arrays for shape " +
                       to_string(shape) + "; give one for each of the first axes");
    for (const auto& each : indices) chosen = broadcast_shapes("index_put", chosen, each.shape);
    target = chosen;
    for (std::size_t axis = indices.size(); axis < shape.size(); ++axis) {
      target.push_back(shape[axis]);
      row_size *= shape[axis];
    }
    check_possible("index_put", target, shape, chosen);
    numbers.assign(element_count(chosen), 0);
    for (std::size_t axis = 0; axis < indices.size(); ++axis) add(indices[axis], axis, shape);
  }

  /// The last of the places that choose the same row.
  std::vector<std::int64_t> last_places() const {
    std::vector<std::int64_t> last(rows, -1), places;
    for (std::size_t k = 0; k < numbers.size(); ++k) last[row(k)] = static_cast<std::int64_t>(k);
    for (std::size_t k = 0; k < numbers.size(); ++k)
      if (last[row(k)] == static_cast<std::int64_t>(k)) places.push_back(static_cast<std::int64_t>(k));
    return places;
  }

 private:
  void add(const Dense<std::int64_t>& given, std::size_t axis, const Shape& shape) {
    const Dense<std::int64_t> indices = checked_indices("index_put", given, shape, axis);
    const auto places = broadcast_places(indices.shape, chosen);
    for (std::size_t k = 0; k < numbers.size(); ++k)
      numbers[k] = numbers[k] * static_cast<std::int64_t>(shape[axis]) + indices.data()[places[k]];
    rows *= shape[axis];
  }
  std::size_t row(std::size_t k) const { return static_cast<std::size_t>(numbers[k]); }
};

/// `values`, a row for each chosen place, in place of those of x, [rows, row_size].
template <class V>
V replaced(const V& x, const Rows& rows, const V& values) {
  using T = typename V::value_type;
  const std::vector<std::int64_t> places = rows.last_places();
  std::vector<std::int64_t> numbers;
  Dense<T> is_new = Dense<T>::filled(Shape{rows.rows, 1}, T(0));
  for (const std::int64_t place : places) {
    numbers.push_back(rows.numbers[static_cast<std::size_t>(place)]);
    is_new.mutable_data()[numbers.back()] = T(1);
  }
  const V rows_put = take(values, to_indices(places), 0);
  return select(V(is_new), scatter_slices(rows_put, to_indices(numbers), 0, Shape{rows.rows, rows.row_size}),
                x);
}

void check_values(const Shape& values, const Shape& chosen, const Shape& shape) {
  if (broadcast_shapes("index_put", values, chosen) != chosen)
    throw ShapeError("index_put: values " + to_string(values) + " do not broadcast to " + to_string(chosen) +
                     ", what the indices choose from " + to_string(shape) + "; give them that shape");
}

/// The index arrays for the first axes, integers among them, if nothing else stands there.
std::optional<std::vector<Dense<std::int64_t>>> index_arrays(const Subscript& where) {
  std::vector<Dense<std::int64_t>> arrays;
  for (const SubscriptItem& item : where.items()) {
    if (item.kind() == SubscriptItem::Kind::positions)
      arrays.push_back(item.positions());
    else if (item.kind() == SubscriptItem::Kind::part && item.part().drops_axis())
      arrays.push_back(Dense<std::int64_t>::filled(Shape{}, item.part().position()));
    else
      return std::nullopt;
  }
  return arrays;
}

/// index_put where x[where] reads, whatever stands there: reading the numbers of the elements tells which.
template <class V>
V put_anywhere(const V& x, const Subscript& where, const V& values, bool accumulate) {
  const Shape shape = shape_of(x);
  Dense<double> numbers(shape);
  std::iota(numbers.mutable_data(), numbers.mutable_data() + numbers.size(), 0.0);
  const Dense<double> read = subscript(numbers, where, "index_put");
  check_values(shape_of(values), read.shape, shape);
  Dense<std::int64_t> places(Shape{read.size()});
  std::transform(read.data(), read.data() + read.size(), places.mutable_data(),
                 [](double number) { return static_cast<std::int64_t>(number); });
  const V put = reshape(broadcast_to(values, read.shape), Shape{places.size()});
  const V flat = reshape(x, Shape{numbers.size()});
  return reshape(index_put(flat, to_array(places), put, accumulate), shape);
}

/// The places where a mask holds, in blocks that threads share.
class Held {
 public:
  explicit Held(const Dense<bool>& mask) : mask_(mask), before_((mask.size() + block - 1) / block + 1, 0) {
    for_each_block([&](std::size_t k, const bool* begin, const bool* end) {
      before_[k + 1] = static_cast<std::size_t>(std::count(begin, end, true));
    });
    std::partial_sum(before_.begin(), before_.end(), before_.begin());
  }
  std::size_t count() const { return before_.back(); }
  /// Calls each(place, number) with a number that counts the places.
  template <class Each>
  void for_each(const Each& each) const {
    for_each_block([&](std::size_t k, const bool* begin, const bool* end) {
      std::size_t number = before_[k];
      for (const bool* holds = begin; holds < end; ++holds)
        if (*holds) each(static_cast<std::size_t>(holds - mask_.data()), number++);
    });
  }

 private:
  static constexpr std::size_t block = worth_a_thread::costly_elements;

  template <class Block>
  void for_each_block(const Block& run) const {
    const bool* all = mask_.data();
    parallel_for(before_.size() - 1, 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t k = begin; k < end; ++k)
        run(k, all + k * block, all + std::min((k + 1) * block, mask_.size()));
    });
  }

  const Dense<bool>& mask_;
  std::vector<std::size_t> before_;  ///< each block, and all
};

/// The mask as broadcasting makes it.
Dense<bool> repeated(const Dense<bool>& mask, const Shape& shape) {
  if (mask.shape == shape) return mask;
  const auto places = broadcast_places(mask.shape, shape);
  Dense<bool> result(shape);
  std::transform(places.begin(), places.end(), result.mutable_data(),
                 [holds = mask.data()](std::size_t place) { return holds[place]; });
  return result;
}

struct MaskedScatter;

/// The elements of x for which a mask of its shape holds, along one axis.
struct MaskedSelect {
  static constexpr std::string_view name = "masked_select";
  bool saves(std::size_t input, const Wanted&) const { return input == 1; }

  static double flops(Shapes, const Shape&) noexcept { return 0; }

  template <class T>
  Dense<T> forward(const Dense<T>& x, const Dense<bool>& mask) const {
    const Held held(mask);
    Dense<T> result(Shape{held.count()});
    const T* in = x.data();
    T* out = result.mutable_data();
    held.for_each([=](std::size_t place, std::size_t number) { out[number] = in[place]; });
    return result;
  }
  template <class V>
  void vjp(Backward<V>& b) const;
};

/// The dual: zeros of the mask's shape, with the elements of x where it holds.
struct MaskedScatter {
  static constexpr std::string_view name = "masked_scatter";
  bool saves(std::size_t input, const Wanted&) const { return input == 1; }

  static double flops(Shapes, const Shape&) noexcept { return 0; }

  template <class T>
  Dense<T> forward(const Dense<T>& x, const Dense<bool>& mask) const {
    const Held held(mask);
    const Shape selected{held.count()};
    if (x.shape != selected)
      throw ShapeError("masked_scatter: " + to_string(x.shape) + " is not what a mask " +
                       to_string(mask.shape) + " selects, " + to_string(selected) + "; they must be equal");
    Dense<T> result = Dense<T>::filled(mask.shape, T(0));
    const T* in = x.data();
    T* out = result.mutable_data();
    held.for_each([=](std::size_t place, std::size_t number) { out[place] += in[number]; });
    return result;
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    b.give(0, apply(MaskedSelect{}, b.gradient(), b.template discrete_input<bool>(1)));
  }
};

template <class V>
void MaskedSelect::vjp(Backward<V>& b) const {
  b.give(0, apply(MaskedScatter{}, b.gradient(), b.template discrete_input<bool>(1)));
}

}  // namespace

template <Tensor V>
V gather(const V& x, Integer axis, const IndexInput& indices) {
  const std::size_t along = check_indices("gather", shape_of(x), indices.dense(), axis);
  return take_along_axis(corner(x, cut_shape(shape_of(x), indices.shape(), along)), indices, axis);
}

template <Tensor V>
V scatter_add(const V& x, Integer axis, const IndexInput& indices, const V& source) {
  const Shape& shape = shape_of(x);
  const std::size_t along = check_indices("scatter_add", shape, indices.dense(), axis);
  const Shape &chosen = indices.shape(), &given = shape_of(source);
  bool fits = given.size() == chosen.size();
  for (std::size_t k = 0; fits && k < given.size(); ++k) fits = chosen[k] <= given[k];
  if (!fits)
    throw ShapeError("scatter_add: source " + to_string(given) + " for indices " + to_string(chosen) +
                     "; it must reach as far along every axis");
  const V sums = scatter_along_axis(corner(source, chosen), indices, axis, cut_shape(shape, chosen, along));
  return x + filled_up(sums, shape);
}

template <Tensor V>
V masked_select(const V& x, const MaskInput& mask) {
  const Dense<bool>& held = mask.dense();
  check_stays("masked_select", held.buffer);
  const Shape shape = broadcast_shapes("masked_select", shape_of(x), held.shape);
  return apply(MaskedSelect{}, broadcast_to(x, shape), repeated(held, shape));
}

template <Tensor V>
V detail::masked_scatter(const V& x, const MaskInput& mask) {
  check_stays("masked_scatter", mask.dense().buffer);
  return apply(MaskedScatter{}, x, mask.dense());
}

template <Tensor V>
V index_put(const V& x, const Subscript& where, const V& values, Flag accumulate) {
  for (const SubscriptItem& item : where.items()) {
    if (item.kind() == SubscriptItem::Kind::positions) check_stays("index_put", item.positions().buffer);
    if (item.kind() == SubscriptItem::Kind::mask) check_stays("index_put", item.mask().buffer);
  }
  const auto indices = index_arrays(where);
  if (!indices) return put_anywhere(x, where, values, accumulate);
  const Shape shape = shape_of(x);
  const Rows rows(shape, *indices);
  check_values(shape_of(values), rows.target, shape);
  const Shape matrix{rows.rows, rows.row_size};
  const V put = reshape(broadcast_to(values, rows.target), Shape{rows.numbers.size(), rows.row_size});
  // Of no elements none is replaced, however many rows there are.
  if (!accumulate && element_count(shape) > 0) return reshape(replaced(reshape(x, matrix), rows, put), shape);
  return x + reshape(scatter_slices(put, to_indices(rows.numbers), 0, matrix), shape);
}

[[gnu::used]] constexpr auto instances = instantiate::for_tensors([]<class V>() {
  return std::make_tuple(gather<V>, scatter_add<V>, masked_select<V>, masked_scatter<V>, index_put<V>);
});

}  // namespace xgrad
