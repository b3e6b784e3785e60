#include "operators.hpp"

#include <string>

#include "../core/array/instantiate.hpp"
#include "../core/formula/broadcast_loop.hpp"
#include "../core/formula/elementwise.hpp"
#include "../core/graph/broadcast.hpp"
#include "../core/graph/capture.hpp"
#include "../core/graph/journal.hpp"

namespace xgrad {
using namespace detail;

namespace {

template <class T>
std::string described(const Variable<T>& left) {
  return "a " + std::string(left.node().gradient() != nullptr ? "parameter" : "buffer") + " of shape " +
         to_string(left.shape());
}

}  // namespace

namespace {

template <class T>
void check_update(const Variable<T>& left, const char* sign, const Shape& right) {
  if (is_recording())
    throw GraphError(std::string(sign) + ": " + described(left) +
                     " is not written to while operations are recorded; do it under an xgrad::NoGrad, by an "
                     "optimizer, or with set_value()");
  const Shape& shape = left.shape();
  if (!(right == shape) && !(broadcast_shapes(sign, shape, right) == shape))
    throw ShapeError(std::string(sign) + ": a right side of shape " + to_string(right) + " for " +
                     described(left) + ", which keeps its shape; reduce the right side to it");
}

/// As a step of a program, which has the bits of the other.
template <class T>
void captured_update(Variable<T>& left, const Elementwise& operation, const Variable<T>& right) {
  const Variable<T>* const operands[] = {&left, &right};
  const Variable<T> result = apply_to<Variable<T>>(operation, operands);
  LeafJournal::value_changes(left.node());
  Capture::present()->assign(left.node(), result.node());
  left.exchange_value(result.dense());
}

}  // namespace

template <class T>
void detail::update_by(Variable<T>& left, const char* sign, const Elementwise& operation,
                       const Variable<T>& right) {
  if (!is_capturing()) [[likely]]
    return update<T>(left, sign, operation, right.dense());
  check_update(left, sign, right.shape());
  captured_update(left, operation, right);
}

template <class T>
void detail::update(Variable<T>& left, const char* sign, const Elementwise& operation,
                    const Dense<T>& right) {
  if (is_capturing()) [[unlikely]]
    return update_by<T>(left, sign, operation, Variable<T>(right));
  check_update(left, sign, right.shape);
  const Shape& shape = left.shape();
  LeafJournal::value_changes(left.node());
  const Dense<T>& value = left.dense();
  const Source sources[] = {{value.data(), &shape}, {right.data(), &right.shape}};
  if (value.buffer.unique()) return elementwise_value<T>(operation, sources, shape, left.mutable_data());
  Dense<T> result(shape);
  elementwise_value<T>(operation, sources, shape, result.mutable_data());
  left.exchange_value(std::move(result));
}

void detail::throw_lost_update(std::string_view operation, const Shape& shape, const char* sign) {
  throw GraphError(std::string(sign) + ": the left side is a temporary handle to a '" +
                   std::string(operation) + "' of shape " + to_string(shape) +
                   ", and rebinding it changes nothing; give it a name, as in auto x = ...; x " + sign +
                   " ...");
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers(
    []<class T>() { return std::make_tuple(detail::update<T>, detail::update_by<T>); });

}  // namespace xgrad
