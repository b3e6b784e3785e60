#include "custom_operation.hpp"

#include <algorithm>

#include "../core/array/instantiate.hpp"
#include "../core/graph/capture.hpp"
#include "../core/graph/record.hpp"

namespace xgrad {
using namespace detail;

namespace {

template <class T>
bool is_zero(const Variable<T>& x) {
  const T* elements = x.dense().data();
  return std::all_of(elements, elements + x.size(), [](T element) { return element == T(0); });
}

constexpr OperationType custom_type;

/// The node of a custom operation; keeps all that its vjp might read.
template <class T>
class CustomNode final : public Node {
 public:
  using Variables = std::vector<Variable<T>>;
  using Definition = typename CustomOperation<T>::Definition;

  CustomNode(std::shared_ptr<const Definition> definition, Dense<T> output, const Variables& inputs)
      : Node(std::move(output), kind_of<T>), definition_(std::move(definition)) {
    for (const Variable<T>& input : inputs) {
      edges_.push_back(&input.node());
      saved_.push_back(input.dense().buffer);
    }
    require_gradient();
    save_output();
    set_inputs(edges_.data(), edges_.size());
  }

  Description description() const noexcept override { return {definition_->name, &custom_type, nullptr}; }
  void drop_saved() noexcept override {
    for (memory::Buffer& saved : saved_) saved.reset();
  }

  std::vector<Value> perform_again(std::span<const Value> inputs) const override {
    const NoGrad off;
    std::vector<Array<T>> values;
    for (const Value& input : inputs) values.push_back(to_array(Dense<T>(input)));
    return {to_dense(definition_->forward(values))};
  }
  void renew() override {
    value_to_come() = std::move(perform_again(input_values())[0]);
    save_output();
    for (std::size_t i = 0; i < edges_.size(); ++i) saved_[i] = edges_[i]->value().buffer;
  }

  void differentiate(Sweep<memory::Buffer>& sweep, memory::Buffer&& dy) override {
    const NoGrad off;
    Variables inputs;
    for (std::size_t i = 0; i < edges_.size(); ++i)
      inputs.emplace_back(Dense<T>(saved_[i], edges_[i]->value().shape));
    const Variables gradients =
        call_vjp(inputs, Variable<T>(Dense<T>(value())), Variable<T>(Dense<T>(std::move(dy), value().shape)));
    for (std::size_t i = 0; i < edges_.size(); ++i)
      if (gradients[i].defined()) sweep.give(*edges_[i], memory::Buffer(gradients[i].dense().buffer));
  }

  void differentiate(Sweep<Handle>& sweep, Handle&& output_gradient) override {
    const EnableGrad on;
    const Variable<T> dy(std::move(output_gradient));
    const Variable<T> output{Handle(this)};
    const Variables inputs = restored_inputs();
    const Variables gradients = call_vjp(inputs, output, dy);
    check_recorded(gradients, inputs, output);
    for (std::size_t i = 0; i < edges_.size(); ++i)
      if (gradients[i].defined()) sweep.give(*edges_[i], Handle(gradients[i].handle()));
  }

  bool has_forward_mode() override {
    const EnableGrad on;
    const Variables gradients = traced_gradients(restored_inputs(), Variable<T>(Handle(this)));
    return std::all_of(gradients.begin(), gradients.end(), is_recorded);
  }

 private:
  Variables restored_inputs() const {
    Variables inputs;
    for (std::size_t i = 0; i < edges_.size(); ++i)
      inputs.push_back(detail::restore<T>(*edges_[i], saved_[i]));
    return inputs;
  }

