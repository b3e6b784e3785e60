// The handle that users hold: a value in the graph, of element type float or double.
#pragma once

#include <concepts>
#include <initializer_list>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../array/array.hpp"
#include "../array/array_from.hpp"
#include "../array/dense.hpp"
#include "../array/error.hpp"
#include "hook.hpp"
#include "node.hpp"

namespace xgrad {

template <class T>
class Variable;
class Subscript;

namespace detail {

/// x[where], which is composed of operations, and therefore stands in ops/subscript.cpp. For Variables and
/// Dense.
template <class V>
V subscript(const V& x, const Subscript& where, std::string_view operation = "index");

/// One sentence, where C++ would rebind the handle that x[...] gives, to no effect.
template <class E>
void refuse_assignment() {
  static_assert(never<E>,
                "x[...] is a new value and no place in x: x = index_put(x, {...}, y) is x with y there, and "
                "index_put(x, {...}, y, true) adds y to what is there");
}

}  // namespace detail

/// What Variable::backward takes.
template <class T>
struct BackwardOptions {
  /// Keeps the saved values, so that the graph can be differentiated again.
  Flag retain_graph = false;
  /// The gradient of what follows the output, of the output's shape; 1 for an output of one element.
  std::optional<Array<T>> grad_output = std::nullopt;
};

/// A handle to a value in the graph; copies share it. T is float or double.
template <class T>
class Variable {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>, "a Variable holds float or double");

 public:
  using value_type = T;

  /// An empty handle: no value. Everything but assignment and defined() is a GraphError.
  Variable() noexcept = default;
  explicit Variable(detail::Handle handle) noexcept : handle_(std::move(handle)) {}  // For the library
  /// For the library: a constant.
  explicit Variable(Dense<T> value);

  bool defined() const noexcept { return static_cast<bool>(handle_); }

  /// The value as an xtensor container, in O(1). It is const: reading it copies nothing, and what would write
  /// to it does not compile, for it would write to a copy. `auto v = x.value()` is a copy of one's own, which
  /// shares the buffer until one side writes.
  const Array<T> value() const;
  /// The gradient that backward() has accumulated, as value() gives a value; GraphError if there is none.
  const Array<T> grad() const;
  bool has_grad() const;
  /// Forgets the gradient; has_grad() is false again.
  void zero_grad();
  /// Puts a gradient in the place of what grad() gives, any expression: `p.set_grad(0.5 * p.grad())`.
  /// ShapeError if it has not the value's shape, GraphError if the node keeps no gradient, or is frozen.
  void set_grad(const Array<T>& gradient) { set_grad(to_dense(gradient)); }
  /// Lets the result of an operation keep its gradient as a parameter does: backward() adds to grad(). Does
  /// nothing for a parameter; GraphError if no gradient is required.
  void retain_grad() { detail::keep_gradient(node()); }
  /// Calls `f(gradient)` with the complete gradient of this node, once in every backward() and every grad()
  /// that passes or asks for it, before it goes further or is added to grad(); several hooks in the order of
  /// their registration. `f` takes a const Variable&, a constant unless a graph is created (then what `f`
  /// does is recorded, too), and returns nothing, or the gradient to go on with; an empty Variable changes
  /// nothing. A sweep throws what `f` throws, and ShapeError if the shape differs, and then no gradient has
  /// changed. GraphError if no gradient is required. Forward mode calls no hooks. The node keeps `f`, which
  /// must not hold the Variable itself, or what depends on it.
  template <class F>
  requires std::invocable<F&, const Variable&> HookHandle register_hook(F f) {
    return detail::add_hook(node(),
                            [f = std::move(f)](const detail::Handle& gradient) mutable -> detail::Handle {
                              if constexpr (std::is_void_v<std::invoke_result_t<F&, const Variable&>>) {
                                f(Variable(gradient));
                                return detail::Handle();
                              } else {
                                return Variable(f(Variable(gradient))).handle();
                              }
                            });
  }

