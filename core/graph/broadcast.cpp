#include "broadcast.hpp"

#include <string>

#include "../array/error.hpp"
#include "../array/instantiate.hpp"
#include "../formula/add_multiply.hpp"
#include "../formula/broadcast_loop.hpp"
#include "../formula/elementwise.hpp"
#include "record.hpp"
#include "summed_axes.hpp"

namespace xgrad {
using namespace detail;
using namespace formulas;

namespace {

struct BroadcastTo {
  static constexpr std::string_view name = "broadcast_to";
  static constexpr bool is_linear = true;
  static constexpr std::uint64_t shares = 1;  // where no axis repeats
  Shape shape;
  void fields(auto& visit) const { visit("shape", shape); }
  static double flops(Shapes, const Shape&) noexcept { return 0; }

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    if (x.size() == element_count(shape)) return x.with_shape(shape);
    Dense<T> result(shape);
    const Source operands[] = {{x.data(), &x.shape}};
    run_broadcast(operation<Identity, Core>().kernels()->value[std::is_same_v<T, double>], sizeof(T),
                  result.mutable_data(), shape, operands);
    return result;
  }
  static constexpr bool aligns_axes = true;
  BroadcastTo over_directions(const Shape& x) const { return {with_directions(x[0], shape, 0)}; }
  template <class V>
  void vjp(Backward<V>& b) const {
    b.give(0, sum_to(b.gradient(), b.shape(0)));
  }
};

struct SumTo {
  static constexpr std::string_view name = "sum_to";
  static constexpr bool is_linear = true;
  static constexpr std::uint64_t shares = 1;  // where all that goes are extents of 1, as for a batch of one
  Shape shape;
  void fields(auto& visit) const { visit("shape", shape); }
  static double flops(Shapes in, const Shape&) { return count_of(in[0]); }

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    if (x.size() == element_count(shape)) return x.with_shape(shape);
    return sum_axes(x, summed_axes(x.shape, shape)).with_shape(shape);
  }
  SumTo over_directions(const Shape& x) const { return {with_directions(x[0], shape, x.size() - 1)}; }
  template <class V>
  void vjp(Backward<V>& b) const {
    b.give_repeated(0, b.gradient());
  }
};

const Shape& shape_of(const Value& x) { return x.shape; }
template <class T>
const Shape& shape_of(const Variable<T>& x) {
  return x.shape();
}

void check_broadcasts(std::string_view operation, const Shape& small, const Shape& large) {
  if (small.size() <= large.size() && broadcast_shapes(operation, small, large) == large) return;
  throw ShapeError(std::string(operation) + ": " + to_string(small) + " does not broadcast to " +
                   to_string(large) + "; an axis repeats only where its extent is 1");
}

}  // namespace

AxisList<bool> detail::summed_axes(const Shape& shape, const Shape& to) {
  const std::size_t missing = shape.size() - to.size();
  AxisList<bool> summed(shape.size(), false);
  for (std::size_t axis = 0; axis < shape.size(); ++axis)
    summed[axis] = axis < missing || (to[axis - missing] == 1 && shape[axis] != 1);
  return summed;
}

template <Tensor V>
V broadcast_to(const V& x, const Shape& shape) {
  if (shape_of(x) == shape) return detail::as_result(x);
  check_possible("broadcast_to", shape, shape_of(x));
  check_broadcasts("broadcast_to", shape_of(x), shape);
  return apply(BroadcastTo{shape}, x);
}

template <Tensor V>
V sum_to(const V& x, const Shape& shape) {
  if (shape_of(x) == shape) return detail::as_result(x);
  check_broadcasts("sum_to", shape, shape_of(x));
  return apply(SumTo{shape}, x);
}

[[gnu::used]] constexpr auto instances =
    instantiate::for_tensors([]<class V>() { return std::make_tuple(broadcast_to<V>, sum_to<V>); });

}  // namespace xgrad
