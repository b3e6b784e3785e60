#include <limits>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "../core/array/threads.hpp"
#include "../io/text_file.hpp"
#include "page.hpp"
#include "page_parts.hpp"
#include "recorder.hpp"
#include "units.hpp"

namespace xgrad {
namespace {

using Json = nlohmann::ordered_json;

Json rows_of(const ProfileTable& table) {
  Json rows = Json::array();
  for (const ProfileTable::Row& row : table.rows)
    rows.push_back(Json{{"name", row.name},
                        {"calls", row.calls},
                        {"forward", row.forward},
                        {"backward", row.backward},
                        {"other", row.other},
                        {"flops", row.flops},
                        {"bytes", row.bytes},
                        {"roof", row.roof}});
  return rows;
}

std::string shapes_of(const std::vector<Shape>& inputs, const std::optional<Shape>& output) {
  std::string text;
  for (const Shape& shape : inputs) text += (text.empty() ? "" : ", ") + to_string(shape);
  if (output) text += (inputs.empty() ? "" : " to ") + to_string(*output);
  return text;
}

/// Of Profile::Recorder; a template, for that is Profile's own.
template <class Recorder>
Json events_of(const Recorder& recorder, std::size_t most) {
  Json list = Json::array();
  const double tick = detail::Ticks::seconds();
  std::vector<std::int64_t> open;  // the ends of what goes on around
  for (const auto& event : recorder.events()) {
    if (list.size() == most) break;
    if (!event.has_ended()) continue;
    while (!open.empty() && open.back() <= event.begin) open.pop_back();
    const detail::Form& form = recorder.form(event);
    list.push_back(
        Json::array({recorder.name(event), event.kind_name(), tick * static_cast<double>(event.begin),
                     tick * static_cast<double>(event.end), open.size(), shapes_of(form.inputs, form.output),
                     recorder.path(event), event.live_bytes}));
    open.push_back(event.end);
  }
  return list;
}

}  // namespace

std::string detail::profile_data(const Profile& profile, std::size_t most_events) {
  const ProfileTable operations = profile.table({.rows = 1000});
  std::size_t activities = 0;
  for (const auto& event : profile.recorder_->events()) activities += event.has_ended() ? 1 : 0;
  const Json data{{"date", date_text()},
                  {"seconds", operations.seconds},
                  {"outside", operations.outside},
                  {"peak_bytes", operations.peak_bytes},
                  {"threads", num_threads()},
                  {"operation", rows_of(operations)},
                  {"scope", rows_of(profile.table({.by = ProfileBy::scope, .rows = 1000}))},
                  {"activities", activities},
                  {"events", events_of(*profile.recorder_, most_events)}};
  return data.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void Profile::save_report(const std::string& path) const {
  io::check_ending("Profile::save_report", path, ".html");
  const std::string body = "<h1>Profile</h1>" + std::string(detail::profile_body);
  const std::string text =
      detail::page_text({.title = "Profile",
                         .styles = "",
                         .body = body,
                         .data = detail::profile_data(*this, std::numeric_limits<std::size_t>::max()),
                         .scripts = {detail::profile_script, "show_profile(data);\n"}});
  io::write_text("Profile::save_report", path, text);
}

}  // namespace xgrad
