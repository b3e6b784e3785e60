// What the library makes when it is first asked for, and keeps for ever.
#pragma once

#include <atomic>
#include <memory>

namespace xgrad::detail {

/// Apart, so that asking for what is there stays short.
template <class T, class Make>
[[gnu::cold, gnu::noinline]] T* make_immortal(std::atomic<T*>& kept, const Make& make) {
  std::unique_ptr<T> own(new T(make()));
  T* known = nullptr;
  if (kept.compare_exchange_strong(known, own.get(), std::memory_order_acq_rel)) known = own.release();
  return known;
}

/// The object that `make()` gives: one for each type of `make`, and so for each lambda in the source.
///
/// It is never destroyed, so that static objects of a user's and threads that still run may use it to the
/// very end of the program. Threads that ask for it first at the same time make one each, and the one that is
/// ready first stays: there is no lock, which a forked child could find held by a thread that it does not
/// have.
template <class Make>
auto& immortal(const Make& make) {
  static constinit std::atomic<decltype(make())*> kept{nullptr};
  auto* known = kept.load(std::memory_order_acquire);
  if (known == nullptr) [[unlikely]]
    known = make_immortal(kept, make);
  return *known;
}

}  // namespace xgrad::detail
