// Elementwise operations on Variables: what a node saves, and its backward pass in both readings.
#include <array>
#include <string>

#include "broadcast.hpp"
#include "elementwise.hpp"
#include "error.hpp"
#include "record.hpp"

namespace xgrad {
namespace {

/// The node of an elementwise operation, with room for `Capacity` inputs.
template <class T, std::size_t Capacity>
class ElementwiseNode final : public Node {
 public:
  ElementwiseNode(const Elementwise& operation, Dense<T> output, const Variable<T>* const* inputs)
      : Node(std::move(output), std::is_same_v<T, double>), operation_(&operation) {
    // The library's own operations live for ever; a user's is kept by its nodes.
    if (operation.program() != nullptr) owner_ = operation.shared_from_this();
    const std::size_t count = operation.inputs();
    for (std::size_t i = 0; i < count; ++i) edges_[i] = &inputs[i]->node();
    requires_grad = true;
    order = next_order({edges_.data(), count});
    set_inputs(edges_.data(), count);
    for (std::size_t k = 0; k < count; ++k)
      if (edges_[k]->requires_grad) save_for(operation.gradient(k));
  }

  std::string_view operation() const noexcept override { return operation_->name(); }

  void drop_saved() noexcept override {
    for (memory::Buffer& saved : saved_) saved.reset();
  }

  void differentiate(Sweep<memory::Buffer>& sweep, memory::Buffer&& dy) override {
    const std::size_t count = operation_->inputs();
    for (std::size_t k = 0; k < count; ++k) {
      Node& input = *edges_[k];
      const Elementwise::Gradient& gradient = operation_->gradient(k);
      if (gradient.zero || !sweep.wants(input)) continue;
      const bool last = !wanted_after(sweep, k);
      memory::Buffer share = last ? std::move(dy) : dy;
      if (!gradient.passes) share = plain_share(gradient, k, std::move(share));
      if (!(value.shape == input.value.shape))
        share = sum_to(Dense<T>(std::move(share), value.shape), input.value.shape).buffer;
      sweep.give(input, std::move(share));
      if (last) return;
    }
  }

  void differentiate(Sweep<Handle>& sweep, Handle&& output_gradient) override {
    const std::size_t count = operation_->inputs();
    const Variable<T> dy(std::move(output_gradient));
    for (std::size_t k = 0; k < count; ++k) {
      const Elementwise::Gradient& gradient = operation_->gradient(k);
      if (gradient.zero || !sweep.wants(*edges_[k])) continue;
      const Variable<T> share = gradient.passes ? dy : recorded_share(gradient, dy);
      sweep.give(*edges_[k], Handle(sum_to(share, edges_[k]->value.shape).handle()));
    }
  }

 private:
  void save_for(const Elementwise::Gradient& gradient) {
    for (std::size_t i = 0; i < operation_->inputs(); ++i)
      if ((gradient.reads >> i & 1) && !saved_[i]) saved_[i] = edges_[i]->value.buffer;
    saves_output = saves_output || gradient.reads_output;
  }

  bool wanted_after(const Sweep<memory::Buffer>& sweep, std::size_t k) const {
    for (++k; k < operation_->inputs(); ++k)
      if (sweep.wants(*edges_[k]) && !operation_->gradient(k).zero) return true;
    return false;
  }

  memory::Buffer plain_share(const Elementwise::Gradient& gradient, std::size_t k, memory::Buffer dy) const {
    const std::size_t count = operation_->inputs();
    Source sources[Capacity + 2];
    for (std::size_t i = 0; i < count; ++i)
      if (gradient.reads >> i & 1) sources[i] = {saved_[i].data(), &edges_[i]->value.shape};
    if (gradient.reads_output) sources[count] = {value.buffer.data(), &value.shape};
    sources[count + 1] = {dy.data(), &value.shape};
    return elementwise_gradient<T>(*operation_, k, {sources, count + 2}, std::move(dy), value.shape);
  }

  Variable<T> recorded_share(const Elementwise::Gradient& gradient, const Variable<T>& dy) {
    const std::size_t count = operation_->inputs();
    // What the gradient does not read is not there; dy stands in for it.
    std::vector<Variable<T>> values(count + 2, dy);
    for (std::size_t i = 0; i < count; ++i)
      if (gradient.reads >> i & 1) values[i] = detail::restore<T>(*edges_[i], saved_[i]);
    if (gradient.reads_output) values[count] = Variable<T>(Handle(this));
    if (gradient.operation == nullptr) return replay<Variable<T>>(gradient.program, values);
    std::vector<const Variable<T>*> pointers;
    for (const Variable<T>& v : values) pointers.push_back(&v);
    return apply_to<Variable<T>>(*gradient.operation, pointers.data());
  }

  const Elementwise* operation_;
  std::shared_ptr<const Elementwise> owner_;
  std::array<Node*, Capacity> edges_{};
  std::array<memory::Buffer, Capacity> saved_{};
};

/// Whether the result depends on an input that requires a gradient in more than steps.
template <class T>
bool is_differentiable(const Elementwise& operation, const Variable<T>* const* inputs) {
  for (std::size_t k = 0; k < operation.inputs(); ++k)
    if (inputs[k]->node().requires_grad && !operation.gradient(k).zero) return true;
  return false;
}

template <class T>
Node* make_node(const Elementwise& operation, Dense<T> output, const Variable<T>* const* inputs) {
  switch (operation.inputs()) {
    case 1:
      return new ElementwiseNode<T, 1>(operation, std::move(output), inputs);
    case 2:
      return new ElementwiseNode<T, 2>(operation, std::move(output), inputs);
    case 3:
    case 4:
      return new ElementwiseNode<T, 4>(operation, std::move(output), inputs);
    default:
      return new ElementwiseNode<T, most_inputs>(operation, std::move(output), inputs);
  }
}

template <class T>
Variable<T> apply_and_record(const Elementwise& operation, const Variable<T>* const* inputs) {
  if (operation.inputs() > most_inputs)
    throw ValueError(std::string(operation.name()) + ": a derivative of " +
                     std::to_string(operation.inputs()) + " inputs; an elementwise operation takes at most " +
                     std::to_string(most_inputs));
  const Dense<T>* values[most_inputs];
  for (std::size_t i = 0; i < operation.inputs(); ++i) values[i] = &inputs[i]->dense();
  Dense<T> output = apply_to<Dense<T>>(operation, values);
  if (!is_recording() || !is_differentiable(operation, inputs)) return Variable<T>(std::move(output));
  return Variable<T>(Handle::recorded(make_node(operation, std::move(output), inputs)));
}

}  // namespace

template <>
Variable<float> apply_to<Variable<float>>(const Elementwise& operation,
                                          const Variable<float>* const* inputs) {
  return apply_and_record(operation, inputs);
}
template <>
Variable<double> apply_to<Variable<double>>(const Elementwise& operation,
                                            const Variable<double>* const* inputs) {
  return apply_and_record(operation, inputs);
}
template <>
Variable<float> scalar_operand<Variable<float>>(double number) {
  return Variable<float>(Dense<float>::scalar(number));
}
template <>
Variable<double> scalar_operand<Variable<double>>(double number) {
  return Variable<double>(Dense<double>::scalar(number));
}

}  // namespace xgrad
