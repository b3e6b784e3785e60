// For which types the templates of a .cpp file are compiled.
//
// A function template that a header declares is defined in one .cpp file, which ends with a table of those
// that other files call. To name a function there is what instantiates it:
//
// ```cpp
// [[gnu::used]] constexpr auto instances = instantiate::for_tensors(
//     []<class V>() { return std::make_tuple(softmax<V>, log_softmax<V>, detail::softmax_gradient<V>); });
// ```
//
// Nobody reads the table, but the compiler keeps it, and with it what it points to. It is there before the
// program runs. What no table names, or one names that has no definition, the linker finds missing; so it does
// where a header says `extern template` of a function, which forbids just this, and is not needed: no other
// file has the definition.
// (An elementwise family's list is such a table, too: operations_of() names every formula. Class templates
// are instantiated in the language's own words, `template class Linear<float>;`.)
#pragma once

#include <tuple>

namespace xgrad {

template <class T>
class Dense;
template <class T>
class Variable;

namespace instantiate {

/// Calls `list`, a lambda that gives a function or a tuple of them, with each type.
template <class... Types, class List>
constexpr auto for_types(List list) {
  return std::make_tuple(list.template operator()<Types>()...);
}

template <class List>
constexpr auto for_numbers(List list) {
  return for_types<float, double>(list);
}

template <class List>
constexpr auto for_variables(List list) {
  return for_types<Variable<float>, Variable<double>>(list);
}

/// What a Tensor is: Dense, and Variable.
template <class List>
constexpr auto for_tensors(List list) {
  return for_types<Dense<float>, Dense<double>, Variable<float>, Variable<double>>(list);
}

/// That one of the functions of a name which has this signature: overload<V(const V&, Integer)>(cumsum).
template <class Signature>
constexpr Signature* overload(Signature* function) {
  return function;
}

}  // namespace instantiate
}  // namespace xgrad
