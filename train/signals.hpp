// Signals that ask a program to end, noticed and left for later.
#pragma once

#include <csignal>

namespace xgrad::train::detail {

/// While it lives, SIGINT and SIGTERM end nothing: seen() says whether one has come. Afterwards the handlers
/// are those from before. One at a time in a program: ValueError for a second one.
class [[nodiscard]] SignalWatch {
 public:
  [[nodiscard]] SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;
  ~SignalWatch();

  bool seen() const noexcept;

 private:
  struct sigaction before_[2];
};

}  // namespace xgrad::train::detail
