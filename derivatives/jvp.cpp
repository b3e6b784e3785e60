#include "jvp.hpp"

#include <algorithm>
#include <string>

#include "../core/array/error.hpp"
#include "../core/array/instantiate.hpp"
#include "../core/graph/capture.hpp"
#include "forward_path.hpp"

namespace xgrad {
using namespace detail;

namespace {

template <class T>
Variable<T> zeros_like(const Variable<T>& y) {
  return Variable<T>(Dense<T>::filled(y.shape(), T(0)));
}

/// The directions of elements [first, first + count) of the input, a row each.
template <class T>
Value unit_rows(std::size_t first, std::size_t count, std::size_t elements) {
  Dense<T> rows = Dense<T>::filled(Shape{count, elements}, T(0));
  T* const data = rows.mutable_data();
  for (std::size_t row = 0; row < count; ++row) data[row * elements + first + row] = T(1);
  return rows;
}

}  // namespace

template <class T>
Variable<T> detail::push_forward(const Variable<T>& y, const Variable<T>& x, const Seed<T>& v,
                                 bool create_graph) {
  // Plain tangents are computed in ways of their own, which leave no nodes.
  if (!create_graph) refuse_in_capture("jvp", "pass {.create_graph = true}, and detach() what it gives");
  if (!v.defined())
    throw ValueError("jvp: the direction is empty; pass an Array or Variable of shape " +
                     to_string(x.shape()));
  const Variable<T>& direction = v.variable();
  if (!(direction.shape() == x.shape()))
    throw ShapeError("jvp: the direction has shape " + to_string(direction.shape()) + ", the input " +
                     to_string(x.shape()) + "; they must be equal");
  Node* source = &x.node();
  if (is_capturing()) [[unlikely]] {
    const std::vector<Node*> sources = Capture::present()->targets_for(y.node(), {&source, 1});
    if (sources.empty()) return zeros_like(y);
    source = sources[0];
  }
  const ForwardPath path(*source, y.node());
  if (&path.end() != &y.node()) return zeros_like(y);
  if (create_graph) {
    const Handle tangent = path.moved(Handle(direction.handle()));
    return tangent ? Variable<T>(tangent) : zeros_like(y);
  }
  Value tangent = path.moved(Value(direction.dense()));
  return tangent.defined() ? Variable<T>(Dense<T>(std::move(tangent))) : zeros_like(y);
}

template <class T>
bool detail::fill_columns(const Variable<T>& y, const Variable<T>& x, T* jacobian) {
  const ForwardPath path(x.node(), y.node());
  const std::size_t rows = y.size(), columns = x.size();
  const bool leads = &path.end() == &y.node();
  if (leads && path.cost() * static_cast<double>(columns) > static_cast<double>(rows)) return false;
  if (!path.has_forward_mode()) return false;
  std::fill_n(jacobian, rows * columns, T(0));
  if (!leads) return true;
  for (std::size_t first = 0; first < columns;) {
    const std::size_t count = std::min(path.directions_at_once(), columns - first);
    const Value moved = path.moved_rows(unit_rows<T>(first, count, columns), count);
    if (!moved.defined()) return true;  // no way for one element, none for any
    const T* const tangents = static_cast<const T*>(moved.buffer.data());
    for (std::size_t j = 0; j < count; ++j)
      for (std::size_t i = 0; i < rows; ++i) jacobian[i * columns + first + j] = tangents[j * rows + i];
    first += count;
  }
  return true;
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers(
    []<class T>() { return std::make_tuple(detail::push_forward<T>, detail::fill_columns<T>); });

}  // namespace xgrad
