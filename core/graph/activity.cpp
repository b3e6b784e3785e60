#include "activity.hpp"

namespace xgrad::detail {
namespace {

thread_local constinit ActivityWatcher* the_watcher = nullptr;

}  // namespace

ActivityWatcher* watcher() noexcept { return the_watcher; }

ActivityWatcher* exchange_watcher(ActivityWatcher* other) noexcept {
  set_watched(other != nullptr);
  return std::exchange(the_watcher, other);
}

Watched::Watched(Activity&& activity)
    : watcher_(the_watcher), hides_(activity.kind == Activity::Kind::forward) {
  watcher_->begin(std::move(activity));
  if (hides_) set_watched(false);
}

Watched::~Watched() {
  if (hides_) set_watched(the_watcher != nullptr);
  // A function of the user's own may have ended the profile meanwhile.
  if (the_watcher != watcher_) return;
  watcher_->end(output_ != nullptr ? &output_->value().shape : nullptr,
                output_ != nullptr && !output_->is_leaf() ? output_ : nullptr);
}

}  // namespace xgrad::detail
