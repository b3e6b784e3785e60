// Where an installed package keeps the files that come with the library, for code that is compiled against
// it.
#pragma once

namespace xgrad::data::detail {

/// find_data_file() looks there; `folder` must live for ever. Always true.
bool remember_package_folder(const char* folder) noexcept;

#if defined(XGRAD_PACKAGE_DATA_DIR)
// The package's CMake configuration defines it as it stands where it is found: a library that is linked into
// an executable has no other way to know where it came from. In every object, before main.
[[maybe_unused]] static const bool package_folder_is_known = remember_package_folder(XGRAD_PACKAGE_DATA_DIR);
#endif

}  // namespace xgrad::data::detail
