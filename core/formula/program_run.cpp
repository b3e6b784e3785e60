#include "program_run.hpp"

#include <algorithm>

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

/// Which scratch block each step writes; blocks are reused as soon as their last reader has run. Results need
/// none.
struct Layout {
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  std::vector<std::size_t> block_of_step;
  std::size_t blocks = 0;
};

Layout plan(const Program& program) {
  std::vector<std::size_t> last_use(program.inputs + program.steps.size(), 0);
  for (std::size_t s = 0; s < program.steps.size(); ++s)
    if (const Elementwise* operation = program.steps[s].operation)
      for (std::size_t i = 0; i < operation->inputs(); ++i) last_use[program.steps[s].arguments[i]] = s;
  std::vector<bool> kept(program.steps.size(), false);
  for (const std::size_t result : program.results)
    if (!program.is_input(result)) kept[result - program.inputs] = true;
  Layout layout;
  layout.block_of_step.resize(program.steps.size(), Layout::none);
  std::vector<std::size_t> free;
  std::vector<bool> is_free;  // by block
  for (std::size_t s = 0; s < program.steps.size(); ++s) {
    const Program::Step& step = program.steps[s];
    if (step.operation == nullptr) continue;
    // A step may overwrite its own arguments: kernels read an element before they write it.
    for (std::size_t i = 0; i < step.operation->inputs(); ++i) {
      const std::size_t argument = step.arguments[i];
      if (program.is_input(argument) || last_use[argument] != s) continue;
      const std::size_t ended = layout.block_of_step[argument - program.inputs];
      if (ended == Layout::none || is_free[ended]) continue;
      free.push_back(ended);
      is_free[ended] = true;
    }
    if (kept[s]) continue;
    if (free.empty()) {
      layout.block_of_step[s] = layout.blocks++;
      is_free.push_back(false);
    } else {
      layout.block_of_step[s] = free.back();
      is_free[free.back()] = false;
      free.pop_back();
    }
  }
  return layout;
}

template <class T>
class BlockRun {
  static constexpr std::size_t block_size = block_bytes / sizeof(T);

 public:
  BlockRun(const Program& program, const Layout& layout, std::span<const kernels::Operand> inputs,
           std::span<T* const> outs)
      : program_(program),
        inputs_(inputs),
        scratch_(Shape{layout.blocks * block_size}),
        places_(program.steps.size()) {
    T* const scratch = scratch_.mutable_data();
    for (std::size_t s = 0; s < places_.size(); ++s) {
      constants_.push_back(static_cast<T>(program.steps[s].constant));
      if (layout.block_of_step[s] != Layout::none)
        places_[s] = {scratch + layout.block_of_step[s] * block_size, false};
    }
    for (std::size_t r = 0; r < outs.size(); ++r) {
      const std::size_t value = program.results[r];
      if (program.is_computed(value) && places_[value - program.inputs].data == nullptr)
        places_[value - program.inputs] = {outs[r], true};
      else
        copies_.push_back({value, outs[r]});
    }
  }

  void operator()(std::size_t begin, std::size_t end) {
    for (std::size_t first = begin; first < end; first += block_size)
      block(first, std::min(block_size, end - first));
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
    for (std::size_t s = 0; s < places_.size(); ++s) {
      const Program::Step& step = program_.steps[s];
      if (step.operation == nullptr) continue;
      kernels::Loop loop{1, count, places_[s].at(first), columns, {}};
      for (std::size_t i = 0; i < step.operation->inputs(); ++i)
        loop.in[i] = operand(step.arguments[i], first);
      step.operation->kernels()->value[is_double](loop);
    }
    for (const Copy& copy : copies_)
      operation<Identity, Core>().kernels()->value[is_double](
          {1, count, copy.to + first, columns, {operand(copy.value, first)}});
  }

  const Program& program_;
  std::span<const kernels::Operand> inputs_;
  Dense<T> scratch_;
  std::vector<Place> places_;
  std::vector<T> constants_;
  std::vector<Copy> copies_;
};

}  // namespace

template <class T>
void run_program(const Program& program, std::span<const Source> inputs, const Shape& shape,
                 std::span<T* const> outs) {
  const std::size_t size = element_count(shape);
  if (size == 0) return;
  std::vector<kernels::Operand> operands(program.inputs, {outs[0], 0, 0});
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
  const Layout layout = plan(program);
  parallel_for(size, worth_a_thread::computed_elements, [&](std::size_t begin, std::size_t end) {
    BlockRun<T>(program, layout, operands, outs)(begin, end);
  });
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() { return run_program<T>; });

}  // namespace xgrad::detail
