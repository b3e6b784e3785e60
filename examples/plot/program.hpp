// Programs of others: found on the PATH at run time, and run without a shell in between.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace plot {

/// Where on the PATH a program is; none if it is not installed.
std::optional<std::filesystem::path> find_program(const std::string& name);

struct Outcome {
  int exit_code = 0;   ///< as a shell counts: 128 + the signal's number if one ended it
  std::string errors;  ///< what it wrote to its standard error
};

/// Runs a program in `folder` and waits for its end. Arguments reach it as they are: nothing splits or
/// expands them. xgrad::IoError if it cannot be started.
Outcome run_program(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                    const std::filesystem::path& folder);

}  // namespace plot