  Variables call_vjp(const Variables& inputs, const Variable<T>& output, const Variable<T>& dy) const {
    const std::string& name = definition_->name;
    if (!definition_->vjp)
      throw GraphError(name +
                       ": the operation has no vjp, so there is no gradient through it; pass one to "
                       "custom_operation, or detach its inputs");
    Variables gradients = definition_->vjp(inputs, output, dy);
    if (gradients.size() != inputs.size())
      throw ValueError(name + ": the vjp gave " + std::to_string(gradients.size()) + " gradients for " +
                       std::to_string(inputs.size()) +
                       " inputs; give one for each, an empty Variable where there is none");
    for (std::size_t i = 0; i < gradients.size(); ++i)
      if (gradients[i].defined() && !(gradients[i].shape() == inputs[i].shape()))
        throw ShapeError(name + ": the vjp's gradient " + std::to_string(i) + " has shape " +
                         to_string(gradients[i].shape()) + ", input " + std::to_string(i) + ' ' +
                         to_string(inputs[i].shape()) + "; they must be equal: sum_to() undoes broadcasting");
    return gradients;
  }

  /// The gradients for a parameter in dy's place: all of them depend on it but those that are zero, and
  /// those that leave the graph on their way.
  Variables traced_gradients(const Variables& inputs, const Variable<T>& output) const {
    return call_vjp(inputs, output, detail::argument_from<T>(Dense<T>::filled(value().shape, T(1))));
  }
  static bool is_recorded(const Variable<T>& traced) {
    return !traced.defined() || traced.requires_grad() || is_zero(traced);
  }

  /// A gradient that is recorded as a constant is zero or linear in a constant dy; or it left the graph on
  /// its way, which would make later derivatives silently wrong.
  void check_recorded(const Variables& gradients, const Variables& inputs, const Variable<T>& output) const {
    Variables traced;
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      if (!gradients[i].defined() || gradients[i].requires_grad()) continue;
      if (traced.empty()) traced = traced_gradients(inputs, output);
      if (is_recorded(traced[i])) continue;
      throw GraphError(definition_->name + ": the vjp's gradient " + std::to_string(i) +
                       " was not computed by operations on Variables, so it cannot be differentiated again; "
                       "write the vjp in operations, or do without create_graph and jvp");
    }
  }

  std::shared_ptr<const Definition> definition_;
  std::vector<Node*> edges_;
  std::vector<memory::Buffer> saved_;
};

}  // namespace

template <class T>
Variable<T> CustomOperation<T>::operator()(const std::vector<Variable<T>>& given) const {
  // NOLINTNEXTLINE(performance-unnecessary-copy-initialization)
  const std::vector<Variable<T>> inputs = given;  // which the forward function may change, as it may this
  const std::shared_ptr<const Definition> definition = definition_;
  std::vector<Array<T>> values;
  bool differentiable = false;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].defined())
      throw GraphError(definition->name + ": input " + std::to_string(i) +
                       " is an empty Variable; assign a value first");
    values.push_back(to_array(inputs[i].dense()));
    differentiable = differentiable || inputs[i].requires_grad();
  }
  if (is_watched()) [[unlikely]]
    return watched_forward({definition->name, &custom_type, nullptr}, Shapes(std::span(inputs)),
                           [&] { return (*this)(inputs); });
  Dense<T> output = [&] {
    if (!is_capturing()) return to_dense(definition->forward(values));
    const CapturedBy nobody(nullptr);  // the function is a step of the program, whatever it does inside
    return to_dense(definition->forward(values));
  }();
  if (!leaves_node([&] { return differentiable; })) return Variable<T>(std::move(output));
  return Variable<T>(Handle::recorded(new CustomNode<T>(definition, std::move(output), inputs)));
}

template <class T>
CustomOperation<T> custom_operation(std::string name, CustomForward<T> forward, CustomVjp<T> vjp) {
  if (name.empty()) throw ValueError("custom_operation: the name is empty; errors and drawings need one");
  if (!forward) throw ValueError("custom_operation: '" + name + "' has no forward; pass a function");
  using Definition = typename CustomOperation<T>::Definition;
  return CustomOperation<T>(
      std::make_shared<const Definition>(Definition{std::move(name), std::move(forward), std::move(vjp)}));
}

template class CustomOperation<float>;
template class CustomOperation<double>;
[[gnu::used]] constexpr auto instances =
    instantiate::for_numbers([]<class T>() { return custom_operation<T>; });

}  // namespace xgrad
