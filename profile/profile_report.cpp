#include <algorithm>
#include <cmath>
#include <iomanip>
#include <ostream>
#include <sstream>
#include <unordered_map>

#include <nlohmann/json.hpp>

#include "../io/text_file.hpp"
#include "recorder.hpp"
#include "units.hpp"

namespace xgrad {
namespace {

using Json = nlohmann::ordered_json;
using Kind = detail::Activity::Kind;

/// A rate in thousand millions a second, or nothing where there is none.
std::string giga_text(double amount, double seconds) {
  if (amount <= 0 || seconds <= 0) return "";
  return detail::number_text(amount / seconds * 1e-9, 3);
}

/// How near to the machine's peaks.
std::string roof_text(double least, double seconds) {
  if (least <= 0 || seconds <= 0) return "";
  return std::to_string(std::lround(100 * least / seconds)) + " %";
}

/// What is printed as more than 100 %.
bool is_above_roof(const ProfileTable::Row& row) {
  const double computing = row.forward + row.backward;
  return computing > 0 && std::lround(100 * row.roof / computing) > 100;
}

std::string row_text(std::size_t width, const ProfileTable::Row& row, double whole) {
  const double computing = row.forward + row.backward;
  const auto time = [](double seconds) { return seconds > 0 ? detail::time_text(seconds) : std::string(); };
  std::ostringstream out;
  out << std::left << std::setw(static_cast<int>(width)) << row.name << std::right << std::setw(8)
      << row.calls << std::setw(10) << time(row.forward) << std::setw(10) << time(row.backward)
      << std::setw(10) << time(row.other) << std::setw(6) << std::lround(100 * row.seconds() / whole) << " %"
      << std::setw(9) << giga_text(row.flops, computing) << std::setw(8) << giga_text(row.bytes, computing)
      << std::setw(9) << roof_text(row.roof, computing);
  std::string text = out.str();
  text.erase(text.find_last_not_of(' ') + 1);
  return text + '\n';
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const ProfileTable& table) {
  std::size_t width = 15;  // of "(the program)"
  for (const ProfileTable::Row& row : table.rows) width = std::max(width, row.name.size() + 2);
  std::ostringstream text;
  text << std::left << std::setw(static_cast<int>(width))
       << (table.by == ProfileBy::operation ? "operation" : "scope") << std::right << std::setw(8) << "calls"
       << std::setw(10) << "forward" << std::setw(10) << "backward" << std::setw(10) << "other"
       << std::setw(8) << "share" << std::setw(9) << "GFLOP/s" << std::setw(8) << "GB/s" << std::setw(9)
       << "of roof" << '\n';
  const double whole = table.seconds > 0 ? table.seconds : 1;
  for (const ProfileTable::Row& row : table.rows) text << row_text(width, row, whole);
  text << std::left << std::setw(static_cast<int>(width)) << "(the program)" << std::right << std::setw(8)
       << "" << std::setw(10) << "" << std::setw(10) << "" << std::setw(10)
       << detail::time_text(table.outside) << std::setw(6) << std::lround(100 * table.outside / whole)
       << " %\n"
       << detail::time_text(table.seconds) << " in all, " << detail::bytes_text(table.peak_bytes)
       << " live at most\n";
  if (std::any_of(table.rows.begin(), table.rows.end(), is_above_roof))
    text << "above 100 % of roof: out of a cache, or the peaks were measured on a busy machine\n";
  return out << text.str();
}

void Profile::save_trace(const std::string& path) const {
  io::check_ending("Profile::save_trace", path, ".json");
  Json events = Json::array();
  // Where each node was recorded, for the arrow to its derivative.
  std::unordered_map<std::uint64_t, std::int64_t> recorded;
  const double tick = recorder_->tick();
  const auto microseconds = [&](std::int64_t ticks) { return 1e6 * tick * static_cast<double>(ticks); };
  for (const Recorder::Event& event : recorder_->events()) {
    if (!event.has_ended()) continue;
    Json one{
        {"name", recorder_->name(event)}, {"cat", event.kind_name()}, {"ph", "X"}, {"pid", 1}, {"tid", 1}};
    one["ts"] = microseconds(event.begin);
    one["dur"] = microseconds(event.end - event.begin);
    std::string shapes;
    const detail::Form& form = recorder_->form(event);
    for (const Shape& shape : form.inputs) shapes += (shapes.empty() ? "" : ", ") + to_string(shape);
    if (!shapes.empty()) one["args"]["inputs"] = shapes;
    if (form.output) one["args"]["output"] = to_string(*form.output);
    if (event.attributes != 0) one["args"]["attributes"] = recorder_->attributes_text(event);
    if (event.path != 0) one["args"]["scope"] = recorder_->path(event);
    events.push_back(std::move(one));
    events.push_back(Json{{"name", "live memory"},
                          {"ph", "C"},
                          {"pid", 1},
                          {"ts", microseconds(event.end)},
                          {"args", {{"bytes", event.live_bytes}}}});
    if (event.order == 0) continue;
    if (event.kind == Kind::forward) recorded[event.order] = event.begin;
    const auto from = recorded.find(event.order);
    if (event.kind != Kind::backward || from == recorded.end()) continue;
    const Json flow{{"name", "backward"},
                    {"cat", "backward"},
                    {"id", std::uint64_t{event.order}},
                    {"pid", 1},
                    {"tid", 1}};
    Json start = flow, finish = flow;
    start["ph"] = "s";
    start["ts"] = microseconds(from->second);
    finish["ph"] = "f";
    finish["bp"] = "e";
    finish["ts"] = microseconds(event.begin);
    events.push_back(std::move(start));
    events.push_back(std::move(finish));
  }
  const Json file{{"displayTimeUnit", "ms"}, {"traceEvents", std::move(events)}};
  io::write_text("Profile::save_trace", path,
                 file.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n');
}

}  // namespace xgrad
