#include "whole_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "../core/error.hpp"

namespace xgrad::io {
namespace {

[[noreturn]] void throw_unwritable(const std::string& path) {
  throw IoError("save: cannot write " + path + " (" + std::strerror(errno) +
                "); check the folder, its permissions and the space left");
}

/// An empty file that nobody else has, removed again unless it was renamed.
class NewFile {
 public:
  explicit NewFile(const std::string& path) {
    static std::atomic<unsigned> count{0};
    do {
      name_ = path + ".part-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
      file_ = ::open(name_.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
    } while (file_ < 0 && errno == EEXIST);
    if (file_ < 0) throw_unwritable(path);
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() {
    ::close(file_);
    if (!renamed_) ::unlink(name_.c_str());
  }

  const std::string& name() const { return name_; }
  void rename_to(const std::string& path) {
    // The contents first: after a power failure the name must not lead to an empty file.
    if (::fsync(file_) != 0 || std::rename(name_.c_str(), path.c_str()) != 0) throw_unwritable(path);
    renamed_ = true;
  }

 private:
  std::string name_;
  int file_ = -1;
  bool renamed_ = false;
};

}  // namespace

void write_whole_file(const std::string& path, const std::function<void(const std::string&)>& write) {
  NewFile file(path);
  write(file.name());
  file.rename_to(path);
}

}  // namespace xgrad::io
