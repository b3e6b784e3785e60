// Locks over a fork.
#pragma once

namespace xgrad::detail {

/// What happens to one of the library's locks over a fork of the process.
struct OverFork {
  void (*take)();                ///< before it: afterwards no other thread is inside
  void (*give_back)();           ///< in the parent
  void (*give_back_in_child)();  ///< where the forking thread is the only one
};

// Each is defined beside its lock.
extern const OverFork loops_over_fork;
extern const OverFork blas_over_fork;
extern const OverFork notes_over_fork;
extern const OverFork memory_over_fork;

/// Sees to it that a forked child finds none of them held by a thread that it does not have. Called before
/// the program's main, for the first time by whoever needs it first.
bool watch_forks();

}  // namespace xgrad::detail
