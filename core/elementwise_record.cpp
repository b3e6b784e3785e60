// Elementwise operations on Variables: what a node saves, and its backward pass in both readings.
#include <algorithm>
#include <array>
#include <string>

#include "broadcast.hpp"
#include "elementwise.hpp"
#include "error.hpp"
#include "record.hpp"

namespace xgrad {
namespace {

/// The node of an elementwise operation of `Count` inputs, or of any number for 0.
template <class T, std::size_t Count>
class ElementwiseNode final : public Node {
  static constexpr std::size_t capacity = Count == 0 ? most_inputs : Count;

 public:
  ElementwiseNode(const Elementwise& operation, Node* const* inputs)
      : Node(inputs[0]->value.shape, std::is_same_v<T, double>), operation_(&operation) {
    // The library's own operations live for ever; a user's is kept by its nodes.
    if (operation.program() != nullptr) [[unlikely]]
      owner_ = operation.shared_from_this();
    std::copy_n(inputs, count(), edges_.begin());
    compute();
    const auto& gradients = operation.gradients();
    for (std::size_t k = 0; k < count(); ++k)
      if (edges_[k]->requires_grad) save_for(gradients[k]);
    requires_grad = takes_uniform = true;
    set_inputs(edges_.data(), count());
  }

  std::string_view operation() const noexcept override { return operation_->name(); }

  void drop_saved() noexcept override {
    for (memory::Buffer& saved : saved_) saved.reset();
  }

  void differentiate(Sweep<memory::Buffer>& sweep, memory::Buffer&& dy) override {
    if (is_single()) [[likely]]
      return differentiate_single(sweep, std::move(dy));
    for (std::size_t k = 0; k < count(); ++k) {
      Node& input = *edges_[k];
      const Elementwise::Gradient& gradient = operation_->gradient(k);
      if (gradient.zero || !sweep.wants(input)) continue;
      const bool last = !wanted_after(sweep, k);
      memory::Buffer share = last ? std::move(dy) : dy;
      if (value.shape == input.value.shape)
        share = gradient.passes ? std::move(share) : plain_share(gradient, k, std::move(share));
      else
        share = summed_share(gradient, k, std::move(share));
      sweep.give(input, std::move(share));
      if (last) return;
    }
  }

  void differentiate(Sweep<Handle>& sweep, Handle&& output_gradient) override {
    const Variable<T> dy(std::move(output_gradient));
    for (std::size_t k = 0; k < count(); ++k) {
      const Elementwise::Gradient& gradient = operation_->gradient(k);
      if (gradient.zero || !sweep.wants(*edges_[k])) continue;
      const Variable<T> share = gradient.passes ? dy : recorded_share(gradient, dy);
      sweep.give(*edges_[k], Handle(sum_to(share, edges_[k]->value.shape).handle()));
    }
  }

 private:
  std::size_t count() const noexcept { return Count == 0 ? operation_->inputs() : Count; }

  /// Whether the result has one element, and so all inputs.
  bool is_single() const { return value.size() == 1 && operation_->kernels() != nullptr; }

  void compute() {
    // Of the shape of the first input so far.
    bool single = is_single();
    for (std::size_t i = 1; i < count(); ++i) single = single && edges_[i]->value.size() == 1;
    if (single) [[likely]]
      return compute_single();
    const Dense<T>* values[capacity] = {};
    for (std::size_t i = 0; i < count(); ++i) values[i] = static_cast<const Dense<T>*>(&edges_[i]->value);
    value = apply_to<Dense<T>>(*operation_, values);
  }

  // All have one element, so that the engine's own cost shows. Such a value needs no loop, and a gradient of
  // one shape serves for all.

  void compute_single() {
    const void* elements[capacity];
    for (std::size_t i = 0; i < count(); ++i) {
      const Value& input = edges_[i]->value;
      if (input.shape.size() > value.shape.size()) value.shape = input.shape;
      elements[i] = input.buffer.data();
    }
    memory::Buffer result(sizeof(T));
    detail::run_one(operation_->kernels()->value[is_double], result.mutable_data(), {elements, count()});
    value.buffer = std::move(result);
  }

  void differentiate_single(Sweep<memory::Buffer>& sweep, memory::Buffer&& dy) {
    const auto& gradients = operation_->gradients();
    bool wanted[capacity];
    std::size_t end = 0;
    for (std::size_t k = 0; k < count(); ++k) {
      wanted[k] = !gradients[k].zero && sweep.wants(*edges_[k]);
      if (wanted[k]) end = k + 1;
    }
    const void* elements[capacity + 2];
    const auto read = [](const memory::Buffer& buffer) { return buffer ? buffer.data() : &detail::nothing; };
    for (std::size_t i = 0; i < count(); ++i) elements[i] = read(saved_[i]);
    elements[count()] = read(value.buffer);
    elements[count() + 1] = dy.data();
    for (std::size_t k = 0; k < end; ++k) {
      if (!wanted[k]) continue;
      const bool last = k + 1 == end;
      if (gradients[k].passes) {
        sweep.give(*edges_[k], last ? std::move(dy) : memory::Buffer(dy));
        continue;
      }
      memory::Buffer share = last && dy.unique() ? std::move(dy) : memory::Buffer(sizeof(T));
      detail::run_one(operation_->kernels()->gradient[k][is_double], share.mutable_data(),
                      {elements, count() + 2});
      sweep.give(*edges_[k], std::move(share));
    }
  }

