#include "scalar_block.hpp"

#include <algorithm>
#include <unordered_map>

#include "../core/graph/anomaly.hpp"
#include "../core/graph/elementwise_node.hpp"
#include "../core/graph/operation_type.hpp"
#include "../core/graph/watch.hpp"
#include "scalar_code.hpp"

namespace xgrad::detail {
namespace {

double operations_of_block(const void* block, Shapes, const Shape&) {
  return static_cast<double>(static_cast<const FusedNode*>(block)->operations());
}
constexpr OperationType block_type{
    .attributes = [](const void* block) { return attributes_of(*static_cast<const FusedNode*>(block)); },
    .flops = operations_of_block};

template <class T>
T number_in(const memory::Buffer& buffer) {
  return *static_cast<const T*>(buffer.data());
}
template <class T>
memory::Buffer buffer_of(T number) {
  memory::Buffer buffer(sizeof(T));
  *static_cast<T*>(buffer.mutable_data()) = number;
  return buffer;
}

template <class T>
class TypedBlock final : public FusedNode {
  using Code = ScalarCode<T>;
  using Number = typename Code::Number;

 public:
  TypedBlock(const std::vector<Node*>& operations, const FusedInputs& outside)
      : FusedNode(kind_of<T>), operations_(operations) {
    std::unordered_map<const Node*, Number> numbers;
    for (Node* node : operations) {
      const Elementwise& operation = *scalar_operation(*node);
      Number inputs[kernels::max_inputs];
      std::uint32_t wanted = 0;
      for (std::size_t k = 0; k < operation.inputs(); ++k) {
        Node& input = *node->inputs()[k];
        if (const auto known = numbers.find(&input); known != numbers.end())
          inputs[k] = known->second;
        else
          numbers.emplace(&input, inputs[k] = enter(outside.read(input), outside.is_constant(input)));
        const bool gives = node->requires_grad() && input.requires_grad() && !operation.gradient(k).zero;
        wanted |= std::uint32_t{gives} << k;
      }
      numbers.emplace(node, code_.add_operation(operation, {inputs, operation.inputs()}, wanted));
      nodes_.push_back(node);
      if (node->requires_grad()) require_gradient();
    }
    numbers_ = std::move(numbers);
    code_.seal();
    take_uniform();
    set_inputs(edges_.data(), edges_.size());
    set_order(operations.front()->order());
  }

  Description description() const noexcept override {
    return {"block", &block_type, static_cast<const FusedNode*>(this)};
  }
  std::size_t operations() const noexcept override { return operations_.size(); }

  Node& add_output(Node& node) override {
    const std::uint64_t order = operations_.back()->order();
    outputs_.reserve(outputs_.size() + 1);
    outputs_.push_back(new FusedOutput(*this, node, numbers_.at(&node), order));
    return *outputs_.back();
  }

  void renew() override {
    for (std::size_t i = 0; i < edges_.size(); ++i)
      code_.set(inputs_[i], number_in<T>(edges_[i]->value().buffer));
    code_.forward();
    for (Node* output : outputs_) {
      auto& given = static_cast<FusedOutput&>(*output);
      given.renew_as(buffer_of<T>(code_.value(given.number())));
    }
  }

  void arrive(const FusedOutput& output, Sweep<memory::Buffer>& sweep, memory::Buffer&& gradient) override {
    code_.give(output.number(), number_in<T>(gradient));
    arrived_.push_back(output.number());
    if (arrived_.size() == 1) sweep.give(*this, std::move(gradient));  // to be visited
  }

  void differentiate(Sweep<memory::Buffer>& sweep, memory::Buffer&&) override {
    std::sort(arrived_.begin(), arrived_.end());
    const typename Code::Way& way = code_.way_from(arrived_);
    arrived_.clear();
    // Shares are added one by one to what has come for an input before.
    for (const Number input : way.inputs()) {
      memory::Buffer& waiting = waiting_.emplace_back(sweep.take_waiting(*nodes_[input]));
      if (waiting) code_.give(input, number_in<T>(waiting));
    }
    if (Watch::detecting()) [[unlikely]]
      code_.backward(way, [&](Number visited) { check_shares(visited); });
    else
      code_.backward(way);
    for (std::size_t i = 0; i < waiting_.size(); ++i) {
      Node& input = *nodes_[way.inputs()[i]];
      memory::Buffer sum = buffer_of<T>(code_.take_adjoint(way.inputs()[i]));
      if (waiting_[i])
        sweep.put(input, std::move(sum));
      else
        sweep.give(input, std::move(sum));
    }
    waiting_.clear();
  }

  void forget_gradients() noexcept override {
    code_.clear_adjoints();
    arrived_.clear();
    waiting_.clear();
  }

 private:
  Number enter(Node& input, bool is_constant) {
    nodes_.push_back(&input);
    if (is_constant) return code_.add_constant(number_in<T>(input.value().buffer));
    edges_.push_back(&input);
    inputs_.push_back(code_.add_input());
    return inputs_.back();
  }

  [[gnu::cold]] void check_shares(Number visited) const {
    const Watch visiting(*nodes_[visited]);
    code_.for_wanted(
        visited, [&](Number input) { check_gradient(*nodes_[input], buffer_of<T>(code_.adjoint(input))); });
  }

  std::vector<Node*> operations_;
  Code code_;
  std::vector<Node*> nodes_;  ///< of each number of the code
  std::unordered_map<const Node*, Number> numbers_;
  std::vector<Node*> edges_;
  std::vector<Number> inputs_;   ///< the number of each edge
  std::vector<Number> arrived_;  ///< numbers of outputs that have been given a gradient
  std::vector<memory::Buffer> waiting_;
};

}  // namespace

FusedNode* block_of(const std::vector<Node*>& operations, const FusedInputs& inputs) {
  if (operations.front()->is_double()) return new TypedBlock<double>(operations, inputs);
  return new TypedBlock<float>(operations, inputs);
}

const Elementwise* scalar_operation(const Node& node) {
  if (node.value().size() != 1) return nullptr;
  const Elementwise* const operation = elementwise_of(node);
  return operation != nullptr && operation->kernels() != nullptr ? operation : nullptr;
}

}  // namespace xgrad::detail
