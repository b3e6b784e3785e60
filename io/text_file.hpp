// A text that is written to a file.
#pragma once

#include <string>
#include <string_view>

namespace xgrad::io {

/// IoError unless the path ends so.
void check_ending(const char* operation, const std::string& path, std::string_view ending);

/// The file is there whole or not at all; IoError as for write_whole_file().
void write_text(const char* operation, const std::string& path, std::string_view text);

}  // namespace xgrad::io
