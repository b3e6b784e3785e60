#include "verify.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <sstream>
#include <string>

#include "../core/array/error.hpp"
#include "../core/graph/journal.hpp"
#include "../core/graph/sweep.hpp"

namespace xgrad::detail {
namespace {

constexpr const char* advice =
    "; the function reads what is no argument and changes between calls, such as a number captured by "
    "reference; pass it as an argument";

[[noreturn]] void throw_difference(const std::string& what) {
  throw CaptureError("compile: verified, " + what + advice);
}

template <class T>
std::string text_of(T number) {
  std::ostringstream text;
  text.precision(std::is_same_v<T, double> ? 17 : 9);
  text << number;
  return text.str();
}

/// "element 3 is 1 and should be 2", or nothing where all bits are equal.
std::string difference(const Value& replayed, const Value& called, ElementKind kind) {
  if (!(replayed.shape == called.shape))
    return "its shape is " + to_string(replayed.shape) + " and should be " + to_string(called.shape);
  return visit_elements(replayed, kind, [&](const auto* elements) -> std::string {
    using T = std::remove_cvref_t<decltype(*elements)>;
    const T* const others = static_cast<const T*>(called.buffer.data());
    const std::size_t size = called.size();
    if (size == 0 || std::memcmp(elements, others, size * sizeof(T)) == 0) return {};
    // Which NaN is left of two depends on the order of a sum's operands, which compilers may choose.
    const auto same = [&](std::size_t i) {
      return std::memcmp(elements + i, others + i, sizeof(T)) == 0 ||
             (elements[i] != elements[i] && others[i] != others[i]);
    };
    std::size_t at = 0;
    while (at < size && same(at)) ++at;
    if (at == size) return {};
    return "element " + std::to_string(at) + " is " + text_of(elements[at]) + " and should be " +
           text_of(others[at]);
  });
}

void compare(const std::string& what, const Value& replayed, const Value& called, ElementKind kind) {
  if (const std::string text = difference(replayed, called, kind); !text.empty())
    throw_difference(what + " of the program differs from the function's: " + text);
}

std::string name_of(const ProgramInput& input) {
  if (input.argument != ProgramInput::none) return "argument " + std::to_string(input.argument);
  const Node& node = input.source ? *input.source.node() : *input.own.node();
  return "a " + std::string(input.source ? node.operation() : "constant") + " of shape " +
         to_string(node.value().shape);
}

/// The same leaves in the same order; and constants of the same elements.
void compare_inputs(const ProgramParts& replayed, const ProgramParts& called) {
  for (std::size_t i = 0; i < std::min(replayed.inputs.size(), called.inputs.size()); ++i) {
    const ProgramInput &was = replayed.inputs[i], &is = called.inputs[i];
    if (was.argument != is.argument || was.source.node() != is.source.node() ||
        was.is_constant() != is.is_constant())
      throw_difference("the function reads " + name_of(is) + " where it read " + name_of(was) +
                       " when it was captured");
    if (!was.is_constant()) continue;
    const Node &before = *was.own.node(), &now = *is.own.node();
    if (before.kind() != now.kind())
      throw_difference("the function reads another constant than when it was captured");
    if (const std::string text = difference(before.value(), now.value(), now.kind()); !text.empty())
      throw_difference("a constant that the function computes with is not what it was: " + text);
  }
  if (replayed.inputs.size() != called.inputs.size() || replayed.steps.size() != called.steps.size())
    throw_difference("the function records " + std::to_string(called.steps.size()) + " operations on " +
                     std::to_string(called.inputs.size()) + " values, and recorded " +
                     std::to_string(replayed.steps.size()) + " on " + std::to_string(replayed.inputs.size()) +
                     " when it was captured");
}

/// A seed without a pattern that could cancel; 1 for one element.
memory::Buffer seed_for(const Node& result) {
  const Shape& shape = result.value().shape;
  const auto filled = [&]<class T>(T) {
    Dense<T> seed(shape);
    T* out = seed.mutable_data();
    for (std::size_t i = 0; i < seed.size(); ++i) out[i] = T(1) + T(i % 7) / T(8);
    return std::move(seed.buffer);
  };
  return result.is_double() ? filled(double()) : filled(float());
}

std::vector<memory::Buffer> gradients_of(CapturedProgram& program, const std::shared_ptr<ProgramCall>& call,
                                         bool retain) {
  const ProgramParts& parts = program.parts();
  std::vector<memory::Buffer> seeds(parts.results.size());
  for (std::size_t i = 0; i < seeds.size(); ++i)
    if (program.passes_gradients(i)) seeds[i] = seed_for(*parts.results[i]);
  std::vector<memory::Buffer> gradients(parts.inputs.size());
  for (auto& [input, gradient] : program.backward(call, std::move(seeds), retain)) {
    expand(gradient, parts.inputs[input].leaf());
    gradients[input] = std::move(gradient);
  }
  return gradients;
}

void compare_gradients(CapturedProgram& replayed, const std::shared_ptr<ProgramCall>& replay,
                       CapturedProgram& called, const std::shared_ptr<ProgramCall>& call) {
  const std::vector<memory::Buffer> were = gradients_of(replayed, replay, true);
  const std::vector<memory::Buffer> are = gradients_of(called, call, false);
  for (std::size_t i = 0; i < were.size(); ++i) {
    const ProgramInput& input = replayed.parts().inputs[i];
    const std::string what = "the gradient of " + name_of(input);
    if (static_cast<bool>(were[i]) != static_cast<bool>(are[i]))
      throw_difference(what + " is there only " + (were[i] ? "in the program" : "in the function"));
    const Shape& shape = input.own.node()->value().shape;
    if (were[i]) compare(what, {were[i], shape}, {are[i], shape}, input.own.node()->kind());
  }
}

}  // namespace

namespace {

/// Whether two are equal to half of their digits, of the largest element's.
bool are_close(const Value& a, const Value& b, ElementKind kind) {
  if (!is_real(kind) || !(a.shape == b.shape)) return false;
  return visit_elements(a, kind, [&](const auto* first) {
    using T = std::remove_cvref_t<decltype(*first)>;
    const T* const second = static_cast<const T*>(b.buffer.data());
    double largest = 0, worst = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const auto x = static_cast<double>(first[i]), y = static_cast<double>(second[i]);
      if (std::isfinite(x)) largest = std::max(largest, std::fabs(x));
      if (x == y || (std::isnan(x) && std::isnan(y))) continue;
      worst = std::max(worst, std::isfinite(x - y) ? std::fabs(x - y) : INFINITY);
    }
    return worst <= (sizeof(T) == sizeof(float) ? 1e-3 : 1e-7) * largest;
  });
}

/// A program's gradients are recorded in the function, and a call of it computes plain ones, whose sums may
/// have another order.
void compare_plain(const CapturedProgram& program, const std::vector<Value>& values,
                   std::span<const Argument> arguments) {
  const LeafJournal undone;
  const std::vector<Handle> called = program.callee().call(arguments);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Node& result = *called[i].node();
    if (!are_close(values[i], result.value(), result.kind()))
      compare("result " + std::to_string(i), values[i], result.value(), result.kind());
    if (result.requires_grad() != program.passes_gradients(i))
      throw_difference("result " + std::to_string(i) + " requires a gradient only in the " +
                       (result.requires_grad() ? "function" : "program"));
  }
}

}  // namespace

