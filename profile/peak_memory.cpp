#include <algorithm>
#include <iomanip>
#include <map>
#include <ostream>
#include <sstream>
#include <unordered_map>
#include <utility>

#include "../core/array/error.hpp"
#include "recorder.hpp"
#include "units.hpp"

namespace xgrad {
namespace {

/// The pieces that a thread holds while its changes are gone through one by one. What it gives back and had
/// not taken was there before, or another thread took it, which nobody knows.
template <class Change>
class Held {
 public:
  explicit Held(std::int64_t before) : before_(before) {}
  void change(const Change& change) {
    if (change.bytes > 0) {
      Change& held = pieces_[change.piece];  // one that is still there was given back by another thread
      taken_ += change.bytes - held.bytes;
      held = change;
    } else if (const auto held = pieces_.find(change.piece); held != pieces_.end()) {
      taken_ += change.bytes;
      pieces_.erase(held);
    } else {
      before_ = std::max<std::int64_t>(before_ + change.bytes, 0);
    }
  }
  std::int64_t bytes() const { return taken_ + before_; }
  std::int64_t before() const { return before_; }
  const auto& pieces() const { return pieces_; }

 private:
  std::int64_t before_, taken_ = 0;
  std::unordered_map<const void*, Change> pieces_;
};

/// As they were when they were most.
template <class Change>
Held<Change> held_at_the_peak(const std::vector<Change>& changes, std::size_t before) {
  Held<Change> held(static_cast<std::int64_t>(before));
  std::int64_t most = held.bytes();
  std::size_t end = 0;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    held.change(changes[i]);
    if (held.bytes() <= most) continue;
    most = held.bytes();
    end = i + 1;
  }
  held = Held<Change>(static_cast<std::int64_t>(before));
  for (std::size_t i = 0; i < end; ++i) held.change(changes[i]);
  return held;
}

}  // namespace

PeakMemory Profile::peak_memory(const Count& rows) const {
  const std::size_t most = rows.checked("Profile::peak_memory", "rows", 1);
  if (!recorder_->sees_memory())
    throw ValueError(
        "Profile::peak_memory: this profile does not look at memory; make it with Profile({.memory = true})");
  if (recorder_->lost_changes())
    throw ValueError("Profile::peak_memory: there was no memory to write down who took memory");
  const auto at_peak = held_at_the_peak(recorder_->changes(), recorder_->bytes_before());
  const Recorder::Places places(*recorder_);
  std::map<std::pair<std::string, std::string>, PeakMemory::Row> held;
  PeakMemory peak;
  peak.bytes = static_cast<std::size_t>(at_peak.bytes());
  peak.before = static_cast<std::size_t>(at_peak.before());
  for (const auto& [piece, change] : at_peak.pieces()) {
    std::string name = "(the program)", scope;
    if (change.event != Recorder::nobody) {
      const Recorder::Event& event = recorder_->events()[change.event];
      name = recorder_->name(event);
      if (event.kind == Recorder::Kind::backward) name += ", backward";
      if (const auto& shape = recorder_->form(event).output) name += " " + to_string(*shape);
      scope = places.of(event);
    }
    PeakMemory::Row& row = held[{name, scope}];
    row.name = std::move(name);
    row.scope = std::move(scope);
    ++row.pieces;
    row.bytes += static_cast<std::size_t>(change.bytes);
  }
  for (auto& [key, row] : held) peak.rows.push_back(std::move(row));
  std::stable_sort(peak.rows.begin(), peak.rows.end(),
                   [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
  if (peak.rows.size() > most) {
    PeakMemory::Row others{.name = "(" + std::to_string(peak.rows.size() - most) + " others)", .scope = {}};
    for (std::size_t i = most; i < peak.rows.size(); ++i) {
      others.pieces += peak.rows[i].pieces;
      others.bytes += peak.rows[i].bytes;
    }
    peak.rows.resize(most);
    peak.rows.push_back(std::move(others));
  }
  return peak;
}

std::ostream& operator<<(std::ostream& out, const PeakMemory& peak) {
  std::size_t width = 22;  // of "(before the profile)"
  for (const PeakMemory::Row& row : peak.rows) width = std::max(width, row.name.size() + 2);
  std::ostringstream text;
  const auto line = [&](const std::string& name, const std::string& pieces, const std::string& bytes,
                        const std::string& share, const std::string& scope) {
    text << std::left << std::setw(static_cast<int>(width)) << name << std::right << std::setw(8) << pieces
         << std::setw(10) << bytes << std::setw(8) << share << (scope.empty() ? "" : "  ") << scope << '\n';
  };
  const auto share = [&](std::size_t bytes) {
    const double all = static_cast<double>(std::max<std::size_t>(peak.bytes, 1));
    return detail::number_text(100 * static_cast<double>(bytes) / all, 1) + " %";
  };
  line("held at the peak", "pieces", "bytes", "share", "scope");
  for (const PeakMemory::Row& row : peak.rows)
    line(row.name, std::to_string(row.pieces), detail::bytes_text(row.bytes), share(row.bytes), row.scope);
  line("(before the profile)", "", detail::bytes_text(peak.before), share(peak.before), "");
  text << detail::bytes_text(peak.bytes) << " in all\n";
  return out << text.str();
}

}  // namespace xgrad
