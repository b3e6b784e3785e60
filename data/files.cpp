#include "files.hpp"

#include <dlfcn.h>
#if defined(__linux__)
#include <link.h>
#endif

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <vector>

#include "../core/array/error.hpp"
#include "packed_file.hpp"

namespace xgrad::data {
namespace {

std::atomic<const char*> package_folder{nullptr};

/// The shared library or the executable that this code is in; empty if the system does not say.
std::filesystem::path own_binary() {
  std::error_code error;
  Dl_info info{};
  const void* const here = &package_folder;
#if defined(__GLIBC__)
  // The name of the executable is what it was called by, which may be no path; the name in its map is empty.
  link_map* map = nullptr;
  if (::dladdr1(here, &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP) == 0) return {};
  if (map->l_name[0] == '\0') return std::filesystem::read_symlink("/proc/self/exe", error);
#else
  if (::dladdr(here, &info) == 0) return {};
#endif
  const std::filesystem::path binary = std::filesystem::canonical(info.dli_fname, error);
  return error ? std::filesystem::path() : binary;
}

std::vector<std::filesystem::path> data_folders() {
  std::vector<std::filesystem::path> folders;
  const auto add = [&](std::filesystem::path folder) {
    if (std::find(folders.begin(), folders.end(), folder) == folders.end())
      folders.push_back(std::move(folder));
  };
  if (const char* chosen = std::getenv("XGRAD_DATA_DIR"); chosen != nullptr && *chosen != '\0') add(chosen);
  if (const char* folder = package_folder) add(folder);
  if (const std::filesystem::path binary = own_binary(); !binary.empty())
    for (const char* way : {XGRAD_DATA_FROM_LIBRARIES, XGRAD_DATA_FROM_PROGRAMS})
      add((binary.parent_path() / way).lexically_normal());
  add(XGRAD_SOURCE_DATA_DIR);
  add(XGRAD_INSTALLED_DATA_DIR);
  return folders;
}

}  // namespace

bool detail::remember_package_folder(const char* folder) noexcept {
  package_folder = folder;
  return true;
}

std::string find_data_file(std::string_view operation, std::string_view name) {
  std::string places;
  for (const std::filesystem::path& folder : data_folders()) {
    const std::filesystem::path path = folder / name;
    std::error_code ignored;  // what cannot be looked at is not there
    if (std::filesystem::is_regular_file(path, ignored)) return path.string();
    places += (places.empty() ? "" : ", ") + folder.string();
  }
  throw IoError(std::string(operation) + ": " + std::string(name) + " is in none of " + places +
                "; set XGRAD_DATA_DIR to the folder that holds it");
}

std::string read_file(std::string_view operation, const std::string& path) {
  PackedFile file(operation, path);
  std::string bytes;
  std::array<char, 1 << 16> piece;
  while (const std::size_t count = file.read(piece.data(), piece.size())) bytes.append(piece.data(), count);
  return bytes;
}

}  // namespace xgrad::data