  /// Part of the value as NumPy's x[...] has it: x[0], x[{1, 2}] for x[1, 2], x[{range(0, 2), all, 3}],
  /// x[indices], x[x > 0]; Subscript says what may stand there. The result is a new value, which gradients
  /// pass through; it is const, for writing to it would not write to x. index_put() is what assigns.
  template <class S = Subscript>
  [[nodiscard("x[...] is a new value")]] const Variable operator[](
      const std::type_identity_t<S>& where) const {
    return detail::subscript(*this, where);
  }
  template <class E = std::initializer_list<double>>
  void operator=(E&&) const&& {
    detail::refuse_assignment<E>();
  }
  template <class E = std::initializer_list<double>>
  void operator+=(E&&) const&& {
    detail::refuse_assignment<E>();
  }
  template <class E = std::initializer_list<double>>
  void operator-=(E&&) const&& {
    detail::refuse_assignment<E>();
  }
  template <class E = std::initializer_list<double>>
  void operator*=(E&&) const&& {
    detail::refuse_assignment<E>();
  }
  template <class E = std::initializer_list<double>>
  void operator/=(E&&) const&& {
    detail::refuse_assignment<E>();
  }

  const Shape& shape() const { return node().value().shape; }
  std::size_t dim() const { return shape().size(); }
  std::size_t size() const { return element_count(shape()); }
  /// The one element of a value; ValueError if there are more or none.
  T item() const;
  /// One element, by an integer for each axis; negative ones count from the end: x.item(1, -1). ShapeError
  /// unless there are as many as axes, ValueError for one that is out of range.
  template <class... I>
  requires(sizeof...(I) > 0) T item(I... indices)
  const {
    constexpr bool are_integers = (detail::IntegerType<I> && ...);
    static_assert(are_integers, "item: an index is an integer, and one for each axis: x.item(1, 2)");
    if constexpr (are_integers) {
      return item_at({indices...});
    } else {
      return T(0);
    }
  }
  /// A copy of the elements, row by row.
  std::vector<T> to_vector() const;

  /// No operation made it.
  bool is_leaf() const { return node().is_leaf(); }
  bool requires_grad() const { return node().requires_grad(); }
  /// Freezes a parameter (false) or lets it learn again (true), through whichever handle. While it is frozen,
  /// operations take it for a constant: no gradient is computed for it, then or later; its own gradient is
  /// forgotten, and optimizers pass over it. Makes a constant a parameter (true). GraphError if it is the
  /// result of an operation, or a constant that was recorded in results which are still there.
  void set_requires_grad(Flag on) { node().set_requires_grad(on); }
  /// The operation that made it: "sum"; "parameter", "frozen parameter" or "constant" for a leaf.
  std::string_view operation() const { return node().operation(); }
  /// The path of the Scopes that it was recorded in: "encoder/layer1"; empty outside of them.
  std::string scope() const;

  /// Adds d(this)/d(leaf) to the gradient of every leaf that requires one. Needs one element, or a
  /// grad_output of this shape (ShapeError otherwise). GraphError without a recorded graph, and on a graph
  /// that an earlier backward has spent. Never records; when it throws, every gradient is as it was.
  void backward(const BackwardOptions<T>& options = {}) const;

  /// The same value (shared), as a constant.
  Variable detach() const;

  /// Replaces the value of a leaf; ShapeError if the shape differs, GraphError if it is no leaf. Values that
  /// operations have saved stay as they were.
  void set_value(const Array<T>& value);
  void set_value(Array<T>&& value);

  /// For the library: the value without an xtensor container around it.
  const Dense<T>& dense() const { return static_cast<const Dense<T>&>(node().value()); }
  /// For the library: a leaf's value, to be written in place; detached first from everyone else who holds it.
  T* mutable_data();
  /// For the library, and no promise to users, who call set_value(): puts `value`, which must have the shape
  /// of this one, into the node itself, and gives back the value that it had, the very buffer. Nothing is
  /// checked and nothing can fail, so that whoever moves a leaf for a while can put it back in a destructor.
  Dense<T> exchange_value(Dense<T> value) noexcept;
  /// For the library: whether += and the like write to the value under NoGrad, rather than rebind the handle.
  bool is_updated_in_place() const { return node().is_updated_in_place(); }
  /// For the library: the gradient as the engine keeps it, undefined when there is none.
  Dense<T> dense_grad() const;
  void set_grad(Dense<T> gradient);

  detail::Node& node() const {  // For the library
    if (!handle_) throw_empty();
    return *handle_.node();
  }
  const detail::Handle& handle() const noexcept { return handle_; }  // For the library

