// What looks on while a thread records and differentiates: scopes that label, and the search for anomalies.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace xgrad::detail {

class Node;

/// Where a node was recorded: the path of scopes, and the line that opened the innermost guard.
struct Place {
  std::string path;
  const char* file;
  int line;
};

/// Is shown each node that a thread records, at once, when its inputs still hold their values.
class Observer {
 public:
  virtual void see(Node& recorded) = 0;
  /// Whether the inputs' buffers are to stay theirs: no result takes one over.
  virtual bool keeps_inputs() const noexcept { return true; }

 protected:
  ~Observer() = default;
};

/// The nodes that a thread has recorded meanwhile. Nothing else tells whether a node is older than a call:
/// orders count by thread, so that an older one of another thread's may have the greater order.
class Recorded final : public Observer {
 public:
  void see(Node& node) override { nodes_.push_back(&node); }
  bool keeps_inputs() const noexcept override { return false; }
  /// Once nothing more is added.
  bool contains(const Node& node);

 private:
  std::vector<const Node*> nodes_;
  bool sorted_ = false;
};

/// One guard on this thread's stack of them. Lives on the stack, so the innermost dies first.
class [[nodiscard]] Watch {
 public:
  [[nodiscard]] Watch(std::shared_ptr<const Place> place, bool detects);
  /// While `visited` is differentiated: what is recorded is recorded in its place.
  [[nodiscard]] explicit Watch(const Node& visited);
  /// Shows what is recorded to `observer`; otherwise all goes on as under the guards around it.
  [[nodiscard]] explicit Watch(Observer& observer);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// The innermost guard of this thread, or none.
  static const Watch* innermost() noexcept;
  /// Whether this thread looks for NaN and Inf.
  static bool detecting() noexcept;

  /// None where nothing is known.
  const std::shared_ptr<const Place>& place() const noexcept { return place_; }
  const Node* visited() const noexcept { return visited_; }
  /// Whether a recording is to be noted: its place, or its range.
  bool notes() const noexcept { return place_ || detects_; }
  void show(Node& node) const;
  /// Whether somebody looks at the inputs of what is recorded, so that their buffers stay theirs.
  static bool keeps_inputs() noexcept;

 private:
  std::shared_ptr<const Place> place_;
  bool detects_;
  const Node* visited_ = nullptr;
  Observer* observer_ = nullptr;
  const Watch* outer_;
};

/// A guard's place: the innermost one's path with `name` after it, if there is one, and the guard's line.
std::shared_ptr<const Place> place_within(std::string_view name, const char* file, int line);

}  // namespace xgrad::detail
