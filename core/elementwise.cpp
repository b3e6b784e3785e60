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
  for (std::size_t i = 0; i < inputs; ++i) result.reads |= std::uint32_t(program.reads(i)) << i;
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

/// What the inputs' shapes broadcast to; the uninitialised result of that shape.
template <class T>
Dense<T> empty_result(const Elementwise& operation, const Dense<T>* const* inputs) {
  Dense<T> result;
  Shape& shape = result.shape;
  shape = inputs[0]->shape;
  for (std::size_t i = 1; i < operation.inputs(); ++i)
    if (!(inputs[i]->shape == shape)) shape = broadcast_shapes(operation.name(), shape, inputs[i]->shape);
  result.buffer = memory::Buffer(element_count(shape) * sizeof(T));
  return result;
}

}  // namespace

template <class T>
Dense<T> elementwise_value(const Elementwise& operation, const Dense<T>* const* inputs) {
  Dense<T> result = empty_result(operation, inputs);
  T* out = result.mutable_data();
  if (operation.kernels() != nullptr) {
    Source sources[kernels::max_inputs];
    for (std::size_t i = 0; i < operation.inputs(); ++i) sources[i] = {inputs[i]->data(), &inputs[i]->shape};
    run_broadcast(operation.kernels()->value[is_double<T>], sizeof(T), out, result.shape,
                  {sources, operation.inputs()});
  } else {
    Source sources[most_inputs];
    for (std::size_t i = 0; i < operation.inputs(); ++i) sources[i] = {inputs[i]->data(), &inputs[i]->shape};
    run_program<T>(*operation.program(), {sources, operation.inputs()}, result.shape, out);
  }
  return result;
}

template <class T>
memory::Buffer elementwise_gradient(const Elementwise& operation, std::size_t which,
                                    std::span<Source> sources, memory::Buffer dy, const Shape& shape) {
  // Kernels read an element of dy before they write it, so its buffer serves for the result.
  const bool reuse = dy.unique() && !dy.uniform();
  memory::Buffer result = reuse ? std::move(dy) : memory::Buffer(element_count(shape) * sizeof(T));
  T* out = static_cast<T*>(result.mutable_data());
  if (operation.kernels() != nullptr) {
    run_broadcast(operation.kernels()->gradient[which][is_double<T>], sizeof(T), out, shape, sources);
  } else {
    run_program<T>(operation.gradient(which).program, sources, shape, out);
  }
  return result;
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

template memory::Buffer elementwise_gradient<float>(const Elementwise&, std::size_t, std::span<Source>,
                                                    memory::Buffer, const Shape&);
template memory::Buffer elementwise_gradient<double>(const Elementwise&, std::size_t, std::span<Source>,
                                                     memory::Buffer, const Shape&);

OperationList core_operations() { return operations_of<Core>(); }

}  // namespace xgrad
