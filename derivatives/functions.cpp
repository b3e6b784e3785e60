#include "functions.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include "../core/array/instantiate.hpp"
#include "../core/graph/capture.hpp"
#include "../core/graph/gradients.hpp"
#include "jvp.hpp"

namespace xgrad {
using namespace detail;

namespace {

template <class T>
void check_seed(std::string_view function, std::string_view argument, const Seed<T>& seed,
                std::string_view of, const Shape& shape) {
  if (!seed.defined())
    throw GraphError(std::string(function) + ": " + std::string(argument) +
                     " is empty; pass an array of shape " + to_string(shape));
  if (!(seed.variable().shape() == shape))
    throw ShapeError(std::string(function) + ": " + std::string(argument) + " has shape " +
                     to_string(seed.variable().shape()) + ", " + std::string(of) + ' ' + to_string(shape) +
                     "; they must be equal");
}

template <class T>
void check_one_element(std::string_view function, const Variable<T>& y) {
  if (y.size() != 1)
    throw GraphError(std::string(function) + ": the function's result of shape " + to_string(y.shape()) +
                     " has " + std::to_string(y.size()) +
                     " elements, not one; reduce it, or use vjp() or jacobian()");
}

Shape joined(std::string_view function, const Shape& outer, const Shape& inner) {
  if (outer.size() + inner.size() > max_axes)
    throw ShapeError(std::string(function) + ": an output of shape " + to_string(outer) +
                     " and an input of shape " + to_string(inner) + " give " +
                     std::to_string(outer.size() + inner.size()) + " axes, more than " +
                     std::to_string(max_axes) + "; flatten one of them first");
  Shape result = outer;
  for (const std::size_t extent : inner) result.push_back(extent);
  check_possible(function, result, outer, inner);
  return result;
}

/// dy_i/dx_j, one sweep a row.
template <class T>
void fill_rows(const Variable<T>& y, const Variable<T>& x, T* row) {
  std::fill_n(row, y.size() * x.size(), T(0));
  Node* const targets[] = {&x.node()};
  for (std::size_t i = 0; i < y.size(); ++i, row += x.size()) {
    Dense<T> seed = Dense<T>::filled(y.shape(), T(0));
    seed.mutable_data()[i] = T(1);
    const std::vector<Value> found = plain_gradients(y.handle(), std::move(seed), targets, true);
    if (!found[0].defined()) break;  // no path for one element, none for any
    std::copy_n(static_cast<const T*>(found[0].buffer.data()), x.size(), row);
  }
}

/// dy_i/dx_j, by rows or by columns, whichever is cheaper.
template <class T>
Array<T> all_derivatives(std::string_view function, const Variable<T>& y, const Variable<T>& x) {
  refuse_in_capture(function,
                    "write vjp() or hvp(), whose results can be a part of the program, or take all "
                    "derivatives of what the captured function gives");
  Dense<T> result(joined(function, y.shape(), x.shape()));
  if (!detail::fill_columns(y, x, result.mutable_data())) fill_rows(y, x, result.mutable_data());
  return to_array(std::move(result));
}

template <class T>
Variable<T> first_gradient(const Variable<T>& y, const Variable<T>& x, const Seed<T>& seed,
                           bool create_graph) {
  return grad(y, {x}, {.create_graph = create_graph, .grad_output = seed})[0];
}

}  // namespace

namespace detail {

template <class T>
Variable<T> argument_like(const Variable<T>& x, bool create_graph) {
  return create_graph && x.requires_grad() ? x : detail::cut(x, true);
}

template <class T>
ValueAndGradient<T> value_and_gradient_at(const Variable<T>& y, const Variable<T>& x, bool create_graph) {
  check_one_element("value_and_grad", y);
  return {create_graph ? y : y.detach(), first_gradient<T>(y, x, {}, create_graph)};
}

template <class T>
OutputAndCotangent<T> pull_back(const Variable<T>& y, const Variable<T>& x, const Seed<T>& u,
                                bool create_graph) {
  check_seed("vjp", "u", u, "the output", y.shape());
  return {create_graph ? y : y.detach(), first_gradient(y, x, u, create_graph)};
}

template <class T>
Variable<T> hessian_product(const Variable<T>& y, const Variable<T>& x, const Seed<T>& v, bool create_graph) {
  check_one_element("hvp", y);
  check_seed("hvp", "v", v, "x", x.shape());
  return first_gradient(first_gradient<T>(y, x, {}, true), x, v, create_graph);
}

template <class T>
Array<T> jacobian_at(const Variable<T>& y, const Variable<T>& x) {
  return all_derivatives("jacobian", y, x);
}

template <class T>
Array<T> hessian_at(const Variable<T>& y, const Variable<T>& x) {
  check_one_element("hessian", y);
  return all_derivatives("hessian", first_gradient<T>(y, x, {}, true), x);
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() {
  return std::make_tuple(argument_like<T>, value_and_gradient_at<T>, pull_back<T>, hessian_product<T>,
                         jacobian_at<T>, hessian_at<T>);
});

}  // namespace detail

}  // namespace xgrad
