// The data files that come with the library: where they are, and what is in them.
#pragma once

#include <string>
#include <string_view>

#include "package.hpp"

namespace xgrad::data {

/// The path of a file that comes with the library: in the folder that the environment's XGRAD_DATA_DIR names,
/// in that of the package which CMake found, in share/xgrad of the prefix that this library (or the
/// executable that it is linked into) lies in, in the source tree, or where the library was to be installed,
/// in this order. IoError that names `operation` and every place looked at.
std::string find_data_file(std::string_view operation, std::string_view name);

/// All bytes of a file, unpacked if it is gzip. IoError that names `operation`, the path and the cause.
std::string read_file(std::string_view operation, const std::string& path);

}  // namespace xgrad::data
