#include "elementwise.hpp"

#include "../array/instantiate.hpp"
#include "../kernels/dispatch.hpp"
#include "add_multiply.hpp"
#include "broadcast_loop.hpp"
#include "elementwise_operation.hpp"
#include "program_run.hpp"
#include "replay.hpp"

namespace xgrad {

template <class Formula>
const detail::Elementwise& formulas::Core::operation() {
  return detail::operation_of<Formula, Core>();
}

namespace detail {

using namespace formulas;
namespace {

Elementwise::Gradient described(Program program, std::size_t inputs) {
  Elementwise::Gradient result;
  result.zero = program.is_zero();
  result.passes = program.is_copy_of(inputs + 1);
  result.reads_output = program.reads(inputs);
  result.one_step = program.only_step() != nullptr;
  for (std::size_t i = 0; i < inputs; ++i) result.reads |= std::uint32_t(program.reads(i)) << i;
  result.program = std::move(program);
  return result;
}

}  // namespace

Elementwise::Elementwise(std::string_view name, std::size_t inputs, const kernels::Kernels& kernels,
                         GradientFormula formula, bool chooses)
    : name_(name), inputs_(inputs), kernels_(&kernels), formula_(formula), chooses_(chooses) {}

const Elementwise& make_operation(std::atomic<Elementwise*>& kept, const OperationParts& parts) {
  return *make_immortal(kept, [&] {
    return Elementwise(parts.name, parts.inputs, parts.family()[parts.position], parts.gradient,
                       parts.chooses);
  });
}

Elementwise::Elementwise(std::string_view name, Program program, std::vector<Program> gradients)
    : name_(name), inputs_(program.inputs), program_(std::move(program)), by_hand_(std::move(gradients)) {}

Elementwise::Elementwise(IsGradient, std::string_view name, Program program)
    : name_(name), inputs_(program.inputs), is_gradient_(true), program_(std::move(program)) {}

Elementwise::~Elementwise() { delete derived_.load(std::memory_order_acquire); }

// Threads that ask first at the same time derive it once each, and the one that is ready first stays: a lock
// could be held by a thread that a forked child does not have.
const Elementwise::Derived& Elementwise::derive() const {
  auto own = std::make_unique<Derived>();
  for (std::size_t k = 0; k < inputs_; ++k) {
    Program program;
    if (kernels_ != nullptr) {
      program = program_of(inputs_ + 2,
                           [&](std::span<const Symbol> symbols) { return formula_(symbols.data(), k); });
    } else {
      program = by_hand_.empty() ? derivative_of(program_, k) : by_hand_[k];
    }
    Gradient known = described(std::move(program), inputs_);
    if (kernels_ == nullptr && !is_gradient_)
      known.operation = std::make_shared<Elementwise>(IsGradient(), name_ + "'", known.program);
    own->gradients.push_back(std::move(known));
  }
  // Gradients that are given by hand may be anything, also not linear in dy; and parts are kept for as many
  // inputs as a formula has, which a gradient of one may exceed.
  if (kernels_ == nullptr && by_hand_.empty() && inputs_ <= kernels::max_inputs)
    own->value_and_slopes = find_value_and_slopes(own->gradients);
  const Derived* first = nullptr;
  if (derived_.compare_exchange_strong(first, own.get(), std::memory_order_acq_rel)) first = own.release();
  return *first;
}

Elementwise::Derived::~Derived() {
  for (const std::atomic<const Program*>& part : parts) delete part.load(std::memory_order_acquire);
}

const Program& Elementwise::value_and_slopes(std::uint32_t wanted) const {
  const Program& all = *derived().value_and_slopes;
  if (wanted + 1 == std::uint32_t{1} << inputs_) return all;
  std::atomic<const Program*>& kept = derived().parts[wanted];
  if (const Program* known = kept.load(std::memory_order_acquire)) return *known;
  std::vector<bool> results{true};
  for (std::size_t i = 0; i < inputs_; ++i) results.push_back(wanted >> i & 1);
  auto own = std::make_unique<const Program>(only(all, results));
  const Program* first = nullptr;
  if (kept.compare_exchange_strong(first, own.get(), std::memory_order_acq_rel)) first = own.release();
  return *first;
}

std::optional<Program> Elementwise::find_value_and_slopes(const std::vector<Gradient>& gradients) const {
  // What is kept for the slopes must be worth it: a buffer each, to be written and read.
  constexpr std::size_t worth = 3;
  std::size_t apart = program_.steps.size();
  for (const Gradient& gradient : gradients) {
    if (gradient.one_step) continue;
    apart += gradient.program.steps.size();
    // A gradient that chooses may drop an infinite dy, which times a slope of 0 would be NaN.
    for (const Program::Step& step : gradient.program.steps)
      if (step.operation != nullptr && step.operation->chooses_) return {};
  }
  Program joint = program_of_all(inputs_, [&](std::span<const Symbol> inputs) {
    std::vector<Symbol> arguments(inputs.begin(), inputs.end());
    std::vector<Symbol> results{replay<Symbol>(program_, inputs)};
    arguments.push_back(results[0]);
    arguments.push_back(1.0);
    for (const Gradient& gradient : gradients)
      results.push_back(gradient.one_step ? results[0] : replay<Symbol>(gradient.program, arguments));
    return results;
  });
  if (joint.steps.size() + worth > apart) return {};
  return joint;
}

namespace {

template <class T>
constexpr bool is_double = std::is_same_v<T, double>;

template <class T>
Dense<T> plain_value(const Elementwise& operation, const Dense<T>* const* inputs) {
  Source sources[most_inputs];
  for (std::size_t i = 0; i < operation.inputs(); ++i) sources[i] = {inputs[i]->data(), &inputs[i]->shape};
  Dense<T> result(elementwise_shape(operation, {sources, operation.inputs()}));
  elementwise_value<T>(operation, {sources, operation.inputs()}, result.shape, result.mutable_data());
  return result;
}

}  // namespace

Shape elementwise_shape(const Elementwise& operation, std::span<const Source> inputs) {
  Shape shape = *inputs[0].shape;
  for (const Source& input : inputs.subspan(1))
    if (!(*input.shape == shape)) shape = broadcast_shapes(operation.name(), shape, *input.shape);
  return shape;
}

template <class T>
void elementwise_value(const Elementwise& operation, std::span<const Source> inputs, const Shape& shape,
                       T* out) {
  if (operation.kernels() != nullptr)
    run_broadcast(operation.kernels()->value[is_double<T>], sizeof(T), out, shape, inputs);
  else
    run_program<T>(*operation.program(), inputs, shape, {&out, 1});
}

template <class T>
void elementwise_value_and_slopes(const Elementwise& operation, std::span<const Source> inputs,
                                  const Shape& shape, T* out, std::uint32_t wanted,
                                  std::span<memory::Buffer> slopes) {
  std::array<T*, most_inputs + 1> outs{out};
  std::size_t results = 1;
  std::uint32_t computed = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!(wanted >> i & 1) || *inputs[i].shape != shape) continue;
    computed |= std::uint32_t{1} << i;
    slopes[i] = memory::Buffer(element_count(shape) * sizeof(T));
    outs[results++] = static_cast<T*>(slopes[i].mutable_data());
  }
  run_program<T>(operation.value_and_slopes(computed), inputs, shape, {outs.data(), results});
}

