// Labels for what is recorded.
#pragma once

#include <string_view>

#include "watch.hpp"

namespace xgrad {

/// While it lives, what this thread records carries its name: `Variable::scope()` gives the names of all
/// scopes around an operation as a path, "encoder/layer1", and the errors of DetectAnomaly tell it, with the
/// line that made the scope. Nests; other threads are not concerned. ValueError if the name is empty.
class [[nodiscard("give it a name: without one it ends with the statement")]] Scope {
 public:
  [[nodiscard("give it a name: without one it ends with the statement")]] explicit Scope(
      std::string_view name, const char* file = __builtin_FILE(), int line = __builtin_LINE());

 private:
  detail::Watch watch_;
};

}  // namespace xgrad
