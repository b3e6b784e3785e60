#include "subscript.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "../core/array/instantiate.hpp"
#include "../core/graph/capture.hpp"
#include "gather.hpp"
#include "indexing.hpp"
#include "shape.hpp"

namespace xgrad {
using namespace detail;

namespace {

using detail::shape_of;
using Kind = SubscriptItem::Kind;

/// How many axes an item stands for; an ellipsis for none but those that are left.
std::size_t axes_of(const SubscriptItem& item) {
  if (item.kind() == Kind::mask) return item.mask().dim();
  return item.kind() == Kind::part || item.kind() == Kind::positions ? 1 : 0;
}

/// An index array without axes is an integer, as in NumPy.
bool is_integer(const SubscriptItem& item) {
  if (item.kind() == Kind::positions) return item.positions().dim() == 0;
  return item.kind() == Kind::part && item.part().drops_axis();
}

bool is_array(const SubscriptItem& item) {
  return item.kind() == Kind::mask || (item.kind() == Kind::positions && !is_integer(item));
}

bool is_whole(const SliceItem& part) {
  return !part.drops_axis() && !part.range().start && !part.range().stop && part.range().step == 1;
}

/// Where a mask holds, counted row by row.
Dense<std::int64_t> places_of(const Dense<bool>& mask) {
  const bool* holds = mask.data();
  const std::size_t size = mask.size();
  Dense<std::int64_t> places(Shape{static_cast<std::size_t>(std::count(holds, holds + size, true))});
  std::int64_t* out = places.mutable_data();
  for (std::size_t place = 0; place < size; ++place)
    if (holds[place]) *out++ = static_cast<std::int64_t>(place);
  return places;
}

/// An index array or a mask: places along `axes` axes of the sliced value from `first` on, seen as one axis
/// of `extent` elements. A mask without axes stands for none, and chooses from an axis of extent 1.
struct Choice {
  std::size_t first, axes, extent;
  Dense<std::int64_t> places;
};

/// What stands in brackets, read for a value of some shape: a slice, which drops the axes of integers, and
/// behind it a choice along some of the axes that it leaves.
class Plan {
 public:
  Plan(std::string_view operation, const Shape& shape, std::span<const SubscriptItem> items)
      : operation_(operation), shape_(shape) {
    check_count(items);
    const bool chooses = std::any_of(items.begin(), items.end(), is_array);
    std::size_t left = shape.size();
    for (const SubscriptItem& item : items) left -= axes_of(item);
    for (const SubscriptItem& item : items) {
      if (is_array(item) || (chooses && is_integer(item)))
        meet_choice();
      else if (state_ == State::inside)
        state_ = State::behind;
      add(item, left);
    }
    while (parts.size() < shape.size()) add_part(all);
  }

  std::vector<SliceItem> parts;  ///< one an axis
  bool slices = false;           ///< whether they are not all whole
  std::vector<Choice> choices;
  AxisList<bool> layout;  ///< the result's axes but those of the choice; whether one is new
  bool has_new_axes = false;
  std::size_t before = 0;  ///< how many of the layout come before the choice's
  std::size_t at = 0;      ///< and how many of the slice's axes
  bool is_first = false;   ///< whether the choice's axes come first: something stands between index arrays

 private:
  enum class State { before, inside, behind };

  void check_count(std::span<const SubscriptItem> items) const {
    std::size_t axes = 0, ellipses = 0;
    for (const SubscriptItem& item : items) {
      axes += axes_of(item);
      ellipses += item.kind() == Kind::rest;
    }
    if (axes > shape_.size())
      throw ShapeError(std::string(operation_) + ": items for " + std::to_string(axes) + " axes of shape " +
                       to_string(shape_) +
                       "; give at most one for each axis, and a mask for as many as it has");
    if (ellipses > 1)
      throw ShapeError(std::string(operation_) + ": " + std::to_string(ellipses) + " ellipses for shape " +
                       to_string(shape_) + "; one stands for all axes that are left, the others are `all`");
  }

