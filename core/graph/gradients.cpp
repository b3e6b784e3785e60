#include "gradients.hpp"

#include <optional>

#include "capture.hpp"
#include "journal.hpp"
#include "sweep.hpp"

namespace xgrad::detail {
namespace {

template <class G>
std::vector<G> gradients(const Handle& output, G seed, std::span<Node* const> targets, bool retain_graph) {
  Sweep<G> sweep(output);
  sweep.restrict_to(targets);
  sweep.start(std::move(seed));
  sweep.run(retain_graph);
  std::vector<G> result;
  result.reserve(targets.size());
  for (Node* target : targets) result.push_back(sweep.take(*target));
  return result;
}

}  // namespace

namespace {

void refuse_sweep_in_capture() {
  refuse_in_capture("backward",
                    "write grad(), whose results can be a part of the program, or capture what "
                    "gives the value, and differentiate what it returns");
}

}  // namespace

void run_backward(const Handle& output, Value seed, bool retain_graph) {
  refuse_sweep_in_capture();
  const NoGrad off;
  Sweep<memory::Buffer> sweep(output);
  sweep.start(std::move(seed.buffer));
  sweep.run(retain_graph);
  if (LeafJournal::is_kept()) [[unlikely]]
    for (auto& slot : sweep.slots())
      if (slot.node != nullptr) LeafJournal::gradient_comes(*slot.node);
  // First everything that may fail, on values of our own; then the commit. A gradient that somebody else
  // holds is not written to but replaced.
  for (auto& slot : sweep.slots()) {
    if (slot.node == nullptr) continue;
    if (!slot.node->requires_grad()) slot.node = nullptr;  // a hook has frozen it meanwhile
    if (slot.node == nullptr) continue;
    expand(slot.gradient, *slot.node);
    const memory::Buffer& known = *slot.node->gradient();
    slot.target = !known.unique();  // from here on: replaces the known gradient
    if (known && slot.target) accumulate(slot.gradient, memory::Buffer(known), *slot.node);
  }
  for (auto& slot : sweep.slots()) {
    if (slot.node == nullptr) continue;
    memory::Buffer& known = *slot.node->gradient();
    if (slot.target)
      known = std::move(slot.gradient);
    else
      accumulate(known, std::move(slot.gradient), *slot.node);
  }
}

std::vector<Value> plain_gradients(const Handle& output, Value seed, std::span<Node* const> targets,
                                   bool retain_graph) {
  refuse_sweep_in_capture();
  const NoGrad off;
  std::vector<Value> result;
  std::vector<memory::Buffer> buffers =
      gradients<memory::Buffer>(output, std::move(seed.buffer), targets, retain_graph);
  for (std::size_t i = 0; i < targets.size(); ++i)
    result.push_back({std::move(buffers[i]), targets[i]->value().shape});
  return result;
}

std::vector<Handle> recorded_gradients(const Handle& output, Handle seed, std::span<Node* const> targets,
                                       bool retain_graph) {
  if (is_capturing()) [[unlikely]]
    return captured_gradients(output, std::move(seed), targets, true);
  const EnableGrad on;
  return gradients<Handle>(output, std::move(seed), targets, retain_graph);
}

std::vector<Handle> captured_gradients(const Handle& output, Handle seed, std::span<Node* const> targets,
                                       bool create_graph) {
  const std::vector<Node*> in_program = Capture::present()->targets_for(*output.node(), targets);
  if (in_program.empty()) return std::vector<Handle>(targets.size());
  std::optional<EnableGrad> on;
  std::optional<NoGrad> off;
  if (create_graph)
    on.emplace();
  else
    off.emplace();
  // The program is performed whole before it is differentiated, so nothing that was saved may go.
  return gradients<Handle>(output, std::move(seed), in_program, true);
}

}  // namespace xgrad::detail
