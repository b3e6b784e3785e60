// Files that are read from places of their own choice.
#pragma once

#include <cstddef>
#include <fstream>
#include <string>

namespace xgrad::io {

/// A file, open for reading. `path` is kept by reference.
class InputFile {
 public:
  /// `format` is what it should be, for messages. IoError that names the path and the system's cause.
  InputFile(const std::string& path, const char* format);

  std::size_t size() const noexcept { return size_; }
  /// Reads `count` bytes from the `at`-th on. IoError if there are fewer.
  void read(std::size_t at, char* out, std::size_t count);
  /// IoError that says what the file does, and to save it again.
  [[noreturn]] void fail(const std::string& what) const;

 private:
  const std::string& path_;
  const char* format_;
  std::ifstream stream_;
  std::size_t size_ = 0, position_ = 0;
};

}  // namespace xgrad::io
