#include "hook.hpp"

#include <algorithm>
#include <string>

#include "../array/error.hpp"
#include "capture.hpp"
#include "notes.hpp"

namespace xgrad {
using namespace detail;

void HookHandle::remove() noexcept {
  const auto list = list_.lock();
  const auto function = function_.lock();
  if (!list || !function) return;
  const auto at = std::find(list->functions.begin(), list->functions.end(), function);
  if (at != list->functions.end()) list->functions.erase(at);
}

namespace detail {
namespace {

void check_takes_gradient(const char* call, const Node& node) {
  refuse_in_capture(call, "do it outside, on an argument, a parameter or a result");
  if (node.requires_grad()) return;
  throw GraphError(std::string(call) + ": '" + std::string(node.operation()) + "' of shape " +
                   to_string(node.value().shape) +
                   " requires no gradient, so none arrives; make it from a parameter, outside of NoGrad");
}

/// The gradient after all hooks.
Handle hooked(const Node& node, const HookList& list, Handle gradient) {
  // A copy: a hook may take itself off, or register others, which wait for the next sweep.
  const std::vector<std::shared_ptr<const HookFunction>> functions = list.functions;
  for (const auto& function : functions) {
    Handle replacement = (*function)(gradient);
    if (!replacement) continue;
    const Shape& shape = replacement.node()->value().shape;
    if (!(shape == node.value().shape))
      throw ShapeError("register_hook: the hook of '" + std::string(node.operation()) +
                       "' gave a gradient of shape " + to_string(shape) + " for " +
                       to_string(node.value().shape) + "; they must be equal");
    gradient = std::move(replacement);
  }
  return gradient;
}

/// The node's hooks, or none.
std::shared_ptr<const HookList> hooks_of(const Node& node) {
  const Notes* notes = find_notes(node);
  return notes != nullptr ? notes->hooks : nullptr;
}

}  // namespace

HookHandle add_hook(Node& node, HookFunction function) {
  check_takes_gradient("register_hook", node);
  auto shared = std::make_shared<const HookFunction>(std::move(function));
  Notes& notes = notes_of(node);
  if (!notes.hooks) notes.hooks = std::make_shared<HookList>();
  notes.hooks->functions.push_back(shared);
  HookHandle handle;
  handle.list_ = notes.hooks;
  handle.function_ = shared;
  return handle;
}

void keep_gradient(Node& node) {
  check_takes_gradient("retain_grad", node);
  if (!node.is_leaf()) notes_of(node).keeps_gradient = true;
}

bool has_hooks(const Node& node) noexcept {
  const Notes* const notes = node.is_noted() ? find_notes(node) : nullptr;
  return notes != nullptr && notes->hooks && !notes->hooks->functions.empty();
}

bool keeps_gradient(const Node& node) noexcept {
  const Notes* notes = find_notes(node);
  return notes != nullptr && notes->keeps_gradient;
}

void run_hooks(Node& node, memory::Buffer& gradient) {
  const auto hooks = hooks_of(node);
  if (!hooks || hooks->functions.empty()) return;
  const Handle given = Handle::first(new Node(Value{gradient, node.value().shape}, node.kind()));
  const Handle result = hooked(node, *hooks, given);
  if (result.node() != given.node()) gradient = result.node()->value().buffer;
}

void run_hooks(Node& node, Handle& gradient) {
  const auto hooks = hooks_of(node);
  if (hooks) gradient = hooked(node, *hooks, std::move(gradient));
}

}  // namespace detail
}  // namespace xgrad
