#include "program_run.hpp"

#include <algorithm>

#include "add.hpp"
#include "elementwise.hpp"
#include "threads.hpp"

namespace xgrad {
namespace {

// Elements in a block: a handful of blocks of doubles fits the first-level cache.
constexpr std::size_t block_size = 1024;
constexpr std::size_t grain = 64 * block_size;

/// Which scratch block each step writes; blocks are reused as soon as their last reader has run.
struct Layout {
  std::vector<std::size_t> block_of_step;
  std::size_t blocks = 0;
};

Layout plan(const Program& program) {
  std::vector<std::size_t> last_use(program.inputs + program.steps.size(), 0);
  for (std::size_t s = 0; s < program.steps.size(); ++s)
    if (const Elementwise* operation = program.steps[s].operation)
      for (std::size_t i = 0; i < operation->inputs(); ++i) last_use[program.steps[s].arguments[i]] = s;
  Layout layout;
  std::vector<std::size_t> free;
  for (std::size_t s = 0; s < program.steps.size(); ++s) {
    const Program::Step& step = program.steps[s];
    // A step may overwrite its own arguments: kernels read an element before they write it.
    if (step.operation != nullptr) {
      std::vector<std::size_t> ended;
      for (std::size_t i = 0; i < step.operation->inputs(); ++i) {
        const std::size_t argument = step.arguments[i];
        if (program.is_input(argument) || last_use[argument] != s) continue;
        if (program.step_of(argument).operation == nullptr) continue;
        ended.push_back(layout.block_of_step[argument - program.inputs]);
      }
      std::sort(ended.begin(), ended.end());
      ended.erase(std::unique(ended.begin(), ended.end()), ended.end());
      free.insert(free.end(), ended.begin(), ended.end());
    }
    if (step.operation == nullptr || free.empty()) {
      layout.block_of_step.push_back(step.operation ? layout.blocks++ : 0);
    } else {
      layout.block_of_step.push_back(free.back());
      free.pop_back();
    }
  }
  return layout;
}

template <class T>
class BlockRun {
 public:
  BlockRun(const Program& program, const Layout& layout, std::span<const kernels::Operand> inputs, T* out)
      : program_(program),
        layout_(layout),
        inputs_(inputs),
        out_(out),
        scratch_(Shape{layout.blocks * block_size}) {
    for (const Program::Step& step : program.steps) constants_.push_back(static_cast<T>(step.constant));
    scratch_data_ = scratch_.mutable_data();
  }

  void operator()(std::size_t begin, std::size_t end) {
    for (std::size_t first = begin; first < end; first += block_size)
      block(first, std::min(block_size, end - first));
  }

 private:
  kernels::Operand operand(std::size_t value, std::size_t first) const {
    if (program_.is_input(value)) {
      const kernels::Operand& input = inputs_[value];
      return {static_cast<const T*>(input.data) + (input.step ? first : 0), 0, input.step};
    }
    const std::size_t step = value - program_.inputs;
    if (program_.steps[step].operation == nullptr) return {&constants_[step], 0, 0};
    return {scratch_data_ + layout_.block_of_step[step] * block_size, 0, 1};
  }

  void block(std::size_t first, std::size_t count) {
    const auto columns = static_cast<std::ptrdiff_t>(count);
    for (std::size_t s = 0; s < program_.steps.size(); ++s) {
      const Program::Step& step = program_.steps[s];
      if (step.operation == nullptr) continue;
      const bool last = program_.result == program_.inputs + s;
      T* to = last ? out_ + first : scratch_data_ + layout_.block_of_step[s] * block_size;
      kernels::Loop loop{1, count, to, columns, {}};
      for (std::size_t i = 0; i < step.operation->inputs(); ++i)
        loop.in[i] = operand(step.arguments[i], first);
      step.operation->kernels()->value[std::is_same_v<T, double>](loop);
    }
    const bool computed =
        !program_.is_input(program_.result) && program_.step_of(program_.result).operation != nullptr;
    if (computed) return;
    kernels::Loop copy{1, count, out_ + first, columns, {operand(program_.result, first)}};
    operation<Identity, Core>().kernels()->value[std::is_same_v<T, double>](copy);
  }

  const Program& program_;
  const Layout& layout_;
  std::span<const kernels::Operand> inputs_;
  T* out_;
  Dense<T> scratch_;
  T* scratch_data_ = nullptr;
  std::vector<T> constants_;
};

}  // namespace

template <class T>
void run_program(const Program& program, std::span<const Source> inputs, const Shape& shape, T* out) {
  const std::size_t size = element_count(shape);
  if (size == 0) return;
  std::vector<kernels::Operand> operands(program.inputs, {out, 0, 0});
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
  parallel_for(size, grain, [&](std::size_t begin, std::size_t end) {
    BlockRun<T>(program, layout, operands, out)(begin, end);
  });
}

template void run_program(const Program&, std::span<const Source>, const Shape&, float*);
template void run_program(const Program&, std::span<const Source>, const Shape&, double*);

}  // namespace xgrad