  void meet_choice() {
    if (state_ == State::before) {
      before = layout.size();
      at = sliced_axes_;
    } else if (state_ == State::behind) {
      is_first = true;
    }
    state_ = State::inside;
  }

  void add(const SubscriptItem& item, std::size_t left) {
    switch (item.kind()) {
      case Kind::part:
        return add_part(item.part());
      case Kind::rest:
        for (; left > 0; --left) add_part(all);
        return;
      case Kind::new_axis:
        has_new_axes = true;
        return layout.push_back(true);
      case Kind::positions:
        if (is_integer(item)) {
          check_stays(operation_, item.positions().buffer);
          return add_part(*item.positions().data());
        }
        return add_choice(1, shape_[parts.size()], positions_of(item));
      case Kind::mask:
        check_stays(operation_, item.mask().buffer);
        check_mask(item.mask().shape);
        return add_choice(item.mask().dim(), item.mask().size(), places_of(item.mask()));
    }
  }

  /// Those that a program reads are checked by the take of each call.
  Dense<std::int64_t> positions_of(const SubscriptItem& item) const {
    const Dense<std::int64_t>& given = item.positions();
    if (is_capturing() && Capture::present()->knows(given.buffer)) return given;
    return checked_indices(operation_, given, shape_, parts.size());
  }

  void add_part(const SliceItem& part) {
    slices = slices || !is_whole(part);
    parts.push_back(part);
    if (part.drops_axis()) return;
    layout.push_back(false);
    ++sliced_axes_;
  }

  void add_choice(std::size_t axes, std::size_t extent, Dense<std::int64_t> places) {
    choices.push_back({sliced_axes_, axes, extent, std::move(places)});
    parts.insert(parts.end(), axes, all);
    sliced_axes_ += axes;
  }

  void check_mask(const Shape& mask) const {
    for (std::size_t k = 0, axis = parts.size(); k < mask.size(); ++k, ++axis)
      if (mask[k] != shape_[axis])
        throw ShapeError(std::string(operation_) + ": a mask " + to_string(mask) + " for shape " +
                         to_string(shape_) + " from axis " + std::to_string(parts.size()) + " on (axis " +
                         std::to_string(axis) + ": " + std::to_string(mask[k]) + " vs " +
                         std::to_string(shape_[axis]) + "); give it the extents of the axes it stands for");
  }

