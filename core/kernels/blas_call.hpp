// Calls of BLAS, which a fork and the program's end have to wait for.
#pragma once

#include "../array/reference_count.hpp"

namespace xgrad::detail {

/// Stands around every call of BLAS or LAPACK; does not nest. OpenBLAS's locks know nothing of forks: a child
/// could find one held by a thread that it does not have. And at the end of the program it gives its buffers
/// back, also those that a thread is using. So both wait until no other thread is inside, and who comes
/// meanwhile waits in turn: at the program's end for ever, or rather until it is over.
class BlasCall {
 public:
  /// A process of one thread has nobody to wait for.
  BlasCall() noexcept : counted_(!single_threaded()) {
    if (counted_) enter();
  }
  ~BlasCall() {
    if (counted_) leave();
  }
  BlasCall(const BlasCall&) = delete;
  BlasCall& operator=(const BlasCall&) = delete;

 private:
  static void enter() noexcept;
  static void leave() noexcept;
  const bool counted_;
};

}  // namespace xgrad::detail
