#include "elementwise.hpp"

#include <mutex>

#include "add.hpp"
#include "broadcast.hpp"
#include "dispatch.hpp"
#include "elementwise_operation.hpp"
#include "program_run.hpp"

namespace xgrad {
namespace {

// One lock for all: deriving one operation's gradients asks for those of the operations in its formula.
std::recursive_mutex deriving;

Elementwise::Gradient described(Program program, std::size_t inputs) {
  Elementwise::Gradient result;
  result.zero = program.is_zero();
  result.passes = program.is_copy_of(inputs + 1);
  result.reads_output = program.reads(inputs);
  for (std::size_t i = 0; i < inputs; ++i) result.reads.push_back(program.reads(i));
  result.program = std::move(program);
  return result;
}

}  // namespace

Elementwise::Elementwise(std::string_view name, std::size_t inputs, const kernels::Kernels& kernels,
                         GradientFormula formula)
    : name_(name), inputs_(inputs), kernels_(&kernels), formula_(formula) {}

Elementwise::Elementwise(std::string_view name, Program program, std::vector<Program> gradients)
    : name_(name), inputs_(program.inputs), program_(std::move(program)), by_hand_(std::move(gradients)) {}

Elementwise::~Elementwise() { delete gradients_.load(std::memory_order_acquire); }

const std::vector<Elementwise::Gradient>& Elementwise::derive() const {
  const std::lock_guard lock(deriving);
  if (const auto* known = gradients_.load(std::memory_order_acquire)) return *known;
  auto all = std::make_unique<std::vector<Gradient>>();
  for (std::size_t k = 0; k < inputs_; ++k) {
    Program program;
    if (kernels_ != nullptr) {
      program =
          trace(inputs_ + 2, [&](std::span<const Symbol> symbols) { return formula_(symbols.data(), k); });
    } else {
      program = by_hand_.empty() ? xgrad::differentiate(program_, k) : by_hand_[k];
    }
    Gradient known = described(std::move(program), inputs_);
    if (kernels_ == nullptr)
      known.operation = std::make_shared<Elementwise>(name_ + "'", known.program, std::vector<Program>());
    all->push_back(std::move(known));
  }
  const auto* ready = all.release();
  gradients_.store(ready, std::memory_order_release);
  return *ready;
}

namespace {

template <class T>
constexpr bool is_double = std::is_same_v<T, double>;

template <class T>
Shape result_shape(const Elementwise& operation, const Dense<T>* const* inputs) {
  Shape shape = inputs[0]->shape;
  for (std::size_t i = 1; i < operation.inputs(); ++i)
    if (!(inputs[i]->shape == shape)) shape = broadcast_shapes(operation.name(), shape, inputs[i]->shape);
  return shape;
}

}  // namespace

template <class T>
Dense<T> elementwise_value(const Elementwise& operation, const Dense<T>* const* inputs) {
  const Shape shape = result_shape(operation, inputs);
  Dense<T> result(shape);
  T* out = result.mutable_data();
  if (operation.kernels() != nullptr) {
    const Value* operands[kernels::max_inputs];
    for (std::size_t i = 0; i < operation.inputs(); ++i) operands[i] = inputs[i];
    run_broadcast(operation.kernels()->value[is_double<T>], sizeof(T), out, shape,
                  {operands, operation.inputs()});
  } else {
    std::vector<Dense<T>> values;
    for (std::size_t i = 0; i < operation.inputs(); ++i) values.push_back(*inputs[i]);
    run_program(*operation.program(), values.data(), shape, out);
  }
  return result;
}

template <class T>
Dense<T> elementwise_gradient(const Elementwise& operation, std::size_t which, Dense<T>* values) {
  Dense<T>& dy = values[operation.inputs() + 1];
  // Kernels read an element of dy before they write it, so its buffer serves for the result.
  const bool reuse = dy.buffer.unique();
  Dense<T> fresh = reuse ? Dense<T>() : Dense<T>(dy.shape);
  T* out = reuse ? dy.mutable_data() : fresh.mutable_data();
  if (operation.kernels() != nullptr) {
    const Value* operands[kernels::max_inputs + 2];
    for (std::size_t i = 0; i < operation.inputs() + 2; ++i) operands[i] = &values[i];
    run_broadcast(operation.kernels()->gradient[which][is_double<T>], sizeof(T), out, dy.shape,
                  {operands, operation.inputs() + 2});
  } else {
    run_program(operation.gradient(which).program, values, dy.shape, out);
  }
  return reuse ? std::move(dy) : std::move(fresh);
}

template <>
Dense<float> apply_to<Dense<float>>(const Elementwise& operation, const Dense<float>* const* inputs) {
  return elementwise_value<float>(operation, inputs);
}
template <>
Dense<double> apply_to<Dense<double>>(const Elementwise& operation, const Dense<double>* const* inputs) {
  return elementwise_value<double>(operation, inputs);
}

template <>
Dense<float> scalar_operand<Dense<float>>(double number) {
  return Dense<float>::scalar(number);
}
template <>
Dense<double> scalar_operand<Dense<double>>(double number) {
  return Dense<double>::scalar(number);
}

template Dense<float> elementwise_gradient(const Elementwise&, std::size_t, Dense<float>*);
template Dense<double> elementwise_gradient(const Elementwise&, std::size_t, Dense<double>*);

OperationList core_operations() { return operations_of<Core>(); }

}  // namespace xgrad