template <class T>
void elementwise_gradient(const Elementwise& operation, std::size_t which, std::span<const Source> sources,
                          const Shape& shape, T* out) {
  if (operation.kernels() != nullptr)
    run_broadcast(operation.kernels()->gradient[which][is_double<T>], sizeof(T), out, shape, sources);
  else
    run_program<T>(operation.gradient(which).program, sources, shape, {&out, 1});
}

template <class T>
void elementwise_product(const Source& slope, const Source& dy, const Shape& shape, T* out) {
  const Source sources[] = {slope, dy};
  elementwise_value<T>(operation<Multiply, Core>(), sources, shape, out);
}

template <>
Dense<float> apply_to<Dense<float>>(const Elementwise& operation, const Dense<float>* const* inputs,
                                    std::uint32_t) {
  return plain_value(operation, inputs);
}
template <>
Dense<double> apply_to<Dense<double>>(const Elementwise& operation, const Dense<double>* const* inputs,
                                      std::uint32_t) {
  return plain_value(operation, inputs);
}

template <>
Dense<float> scalar_operand<Dense<float>>(double number) {
  return Dense<float>::scalar(number);
}
template <>
Dense<double> scalar_operand<Dense<double>>(double number) {
  return Dense<double>::scalar(number);
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() {
  return std::make_tuple(elementwise_value<T>, elementwise_value_and_slopes<T>, elementwise_gradient<T>,
                         elementwise_product<T>);
});

OperationList core_operations() { return operations_of<Core>(); }

const Registration registered{core_operations()};

}  // namespace detail
}  // namespace xgrad
