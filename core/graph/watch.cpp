#include "watch.hpp"

#include <algorithm>
#include <functional>

#include "anomaly.hpp"
#include "node.hpp"
#include "notes.hpp"

namespace xgrad::detail {
namespace {

thread_local constinit const Watch* innermost_watch = nullptr;

}  // namespace

// Beside the thread's guards, so that a recording asks for them once, in the cheapest way.
Handle Handle::recorded(Node* node) {
  Handle handle = first(node);
  if (innermost_watch != nullptr) [[unlikely]]
    note_recording(*node, *innermost_watch);
  return handle;
}

Watch::Watch(std::shared_ptr<const Place> place, bool detects)
    : place_(std::move(place)), detects_(detects), outer_(innermost_watch) {
  if (outer_ != nullptr) visited_ = outer_->visited_;
  innermost_watch = this;
}

Watch::Watch(const Node& visited) : detects_(true), visited_(&visited), outer_(innermost_watch) {
  if (const Notes* notes = find_notes(visited)) place_ = notes->place;
  innermost_watch = this;
}

Watch::Watch(Observer& observer) : detects_(detecting()), observer_(&observer), outer_(innermost_watch) {
  if (outer_ != nullptr) {
    place_ = outer_->place_;
    visited_ = outer_->visited_;
  }
  innermost_watch = this;
}

Watch::~Watch() { innermost_watch = outer_; }

void Watch::show(Node& node) const {
  for (const Watch* watch = this; watch != nullptr; watch = watch->outer_)
    if (watch->observer_ != nullptr) watch->observer_->see(node);
}

bool Recorded::contains(const Node& node) {
  if (!sorted_) std::sort(nodes_.begin(), nodes_.end(), std::less<>());
  sorted_ = true;
  return std::binary_search(nodes_.begin(), nodes_.end(), &node, std::less<>());
}

const Watch* Watch::innermost() noexcept { return innermost_watch; }

bool Watch::keeps_inputs() noexcept {
  for (const Watch* watch = innermost_watch; watch != nullptr; watch = watch->outer_)
    if (watch->detects_ || (watch->observer_ != nullptr && watch->observer_->keeps_inputs())) return true;
  return false;
}

bool Watch::detecting() noexcept { return innermost_watch != nullptr && innermost_watch->detects_; }

std::shared_ptr<const Place> place_within(std::string_view name, const char* file, int line) {
  std::string path;
  if (innermost_watch != nullptr && innermost_watch->place()) path = innermost_watch->place()->path;
  if (!path.empty() && !name.empty()) path += '/';
  path += name;
  return std::make_shared<const Place>(Place{std::move(path), file, line});
}

}  // namespace xgrad::detail
