#include "profile.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "../core/array/error.hpp"
#include "recorder.hpp"

namespace xgrad {

using Kind = detail::Activity::Kind;

Profile::Profile(const ProfileOptions& options)
    : recorder_(std::make_unique<Recorder>(static_cast<bool>(options.memory))) {}
Profile::~Profile() {
  recorder_->stop();
  // Ended by another thread, it is left to its own, which may be telling it something now.
  if (recorder_->is_told()) static_cast<void>(recorder_.release());
}
void Profile::stop() noexcept { recorder_->stop(); }
void detail::let_make_way(Profile& profile) noexcept { profile.recorder_->let_make_way(); }

ProfileTable::Row& ProfileTable::Row::operator+=(const Row& more) noexcept {
  calls += more.calls;
  forward += more.forward;
  backward += more.backward;
  other += more.other;
  flops += more.flops;
  bytes += more.bytes;
  roof += more.roof;
  return *this;
}

namespace {

/// One activity as a row of its own. A derivative computes twice what the operation does; it reads inputs and
/// the output's gradient, and writes a gradient for each input.
template <class Event>
ProfileTable::Row row_of(const Event& event, const detail::Form& form, double seconds,
                         const MachinePeaks& peaks) {
  ProfileTable::Row row;
  const bool is_backward = event.kind == Kind::backward;
  row.calls = is_backward ? 0 : 1;
  (event.kind == Kind::forward ? row.forward : is_backward ? row.backward : row.other) = seconds;
  // What a derivative performs as operations is told by these.
  if (!form.output || event.has_operations) return row;
  const double passes = is_backward ? 2 : 1;
  row.flops = passes * form.flops;
  row.bytes = (passes * form.taken + form.given) * static_cast<double>(form.item);
  const double most_flops = form.item == sizeof(float) ? peaks.float_flops : peaks.double_flops;
  row.roof = std::max(row.flops / most_flops, row.bytes / peaks.bytes);
  return row;
}

/// Sorted, and those beyond the first `most` as one.
void shorten(std::vector<ProfileTable::Row>& rows, std::size_t most) {
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.seconds() > b.seconds(); });
  if (rows.size() <= most) return;
  ProfileTable::Row others{.name = "(" + std::to_string(rows.size() - most) + " others)"};
  for (std::size_t i = most; i < rows.size(); ++i) others += rows[i];
  rows.resize(most);
  rows.push_back(std::move(others));
}

}  // namespace

ProfileTable Profile::table(const ProfileTableOptions& options) const {
  const std::size_t most = options.rows.checked("Profile::table", "rows", 1);
  ProfileTable table;
  table.by = options.by;
  const std::int64_t duration = recorder_->duration();
  const MachinePeaks& peaks = machine_peaks();
  const double tick = detail::Ticks::seconds();
  recorder_->skip_since(duration);
  table.seconds = tick * static_cast<double>(duration);
  table.outside = table.seconds;
  table.peak_bytes = recorder_->peak_bytes();
  std::map<std::string, ProfileTable::Row> rows;
  const Recorder::Places places(*recorder_);
  const std::vector<std::int64_t> own = recorder_->own_ticks();
  for (std::size_t i = 0; i < own.size(); ++i) {
    const Recorder::Event& event = recorder_->events()[i];
    if (!event.has_ended()) continue;
    // A module's own time is its function's, which is the program's.
    if (event.kind == Kind::module) continue;
    const double seconds = tick * static_cast<double>(own[i]);
    table.outside -= seconds;
    std::string name = options.by == ProfileBy::operation ? recorder_->name(event) : places.of(event);
    if (name.empty()) name = "(no scope)";
    ProfileTable::Row& row = rows[name];
    row.name = std::move(name);
    row += row_of(event, recorder_->form(event), seconds, peaks);
  }
  for (auto& [name, row] : rows) table.rows.push_back(std::move(row));
  shorten(table.rows, most);
  return table;
}

}  // namespace xgrad
