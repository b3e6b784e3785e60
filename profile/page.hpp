// Pages for a browser: one file each, with its data, styles and scripts inside.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace xgrad {
class Profile;
}

namespace xgrad::detail {

/// What a page is made of. The styles and the script of page_parts.hpp come before these.
struct Page {
  std::string_view title;
  std::string_view styles;
  std::string_view body;
  std::string data;  ///< a JSON object, `data` for the scripts
  std::initializer_list<std::string_view> scripts;
};

/// The beginning and the end of the data within a page.
inline constexpr std::string_view data_begins = "<script type=\"application/json\" id=\"data\">\n";
inline constexpr std::string_view data_ends = "\n</script>";

std::string page_text(const Page& page);

/// A profile as the data for profile_script: a JSON object, with the first `most_events` of its activities.
std::string profile_data(const Profile& profile, std::size_t most_events);

/// Ends it, rather than refuse, where the thread makes another one.
void let_make_way(Profile& profile) noexcept;

}  // namespace xgrad::detail
