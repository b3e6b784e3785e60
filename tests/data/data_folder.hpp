// A folder of data files for a test, and what the loaders say about them.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <xgrad/core/array/error.hpp>

#include <unistd.h>

#include "../message_of.hpp"

namespace xgrad::testing {

/// An empty folder that the library looks into first, while it lives.
class DataFolder {
 public:
  DataFolder()
      : path_(std::filesystem::temp_directory_path() / ("xgrad_test_data_" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path_);
    if (const char* before = std::getenv("XGRAD_DATA_DIR")) before_ = before;
    ::setenv("XGRAD_DATA_DIR", path_.c_str(), 1);
  }
  ~DataFolder() {
    if (before_.empty()) {
      ::unsetenv("XGRAD_DATA_DIR");
    } else {
      ::setenv("XGRAD_DATA_DIR", before_.c_str(), 1);
    }
    std::filesystem::remove_all(path_);
  }
  std::filesystem::path write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return path_ / name;
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  std::string before_;
};

/// The IoError's text that a call fails with.
template <class F>
std::string complaint(F&& call) {
  return message_of<IoError>(call);
}

}  // namespace xgrad::testing
