// A value as the engine sees it: a buffer and a shape, contiguous, row-major.
#pragma once

#include <cstdint>
#include <type_traits>

#include "memory.hpp"
#include "shape.hpp"

namespace xgrad {

namespace detail {

/// A buffer and a shape without an element type: what nodes keep. An undefined one has no buffer. The shape
/// is a possible one, so that counts, bytes, strides and offsets are computed without a check.
struct Value {
  memory::Buffer buffer;
  Shape shape;

  bool defined() const noexcept { return static_cast<bool>(buffer); }
  std::size_t size() const noexcept { return element_count(shape); }
};

/// What a value in the graph is made of. Indices and masks take no gradient.
enum class ElementKind : std::uint8_t { float32, float64, int64, boolean };

template <class T>
inline constexpr ElementKind kind_of = [] {
  if constexpr (std::is_same_v<T, float>) return ElementKind::float32;
  if constexpr (std::is_same_v<T, double>) return ElementKind::float64;
  if constexpr (std::is_same_v<T, std::int64_t>) return ElementKind::int64;
  if constexpr (std::is_same_v<T, bool>) return ElementKind::boolean;
}();

inline constexpr bool is_real(ElementKind kind) noexcept { return kind <= ElementKind::float64; }

/// Calls f with the value's elements, of the type that they are.
template <class F>
decltype(auto) visit_elements(const Value& value, ElementKind kind, F&& f) {
  switch (kind) {
    case ElementKind::float32:
      return f(static_cast<const float*>(value.buffer.data()));
    case ElementKind::float64:
      return f(static_cast<const double*>(value.buffer.data()));
    case ElementKind::int64:
      return f(static_cast<const std::int64_t*>(value.buffer.data()));
    default:
      return f(static_cast<const bool*>(value.buffer.data()));
  }
}

}  // namespace detail

/// For the library: a value of element type T, shared on copy, copied before writing. No xtensor expression.
template <class T>
class Dense : public detail::Value {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8);

 public:
  using value_type = T;

  Dense() = default;
  /// Uninitialised elements. ShapeError if no value can have the shape, std::bad_alloc if there is no memory
  /// for it.
  explicit Dense(const Shape& shape_) : Value{memory::Buffer(bytes_of(shape_)), shape_} {}
  explicit Dense(detail::Value value) noexcept : Value(std::move(value)) {}
  Dense(memory::Buffer buffer_, const Shape& shape_) noexcept : Value{std::move(buffer_), shape_} {}

  static Dense filled(const Shape& shape, T element) {
    Dense result(shape);
    T* out = result.mutable_data();
    for (std::size_t i = 0, n = result.size(); i < n; ++i) out[i] = element;
    return result;
  }
  static Dense scalar(double element) { return filled(Shape{}, static_cast<T>(element)); }

  std::size_t dim() const noexcept { return shape.size(); }
  const T* data() const noexcept { return static_cast<const T*>(buffer.data()); }
  /// Detaches from other holders first.
  T* mutable_data() { return static_cast<T*>(buffer.mutable_data()); }

  /// The same buffer under another shape of as many elements; the caller has checked.
  Dense with_shape(const Shape& other) const& noexcept { return Dense(buffer, other); }
  Dense with_shape(const Shape& other) && noexcept { return Dense(std::move(buffer), other); }

 private:
  static std::size_t bytes_of(const Shape& shape) {
    detail::check_possible("value", shape);
    return element_count(shape) * sizeof(T);
  }
};

}  // namespace xgrad
