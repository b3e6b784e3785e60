#include "recorder.hpp"

#include <algorithm>
#include <utility>

#include "../core/array/error.hpp"

namespace xgrad {

using detail::Activity;

Profile::Recorder::Recorder(bool sees_memory) : sees_memory_(sees_memory) {
  if (auto* other = dynamic_cast<Recorder*>(detail::watcher()); other != nullptr && other->makes_way_)
    other->stop();
  if (detail::watcher() != nullptr)
    throw GraphError("Profile: this thread has one already; end it first, or look at that one's table");
  detail::Ticks::start();  // all that may fail comes before the thread knows of this one
  bytes_before_ = memory_stats().live_bytes;
  peak_before_ = memory::seen_bytes().peak;
  memory::restore_seen_peak(0);
  if (sees_memory) observer_before_ = memory::exchange_piece_observer(this);
  detail::exchange_watcher(this);
  start_ = detail::Ticks::now();
}

/// Only its own thread can.
void Profile::Recorder::leave_thread() noexcept {
  detail::exchange_watcher(nullptr);
  note_bytes();
  memory::restore_seen_peak(std::max(peak_before_, peak_));
  if (sees_memory_) memory::exchange_piece_observer(observer_before_);
  told_ = false;  // last: whoever ended it may now take it away
}

void Profile::Recorder::stop() noexcept {
  if (stopped_ >= 0) return;
  stopped_ = now();
  if (detail::watcher() == this) leave_thread();  // another finds out when it next has something to tell
}

void Profile::Recorder::note_bytes() noexcept {
  const memory::SeenBytes bytes = memory::seen_bytes();
  live_ = bytes.live;
  peak_ = std::max(peak_, bytes.peak);
}

std::size_t Profile::Recorder::peak_bytes() noexcept {
  if (detail::watcher() == this) note_bytes();
  return static_cast<std::size_t>(std::max<std::int64_t>(peak_, 0));
}

double Profile::Recorder::tick() {
  const std::int64_t time = duration();
  const double seconds = detail::Ticks::seconds();
  skip_since(time);
  return seconds;
}

std::uint32_t Profile::Recorder::number_of(std::string_view text) {
  if (text.empty()) return 0;
  Met& met = met_[(reinterpret_cast<std::uintptr_t>(text.data()) >> 3) % met_.size()];
  if (met.at == text.data() && met.text == text) [[likely]]
    return met.number;
  auto known = numbers_.find(text);
  if (known == numbers_.end()) {
    texts_.emplace_back(text);
    known = numbers_.emplace(texts_.back(), static_cast<std::uint32_t>(texts_.size() - 1)).first;
  }
  met = {text.data(), known->first, known->second};
  return known->second;
}

inline std::uint32_t Profile::Recorder::number_of_path() {
  const detail::Watch* watch = detail::Watch::innermost();
  const detail::Place* place = watch != nullptr ? watch->place().get() : nullptr;
  const std::uint32_t module = modules_.empty() ? 0 : modules_.back();
  const std::size_t at = (reinterpret_cast<std::uintptr_t>(place) >> 4) + 7 * std::size_t{module};
  PathMet& met = paths_met_[at % paths_met_.size()];
  if (place == met.place.get() && module == met.module) [[likely]]
    return met.path;
  return find_path(met, place != nullptr ? watch->place() : nullptr, module);
}

std::uint32_t Profile::Recorder::find_path(PathMet& met, std::shared_ptr<const detail::Place> place,
                                           std::uint32_t module) {
  std::string path = place ? place->path : std::string();
  if (module != 0) path += (path.empty() ? "" : "/") + texts_[module];
  const std::uint32_t number = number_of(path);
  met = {std::move(place), module, number};
  return number;
}

/// An operation is mostly told what it was told before.
std::uint32_t Profile::Recorder::number_of_attributes(std::uint32_t name, const detail::Description& what) {
  std::vector<detail::Attribute> now = what.attributes();
  std::uint32_t& last = last_attributes_[name];
  const auto equal = [](const detail::Attribute& a, const detail::Attribute& b) {
    return a.name == b.name && a.value == b.value;
  };
  if (last != 0 &&
      std::equal(now.begin(), now.end(), attributes_[last - 1].begin(), attributes_[last - 1].end(), equal))
    return last;
  attributes_.push_back(std::move(now));
  return last = static_cast<std::uint32_t>(attributes_.size());
}

/// What a derivative performs as operations, in modules or not, is told by these.
void Profile::Recorder::note_operation() noexcept {
  const auto derivative = std::find_if(open_.rbegin(), open_.rend(),
                                       [&](std::size_t i) { return events_[i].kind == Kind::backward; });
  if (derivative != open_.rend()) events_[*derivative].has_operations = true;
}

void Profile::Recorder::begin(const Activity& activity) {
  if (stopped_ >= 0) return leave_thread();
  if (activity.kind == Kind::forward && open_derivatives_ > 0) note_operation();
  // Whatever may run out of memory comes before what must be in step.
  Event& event = events_.make_room();
  event = {.kind = activity.kind};
  event.name = number_of(activity.what.name);
  event.path = number_of_path();
  if (activity.what.type != nullptr && activity.what.type->attributes != nullptr)
    event.attributes = number_of_attributes(event.name, activity.what);
  if (activity.kind == Kind::module) modules_.reserve(modules_.size() + 1);
  open_.push_back(events_.size());
  if (activity.kind == Kind::module) modules_.push_back(event.name);
  if (activity.kind == Kind::backward) ++open_derivatives_;
  events_.add();
  event.begin = now();
}

void Profile::Recorder::end(const Activity& activity, const detail::Node* output) noexcept {
  if (open_.empty()) return;
  const std::int64_t time = now();
  Event& event = events_[open_.back()];
  open_.pop_back();
  event.end = time;
  if (event.kind == Kind::module) modules_.pop_back();
  if (event.kind == Kind::backward) --open_derivatives_;
  if (output != nullptr && !output->is_leaf()) event.order = output->order() & Event::most_order;
  try {
    event.form = forms_.number_of(event.name, activity, output);
  } catch (...) {  // without memory it stays without shapes
  }
  note_bytes();
  event.live_bytes = std::max<std::int64_t>(live_, 0);
}

void Profile::Recorder::note_change(const void* piece, std::int64_t bytes) noexcept {
  if (stopped_ >= 0) return;
  try {
    changes_.push_back({piece, bytes, open_.empty() ? nobody : open_.back()});
  } catch (...) {
    lost_changes_ = true;
  }
}

void Profile::Recorder::took(const void* piece, std::size_t bytes) noexcept {
  note_change(piece, static_cast<std::int64_t>(bytes));
}

void Profile::Recorder::gave_back(const void* piece, std::size_t bytes) noexcept {
  note_change(piece, -static_cast<std::int64_t>(bytes));
}

std::vector<std::int64_t> Profile::Recorder::own_ticks() const {
  std::vector<std::int64_t> own(events_.size());
  std::vector<std::size_t> around;  // events nest, and stand in the order in which they began
  for (std::size_t i = 0; i < own.size(); ++i) {
    const Event& event = events_[i];
    while (!around.empty() && events_[around.back()].has_ended() && events_[around.back()].end <= event.begin)
      around.pop_back();
    own[i] = event.end - event.begin;
    if (!around.empty() && event.has_ended()) own[around.back()] -= own[i];
    around.push_back(i);
  }
  return own;
}

std::string Profile::Recorder::attributes_text(const Event& event) const {
  return event.attributes == 0 ? std::string() : detail::to_string(attributes_[event.attributes - 1]);
}

}  // namespace xgrad
