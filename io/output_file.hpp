// Files that are written from their beginning to their end.
#pragma once

#include <cstddef>
#include <fstream>
#include <string>

namespace xgrad::io {

/// IoError that names the path and the system's cause, for what could not be written there.
[[noreturn]] void throw_unwritten(const std::string& path);

/// A file, open for writing and empty at first. `path` is kept by reference.
class OutputFile {
 public:
  explicit OutputFile(const std::string& path);

  void write(const void* bytes, std::size_t count);
  void write(const std::string& text) { write(text.data(), text.size()); }
  /// To be called at the end: IoError as above if any of it was not written.
  void close();

 private:
  const std::string& path_;
  std::ofstream stream_;
};

}  // namespace xgrad::io
