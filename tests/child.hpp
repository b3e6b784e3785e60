// Child processes of a test: forked ones, and ones that start afresh under another environment.
#pragma once

#if defined(__unix__)
// Whether a forked child may start threads: ThreadSanitizer ends it there.
#if defined(__SANITIZE_THREAD__)
#elif !defined(__has_feature)
#define XGRAD_TEST_FORKED_THREADS
#elif !__has_feature(thread_sanitizer)
#define XGRAD_TEST_FORKED_THREADS
#endif

#include <sys/wait.h>
#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace xgrad::testing {

/// The exit code of a forked child: 0 if `body` returns true; -1 if a signal ended it.
template <class F>
int in_child(F body) {
  std::fflush(nullptr);  // or the child might print it too
  const pid_t child = fork();
  if (child == 0) _exit(body() ? 0 : 1);
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// The exit code of this program, run afresh with `variable` set, for one test case that is skipped
/// otherwise.
inline int run_afresh(const char* test_case, const char* variable, const char* setting) {
  return in_child([&] {
    setenv(variable, setting, 1);
    const std::string filter = std::string("--test-case=") + test_case;
    execl("/proc/self/exe", "test", filter.c_str(), "--no-skip", "--minimal", static_cast<char*>(nullptr));
    return false;
  });
}

}  // namespace xgrad::testing
#endif