  void save_for(const Elementwise::Gradient& gradient) {
    for (std::size_t i = 0; i < count(); ++i)
      if ((gradient.reads >> i & 1) && !saved_[i]) saved_[i] = edges_[i]->value.buffer;
    saves_output = saves_output || gradient.reads_output;
  }

  bool wanted_after(const Sweep<memory::Buffer>& sweep, std::size_t k) const {
    for (++k; k < count(); ++k)
      if (sweep.wants(*edges_[k]) && !operation_->gradient(k).zero) return true;
    return false;
  }

  /// What the gradient reads: inputs, output, dy.
  std::array<Source, capacity + 2> sources_of(const Elementwise::Gradient& gradient,
                                              const memory::Buffer& dy) const {
    std::array<Source, capacity + 2> sources;
    for (std::size_t i = 0; i < count(); ++i)
      if (gradient.reads >> i & 1) sources[i] = {saved_[i].data(), &edges_[i]->value.shape};
    if (gradient.reads_output) sources[count()] = {value.buffer.data(), &value.shape};
    sources[count() + 1] = {dy.data(), dy.uniform() ? &no_axes : &value.shape};
    return sources;
  }

  memory::Buffer plain_share(const Elementwise::Gradient& gradient, std::size_t k, memory::Buffer dy) const {
    auto sources = sources_of(gradient, dy);
    return elementwise_gradient<T>(*operation_, k, {sources.data(), count() + 2}, std::move(dy), value.shape);
  }

  /// The gradient in an input that was repeated, summed to the input's shape.
  memory::Buffer summed_share(const Elementwise::Gradient& gradient, std::size_t k, memory::Buffer dy) {
    const Shape& to = edges_[k]->value.shape;
    if (gradient.passes) {
      expand(dy, *this);
      return sum_to(Dense<T>(std::move(dy), value.shape), to).buffer;
    }
    auto sources = sources_of(gradient, dy);
    if (memory::Buffer sum =
            elementwise_gradient_sum<T>(*operation_, k, {sources.data(), count() + 2}, value.shape, to))
      return sum;
    return sum_to(Dense<T>(plain_share(gradient, k, std::move(dy)), value.shape), to).buffer;
  }

  Variable<T> recorded_share(const Elementwise::Gradient& gradient, const Variable<T>& dy) {
    // What the gradient does not read is not there; dy stands in for it.
    std::vector<Variable<T>> values(count() + 2, dy);
    for (std::size_t i = 0; i < count(); ++i)
      if (gradient.reads >> i & 1) values[i] = detail::restore<T>(*edges_[i], saved_[i]);
    if (gradient.reads_output) values[count()] = Variable<T>(Handle(this));
    if (gradient.operation == nullptr) return replay<Variable<T>>(gradient.program, values);
    std::vector<const Variable<T>*> pointers;
    for (const Variable<T>& v : values) pointers.push_back(&v);
    return apply_to<Variable<T>>(*gradient.operation, pointers.data());
  }

  const Elementwise* operation_;
  std::shared_ptr<const Elementwise> owner_;
  std::array<Node*, capacity> edges_{};
  std::array<memory::Buffer, capacity> saved_{};
};

/// For `Count` inputs, or any number for 0.
template <class T, std::size_t Count>
Variable<T> apply_and_record(const Elementwise& operation, const Variable<T>* const* inputs) {
  constexpr std::size_t capacity = Count == 0 ? most_inputs : Count;
  const std::size_t count = Count == 0 ? operation.inputs() : Count;
  Node* nodes[capacity];
  for (std::size_t i = 0; i < count; ++i) nodes[i] = &inputs[i]->node();
  // The result may depend on what requires a gradient in steps alone.
  bool differentiable = false;
  if (is_recording())
    for (std::size_t k = 0; k < count; ++k)
      differentiable = differentiable || (nodes[k]->requires_grad && !operation.gradient(k).zero);
  if (differentiable) [[likely]]
    return Variable<T>(Handle::recorded(new ElementwiseNode<T, Count>(operation, nodes)));
  const Dense<T>* values[capacity];
  for (std::size_t i = 0; i < count; ++i) values[i] = &inputs[i]->dense();
  return Variable<T>(apply_to<Dense<T>>(operation, values));
}

template <class T>
Variable<T> apply_and_record(const Elementwise& operation, const Variable<T>* const* inputs) {
  switch (operation.inputs()) {
    case 1:
      return apply_and_record<T, 1>(operation, inputs);
    case 2:
      return apply_and_record<T, 2>(operation, inputs);
    case 3:
      return apply_and_record<T, 3>(operation, inputs);
    default:
      if (operation.inputs() <= most_inputs) return apply_and_record<T, 0>(operation, inputs);
      throw ValueError(std::string(operation.name()) + ": a derivative of " +
                       std::to_string(operation.inputs()) +
                       " inputs; an elementwise operation takes at most " + std::to_string(most_inputs));
  }
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
