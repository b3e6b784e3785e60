#include "program_run.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <new>
#include <vector>

#include "../array/instantiate.hpp"
#include "../array/threads.hpp"
#include "../array/worth_a_thread.hpp"
#include "add_multiply.hpp"
#include "elementwise.hpp"

namespace xgrad::detail {

using namespace formulas;

namespace {

// Bytes of a block: a handful of blocks fits the first-level cache, and each is long enough that a step's
// call costs little.
constexpr std::size_t block_bytes = 4096;

template <class T>
class BlockRun {
 public:
  /// For `size` elements at most.
  BlockRun(const Program& program, std::span<const kernels::Operand> inputs, std::span<T* const> outs,
           std::size_t size)
      : program_(program), inputs_(inputs), block_(block_for(size)) {
    const std::size_t steps = program.steps.size();
    const std::size_t scratch = program.blocks * block_ * sizeof(T);
    // One piece of memory for all, since small values pay for each; on the stack where it is little.
    const std::size_t bytes = scratch + steps * (sizeof(Place) + sizeof(T)) + outs.size() * sizeof(Copy);
    if (bytes > sizeof(little_)) workspace_ = memory::Buffer(bytes);
    std::byte* const start = workspace_ ? static_cast<std::byte*>(workspace_.mutable_data()) : little_;
    places_ = reinterpret_cast<Place*>(start + scratch);
    copies_ = reinterpret_cast<Copy*>(places_ + steps);
    constants_ = reinterpret_cast<T*>(copies_ + outs.size());
    for (std::size_t s = 0; s < steps; ++s) {
      const Program::Step& step = program.steps[s];
      T* const block =
          step.block == Program::no_block ? nullptr : reinterpret_cast<T*>(start) + step.block * block_;
      new (places_ + s) Place{block, false};
      new (constants_ + s) T(static_cast<T>(step.constant));
    }
    for (std::size_t r = 0; r < outs.size(); ++r) {
      const std::size_t value = program.results[r];
      if (program.is_computed(value) && places_[value - program.inputs].data == nullptr)
        places_[value - program.inputs] = {outs[r], true};
      else
        new (copies_ + copy_count_++) Copy{value, outs[r]};
    }
  }

  void operator()(std::size_t begin, std::size_t end) {
    for (std::size_t first = begin; first < end; first += block_) block(first, std::min(block_, end - first));
  }

 private:
  /// Where a step writes: a scratch block, or a result as a whole.
  struct Place {
    T* data = nullptr;
    bool whole = false;
    T* at(std::size_t first) const { return whole ? data + first : data; }
  };
  /// A result that no step writes: an input, a constant, or the same as another.
  struct Copy {
    std::size_t value;
    T* to;
  };

  static std::size_t block_for(std::size_t size) {
    constexpr std::size_t most = block_bytes / sizeof(T), line = 64 / sizeof(T);
    return std::min(most, (size + line - 1) / line * line);
  }

  kernels::Operand operand(std::size_t value, std::size_t first) const {
    if (program_.is_input(value)) {
      const kernels::Operand& input = inputs_[value];
      return {static_cast<const T*>(input.data) + (input.step ? first : 0), 0, input.step};
    }
    const std::size_t step = value - program_.inputs;
    if (program_.steps[step].operation == nullptr) return {&constants_[step], 0, 0};
    return {places_[step].at(first), 0, 1};
  }

  void block(std::size_t first, std::size_t count) {
    constexpr bool is_double = std::is_same_v<T, double>;
    const auto columns = static_cast<std::ptrdiff_t>(count);
    for (std::size_t s = 0; s < program_.steps.size(); ++s) {
      const Program::Step& step = program_.steps[s];
      if (step.operation == nullptr) continue;
      kernels::Loop loop;
      loop.rows = 1;
      loop.columns = count;
      loop.out = places_[s].at(first);
      loop.out_row_stride = columns;
      for (std::size_t i = 0; i < step.operation->inputs(); ++i)
        loop.in[i] = operand(step.arguments[i], first);
      step.operation->kernels()->value[is_double](loop);
    }
    for (const Copy& copy : std::span(copies_, copy_count_))
      operation<Identity, Core>().kernels()->value[is_double](
          {1, count, copy.to + first, columns, {operand(copy.value, first)}});
  }

  const Program& program_;
  std::span<const kernels::Operand> inputs_;
  const std::size_t block_;
  memory::Buffer workspace_;
  alignas(64) std::byte little_[2048];
  Place* places_;
  Copy* copies_;
  T* constants_;
  std::size_t copy_count_ = 0;
};

/// A program of one step, without blocks: its inputs may repeat in any way, and it is split as the library's
/// own operations are.
template <class T>
void run_step(const Program& program, const Program::Step& step, std::span<const Source> inputs,
              const Shape& shape, T* out) {
  std::array<T, kernels::max_inputs> constants;
  std::array<Source, kernels::max_inputs> sources;
  const std::size_t count = step.operation->inputs();
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t value = step.arguments[i];
    if (program.is_input(value)) {
      sources[i] = inputs[value];
    } else {
      constants[i] = static_cast<T>(program.step_of(value).constant);
      sources[i] = {&constants[i], &no_axes};
    }
  }
  run_broadcast(step.operation->kernels()->value[std::is_same_v<T, double>], sizeof(T), out, shape,
                {sources.data(), count});
}

}  // namespace

template <class T>
void run_program(const Program& program, std::span<const Source> inputs, const Shape& shape,
                 std::span<T* const> outs) {
  const std::size_t size = element_count(shape);
  if (size == 0) return;
  if (const Program::Step* const only = program.only_step())
    return run_step<T>(program, *only, inputs, shape, outs[0]);
  // A gradient's gradient has the most, with an output and its gradient each time.
  std::array<kernels::Operand, most_inputs + 2> operands;
  operands.fill({outs[0], 0, 0});
  std::vector<Dense<T>> repeated;  // inputs that broadcast in more than one step
  for (std::size_t i = 0; i < program.inputs; ++i) {
    if (inputs[i].data == nullptr) continue;
    operands[i].data = inputs[i].data;
    if (*inputs[i].shape == shape) {
      operands[i].step = 1;
    } else if (element_count(*inputs[i].shape) != 1) {
      repeated.emplace_back(shape);
      run_broadcast(operation<Identity, Core>().kernels()->value[std::is_same_v<T, double>], sizeof(T),
                    repeated.back().mutable_data(), shape, inputs.subspan(i, 1));
      operands[i] = {repeated.back().data(), 0, 1};
    }
  }
  parallel_for(size, worth_a_thread::computed_elements, [&](std::size_t begin, std::size_t end) {
    BlockRun<T>(program, operands, outs, end - begin)(begin, end);
  });
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() { return run_program<T>; });

}  // namespace xgrad::detail
