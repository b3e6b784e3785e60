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

Watched::Watched(Activity&& activity) : turn_(turn), hides_(activity.kind == Activity::Kind::forward) {
  the_watcher->begin(std::move(activity));
  if (hides_) set_watched(false);
}

Watched::~Watched() {
  if (hides_) set_watched(the_watcher != nullptr);
  // A function of the user's own may have ended the profile meanwhile.
  if (turn == turn_ && the_watcher != nullptr) the_watcher->end(output_);
}

}  // namespace xgrad::detail
