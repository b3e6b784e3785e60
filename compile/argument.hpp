// Arguments and results of a compiled function without their C++ types, and what turns one into the other.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "../core/graph/variable.hpp"

namespace xgrad::detail {

/// What a call was given.
struct Argument {
  enum class Kind : std::uint8_t {
    variable,  ///< a Variable
    number,    ///< a real number, as a constant without axes
    elements,  ///< Indices or a Mask
    whole,     ///< an integer or a bool, of which there is a program for each value
  };
  Kind kind = Kind::whole;
  ElementKind element = ElementKind::int64;
  Handle variable = {};
  Value elements = {};
  std::int64_t whole = 0;
};

/// A function of a user's own with arguments of certain types.
class Callee {
 public:
  virtual ~Callee() = default;
  /// What the function gives: a handle for each result.
  virtual std::vector<Handle> call(std::span<const Argument> arguments) const = 0;
};

template <class A>
inline constexpr bool is_real_number = std::is_floating_point_v<A>;
template <class A>
inline constexpr bool is_whole_number = std::is_integral_v<A>;
template <class A>
inline constexpr bool is_discrete_array =
    std::is_same_v<A, Array<std::int64_t>> || std::is_same_v<A, Array<bool>>;

template <class A>
constexpr bool is_argument() {
  return is_variable<A> || is_real_number<A> || is_whole_number<A> || is_discrete_array<A>;
}

/// A real number reaches the function as a Variable, so that it is no part of the program.
template <class A>
using Entered = std::conditional_t<is_real_number<A>,
                                   Variable<std::conditional_t<std::is_same_v<A, float>, float, double>>, A>;

template <class A>
Argument argument_of(const A& given) {
  if constexpr (is_variable<A>) {
    return {Argument::Kind::variable, given.node().kind(), given.handle(), {}, 0};
  } else if constexpr (is_real_number<A>) {
    using V = Entered<A>;
    using T = typename V::value_type;
    return {
        Argument::Kind::number, kind_of<T>, V(Dense<T>::scalar(static_cast<double>(given))).handle(), {}, 0};
  } else if constexpr (is_discrete_array<A>) {
    using N = typename A::value_type;
    return {Argument::Kind::elements, kind_of<N>, {}, to_dense(given), 0};
  } else {
    return {Argument::Kind::whole, ElementKind::int64, {}, {}, static_cast<std::int64_t>(given)};
  }
}

template <class A>
Entered<A> entered(const Argument& given) {
  if constexpr (is_variable<Entered<A>>) {
    return Entered<A>(given.variable);
  } else if constexpr (is_discrete_array<A>) {
    return to_array(Dense<typename A::value_type>(given.elements));
  } else {
    return static_cast<A>(given.whole);
  }
}

/// What a function may give; void elsewhere.
template <class R>
struct ResultOf {
  static constexpr bool is_result = false;
};
template <class T>
struct ResultOf<Variable<T>> {
  static constexpr bool is_result = true;
  static void take(const Variable<T>& result, std::vector<Handle>& into) { into.push_back(result.handle()); }
  static Variable<T> give(std::span<Handle>& from) {
    Variable<T> result(std::move(from.front()));
    from = from.subspan(1);
    return result;
  }
};
template <class T>
struct ResultOf<std::vector<Variable<T>>> {
  static constexpr bool is_result = true;
  static void take(const std::vector<Variable<T>>& results, std::vector<Handle>& into) {
    for (const Variable<T>& result : results) into.push_back(result.handle());
  }
  static std::vector<Variable<T>> give(std::span<Handle>& from) {
    std::vector<Variable<T>> results;
    while (!from.empty()) results.push_back(ResultOf<Variable<T>>::give(from));
    return results;
  }
};
template <class... T>
struct ResultOf<std::tuple<Variable<T>...>> {
  static constexpr bool is_result = sizeof...(T) > 0;
  static void take(const std::tuple<Variable<T>...>& results, std::vector<Handle>& into) {
    std::apply([&](const auto&... each) { (into.push_back(each.handle()), ...); }, results);
  }
  static std::tuple<Variable<T>...> give(std::span<Handle>& from) {
    return std::tuple<Variable<T>...>{ResultOf<Variable<T>>::give(from)...};
  }
};
template <class A, class B>
struct ResultOf<std::pair<Variable<A>, Variable<B>>> {
  static constexpr bool is_result = true;
  static void take(const std::pair<Variable<A>, Variable<B>>& results, std::vector<Handle>& into) {
    into.push_back(results.first.handle());
    into.push_back(results.second.handle());
  }
  static std::pair<Variable<A>, Variable<B>> give(std::span<Handle>& from) {
    Variable<A> first = ResultOf<Variable<A>>::give(from);
    return {std::move(first), ResultOf<Variable<B>>::give(from)};
  }
};

/// A function of type F, called with arguments that were given as Args.
template <class F, class... Args>
class TypedCallee final : public Callee {
 public:
  using Result = std::remove_cvref_t<std::invoke_result_t<F&, const Entered<Args>&...>>;
  explicit TypedCallee(F& function) : function_(function) {}
  std::vector<Handle> call(std::span<const Argument> arguments) const override {
    return call(arguments, std::index_sequence_for<Args...>());
  }

 private:
  template <std::size_t... I>
  std::vector<Handle> call([[maybe_unused]] std::span<const Argument> arguments,
                           std::index_sequence<I...>) const {
    std::vector<Handle> results;
    ResultOf<Result>::take(function_(static_cast<const Entered<Args>&>(entered<Args>(arguments[I]))...),
                           results);
    return results;
  }
  F& function_;
};

}  // namespace xgrad::detail
