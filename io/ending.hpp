// The format that a file's ending chooses, from a table of those that there are.
#pragma once

#include <cstddef>
#include <iterator>
#include <string>

#include "../core/array/error.hpp"

namespace xgrad::io {

/// The row of `formats` whose `ending` the path has; IoError with all of them, and what `otherwise` adds, if
/// there is none.
template <class Formats>
const auto& chosen_format(const char* operation, const std::string& path, const Formats& formats,
                          const std::string& otherwise = {}) {
  for (const auto& format : formats)
    if (path.ends_with(format.ending)) return format;
  std::string text = operation;
  text += ": the ending of " + path + " tells no format; let it be ";
  for (std::size_t i = 0; i < std::size(formats); ++i) {
    if (i > 0) text += i + 1 < std::size(formats) ? ", " : " or ";
    text += formats[i].ending;
  }
  throw IoError(text + otherwise);
}

}  // namespace xgrad::io
