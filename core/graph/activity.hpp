// What a profile is told while it looks at a thread: what begins, and what has ended.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <tuple>
#include <utility>

#include "description.hpp"
#include "node.hpp"

namespace xgrad::detail {

/// Something that takes time. It refers to what is there until it ends.
struct Activity {
  enum class Kind : std::uint8_t {
    forward,   ///< an operation
    backward,  ///< the derivative of a node
    module,    ///< a call of a module, whose name is its path: "Net.encoder.layer1"
    other,     ///< an optimizer's step, a wait for a loader, a sweep
  };
  Kind kind = Kind::other;
  Description what = {};  ///< of a module, `operation` is the module
  Shapes inputs = {};
};

/// Looks at the activities of a thread, which nest.
class ActivityWatcher {
 public:
  virtual void begin(const Activity& activity) = 0;
  /// Of the innermost one that began, with what an operation gave, if it did.
  virtual void end(const Activity& activity, const Node* output) noexcept = 0;

  /// What modules keep here of the paths that they found.
  std::shared_ptr<void> paths_of_modules;

 protected:
  ~ActivityWatcher() = default;
};

/// The watcher of this thread, or none; the thread's mode says whether there is one.
ActivityWatcher* watcher() noexcept;
/// Puts another in its place, and gives back which it was.
ActivityWatcher* exchange_watcher(ActivityWatcher* other) noexcept;

/// Has another one watch while it lives, whatever goes on around.
class [[nodiscard]] WatchedBy {
 public:
  [[nodiscard]] explicit WatchedBy(ActivityWatcher& watcher) noexcept;
  ~WatchedBy();
  WatchedBy(const WatchedBy&) = delete;
  WatchedBy& operator=(const WatchedBy&) = delete;

 private:
  ActivityWatcher* before_;
  std::uint64_t turn_before_;
  bool was_watched_;
};

/// One activity of a thread that is watched, from the constructor to the end. What goes on within an
/// operation is part of it, and not told: its time is that of its own.
class [[nodiscard]] Watched {
 public:
  [[nodiscard]] explicit Watched(const Activity& activity);
  ~Watched();
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
  /// The operation's output.
  void gave(const Node& output) noexcept { output_ = &output; }

 private:
  bool hides() const noexcept { return activity_.kind == Activity::Kind::forward; }

  Activity activity_;
  std::uint64_t turn_;  ///< of the watcher that it was told to
  const Node* output_ = nullptr;
};

/// The forward pass of an operation, f(), which gives a Variable or a tuple that begins with one.
template <class F>
[[gnu::cold, gnu::noinline]] auto watched_forward(const Description& what, Shapes inputs, F&& f) {
  Watched watched({Activity::Kind::forward, what, inputs});
  auto result = f();
  if constexpr (requires { result.node(); })
    watched.gave(result.node());
  else
    watched.gave(std::get<0>(result).node());
  return result;
}

/// f() as an activity, where the thread is watched; `name` is there meanwhile.
template <class F>
decltype(auto) as_activity(std::string_view name, F&& f) {
  if (!is_watched()) [[likely]]
    return f();
  const Watched watched({Activity::Kind::other, {name}});
  return f();
}

}  // namespace xgrad::detail
