#include "fork.hpp"

#include <iterator>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace xgrad::detail {

#if defined(__unix__) || defined(__APPLE__)
namespace {

/// In the order in which a thread may hold one and ask for the next: a loop calls BLAS and allocates. What is
/// not here must not be waited for in a child.
constexpr const OverFork* all[] = {&loops_over_fork, &blas_over_fork, &notes_over_fork, &memory_over_fork};

void take_all() {
  for (const OverFork* lock : all) lock->take();
}
void give_back_all() {
  for (auto lock = std::rbegin(all); lock != std::rend(all); ++lock) (*lock)->give_back();
}
void give_back_all_in_child() {
  for (auto lock = std::rbegin(all); lock != std::rend(all); ++lock) (*lock)->give_back_in_child();
}

}  // namespace

bool watch_forks() {
  static constinit bool watching = false;  // before main there is one thread
  if (!watching) watching = pthread_atfork(take_all, give_back_all, give_back_all_in_child) == 0;
  return watching;
}
#else
bool watch_forks() { return false; }
#endif

}  // namespace xgrad::detail
