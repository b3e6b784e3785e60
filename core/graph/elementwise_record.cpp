// Elementwise operations on Variables.
#include <algorithm>
#include <string>

#include "../array/error.hpp"
#include "elementwise_node.hpp"

namespace xgrad::detail {
namespace {

/// Of a user's operation, as many operations an element as its program has steps; of the library's, one.
double elementwise_flops(const void* operation, Shapes, const Shape& output) {
  const Program* program = static_cast<const Elementwise*>(operation)->program();
  if (program == nullptr) return count_of(output);
  const auto computes = [](const Program::Step& step) { return step.operation != nullptr; };
  return count_of(output) *
         static_cast<double>(std::count_if(program->steps.begin(), program->steps.end(), computes));
}
// Kernels read an element of each input before they write the result's, so that any of them may be shared.
constexpr OperationType elementwise_type{.shares = ~std::uint64_t{0},
                                         .is_total = true,
                                         .flops = elementwise_flops,
                                         .tangent = elementwise_tangent,
                                         .tangents = elementwise_tangents};

/// Where there is nothing to record.
template <class T>
[[gnu::noinline]] Variable<T> constant_value(const Elementwise& operation, std::span<Node* const> inputs,
                                             std::uint32_t temporaries) {
  Source sources[most_inputs];
  for (std::size_t i = 0; i < inputs.size(); ++i)
    sources[i] = {inputs[i]->value().buffer.data(), &inputs[i]->value().shape};
  const std::span<const Source> read(sources, inputs.size());
  const Shape shape = elementwise_shape(operation, read);
  Dense<T> result(place_of_result<T>(inputs, temporaries, shape), shape);
  elementwise_value<T>(operation, read, shape, result.mutable_data());
  return Variable<T>(std::move(result));
}

template <class T>
Variable<T> apply_and_record(const Elementwise& operation, const Variable<T>* const* inputs,
                             std::uint32_t temporaries);

/// While a profile looks on.
template <class T>
[[gnu::cold, gnu::noinline]] Variable<T> watched_elementwise(const Elementwise& operation,
                                                             const Variable<T>* const* inputs,
                                                             std::span<Node* const> nodes,
                                                             std::uint32_t temporaries) {
  return watched_forward(description_of(operation), Shapes(nodes),
                         [&] { return apply_and_record(operation, inputs, temporaries); });
}

/// For `Count` inputs, or any number for 0.
template <class T, std::size_t Count>
Variable<T> apply_and_record(const Elementwise& operation, const Variable<T>* const* inputs,
                             std::uint32_t temporaries) {
  constexpr std::size_t capacity = Count == 0 ? most_inputs : Count;
  const std::size_t count = Count == 0 ? operation.inputs() : Count;
  Node* nodes[capacity];
  for (std::size_t i = 0; i < count; ++i) nodes[i] = &inputs[i]->node();
  const unsigned mode = thread_mode();
  if (mode & Mode::watched) [[unlikely]]
    return watched_elementwise<T>(operation, inputs, {nodes, count}, temporaries);
  // The result may depend on what requires a gradient in steps alone.
  const auto is_differentiable = [&] {
    bool any = false;
    for (std::size_t k = 0; k < count; ++k)
      any = any || (nodes[k]->requires_grad() && !operation.gradient(k).zero);
    return any;
  };
  if (leaves_node(mode, is_differentiable)) [[likely]]
    return Variable<T>(Handle::recorded(new ElementwiseNode<T, Count>(operation, nodes, temporaries)));
  return constant_value<T>(operation, {nodes, count}, temporaries);
}

template <class T>
Variable<T> apply_and_record(const Elementwise& operation, const Variable<T>* const* inputs,
                             std::uint32_t temporaries) {
  switch (operation.inputs()) {
    case 1:
      return apply_and_record<T, 1>(operation, inputs, temporaries);
    case 2:
      return apply_and_record<T, 2>(operation, inputs, temporaries);
    case 3:
      return apply_and_record<T, 3>(operation, inputs, temporaries);
    default:
      if (operation.inputs() <= most_inputs) return apply_and_record<T, 0>(operation, inputs, temporaries);
      throw ValueError(std::string(operation.name()) + ": a derivative of " +
                       std::to_string(operation.inputs()) +
                       " inputs; an elementwise operation takes at most " + std::to_string(most_inputs));
  }
}

/// With inputs that are given away: empty afterwards, and where it throws, those whose buffer has gone
/// already.
template <class T>
[[gnu::noinline]] Variable<T> apply_given(const Elementwise& operation, const Variable<T>* const* inputs,
                                          std::uint32_t temporaries) {
  const auto empty = [&](bool all) {
    for (std::size_t i = 0; i < operation.inputs(); ++i) {
      if (!(temporaries >> i & 1)) continue;
      auto& given = const_cast<Variable<T>&>(*inputs[i]);
      if (all || (given.defined() && !given.dense().defined())) given = Variable<T>();
    }
  };
  try {
    Variable<T> result = apply_and_record(operation, inputs, temporaries);
    empty(true);
    return result;
  } catch (...) {
    empty(false);
    throw;
  }
}

/// Inputs that stay with their owners take the short way.
template <class T>
Variable<T> apply_variables(const Elementwise& operation, const Variable<T>* const* inputs,
                            std::uint32_t temporaries) {
  return temporaries == 0 ? apply_and_record(operation, inputs, 0)
                          : apply_given(operation, inputs, temporaries);
}

}  // namespace

void give_to_renewal(std::uint32_t inputs) noexcept { given_to_renewal = inputs; }

Description description_of(const Elementwise& operation) noexcept {
  return {operation.name(), &elementwise_type, &operation};
}
const Elementwise* elementwise_of(const Node& node) noexcept {
  const Description made_by = node.description();
  return made_by.type == &elementwise_type ? static_cast<const Elementwise*>(made_by.operation) : nullptr;
}

template <>
Variable<float> apply_to<Variable<float>>(const Elementwise& operation, const Variable<float>* const* inputs,
                                          std::uint32_t temporaries) {
  return apply_variables(operation, inputs, temporaries);
}
template <>
Variable<double> apply_to<Variable<double>>(const Elementwise& operation,
                                            const Variable<double>* const* inputs,
                                            std::uint32_t temporaries) {
  return apply_variables(operation, inputs, temporaries);
}
template <>
Variable<float> scalar_operand<Variable<float>>(double number) {
  return Variable<float>(Dense<float>::scalar(number));
}
template <>
Variable<double> scalar_operand<Variable<double>>(double number) {
  return Variable<double>(Dense<double>::scalar(number));
}

}  // namespace xgrad::detail
