// Hooks: functions of a user's own that see, and may replace, the gradient of a node.
#pragma once

#include <functional>
#include <memory>

#include "node.hpp"

namespace xgrad {

class HookHandle;

namespace detail {

struct HookList;
using HookFunction = std::function<Handle(const Handle& gradient)>;
/// For Variable::register_hook.
HookHandle add_hook(Node& node, HookFunction function);

}  // namespace detail

/// What Variable::register_hook returns. The hook stays when this goes, until remove() or its node's end.
class HookHandle {
 public:
  /// Takes the hook off; does nothing if it is off already, or its node gone.
  void remove() noexcept;

 private:
  friend HookHandle detail::add_hook(detail::Node& node, detail::HookFunction function);
  std::weak_ptr<detail::HookList> list_;
  std::weak_ptr<const detail::HookFunction> function_;
};

namespace detail {

/// For Variable::retain_grad.
void keep_gradient(Node& node);

/// Hands the complete gradient of a node with notes to its hooks, in the order of their registration.
void run_hooks(Node& node, memory::Buffer& gradient);
void run_hooks(Node& node, Handle& gradient);
bool has_hooks(const Node& node) noexcept;
/// Whether backward is to keep the gradient of an inner node.
bool keeps_gradient(const Node& node) noexcept;

}  // namespace detail
}  // namespace xgrad
