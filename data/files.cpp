#include "files.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <system_error>
#include <vector>

#include <zlib.h>

#include "../core/error.hpp"

namespace xgrad::data {
namespace {

std::vector<std::filesystem::path> data_folders() {
  std::vector<std::filesystem::path> folders;
  if (const char* chosen = std::getenv("XGRAD_DATA_DIR"); chosen != nullptr && *chosen != '\0')
    folders.emplace_back(chosen);
  folders.emplace_back(XGRAD_DATA_DIR);
  folders.emplace_back(XGRAD_INSTALLED_DATA_DIR);
  return folders;
}

struct CloseGzip {
  // Closing what was only read has nothing to report.
  void operator()(gzFile file) const noexcept { gzclose_r(file); }
};
using GzipFile = std::unique_ptr<std::remove_pointer_t<gzFile>, CloseGzip>;

[[noreturn]] void throw_unreadable(std::string_view operation, const std::filesystem::path& path,
                                   const std::string& cause) {
  throw IoError(std::string(operation) + ": cannot read " + path.string() + " (" + cause +
                "); check the path, or fetch the file again");
}

/// zlib's own words, which lead with a path that the sentence has already.
std::string gzip_cause(gzFile file) {
  int code = Z_OK;
  const std::string text = gzerror(file, &code);
  if (code == Z_ERRNO) return std::strerror(errno);
  const std::size_t colon = text.find(": ");
  return colon == std::string::npos ? text : text.substr(colon + 2);
}

}  // namespace

std::filesystem::path find_data_file(std::string_view operation, std::string_view name) {
  std::string places;
  for (const std::filesystem::path& folder : data_folders()) {
    const std::filesystem::path path = folder / name;
    std::error_code ignored;  // what cannot be looked at is not there
    if (std::filesystem::is_regular_file(path, ignored)) return path;
    places += (places.empty() ? "" : ", ") + folder.string();
  }
  throw IoError(std::string(operation) + ": " + std::string(name) + " is in none of " + places +
                "; set XGRAD_DATA_DIR to the folder that holds it");
}

std::string read_file(std::string_view operation, const std::filesystem::path& path) {
  // zlib opens a folder without complaint.
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) throw_unreadable(operation, path, "it is a folder");
  errno = 0;
  const GzipFile file(gzopen(path.c_str(), "rb"));
  if (!file) throw_unreadable(operation, path, errno == 0 ? "out of memory" : std::strerror(errno));
  std::string bytes;
  std::array<char, 1 << 16> piece;
  while (true) {
    const int count = gzread(file.get(), piece.data(), static_cast<unsigned>(piece.size()));
    if (count < 0) throw_unreadable(operation, path, gzip_cause(file.get()));
    if (count == 0) break;
    bytes.append(piece.data(), static_cast<std::size_t>(count));
  }
  // The end of a truncated file reads like any other; only the state tells.
  int code = Z_OK;
  gzerror(file.get(), &code);
  if (code != Z_OK && code != Z_STREAM_END) throw_unreadable(operation, path, gzip_cause(file.get()));
  return bytes;
}

}  // namespace xgrad::data
