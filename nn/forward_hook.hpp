// What takes a forward hook off again.
#pragma once

#include <functional>

namespace xgrad::nn {

template <class T>
class Module;

/// What Module::register_forward_hook returns. The hook stays when this goes, until remove() or its module's
/// end.
class ForwardHookHandle {
 public:
  /// Takes the hook off; does nothing if it is off already, or its module gone.
  void remove() noexcept {
    if (remove_) remove_();
  }

 private:
  template <class T>
  friend class Module;
  std::function<void()> remove_;  ///< fails never
};

}  // namespace xgrad::nn
