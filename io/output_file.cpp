#include "output_file.hpp"

#include <cerrno>
#include <cstring>

#include "../core/array/error.hpp"

namespace xgrad::io {

void throw_unwritten(const std::string& path) {
  throw IoError("save: cannot write " + path + " (" + std::strerror(errno) + "); check the space left");
}

OutputFile::OutputFile(const std::string& path) : path_(path) {
  errno = 0;
  stream_.open(path, std::ios::binary);
}

void OutputFile::write(const void* bytes, std::size_t count) {
  stream_.write(static_cast<const char*>(bytes), static_cast<std::streamsize>(count));
}

void OutputFile::close() {
  stream_.close();
  if (!stream_) throw_unwritten(path_);
}

}  // namespace xgrad::io
