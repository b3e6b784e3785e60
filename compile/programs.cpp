#include "programs.hpp"

#include <algorithm>
#include <iostream>
#include <string>

#include "../core/array/error.hpp"
#include "../core/graph/watch.hpp"
#include "program_capture.hpp"
#include "program_inputs.hpp"
#include "program_node.hpp"
#include "verify.hpp"

namespace xgrad::detail {
namespace {

/// What one program is for: one argument of it.
struct ArgumentKey {
  Argument::Kind kind;
  ElementKind element;
  bool requires_grad;
  Shape shape;
  std::int64_t whole;

  explicit ArgumentKey(const Argument& given)
      : kind(given.kind),
        element(given.element),
        requires_grad(given.variable && given.variable.node()->requires_grad()),
        shape(given.variable ? given.variable.node()->value().shape : given.elements.shape),
        whole(given.whole) {}
  bool fits(const Argument& given) const {
    if (kind != given.kind || element != given.element || whole != given.whole) return false;
    if (!given.variable) return shape == given.elements.shape;
    const Node& node = *given.variable.node();
    return requires_grad == node.requires_grad() && shape == node.value().shape;
  }
};

/// What of an argument differs, in words; empty for nothing.
std::string change_of(const ArgumentKey& a, const ArgumentKey& b, std::size_t number) {
  const std::string argument = "argument " + std::to_string(number);
  if (a.kind != b.kind || a.element != b.element) return argument + " keeps changing its type";
  if (!(a.shape == b.shape))
    return argument + " keeps changing its shape, " + to_string(a.shape) + " and " + to_string(b.shape) +
           " among others; pad it to a few";
  if (a.requires_grad != b.requires_grad) return argument + " keeps changing whether it requires a gradient";
  if (a.whole != b.whole)
    return argument + " keeps changing its value, " + std::to_string(a.whole) + " and " +
           std::to_string(b.whole) + " among others; a real number is an input of one program";
  return {};
}

/// One program, and what it is for.
struct Entry {
  const std::type_info* types;
  bool is_recording;
  std::vector<ArgumentKey> arguments;
  std::shared_ptr<CapturedProgram> program;

  bool fits(const std::type_info& of, std::span<const Argument> given) const {
    if (*types != of || is_recording != xgrad::is_recording()) return false;
    for (std::size_t i = 0; i < given.size(); ++i)
      if (!arguments[i].fits(given[i])) return false;
    for (const ProgramInput& input : program->parts().inputs)
      if (input.source && input.source.node()->requires_grad() != input.requires_grad) return false;
    return std::all_of(program->parts().modes.begin(), program->parts().modes.end(),
                       [](const ModuleMode& mode) { return *mode.training == mode.was; });
  }
};

bool is_due(std::uint64_t replay) {
  return replay == 1 || replay == 10 || replay == 100 || replay % 1000 == 0;
}

}  // namespace

struct Programs::State {
  std::shared_ptr<void> function;
  CompileOptions options;
  std::size_t most;
  std::vector<Entry> entries;  ///< the one used last comes first
  bool has_told = false;

  /// Where there is one more than may be.
  void let_one_go() {
    const Entry &oldest = entries.back(), &latest = entries.front();
    if (!std::exchange(has_told, true)) {
      std::string change;
      if (*oldest.types == *latest.types)
        for (std::size_t i = 0; i < oldest.arguments.size() && change.empty(); ++i)
          change = change_of(oldest.arguments[i], latest.arguments[i], i);
      if (change.empty())
        change = "what changes is the mode of modules, the types, or what requires a gradient";
      std::clog << "compile: more than " << most << " programs of one function, so that the least recently "
                << "used ones go and are captured again: " << change << ", or raise .most_programs\n";
    }
    entries.pop_back();
  }
};

Programs::Programs(std::shared_ptr<void> function, const CompileOptions& options)
    : state_(std::make_unique<State>(State{std::move(function),
                                           options,
                                           options.most_programs.checked("compile", ".most_programs", 1),
                                           {},
                                           false})) {}
Programs::~Programs() = default;
Programs::Programs(Programs&&) noexcept = default;
Programs& Programs::operator=(Programs&&) noexcept = default;

const CompileOptions& Programs::options() const noexcept { return state_->options; }
std::size_t Programs::size() const noexcept { return state_->entries.size(); }
void Programs::clear() noexcept { state_->entries.clear(); }

ProgramListing Programs::listing() const {
  return state_->entries.empty() ? ProgramListing() : state_->entries.front().program->listing();
}

std::vector<Handle> Programs::call(const std::type_info& types, MakeCallee make,
                                   std::span<const Argument> arguments) {
  void* const function = state_->function.get();
  // Inside of another function that is captured it is part of that one's program.
  if (is_capturing() || Watch::detecting()) return make(function)->call(arguments);
  std::vector<Entry>& entries = state_->entries;
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&](const Entry& entry) { return entry.fits(types, arguments); });
  if (found == entries.end()) {
    Captured made = capture(state_->function, make(function), arguments);
    Entry entry{&types, xgrad::is_recording(), {}, made.program};
    for (const Argument& argument : arguments) entry.arguments.emplace_back(argument);
    entries.insert(entries.begin(), std::move(entry));
    if (entries.size() > state_->most) state_->let_one_go();
    return results_in_graph(made.program, made.call, arguments, std::move(made.values));
  }
  std::rotate(entries.begin(), found, found + 1);
  const std::shared_ptr<CapturedProgram> program = entries.front().program;
  check_assigned(program->parts().inputs, arguments);
  check_targets(program->parts().inputs, arguments);
  const auto lock = program->lock();
  if (program->is_at_work()) return make(function)->call(arguments);
  const std::shared_ptr<ProgramCall> call = program->call_with(arguments);
  std::vector<Value> values;
  if (state_->options.verify && is_due(++program->replays)) {
    try {
      values = verified_forward(*program, call, state_->function, make(function), arguments);
    } catch (...) {
      std::erase_if(entries, [&](const Entry& entry) { return entry.program == program; });
      throw;
    }
  } else {
    values = program->forward(call);
  }
  program->commit();
  return results_in_graph(program, call, arguments, std::move(values));
}

}  // namespace xgrad::detail
