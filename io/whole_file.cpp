#include "whole_file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#if defined(__linux__)
#include <sys/xattr.h>
#endif
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "../core/array/error.hpp"

namespace xgrad::io {
namespace {

[[noreturn]] void throw_unwritable(
    const std::string& path, const std::string& cause,
    const char* advice = "check the folder, its permissions and the space left") {
  throw IoError("save: cannot write " + path + " (" + cause + "); " + advice);
}

[[noreturn]] void throw_unwritable(const std::string& path) { throw_unwritable(path, std::strerror(errno)); }

constexpr const char* other_file = "give the name of a regular file, or of none yet";

/// Where `path` leads, through symbolic links and whether anything is there or not.
std::filesystem::path end_of_links(const std::string& path) {
  // The kernel's own limit.
  constexpr int most_links = 40;
  std::filesystem::path at = path;
  for (int links = 0; links <= most_links; ++links) {
    std::error_code error;
    const std::filesystem::path next = std::filesystem::read_symlink(at, error);
    if (error) return at;  // no link; what else is wrong with it will be seen
    at = next.is_absolute() ? next : at.parent_path() / next;
  }
  throw_unwritable(path, std::strerror(ELOOP), "its links lead nowhere, remove one of them");
}

/// What was at a path, whose file the new one is to be like.
struct Predecessor {
  struct stat status;
  std::vector<char> access_list;  ///< empty if it has none beside its mode
};

const char* kind_of(mode_t mode) {
  return S_ISFIFO(mode) ? "it is a pipe" : S_ISSOCK(mode) ? "it is a socket" : "it is a device";
}

#if defined(__linux__)
constexpr const char* access_list_name = "system.posix_acl_access";
#endif

std::vector<char> access_list_of([[maybe_unused]] const std::string& file) {
  std::vector<char> list;
#if defined(__linux__)
  // Few file systems have any, and those say so by an error.
  const ssize_t size = ::getxattr(file.c_str(), access_list_name, nullptr, 0);
  if (size <= 0) return list;
  list.resize(static_cast<std::size_t>(size));
  const ssize_t got = ::getxattr(file.c_str(), access_list_name, list.data(), list.size());
  list.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
#endif
  return list;
}

/// Nothing if nothing is there; IoError for what must not be replaced.
std::optional<Predecessor> predecessor_at(const std::string& file, const std::string& path) {
  Predecessor found{};
  if (::lstat(file.c_str(), &found.status) != 0) {
    if (errno == ENOENT) return {};
    throw_unwritable(path);
  }
  const mode_t mode = found.status.st_mode;
  if (S_ISDIR(mode)) throw_unwritable(path, std::strerror(EISDIR), other_file);
  if (!S_ISREG(mode)) throw_unwritable(path, kind_of(mode), other_file);
  if (found.status.st_nlink > 1)
    throw_unwritable(path,
                     "it is one file of " + std::to_string(found.status.st_nlink) +
                         " names, hard links, of which the others would keep the old contents",
                     "remove the others, or save under a new name");
  // A new file could take its place all the same, but who takes the right to write away means the contents.
  if (::faccessat(AT_FDCWD, file.c_str(), W_OK, AT_EACCESS) != 0) throw_unwritable(path);
  found.access_list = access_list_of(file);
  return found;
}

/// The beginning of the names of unfinished files for `file`: short enough for the rest to fit.
std::string unfinished_prefix(const std::filesystem::path& file) {
  constexpr std::size_t longest = 200;
  return file.filename().string().substr(0, longest) + ".part-";
}

/// <process>-<number>
bool is_suffix(std::string_view text) {
  const std::size_t dash = text.find('-');
  constexpr std::string_view digits = "0123456789";
  return dash != text.npos && dash > 0 && dash + 1 < text.size() && text.find_first_not_of(digits) == dash &&
         text.find_first_not_of(digits, dash + 1) == text.npos;
}

/// Takes the lock of an unfinished file; false if its writer has it.
bool lock(int file) { return ::flock(file, LOCK_EX | LOCK_NB) == 0; }

/// Removes the unfinished files of writers that are no more. What cannot be looked at, stays.
void remove_abandoned(const std::filesystem::path& file) {
  const std::string prefix = unfinished_prefix(file);
  const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator(folder, error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(prefix) || !is_suffix(std::string_view(name).substr(prefix.size()))) continue;
    const int found = ::open(entry->path().c_str(), O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (found < 0) continue;
    struct stat status;
    // Locked: nobody removes it, or gives its name to another, after the look.
    if (lock(found) && ::fstat(found, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink > 0)
      ::unlink(entry->path().c_str());
    ::close(found);
  }
}

/// An empty file that nobody else has, locked, and removed again unless it was renamed.
class NewFile {
 public:
  /// `path` is what the user calls `file`.
  NewFile(const std::filesystem::path& file, const std::string& path, mode_t mode) : path_(path) {
    static std::atomic<unsigned> count{0};
    const std::string stem = (file.parent_path() / unfinished_prefix(file)).string();
    do {
      if (file_ >= 0) ::close(file_);
      name_ = stem + std::to_string(::getpid()) + "-" + std::to_string(++count);
      file_ = ::open(name_.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode);
      if (file_ < 0 && errno != EEXIST) throw_unwritable(path);
    } while (file_ < 0 || !is_kept());
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() {
    if (!renamed_) ::unlink(name_.c_str());
    ::close(file_);
  }

  const std::string& name() const { return name_; }

  /// Takes over what belongs to the file and not to its contents.
  void be_like(const Predecessor& before) {
    struct stat now;
    if (::fstat(file_, &now) != 0) throw_unwritable(path_);
    const struct stat& old = before.status;
    if ((now.st_uid != old.st_uid || now.st_gid != old.st_gid) &&
        ::fchown(file_, old.st_uid, old.st_gid) != 0)
      throw_unwritable(path_,
                       "its owner and group are " + std::to_string(old.st_uid) + " and " +
                           std::to_string(old.st_gid) + ", which this process may not give to a new file",
                       "save as that owner, or under a new name");
#if defined(__linux__)
    // A list that the folder gives to new files goes, too; not every file system has any.
    const std::vector<char>& list = before.access_list;
    if (list.empty())
      ::fremovexattr(file_, access_list_name);
    else if (::fsetxattr(file_, access_list_name, list.data(), list.size(), 0) != 0)
      throw_unwritable(path_);
#endif
    if (::fchmod(file_, old.st_mode & 07777) != 0) throw_unwritable(path_);
  }

  void rename_to(const std::filesystem::path& file) {
    // The contents first: after a power failure the name must not lead to an empty file.
    if (::fsync(file_) != 0 || std::rename(name_.c_str(), file.c_str()) != 0) throw_unwritable(path_);
    renamed_ = true;
  }

 private:
  /// Whether it is ours still: between its making and the lock, another process may take it for abandoned. A
  /// file system without locks leaves every file alone.
  bool is_kept() const {
    if (!lock(file_) && errno == EWOULDBLOCK) return false;
    struct stat status;
    return ::fstat(file_, &status) == 0 && status.st_nlink > 0;
  }

  const std::string& path_;
  std::string name_;
  int file_ = -1;
  bool renamed_ = false;
};

/// `text` with the user's name for the file in place of ours.
std::string renamed(std::string text, const std::string& ours, const std::string& path) {
  for (std::size_t at = 0; (at = text.find(ours, at)) != text.npos; at += path.size())
    text.replace(at, ours.size(), path);
  return text;
}

}  // namespace

void write_whole_file(const std::string& path, const std::function<void(const std::string&)>& write) {
  const std::filesystem::path file = end_of_links(path);
  const std::optional<Predecessor> before = predecessor_at(file.string(), path);
  remove_abandoned(file);
  // Nobody may read the contents for a moment who may not read the file that they are for.
  NewFile unfinished(file, path, before ? before->status.st_mode & 0600 : 0666);
  if (before) unfinished.be_like(*before);
  try {
    write(unfinished.name());
  } catch (const IoError& error) {
    throw IoError(renamed(error.what(), unfinished.name(), path));
  }
  unfinished.rename_to(file);
}

void check_whole_file(const std::string& path) { predecessor_at(end_of_links(path).string(), path); }

}  // namespace xgrad::io
