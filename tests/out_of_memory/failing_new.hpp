// Memory that runs out when a test says so: this program's operator new fails at a given call.
#pragma once

#include <cstddef>

namespace xgrad::testing {

/// While it lives, of all threads' calls of operator new the one after `calls` others fails, and every later
/// one: with std::bad_alloc, or null where that was asked for. One at a time.
class OutOfMemoryAfter {
 public:
  explicit OutOfMemoryAfter(std::size_t calls);
  OutOfMemoryAfter(const OutOfMemoryAfter&) = delete;
  OutOfMemoryAfter& operator=(const OutOfMemoryAfter&) = delete;
  ~OutOfMemoryAfter();
};

/// Whether memory ran out while the last OutOfMemoryAfter lived.
bool ran_out();

}  // namespace xgrad::testing
