#include "comparison.hpp"

#include <limits>
#include <string>

#include "../core/array/instantiate.hpp"
#include "../core/graph/capture.hpp"
#include "../core/graph/record.hpp"

namespace xgrad {
using namespace detail;
using namespace formulas;

namespace {

template <class T, class... Vs>
Mask mask_of(const Elementwise& comparison, const Vs&... operands) {
  (check_stays(comparison.name(), operands.node()), ...);
  const Dense<T> held = apply(comparison, operands.dense()...);
  Dense<bool> mask(held.shape);
  bool* out = mask.mutable_data();
  for (std::size_t i = 0; i < held.size(); ++i) out[i] = held.data()[i] != 0;
  return to_array(std::move(mask));
}

}  // namespace

template <class T>
Mask equal(const Variable<T>& a, const Variable<T>& b) {
  return mask_of<T>(operation<Equal, Arithmetic>(), a, b);
}
template <class T>
Mask not_equal(const Variable<T>& a, const Variable<T>& b) {
  return mask_of<T>(operation<NotEqual, Arithmetic>(), a, b);
}
template <class T>
Mask less(const Variable<T>& a, const Variable<T>& b) {
  return mask_of<T>(operation<Less, Arithmetic>(), a, b);
}
template <class T>
Mask less_equal(const Variable<T>& a, const Variable<T>& b) {
  return mask_of<T>(operation<LessEqual, Arithmetic>(), a, b);
}
template <class T>
Mask isfinite(const Variable<T>& x) {
  return mask_of<T>(operation<IsFinite, Arithmetic>(), x);
}
template <class T>
Mask isnan(const Variable<T>& x) {
  return mask_of<T>(operation<NotEqual, Arithmetic>(), x, x);
}
template <class T>
Mask isinf(const Variable<T>& x) {
  check_stays("isinf", x.node());
  return equal(abs(x.detach()), std::numeric_limits<double>::infinity());
}

namespace {

/// A mask as select() reads it.
template <class T>
struct NumbersOfMask {
  static constexpr std::string_view name = "numbers_of_mask";
  static constexpr bool is_constant = true, only_in_programs = true;
  Dense<T> forward(const Dense<bool>& mask) const {
    Dense<T> numbers(mask.shape);
    T* out = numbers.mutable_data();
    for (std::size_t i = 0; i < mask.size(); ++i) out[i] = mask.data()[i] ? T(1) : T(0);
    return numbers;
  }
};

}  // namespace

template <class T>
Variable<T> where(const MaskInput& mask, const Variable<T>& a, const Variable<T>& b) {
  return select(record(NumbersOfMask<T>{}, mask.dense()), a, b);
}

template <class T>
Variable<T> where(const Variable<T>& condition, const Variable<T>& a, const Variable<T>& b) {
  return select(condition.detach(), a, b);
}

namespace {

void check_mask(const Shape& mask, const Shape& shape) {
  if (broadcast_shapes("masked_fill", mask, shape) != shape)
    throw ShapeError("masked_fill: the mask " + to_string(mask) + " is larger than x, " + to_string(shape) +
                     "; broadcast x first, or use where");
}

}  // namespace

template <class T>
Variable<T> masked_fill(const Variable<T>& x, const MaskInput& mask, double value) {
  check_mask(mask.shape(), x.shape());
  return where(mask, Variable<T>(Dense<T>::scalar(value)), x);
}
template <class T>
Variable<T> masked_fill(const Variable<T>& x, const Variable<T>& mask, double value) {
  check_mask(mask.shape(), x.shape());
  return where(mask, value, x);
}

[[gnu::used]] constexpr auto instances = instantiate::for_variables([]<class V>() {
  return std::make_tuple(
      instantiate::overload<Mask(const V&, const V&)>(equal),
      instantiate::overload<Mask(const V&, const V&)>(not_equal),
      instantiate::overload<Mask(const V&, const V&)>(less),
      instantiate::overload<Mask(const V&, const V&)>(less_equal),
      instantiate::overload<Mask(const V&)>(isfinite), instantiate::overload<Mask(const V&)>(isnan),
      instantiate::overload<Mask(const V&)>(isinf),
      instantiate::overload<V(const V&, const MaskInput&, double)>(masked_fill),
      instantiate::overload<V(const V&, const V&, double)>(masked_fill),
      instantiate::overload<V(const MaskInput&, const V&, const V&)>(where<typename V::value_type>),
      instantiate::overload<V(const V&, const V&, const V&)>(where));
});

}  // namespace xgrad
