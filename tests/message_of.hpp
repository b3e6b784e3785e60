// The text of an error that a test expects.
#pragma once

#include <string>
#include <xgrad/core/array/error.hpp>

namespace xgrad::testing {

/// What the Expected error says that `f` throws; "nothing was thrown" if it throws none. Others pass through.
template <class Expected = Error, class F>
std::string message_of(F&& f) {
  try {
    f();
  } catch (const Expected& error) {
    return error.what();
  }
  return "nothing was thrown";
}

}  // namespace xgrad::testing