std::vector<Value> verified_forward(CapturedProgram& program, const std::shared_ptr<ProgramCall>& call,
                                    const std::shared_ptr<void>& function,
                                    std::unique_ptr<const Callee> callee,
                                    std::span<const Argument> arguments) {
  const GeneratorState before = generator().state();
  std::vector<Value> assigned;
  Captured fresh;
  {
    const LeafJournal undone;
    fresh = capture(function, std::move(callee), arguments);
    for (const ProgramInput& input : fresh.program->parts().inputs)
      assigned.push_back(input.is_assigned ? input.source.node()->value() : Value());
  }
  const GeneratorState after = generator().state();
  generator().set_state(before);
  try {
    compare_inputs(program.parts(), fresh.program->parts());
    std::vector<Value> values = program.forward(call);
    if (!(generator().state() == after)) throw_difference("the program draws other random numbers");
    for (std::size_t i = 0; i < values.size(); ++i)
      compare("result " + std::to_string(i), values[i], fresh.values[i], program.parts().results[i]->kind());
    for (std::size_t i = 0; i < assigned.size(); ++i)
      if (assigned[i].defined())
        compare("what is assigned to " + name_of(program.parts().inputs[i]), program.assigned(i), assigned[i],
                program.parts().inputs[i].own.node()->kind());
    compare_gradients(program, call, *fresh.program, fresh.call);
    if (program.parts().takes_gradients) {
      generator().set_state(before);
      compare_plain(program, values, arguments);
      generator().set_state(after);
    }
    return values;
  } catch (...) {
    generator().set_state(before);
    program.release_assigned();
    program.forget(*call);
    throw;
  }
}

}  // namespace xgrad::detail
