#include "input_file.hpp"

#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "../core/array/error.hpp"

namespace xgrad::io {

InputFile::InputFile(const std::string& path, const char* format) : path_(path), format_(format) {
  errno = 0;
  stream_.open(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = stream_ ? std::streamoff(stream_.tellg()) : -1;
  // A folder opens, and is as large as a number can be.
  if (size < 0 || size == std::numeric_limits<std::streamoff>::max())
    throw IoError("load: cannot read " + path_ + " (" + std::strerror(errno == 0 ? EISDIR : errno) +
                  "); check the path");
  size_ = position_ = static_cast<std::size_t>(size);
}

void InputFile::fail(const std::string& what) const {
  throw IoError("load: " + path_ + " " + what + "; save it again, or check that it is " + format_ + " file");
}

void InputFile::read(std::size_t at, char* out, std::size_t count) {
  // A seek throws away what the stream has read ahead.
  if (at != position_) stream_.seekg(static_cast<std::streamoff>(at));
  stream_.read(out, static_cast<std::streamsize>(count));
  if (!stream_) fail("ends before its time, or cannot be read");
  position_ = at + count;
}

}  // namespace xgrad::io
