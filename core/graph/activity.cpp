#include "activity.hpp"

namespace xgrad::detail {
namespace {

thread_local constinit ActivityWatcher* the_watcher = nullptr;
/// Which watcher it is: another one may come to live at the same address.
thread_local constinit std::uint64_t turn = 0;

}  // namespace

ActivityWatcher* watcher() noexcept { return the_watcher; }

ActivityWatcher* exchange_watcher(ActivityWatcher* other) noexcept {
  set_watched(other != nullptr);
  ++turn;
  return std::exchange(the_watcher, other);
}

WatchedBy::WatchedBy(ActivityWatcher& watcher) noexcept
    : before_(the_watcher), turn_before_(turn), was_watched_(is_watched()) {
  exchange_watcher(&watcher);
}

WatchedBy::~WatchedBy() {
  the_watcher = before_;
  turn = turn_before_;
  set_watched(was_watched_);
}

Watched::Watched(const Activity& activity) : activity_(activity), turn_(turn) {
  the_watcher->begin(activity_);
  if (hides()) set_watched(false);
}

Watched::~Watched() {
  if (hides()) set_watched(the_watcher != nullptr);
  // A function of the user's own may have ended the profile meanwhile.
  if (turn == turn_ && the_watcher != nullptr) the_watcher->end(activity_, output_);
}

}  // namespace xgrad::detail
