#include "anomaly.hpp"

#include <cmath>
#include <sstream>
#include <string>

#include "../array/error.hpp"
#include "attribute.hpp"
#include "notes.hpp"

namespace xgrad {
using namespace detail;

namespace {

/// [1, 0] for the element at `place` of a buffer of this shape.
std::string index_text(const Shape& shape, std::size_t place) {
  std::string text = "]";
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    text = std::to_string(place % shape[axis]) + text;
    if (axis > 0) text = ", " + text;
    place /= shape[axis];
  }
  return "[" + text;
}

std::string range_text(const detail::Range& range) {
  std::ostringstream text;
  if (range.finite > 0)
    text << range.least << " to " << range.greatest;
  else
    text << "nothing finite";
  if (range.bad > 0) text << " and " << range.bad << " NaN or Inf";
  return text.str();
}

std::string bad_text(const Shape& shape, const detail::Range& range) {
  std::ostringstream text;
  if (std::isnan(range.first_bad_value))
    text << "nan";  // without its sign
  else
    text << range.first_bad_value;
  text << " at " << index_text(shape, range.first_bad) << " (" << range.bad << " of " << element_count(shape)
       << " elements of shape " << to_string(shape) << " are NaN or Inf)";
  return text.str();
}

std::string inputs_text(const Node& node) {
  std::string text;
  std::size_t number = 0;
  for (const Node* input : node.inputs()) {
    text += "; input " + std::to_string(number++) + " of shape " + to_string(input->value().shape) + ": ";
    const detail::Notes* notes = detail::find_notes(*input);
    // A leaf may have been set since; the value of an inner node may be gone, but not what was noted of it.
    if (input->value().defined())
      text += range_text(detail::range_of(input->value(), input->kind()));
    else if (notes != nullptr && notes->range)
      text += range_text(*notes->range);
    else
      text += "its value is no longer kept";
  }
  return text;
}

std::string place_text(const Node& node) {
  const detail::Notes* notes = detail::find_notes(node);
  if (notes == nullptr || !notes->place) return "; recorded outside of DetectAnomaly and Scope";
  const detail::Place& place = *notes->place;
  const std::string line = std::string(place.file) + ':' + std::to_string(place.line);
  return place.path.empty() ? "; recorded under the guard of " + line
                            : "; recorded in scope '" + place.path + "' of " + line;
}

[[noreturn]] void throw_anomaly(const Node& node, const std::string& what, const Shape& shape,
                                const detail::Range& range, const char* advice) {
  const std::string told = to_string(node.attributes());
  throw AnomalyError(std::string(node.operation()) + (told.empty() ? "" : " (" + told + ")") + ": " + what +
                     " is " + bad_text(shape, range) + place_text(node) + inputs_text(node) + "; " + advice);
}

/// What a gradient under way is to the node that has given it.
std::string share_text(const Node& giver, const Node& target) {
  std::size_t number = 0;
  for (const Node* input : giver.inputs()) {
    if (input == &target) return "the gradient of input " + std::to_string(number) + " in backward";
    ++number;
  }
  return "a gradient in backward";
}

void check_share(const Node& target, const Value& gradient) {
  const detail::Range range = detail::range_of(gradient, target.kind());
  if (range.bad == 0) return;
  const detail::Watch* watch = detail::Watch::innermost();
  const Node* giver = watch != nullptr ? watch->visited() : nullptr;
  if (giver == nullptr)
    throw AnomalyError("backward: the gradient to start with (grad_output) is " +
                       bad_text(gradient.shape, range) + "; pass finite numbers");
  throw_anomaly(*giver, share_text(*giver, target), gradient.shape, range,
                "keep its inputs away from where its derivative is infinite or undefined");
}

}  // namespace

DetectAnomaly::DetectAnomaly(const char* file, int line)
    : watch_(detail::place_within({}, file, line), true) {}

namespace detail {

void note_recording(Node& node, const Watch& watch) {
  watch.show(node);
  if (!watch.notes()) return;
  Notes& notes = notes_of(node);
  notes.place = watch.place();
  if (!Watch::detecting()) return;
  notes.range = range_of(node.value(), node.kind());
  // In a sweep it is what an operation gives in the end that counts: steps on its way may be chosen away.
  if (notes.range->bad == 0 || watch.visited() != nullptr) return;
  throw_anomaly(node, "its result", node.value().shape, *notes.range, "keep its inputs in its domain");
}

void check_gradient(const Node& target, const memory::Buffer& gradient) {
  check_share(target, Value{gradient, target.value().shape});
}
void check_gradient(const Node& target, const Handle& gradient) {
  check_share(target, gradient.node()->value());
}

void check_tangent(const Node& node, const Value& tangent) {
  if (!Watch::detecting() || !tangent.defined()) return;
  const Range range = range_of(tangent, node.kind());
  if (range.bad == 0) return;
  throw_anomaly(node, "its tangent in forward mode", tangent.shape, range,
                "keep its inputs away from where its derivative is infinite or undefined");
}
void check_tangent(const Node& node, const Handle& tangent) {
  if (tangent) check_tangent(node, tangent.node()->value());
}

}  // namespace detail
}  // namespace xgrad
