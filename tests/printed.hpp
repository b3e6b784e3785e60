// What a value prints.
#pragma once

#include <sstream>
#include <string>

namespace xgrad::testing {

template <class T>
std::string printed(const T& value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

}  // namespace xgrad::testing
