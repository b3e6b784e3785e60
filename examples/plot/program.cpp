#include "program.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <system_error>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xgrad/core.hpp>

extern char** environ;

namespace fs = std::filesystem;

namespace plot {
namespace {

[[noreturn]] void throw_not_started(const fs::path& program, int error) {
  throw xgrad::IoError("run_program: cannot start " + program.string() + " (" + std::strerror(error) +
                       "); check that it is installed and may be run");
}

/// A pipe that no other program inherits.
class Pipe {
 public:
  Pipe() {
    if (::pipe(ends_.data()) != 0)
      throw xgrad::IoError(std::string("run_program: no pipe (") + std::strerror(errno) +
                           "); close other programs and try again");
    for (int end : ends_) ::fcntl(end, F_SETFD, FD_CLOEXEC);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    ::close(ends_[0]);
    close_writer();
  }
  int writer() const { return ends_[1]; }
  void close_writer() {
    if (ends_[1] >= 0) ::close(ends_[1]);
    ends_[1] = -1;
  }
  std::string read_all() const {
    std::string text;
    std::array<char, 4096> piece;
    while (true) {
      const ssize_t count = ::read(ends_[0], piece.data(), piece.size());
      if (count > 0) text.append(piece.data(), static_cast<std::size_t>(count));
      if (count == 0 || (count < 0 && errno != EINTR)) return text;
    }
  }

 private:
  std::array<int, 2> ends_{};
};

/// What a child does before it becomes the program: go to the folder, and connect its three streams.
class Preparation {
 public:
  Preparation(const fs::path& folder, int errors) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_addchdir_np(&actions_, folder.c_str());
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, errors, STDERR_FILENO);
  }
  Preparation(const Preparation&) = delete;
  Preparation& operator=(const Preparation&) = delete;
  ~Preparation() { ::posix_spawn_file_actions_destroy(&actions_); }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return 127;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

std::optional<fs::path> find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const fs::path candidate = fs::path(folder.empty() ? "." : folder) / name;
    std::error_code ignored;  // what cannot be looked at is not there
    if (fs::is_regular_file(candidate, ignored) && ::access(candidate.c_str(), X_OK) == 0)
      return fs::absolute(candidate);
  }
  return std::nullopt;
}

Outcome run_program(const fs::path& program, const std::vector<std::string>& arguments,
                    const fs::path& folder) {
  std::vector<std::string> words{program.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);

  Pipe errors;
  const Preparation preparation(folder, errors.writer());
  pid_t child = 0;
  const int failure =
      ::posix_spawn(&child, program.c_str(), preparation.actions(), nullptr, pointers.data(), environ);
  if (failure != 0) throw_not_started(program, failure);
  errors.close_writer();
  Outcome outcome;
  outcome.errors = errors.read_all();
  outcome.exit_code = wait_for(child);
  return outcome;
}

}  // namespace plot
