// The text of an error that a test expects.
#pragma once

#include <string>
#include <xgrad/core/error.hpp>

namespace xgrad::testing {

/// What the xgrad::Error says that `f` throws; "nothing was thrown" if it throws none.
template <class F>
std::string message_of(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

}  // namespace xgrad::testing
