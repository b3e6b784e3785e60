#include "signals.hpp"

#include <atomic>

#include "../core/array/error.hpp"

namespace xgrad::train::detail {
namespace {

constexpr int watched[2] = {SIGINT, SIGTERM};

std::atomic<bool> is_watching{false};
std::atomic<bool> has_come{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may set it");

extern "C" void xgrad_train_note_signal(int) { has_come = true; }

}  // namespace

SignalWatch::SignalWatch() {
  if (is_watching.exchange(true))
    throw ValueError("fit: another training watches the signals; let one of the two have stop_on_signals");
  has_come = false;
  struct sigaction action {};
  action.sa_handler = xgrad_train_note_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (int i = 0; i < 2; ++i) sigaction(watched[i], &action, &before_[i]);
}

SignalWatch::~SignalWatch() {
  for (int i = 0; i < 2; ++i) sigaction(watched[i], &before_[i], nullptr);
  is_watching = false;
}

bool SignalWatch::seen() const noexcept { return has_come; }

}  // namespace xgrad::train::detail
