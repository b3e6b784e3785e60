// The activities that a Profile has seen.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "../core/graph/activity.hpp"
#include "profile.hpp"

namespace xgrad {

class Profile::Recorder final : public detail::ActivityWatcher {
 public:
  using Kind = detail::Activity::Kind;

  struct Event {
    Kind kind = Kind::other;
    std::string name, path;  ///< the path of Scopes and modules around it
    std::vector<detail::Attribute> attributes;
    std::vector<Shape> inputs;
    std::optional<Shape> output;       ///< none where it threw, and of what is no operation
    std::int64_t begin = 0, end = -1;  ///< nanoseconds since the profile began; -1 before the end
    std::int64_t within = 0;           ///< of these, those of the activities inside
    std::size_t live_bytes = 0;        ///< at its end
    bool has_operations = false;       ///< a derivative, in which operations were told by themselves
    std::size_t item = 8;              ///< bytes of an element
    std::uint64_t order = 0;           ///< of the node that was recorded, or is differentiated; 0 without one

    /// Its kind in words.
    const char* kind_name() const noexcept {
      constexpr const char* names[] = {"forward", "backward", "module", "other"};
      return names[static_cast<std::size_t>(kind)];
    }
    bool has_ended() const noexcept { return end >= 0; }
    /// Seconds that belong to no activity inside.
    double self() const noexcept { return 1e-9 * static_cast<double>(end - begin - within); }
  };

  /// GraphError if this thread is watched already.
  Recorder();
  ~Recorder() { stop(); }
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  void begin(detail::Activity&& activity) override;
  void end(const detail::Node* output) noexcept override;
  void stop() noexcept;
  /// Whether its thread, another one than that which ended it, still tells it what it does.
  bool is_told() const noexcept { return told_.load(); }

  const std::deque<Event>& events() const noexcept { return events_; }
  /// Nanoseconds until now, or until it stopped.
  std::int64_t duration() const noexcept { return stopped_ >= 0 ? stopped_.load() : now(); }
  /// Leaves out the nanoseconds since `time`.
  void skip_since(std::int64_t time) noexcept {
    if (stopped_ < 0) start_ += std::chrono::nanoseconds(now() - time);
  }
  std::size_t peak_bytes() const noexcept { return peak_bytes_; }

 private:
  std::int64_t now() const noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - start_)
        .count();
  }
  std::string path() const;

  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::atomic<std::int64_t> stopped_{-1};
  std::deque<Event> events_;  ///< which do not move when there are more
  std::vector<std::size_t> open_;
  std::vector<std::string> modules_;  ///< the path of each module that is being called
  std::size_t peak_bytes_ = 0;
  std::atomic<bool> told_{true};
};

}  // namespace xgrad
