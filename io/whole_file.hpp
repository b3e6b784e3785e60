// Files that are there whole or not at all.
#pragma once

#include <functional>
#include <string>

namespace xgrad::io {

/// Calls write(unfinished) with the name of a new, empty file beside `path`; when it returns, what it wrote
/// goes to the disk and takes the name `path`, in place of what was there. When it throws, or that fails with
/// an IoError, the new file is removed, and what was at `path` stays.
void write_whole_file(const std::string& path, const std::function<void(const std::string&)>& write);

}  // namespace xgrad::io
