#include "profile.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "../core/array/error.hpp"
#include "../core/array/memory.hpp"
#include "../core/graph/watch.hpp"
#include "recorder.hpp"
#include "work.hpp"

namespace xgrad {

using detail::Activity;

Profile::Recorder::Recorder() {
  if (detail::watcher() != nullptr)
    throw GraphError("Profile: this thread has one already; end it first, or look at that one's table");
  detail::exchange_watcher(this);
}

void Profile::Recorder::stop() noexcept {
  if (stopped_ >= 0) return;
  stopped_ = now();
  if (detail::watcher() != this) return;  // its thread finds out when it next has something to tell
  told_ = false;
  detail::exchange_watcher(nullptr);
}

std::string Profile::Recorder::path() const {
  std::string path;
  if (const detail::Watch* watch = detail::Watch::innermost(); watch != nullptr && watch->place())
    path = watch->place()->path;
  if (!modules_.empty()) path += (path.empty() ? "" : "/") + modules_.back();
  return path;
}

void Profile::Recorder::begin(Activity&& activity) {
  if (stopped_ >= 0) {
    told_ = false;
    detail::exchange_watcher(nullptr);
    return;
  }
  if (activity.kind == Kind::forward && !open_.empty() && events_[open_.back()].kind == Kind::backward)
    events_[open_.back()].has_operations = true;
  Event event;
  event.kind = activity.kind;
  event.name = std::move(activity.name);
  event.path = path();
  event.attributes = std::move(activity.attributes);
  event.inputs = std::move(activity.inputs);
  // Whatever may run out of memory comes first.
  std::string module = activity.kind == Kind::module ? event.name : std::string();
  if (modules_.size() == modules_.capacity()) modules_.reserve(2 * modules_.size() + 8);
  if (open_.size() == open_.capacity()) open_.reserve(2 * open_.size() + 8);
  events_.push_back(std::move(event));
  open_.push_back(events_.size() - 1);
  if (activity.kind == Kind::module) modules_.push_back(std::move(module));
  events_.back().begin = now();
}

void Profile::Recorder::end(const detail::Node* output) noexcept {
  if (open_.empty()) return;
  const std::int64_t time = now();
  Event& event = events_[open_.back()];
  open_.pop_back();
  event.end = time;
  if (event.kind == Kind::module) modules_.pop_back();
  if (output != nullptr) {
    event.output = output->value().shape;
    event.item = output->is_double() ? sizeof(double) : sizeof(float);
    if (!output->is_leaf()) event.order = output->order();
  }
  event.live_bytes = memory_stats().live_bytes;
  peak_bytes_ = std::max(peak_bytes_, event.live_bytes);
  if (!open_.empty()) events_[open_.back()].within += event.end - event.begin;
}

Profile::Profile() : recorder_(std::make_unique<Recorder>()) {}
Profile::~Profile() {
  recorder_->stop();
  // Ended by another thread, it is left to its own, which may be telling it something now.
  if (recorder_->is_told()) static_cast<void>(recorder_.release());
}
void Profile::stop() noexcept { recorder_->stop(); }

ProfileTable Profile::table(const ProfileTableOptions& options) const {
  const std::size_t most = options.rows.checked("Profile::table", "rows", 1);
  ProfileTable table;
  table.by = options.by;
  const std::int64_t duration = recorder_->duration();
  const MachinePeaks& peaks = machine_peaks();
  recorder_->skip_since(duration);
  table.seconds = 1e-9 * static_cast<double>(duration);
  table.outside = table.seconds;
  table.peak_bytes = recorder_->peak_bytes();
  std::map<std::string, ProfileTable::Row> rows;
  std::unordered_map<std::uint64_t, const std::string*> recorded_in;
  for (const Recorder::Event& event : recorder_->events()) {
    if (!event.has_ended()) continue;
    table.outside -= event.self();
    // A module's own time is its function's, which is the program's.
    if (event.kind == Activity::Kind::module) {
      table.outside += event.self();
      continue;
    }
    // A derivative belongs to where its operation ran.
    if (event.kind == Activity::Kind::forward && event.order != 0) recorded_in[event.order] = &event.path;
    const auto place = recorded_in.find(event.kind == Activity::Kind::backward ? event.order : 0);
    const std::string& path = place == recorded_in.end() ? event.path : *place->second;
    std::string name = options.by == ProfileBy::operation ? event.name : path;
    if (name.empty()) name = "(no scope)";
    ProfileTable::Row& row = rows[name];
    row.name = std::move(name);
    const bool is_backward = event.kind == Activity::Kind::backward;
    row.calls += event.kind == Activity::Kind::backward ? 0 : 1;
    (event.kind == Activity::Kind::forward ? row.forward
     : is_backward                         ? row.backward
                                           : row.other) += event.self();
    if (!event.output || event.has_operations) continue;
    const auto work = (is_backward ? detail::backward_work : detail::forward_work)(
        event.name, event.attributes, event.inputs, *event.output);
    row.flops += work.flops;
    const double bytes = work.elements * static_cast<double>(event.item);
    row.bytes += bytes;
    const double flops_at_most = event.item == sizeof(float) ? peaks.float_flops : peaks.double_flops;
    row.roof += std::max(work.flops / flops_at_most, bytes / peaks.bytes);
  }
  for (auto& [name, row] : rows) table.rows.push_back(std::move(row));
  std::stable_sort(table.rows.begin(), table.rows.end(),
                   [](const auto& a, const auto& b) { return a.seconds() > b.seconds(); });
  if (table.rows.size() > most) {
    ProfileTable::Row others{.name = "(" + std::to_string(table.rows.size() - most) + " others)"};
    for (std::size_t i = most; i < table.rows.size(); ++i) {
      const ProfileTable::Row& row = table.rows[i];
      others.calls += row.calls;
      others.forward += row.forward;
      others.backward += row.backward;
      others.other += row.other;
      others.flops += row.flops;
      others.bytes += row.bytes;
      others.roof += row.roof;
    }
    table.rows.resize(most);
    table.rows.push_back(std::move(others));
  }
  return table;
}

}  // namespace xgrad
