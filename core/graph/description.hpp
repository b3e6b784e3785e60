// An operation as those see it who look on: its name, what it was told, how much it has to do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "../array/shape.hpp"

namespace xgrad::detail {

struct Attribute;
struct Value;
class Node;

/// The shapes of an operation's inputs, where these are.
class Shapes {
 public:
  Shapes() noexcept = default;
  /// Of shapes, nodes or Variables, or of pointers to them.
  template <class X, std::size_t N>
  explicit Shapes(std::span<X, N> of) noexcept
      : first_(of.data()), count_(of.size()), at_([](const void* first, std::size_t i) -> const Shape& {
          return shape_of(static_cast<const X*>(first)[i]);
        }) {}

  std::size_t size() const noexcept { return count_; }
  const Shape& operator[](std::size_t i) const noexcept { return at_(first_, i); }

 private:
  template <class X>
  static const Shape& shape_of(const X& x) noexcept {
    if constexpr (std::is_same_v<X, Shape>)
      return x;
    else if constexpr (std::is_pointer_v<X>)
      return shape_of(*x);
    else if constexpr (requires { x.shape(); })
      return x.shape();
    else
      return x.value().shape;
  }

  const void* first_ = nullptr;
  std::size_t count_ = 0;
  const Shape& (*at_)(const void* first, std::size_t i) = nullptr;
};

inline double count_of(const Shape& shape) { return static_cast<double>(element_count(shape)); }

/// What all nodes of an operation have in common beside the name.
struct OperationType {
  /// The inputs, a bit each, whose buffer may be the result's.
  std::uint64_t shares = 0;
  /// It takes whatever values there are, and so is needed for its result alone.
  bool is_total = false;
  /// Of an operation that is told something.
  std::vector<Attribute> (*attributes)(const void* operation) = nullptr;
  /// Floating-point operations of a forward pass, where they are not one for each element of the output.
  double (*flops)(const void* operation, Shapes inputs, const Shape& output) = nullptr;
  /// The tangent of a node's value by those of its inputs, where the operation has a shorter way to it than
  /// that its vjp is transposed; an undefined one stands for 0. Nothing where it has none for these.
  std::optional<Value> (*tangent)(Node& node, std::span<const Value> of_inputs) = nullptr;
  /// The same for several directions at once: one after another in values of shape {directions, elements}.
  std::optional<Value> (*tangents)(Node& node, std::span<const Value> of_inputs,
                                   std::size_t directions) = nullptr;
};

/// One operation, as long as it is there.
struct Description {
  std::string_view name;
  const OperationType* type = nullptr;  ///< none for what is no operation
  const void* operation = nullptr;      ///< what `type` knows to read

  std::vector<Attribute> attributes() const;
  /// Floating-point operations of a forward pass, an addition, a product, a division or a function of one
  /// number each counting as one.
  double flops(Shapes inputs, const Shape& output) const {
    return type == nullptr || type->flops == nullptr ? count_of(output)
                                                     : type->flops(operation, inputs, output);
  }
};

}  // namespace xgrad::detail
