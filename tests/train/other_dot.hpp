// Programs that stand for Graphviz's dot.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "../io/temporary_folder.hpp"

namespace xgrad::testing {

/// Another PATH while it lives.
class SearchPath {
 public:
  explicit SearchPath(const std::string& path) : before_(std::getenv("PATH")) {
    ::setenv("PATH", path.c_str(), 1);
  }
  ~SearchPath() { ::setenv("PATH", before_.c_str(), 1); }

 private:
  std::string before_;
};

/// A folder with a program dot that does what a shell does at `commands`.
inline std::string with_dot(const TemporaryFolder& folder, const std::string& commands) {
  write_bytes(folder / "dot", "#!/bin/sh\n" + commands + "\n");
  std::filesystem::permissions(folder / "dot", std::filesystem::perms::owner_all);
  return std::filesystem::path(folder / "dot").parent_path().string();
}

}  // namespace xgrad::testing
