#include "symbol.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <limits>
#include <optional>
#include <string>
#include <unordered_map>

#include "../array/error.hpp"
#include "add_multiply.hpp"
#include "elementwise.hpp"
#include "replay.hpp"

namespace xgrad::detail {

using namespace formulas;

namespace {

struct StepHash {
  std::size_t operator()(const Program::Step& step) const noexcept {
    std::uint64_t hash = reinterpret_cast<std::uintptr_t>(step.operation);
    const auto mix = [&](std::uint64_t more) {
      hash = (hash ^ more) * 0x9e3779b97f4a7c15;
      hash ^= hash >> 32;
    };
    mix(std::bit_cast<std::uint64_t>(step.constant));
    for (const std::uint32_t argument : step.arguments) mix(argument);
    return hash;
  }
};

/// Constants are equal when their bits are: 0 and -0 are two.
struct SameStep {
  bool operator()(const Program::Step& a, const Program::Step& b) const noexcept {
    return a.operation == b.operation && a.arguments == b.arguments &&
           std::bit_cast<std::uint64_t>(a.constant) == std::bit_cast<std::uint64_t>(b.constant);
  }
};

/// A program while its formula is being read: equal steps are merged as they come.
class Draft {
 public:
  explicit Draft(std::size_t inputs) : number(next_.fetch_add(1, std::memory_order_relaxed)) {
    program.inputs = inputs;
    innermost_ = this;
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  ~Draft() { innermost_ = outer_; }

  /// The one that a symbol belongs to, while it lasts and in its own thread.
  static Draft& of(const Symbol& symbol) {
    for (Draft* open = innermost_; open != nullptr; open = open->outer_)
      if (open->number == symbol.formula()) return *open;
    throw misplaced(symbol);
  }

  std::uint32_t id_of(const Symbol& symbol) {
    if (symbol.is_constant()) return add({nullptr, symbol.constant(), {}});
    if (symbol.formula() != number) throw misplaced(symbol);
    return symbol.id();
  }

  std::uint32_t add(const Program::Step& step) {
    const std::size_t next = program.inputs + program.steps.size();
    if (next > std::numeric_limits<std::uint32_t>::max())
      throw ValueError("elementwise: a formula of more than 2^32 steps; split it into several operations");
    const auto [known, is_new] = known_.try_emplace(step, static_cast<std::uint32_t>(next));
    if (is_new) program.steps.push_back(step);
    return known->second;
  }

  const std::uint64_t number;
  Program program;

 private:
  std::unordered_map<Program::Step, std::uint32_t, StepHash, SameStep> known_;

  static ValueError misplaced(const Symbol& symbol) {
    const std::string here =
        innermost_ == nullptr ? "outside every formula" : "in formula " + std::to_string(innermost_->number);
    return ValueError("elementwise: a symbol of formula " + std::to_string(symbol.formula()) + " is used " +
                      here +
                      "; it is good in the call that it was given to, so use a formula's own arguments");
  }

  static inline std::atomic<std::uint64_t> next_{1};
  static inline thread_local Draft* innermost_ = nullptr;
  Draft* const outer_ = innermost_;
};

/// Marks what the results depend on, themselves included.
std::vector<bool> reachable(const Program& program) {
  std::vector<bool> used(program.inputs + program.steps.size(), false);
  for (const std::size_t result : program.results) used[result] = true;
  for (std::size_t value = used.size(); value-- > program.inputs;) {
    const Program::Step& step = program.step_of(value);
    if (!used[value] || step.operation == nullptr) continue;
    for (std::size_t i = 0; i < step.operation->inputs(); ++i) used[step.arguments[i]] = true;
  }
  return used;
}

/// The last step that reads each value.
std::vector<std::size_t> last_uses(const Program& program) {
  std::vector<std::size_t> last(program.inputs + program.steps.size(), 0);
  for (std::size_t s = 0; s < program.steps.size(); ++s)
    if (const Elementwise* operation = program.steps[s].operation)
      for (std::size_t i = 0; i < operation->inputs(); ++i) last[program.steps[s].arguments[i]] = s;
  return last;
}

/// Gives every step a block to write to.
void lay_out(Program& program) {
  const std::vector<std::size_t> last = last_uses(program);
  std::vector<bool> kept(program.steps.size(), false);
  for (const std::size_t result : program.results)
    if (!program.is_input(result)) kept[result - program.inputs] = true;
  program.blocks = 0;
  std::vector<std::uint32_t> free;
  std::vector<bool> is_free;  // by block
  for (std::size_t s = 0; s < program.steps.size(); ++s) {
    Program::Step& step = program.steps[s];
    step.block = Program::no_block;
    if (step.operation == nullptr) continue;
    // A step may overwrite its own arguments: kernels read an element before they write it.
    for (std::size_t i = 0; i < step.operation->inputs(); ++i) {
      const std::size_t argument = step.arguments[i];
      if (program.is_input(argument) || last[argument] != s) continue;
      const std::uint32_t ended = program.step_of(argument).block;
      if (ended == Program::no_block || is_free[ended]) continue;
      free.push_back(ended);
      is_free[ended] = true;
    }
    if (kept[s]) continue;
    if (free.empty()) {
      step.block = program.blocks++;
      is_free.push_back(false);
    } else {
      step.block = free.back();
      is_free[step.block] = false;
      free.pop_back();
    }
  }
}

/// The program without the steps that its results do not need.
Program pruned(const Program& program) {
  const std::vector<bool> used = reachable(program);
  std::vector<std::uint32_t> renumbered(used.size());
  Program kept;
  kept.inputs = program.inputs;
  for (std::size_t value = 0; value < used.size(); ++value) {
    if (program.is_input(value)) {
      renumbered[value] = static_cast<std::uint32_t>(value);
    } else if (used[value]) {
      Program::Step step = program.step_of(value);
      if (step.operation != nullptr)
        for (std::size_t i = 0; i < step.operation->inputs(); ++i)
          step.arguments[i] = renumbered[step.arguments[i]];
      renumbered[value] = static_cast<std::uint32_t>(kept.inputs + kept.steps.size());
      kept.steps.push_back(step);
    }
  }
  for (const std::size_t result : program.results) kept.results.push_back(renumbered[result]);
  lay_out(kept);
  return kept;
}

}  // namespace

const Program::Step* Program::only_step() const noexcept {
  if (results.size() != 1 || !is_computed(result())) return nullptr;
  const Step* const only = &step_of(result());
  for (const Step& step : steps)
    if (step.operation != nullptr && &step != only) return nullptr;
  return only;
}

bool Program::reads(std::size_t input) const noexcept {
  if (std::find(results.begin(), results.end(), input) != results.end()) return true;
  return std::any_of(steps.begin(), steps.end(), [&](const Step& step) {
    if (step.operation == nullptr) return false;
    const auto end = step.arguments.begin() + static_cast<std::ptrdiff_t>(step.operation->inputs());
    return std::find(step.arguments.begin(), end, input) != end;
  });
}

bool Program::is_zero() const noexcept {
  return !is_input(result()) && !is_computed(result()) && step_of(result()).constant == 0;
}

Program program_of_all(std::size_t inputs,
                       const std::function<std::vector<Symbol>(std::span<const Symbol>)>& formulas) {
  Draft draft(inputs);
  std::vector<Symbol> symbols;
  for (std::size_t i = 0; i < inputs; ++i) symbols.emplace_back(draft.number, static_cast<std::uint32_t>(i));
  for (const Symbol& result : formulas(symbols)) draft.program.results.push_back(draft.id_of(result));
  return pruned(draft.program);
}

Program program_of(std::size_t inputs, const std::function<Symbol(std::span<const Symbol>)>& formula) {
  return program_of_all(inputs, [&](std::span<const Symbol> s) { return std::vector<Symbol>{formula(s)}; });
}

Program only(const Program& program, const std::vector<bool>& wanted) {
  Program part = program;
  part.results.clear();
  for (std::size_t r = 0; r < wanted.size(); ++r)
    if (wanted[r]) part.results.push_back(program.results[r]);
  return pruned(part);
}

Program derivative_of(const Program& program, std::size_t which) {
  return program_of(program.inputs + 2, [&](std::span<const Symbol> inputs) -> Symbol {
    const std::vector<Symbol> values = replay_all(program, inputs.first(program.inputs));
    std::vector<std::optional<Symbol>> adjoint(values.size());
    adjoint[program.result()] = inputs.back();
    for (std::size_t value = values.size(); value-- > program.inputs;) {
      const Program::Step& step = program.step_of(value);
      if (!adjoint[value] || step.operation == nullptr) continue;
      std::vector<Symbol> arguments;
      for (std::size_t i = 0; i < step.operation->inputs(); ++i)
        arguments.push_back(values[step.arguments[i]]);
      arguments.push_back(values[value]);
      arguments.push_back(*adjoint[value]);
      for (std::size_t i = 0; i < step.operation->inputs(); ++i) {
        const Program& part = step.operation->gradient(i).program;
        if (part.is_zero() || values[step.arguments[i]].is_constant()) continue;
        const Symbol share = replay<Symbol>(part, arguments);
        std::optional<Symbol>& sum = adjoint[step.arguments[i]];
        sum = sum ? add(*sum, share) : share;
      }
    }
    return adjoint[which].value_or(Symbol(0.0));
  });
}

template <>
Symbol scalar_operand<Symbol>(double number) {
  return Symbol(number);
}

template <>
Symbol apply_to<Symbol>(const Elementwise& operation, const Symbol* const* inputs, std::uint32_t) {
  Draft* draft = nullptr;
  for (std::size_t i = 0; i < operation.inputs(); ++i)
    if (!inputs[i]->is_constant()) draft = &Draft::of(*inputs[i]);
  if (operation.program() != nullptr) {  // made by a user: only its steps have kernels
    std::vector<Symbol> arguments;
    for (std::size_t i = 0; i < operation.inputs(); ++i) arguments.push_back(*inputs[i]);
    return replay<Symbol>(*operation.program(), arguments);
  }
  if (draft == nullptr) {
    Dense<double> values[kernels::max_inputs];
    const Dense<double>* pointers[kernels::max_inputs];
    for (std::size_t i = 0; i < operation.inputs(); ++i) {
      values[i] = Dense<double>::scalar(inputs[i]->constant());
      pointers[i] = &values[i];
    }
    return Symbol(*apply_to<Dense<double>>(operation, pointers).data());
  }
  if (&operation == &detail::operation<Multiply, Core>())
    for (std::size_t i = 0; i < 2; ++i)
      if (inputs[i]->is_constant() && inputs[i]->constant() == 1) return *inputs[1 - i];
  Program::Step step{&operation, 0, {}};
  for (std::size_t i = 0; i < operation.inputs(); ++i) step.arguments[i] = draft->id_of(*inputs[i]);
  return Symbol(draft->number, draft->add(step));
}

}  // namespace xgrad::detail
