// Files that are there whole or not at all.
#pragma once

#include <functional>
#include <string>

namespace xgrad::io {

/// Calls write(unfinished) with the name of a new, empty file beside `path`; when it returns, what it wrote
/// goes to the disk and takes the name `path`, in place of what was there. When it throws, or that fails with
/// an IoError, the new file is removed, and what was at `path` stays.
///
/// Symbolic links are followed, also to what is not there yet: it is the file at their end that is replaced.
/// The new file has the mode, owner, group and access list of the one that it replaces. IoError, before
/// anything is written, where the process may not give it those, where it could not have written to the file
/// itself, for what is no regular file, and for a file of several hard links. Errors name `path`.
///
/// The new file is called `path`.part-<process>-<number> and is locked (flock) as long as it is written. One
/// whose writer was killed has lost its lock, and is removed by the next call for the same path.
void write_whole_file(const std::string& path, const std::function<void(const std::string&)>& write);

/// Refuses what write_whole_file would refuse to replace: what is no regular file, cannot be written, or has
/// several hard links.
void check_whole_file(const std::string& path);

}  // namespace xgrad::io