  std::string_view operation_;
  const Shape& shape_;
  State state_ = State::before;
  std::size_t sliced_axes_ = 0;
};

/// The choices as one, along the axis that theirs are together.
Dense<std::int64_t> combined(std::string_view operation, std::vector<Choice>& choices) {
  Dense<std::int64_t> places = std::move(choices.front().places);
  if (choices.size() > 1)
    for (const Choice& choice : choices) check_stays(operation, choice.places.buffer);
  for (std::size_t k = 1; k < choices.size(); ++k) {
    Dense<std::int64_t>& next = choices[k].places;
    broadcast_shapes(operation, places.shape, next.shape);
    Indices sum = to_array(std::move(places)) * static_cast<std::int64_t>(choices[k].extent) +
                  to_array(std::move(next));
    places = to_dense(std::move(sum));
  }
  return places;
}

/// `shape`, of which `count` axes from `at` on are replaced by those of `others`.
Shape replaced(const Shape& shape, std::size_t at, std::size_t count, const Shape& others) {
  Shape result(shape.begin(), shape.begin() + at);
  for (std::size_t extent : others) result.push_back(extent);
  for (std::size_t axis = at + count; axis < shape.size(); ++axis) result.push_back(shape[axis]);
  return result;
}

/// x, with `count` axes from `from` on moved to stand from `to` on.
template <class V>
V with_moved(V x, std::size_t from, std::size_t count, std::size_t to) {
  if (from == to) return x;
  Axes order;
  for (std::size_t axis = 0; axis < shape_of(x).size(); ++axis)
    if (axis < from || axis >= from + count) order.push_back(static_cast<std::ptrdiff_t>(axis));
  for (std::size_t k = 0; k < count; ++k) order.insert(to + k, static_cast<std::ptrdiff_t>(from + k));
  return permute(x, order);
}

/// x, with these axes first.
template <class V>
V with_first(const V& x, Axes axes) {
  for (std::size_t axis = 0; axis < shape_of(x).size(); ++axis)
    if (std::find(axes.begin(), axes.end(), static_cast<std::ptrdiff_t>(axis)) == axes.end())
      axes.push_back(static_cast<std::ptrdiff_t>(axis));
  return permute(x, axes);
}

/// What the plan's arrays and masks choose from the sliced value: one take along their axes seen as one.
template <class V>
V chosen(std::string_view operation, V x, Plan& plan) {
  const std::size_t to = plan.is_first ? 0 : plan.at;
  Axes axes;
  std::size_t extent = 1;
  for (const Choice& choice : plan.choices) {
    extent *= choice.extent;
    for (std::size_t k = 0; k < choice.axes; ++k)
      axes.push_back(static_cast<std::ptrdiff_t>(choice.first + k));
  }
  std::size_t from = axes.empty() ? to : static_cast<std::size_t>(axes.front());
  if (!axes.empty() && axes.back() != axes.front() + static_cast<std::ptrdiff_t>(axes.size()) - 1) {
    x = with_first(x, axes);
    from = 0;
  }
  const Shape shape = shape_of(x);
  const Dense<std::int64_t> places = combined(operation, plan.choices);
  check_possible(operation, replaced(shape, from, axes.size(), places.shape), shape, places.shape);
  x = reshape(std::move(x), replaced(shape, from, axes.size(), Shape{extent}));
  return with_moved(take(x, to_array(places), static_cast<std::ptrdiff_t>(from)), from, places.dim(), to);
}

/// The shape of a result that lacks the plan's new axes, with them.
Shape with_new_axes(const Shape& shape, const Plan& plan) {
  const auto own = static_cast<std::size_t>(std::count(plan.layout.begin(), plan.layout.end(), false));
  const std::size_t first = plan.is_first ? 0 : plan.before;
  Shape result;
  std::size_t axis = 0;
  for (std::size_t k = 0; k <= plan.layout.size(); ++k) {
    if (k == first)
      for (std::size_t count = shape.size() - own; count > 0; --count) result.push_back(shape[axis++]);
    if (k < plan.layout.size()) result.push_back(plan.layout[k] ? 1 : shape[axis++]);
  }
  return result;
}

bool is_part(const SubscriptItem& item) { return item.kind() == Kind::part; }

}  // namespace

SubscriptItem::SubscriptItem(std::initializer_list<ListedPosition> positions) : kind_(Kind::positions) {
  Dense<std::int64_t> all_of_them(Shape{positions.size()});
  std::transform(positions.begin(), positions.end(), all_of_them.mutable_data(),
                 [](const ListedPosition& position) { return position.value; });
  array_ = std::move(all_of_them);
}

template <class V>
V detail::subscript(const V& x, const Subscript& where, std::string_view operation) {
  const std::span<const SubscriptItem> items = where.items();
  if (std::all_of(items.begin(), items.end(), is_part)) {
    if (items.size() == 1) return slice_for(operation, x, {&items[0].part(), 1});
    std::vector<SliceItem> parts;
    parts.reserve(items.size());
    for (const SubscriptItem& item : items) parts.push_back(item.part());
    return slice_for<V>(operation, x, parts);
  }
  if (items.size() == 1 && items[0].kind() == Kind::mask && items[0].mask().shape == shape_of(x))
    return masked_select(x, items[0].mask());
  Plan plan(operation, shape_of(x), items);
  V result = plan.slices ? slice_for<V>(operation, x, plan.parts) : x;
  if (!plan.choices.empty()) result = chosen(operation, std::move(result), plan);
  if (plan.has_new_axes) {
    const Shape shape = with_new_axes(shape_of(result), plan);
    return reshape(std::move(result), shape);
  }
  return as_result(std::move(result));
}

[[gnu::used]] constexpr auto instances =
    instantiate::for_tensors([]<class V>() { return detail::subscript<V>; });

}  // namespace xgrad
