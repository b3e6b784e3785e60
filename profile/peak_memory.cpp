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

/// How many of the changes it takes to the most that they add up to, at the first time.
template <class Changes>
std::size_t end_of_rise(const Changes& changes) {
  std::int64_t bytes = 0, most = 0;
  std::size_t end = 0;
  for (std::size_t i = 0; i < changes.size(); ++i)
    if ((bytes += changes[i].bytes) > most) {
      most = bytes;
      end = i + 1;
    }
  return end;
}

/// The pieces that were taken in the first `end` changes and not given back in them.
template <class Changes>
auto live_pieces(const Changes& changes, std::size_t end) {
  std::unordered_map<const void*, typename Changes::value_type> live;
  for (std::size_t i = 0; i < end; ++i) {
    if (changes[i].bytes > 0)
      live[changes[i].piece] = changes[i];
    else
      live.erase(changes[i].piece);
  }
  return live;
}

}  // namespace

PeakMemory Profile::peak_memory(const Count& rows) const {
  const std::size_t most = rows.checked("Profile::peak_memory", "rows", 1);
  if (!recorder_->sees_memory())
    throw ValueError(
        "Profile::peak_memory: this profile does not look at memory; make it with Profile({.memory = true})");
  if (recorder_->lost_changes())
    throw ValueError("Profile::peak_memory: there was no memory to write down who took memory");
  const auto& changes = recorder_->changes();
  const Recorder::Places places(*recorder_);
  std::map<std::pair<std::string, std::string>, PeakMemory::Row> held;
  PeakMemory peak;
  std::size_t taken = 0;
  for (const auto& [piece, change] : live_pieces(changes, end_of_rise(changes))) {
    std::string name = "(the program)", scope;
    if (change.event != Recorder::nobody) {
      const Recorder::Event& event = recorder_->events()[change.event];
      name = recorder_->name(event);
      if (event.kind == Recorder::Kind::backward) name += ", backward";
      if (const auto shape = recorder_->output(event)) name += " " + to_string(*shape);
      scope = places.of(event);
    }
    PeakMemory::Row& row = held[{name, scope}];
    row.name = std::move(name);
    row.scope = std::move(scope);
    ++row.pieces;
    row.bytes += static_cast<std::size_t>(change.bytes);
    taken += static_cast<std::size_t>(change.bytes);
  }
  peak.bytes = recorder_->peak_bytes();
  peak.before = peak.bytes - std::min(taken, peak.bytes);
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
