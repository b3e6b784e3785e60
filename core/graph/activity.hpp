// What a profile is told while it looks at a thread: what begins, and what has ended.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attribute.hpp"
#include "node.hpp"

namespace xgrad::detail {

/// Something that takes time.
struct Activity {
  enum class Kind {
    forward,   ///< an operation
    backward,  ///< the derivative of a node
    module,    ///< a call of a module, whose name is its path: "Net.encoder.layer1"
    other,     ///< an optimizer's step, a wait for a loader, a sweep
  };
  Kind kind = Kind::other;
  std::string name;
  std::vector<Attribute> attributes = {};
  std::vector<Shape> inputs = {};
  const Node* node = nullptr;  ///< that is differentiated
};

/// Looks at the activities of a thread, which nest.
class ActivityWatcher {
 public:
  virtual void begin(Activity&& activity) = 0;
  /// Of the innermost one that began, with what an operation gave, if it did.
  virtual void end(const Node* output) noexcept = 0;

 protected:
  ~ActivityWatcher() = default;
};

/// The watcher of this thread, or none; the thread's mode says whether there is one.
ActivityWatcher* watcher() noexcept;
/// Puts another in its place, and gives back which it was.
ActivityWatcher* exchange_watcher(ActivityWatcher* other) noexcept;

/// One activity of a thread that is watched, from the constructor to the end. What goes on within an
/// operation is part of it, and not told: its time is that of its own.
class [[nodiscard]] Watched {
 public:
  [[nodiscard]] explicit Watched(Activity&& activity);
  ~Watched();
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
  /// The operation's output.
  void gave(const Node& output) noexcept { output_ = &output; }

 private:
  std::uint64_t turn_;  ///< of the watcher that it was told to
  const Node* output_ = nullptr;
  bool hides_;
};

/// The forward pass of an operation, f(), which gives a Variable or a tuple that begins with one.
template <class F>
[[gnu::cold, gnu::noinline]] auto watched_forward(Activity&& activity, F&& f) {
  Watched watched(std::move(activity));
  auto result = f();
  if constexpr (requires { result.node(); })
    watched.gave(result.node());
  else
    watched.gave(std::get<0>(result).node());
  return result;
}

/// f() as an activity, where the thread is watched.
template <class F>
decltype(auto) as_activity(std::string_view name, F&& f) {
  if (!is_watched()) [[likely]]
    return f();
  const Watched watched(Activity{.kind = Activity::Kind::other, .name = std::string(name)});
  return f();
}

}  // namespace xgrad::detail