  /// What std::exp(x) and its like take hold of, to be told what to write; nothing else converts to the type.
  template <std::same_as<long double> D>
  operator D() const {
    static_assert(!std::same_as<D, long double>,
                  "a Variable is no number: write exp(x), not std::exp(x), and x.item() where a number is "
                  "wanted");
    return 0;
  }

 private:
  [[noreturn]] static void throw_empty();
  void replace_value(Dense<T> value);
  T item_at(const Axes& indices) const;
  detail::Handle handle_;
};

/// Prints values, shape, element type and operation.
template <class T>
std::ostream& operator<<(std::ostream& out, const Variable<T>& variable);

namespace detail {

/// A leaf as parameter() makes it.
template <class T>
Variable<T> parameter_from(Dense<T> value);

/// The value of x (shared) without its history: the one way of a value out of the graph and into it again. A
/// constant, or a leaf that a gradient can be asked for.
template <class T>
Variable<T> cut(const Variable<T>& x, bool requires_grad);

/// A leaf that stands for an argument while a user's function is differentiated in it. What the function does
/// to its argument with += is done to its own handle.
template <class T>
Variable<T> argument_from(Dense<T> value);

/// A constant that is updated in place, as a module's buffer is.
template <class T>
Variable<T> buffer_from(Dense<T> value);

/// x where it is the result of an operation that had nothing to do: one that nobody updates in place by it.
template <class V>
V as_result(V x) {
  if constexpr (requires { x.node(); })
    if (x.node().is_updated_in_place() && !is_recording()) return x.detach();
  return x;
}

}  // namespace detail

/// A leaf that requires a gradient, of a copy or, where an Array allows it, of the elements themselves: of a
/// number, an Array, any xtensor expression, or any contiguous range of numbers, such as a std::vector, along
/// one axis. float stays float, everything else becomes double.
template <class E>
auto parameter(E&& value) {
  using T = detail::real_element_of<E>;
  return detail::parameter_from<T>(detail::value_of<T>("parameter", std::forward<E>(value)));
}

/// Of the numbers in a range, or behind a pointer to the first of them, row by row under a shape:
/// parameter(std::vector<double>{1, 2, 3, 4}, {2, 2}). ShapeError unless the range has as many, ValueError
/// for a null pointer.
template <class R>
auto parameter(const R& numbers, const Extents& shape) {
  using T = detail::real_element_of<R>;
  return detail::parameter_from<T>(detail::value_of<T>("parameter", numbers, shape));
}

/// Of numbers in nested braces: parameter({{1, 2}, {3, 4}}); {{1}, {2}} is a column. Where all of them are
/// float, so is it. ShapeError if items of one list differ in shape.
Variable<float> parameter(const detail::Nested<float, true>& list);
template <class = void>  // for the one above to come first where both would do
Variable<double> parameter(const detail::Nested<double>& list) {
  return detail::parameter_from<double>(list.dense("parameter"));
}
Variable<double> parameter(std::initializer_list<detail::Nothing> list);
void parameter(const detail::Nested<double>& list, const Extents& shape) = delete;  // braces are the shape
template <class T>
void parameter(std::initializer_list<Variable<T>> values) = delete;  // stack({a, b}) joins Variables

/// A leaf that takes no gradient; otherwise as parameter(), in all of its forms.
template <class E>
auto constant(E&& value) {
  using T = detail::real_element_of<E>;
  return Variable<T>(detail::value_of<T>("constant", std::forward<E>(value)));
}
template <class R>
auto constant(const R& numbers, const Extents& shape) {
  using T = detail::real_element_of<R>;
  return Variable<T>(detail::value_of<T>("constant", numbers, shape));
}
Variable<float> constant(const detail::Nested<float, true>& list);
template <class = void>
Variable<double> constant(const detail::Nested<double>& list) {
  return Variable<double>(list.dense("constant"));
}
Variable<double> constant(std::initializer_list<detail::Nothing> list);
void constant(const detail::Nested<double>& list, const Extents& shape) = delete;  // braces are the shape
template <class T>
void constant(std::initializer_list<Variable<T>> values) = delete;  // stack({a, b}) joins Variables

extern template class Variable<float>;
extern template class Variable<double>;

}  // namespace xgrad
