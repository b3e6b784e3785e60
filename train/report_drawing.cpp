#include "report_drawing.hpp"

#include <cerrno>
#include <cstring>
#include <exception>
#include <thread>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/mman.h>
#include <sys/resource.h>
#endif

extern char** environ;

namespace xgrad::train::detail {
namespace {

/// What the child does first: its three streams, and its group.
class Preparation {
 public:
  Preparation(int input, int output) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_adddup2(&actions_, input, STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_addopen(&actions_, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    ::posix_spawnattr_init(&attributes_);
    // A group of its own: Ctrl-C is for the training, which may want to show the picture yet.
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP);
  }
  Preparation(const Preparation&) = delete;
  Preparation& operator=(const Preparation&) = delete;
  ~Preparation() {
    ::posix_spawnattr_destroy(&attributes_);
    ::posix_spawn_file_actions_destroy(&actions_);
  }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

/// One without a name, which no other program inherits; null if there cannot be one.
std::FILE* unnamed_file() noexcept {
#if defined(__linux__)
  // In memory, and closed by exec from its first moment on: another thread may start a program now.
  const int number = ::memfd_create("xgrad graph", MFD_CLOEXEC);
  std::FILE* const file = number < 0 ? nullptr : ::fdopen(number, "w+");
  if (file == nullptr && number >= 0) ::close(number);
#else
  std::FILE* const file = std::tmpfile();
  if (file != nullptr) ::fcntl(::fileno(file), F_SETFD, FD_CLOEXEC);
#endif
  return file;
}

std::string all_of(std::FILE* file) {
  std::string text;
  std::rewind(file);
  char piece[4096];
  while (const std::size_t count = std::fread(piece, 1, sizeof piece, file)) text.append(piece, count);
  return text;
}

constexpr const char* no_files = "The graph was not drawn, for there is no place for its files.";

}  // namespace

GraphDrawing::GraphDrawing(const std::string& dot_text, std::chrono::milliseconds time_limit) noexcept
    : time_limit_(time_limit) {
  try {
    start(dot_text);
  } catch (const std::exception&) {
    // Not enough memory for it: the training may still have enough.
  }
}

GraphDrawing::~GraphDrawing() { end(); }

void GraphDrawing::start(const std::string& dot_text) {
  const File input(unnamed_file());
  output_.reset(unnamed_file());
  if (!input || !output_ ||
      std::fwrite(dot_text.data(), 1, dot_text.size(), input.get()) != dot_text.size() ||
      std::fflush(input.get()) != 0) {
    remark_ = no_files;
    return;
  }
  std::rewind(input.get());
  const Preparation preparation(::fileno(input.get()), ::fileno(output_.get()));
  char name[] = "dot", format[] = "-Tsvg";
  char* const words[] = {name, format, nullptr};
  const int failure =
      ::posix_spawnp(&process_, name, preparation.actions(), preparation.attributes(), words, environ);
  if (failure == 0) return limit();
  process_ = -1;
  remark_ = failure == ENOENT
                ? "To see the graph here, install Graphviz, whose program dot was not found (Debian, Ubuntu: "
                  "apt install graphviz), and train again."
                : std::string("The graph was not drawn, for Graphviz's program dot cannot be started (") +
                      std::strerror(failure) + ").";
}

/// So that it ends, too, where this program has been killed before.
void GraphDrawing::limit() noexcept {
#if defined(__linux__)
  const auto seconds = static_cast<rlim_t>(time_limit_.count() / 1000 + 1);
  const rlimit of_its_time{seconds, seconds};
  ::prlimit(process_, RLIMIT_CPU, &of_its_time, nullptr);
#endif
}

bool GraphDrawing::is_over() noexcept {
  if (process_ < 0) return true;
  int status = 0;
  const pid_t ended = ::waitpid(process_, &status, WNOHANG);
  if (ended == 0 && std::chrono::steady_clock::now() - start_ < time_limit_) return false;
  const bool in_time = ended != 0;
  if (in_time) process_ = -1;  // also where someone else has asked for its end before
  end();
  try {
    if (in_time)
      take();
    else
      remark_ = "The graph was not drawn, for Graphviz's program dot took longer than " +
                std::to_string(time_limit_.count() / 1000) + " seconds over it.";
  } catch (const std::exception&) {
    svg_.clear();
  }
  return true;
}

void GraphDrawing::wait() noexcept {
  while (!is_over()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

void GraphDrawing::end() noexcept {
  if (process_ < 0) return;
  ::kill(process_, SIGKILL);
  int status = 0;
  while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
  }
  process_ = -1;
}

/// Judged by what it wrote: its exit code may have gone to someone else.
void GraphDrawing::take() {
  const std::string text = all_of(output_.get());
  const std::size_t begin = text.find("<svg"), end = text.rfind("</svg>");
  if (begin == text.npos || end == text.npos)
    remark_ = "The graph was not drawn: the program dot on the PATH gave no SVG; is it Graphviz's?";
  else
    svg_ = text.substr(begin, end + 6 - begin);
}

}  // namespace xgrad::train::detail
