#include "progress.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string_view>

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace terminal {
namespace {

double seconds_between(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

std::size_t columns_of(std::FILE* stream) {
  winsize size{};
  const bool known = ::ioctl(::fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

std::string clock_time(double seconds) {
  const long whole = std::lround(seconds);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace

bool is_terminal(std::FILE* stream) {
  const char* kind = std::getenv("TERM");
  return ::isatty(::fileno(stream)) == 1 && kind != nullptr && std::string_view(kind) != "dumb";
}

Progress::Progress(std::FILE* out, bool is_terminal, std::size_t epochs, std::size_t samples_per_epoch)
    : out_(out),
      is_terminal_(is_terminal),
      epochs_(epochs),
      samples_per_epoch_(samples_per_epoch),
      start_(Clock::now()),
      epoch_start_(start_) {}

Progress::~Progress() {
  if (line_is_open_) std::fputc('\n', out_);
}

void Progress::batch(std::size_t samples, double loss, std::size_t right) {
  samples_ += samples;
  right_ += right;
  loss_sum_ += loss * static_cast<double>(samples);
  // Ten times a second is as often as an eye wants it.
  if (is_terminal_ && seconds_between(last_drawn_, Clock::now()) > 0.1) draw();
}

EpochMeans Progress::means() const {
  if (samples_ == 0) return finished_;
  const auto count = static_cast<double>(samples_);
  const double seconds = std::max(1e-9, seconds_between(epoch_start_, Clock::now()));
  return {loss_sum_ / count, static_cast<double>(right_) / count, count / seconds};
}

EpochMeans Progress::end_of_epoch() {
  finished_ = means();
  ++epochs_done_;
  samples_ = right_ = 0;
  loss_sum_ = 0;
  return finished_;
}

void Progress::tested(double accuracy) {
  const std::size_t stride = std::max<std::size_t>(1, epochs_ / 10);
  const bool is_last = epochs_done_ >= epochs_;
  if (is_last || (!is_terminal_ && (epochs_done_ == 1 || epochs_done_ % stride == 0))) {
    const std::string wipe = line_is_open_ ? "\r\x1b[K" : "";
    fmt::print(out_, "{}{}  test {:.1f} %\n", wipe, figures(finished_), 100 * accuracy);
    std::fflush(out_);
    line_is_open_ = false;
  }
  epoch_start_ = Clock::now();
}

double Progress::seconds_left() const {
  const auto per_epoch = static_cast<double>(samples_per_epoch_);
  const double done = static_cast<double>(epochs_done_) * per_epoch + static_cast<double>(samples_);
  const double total = static_cast<double>(epochs_) * per_epoch;
  if (done <= 0) return 0;
  return seconds_between(start_, Clock::now()) / done * std::max(0.0, total - done);
}

std::string Progress::bar(std::size_t width) const {
  const double done =
      static_cast<double>(epochs_done_) +
      static_cast<double>(samples_) / static_cast<double>(std::max<std::size_t>(1, samples_per_epoch_));
  const double part = std::clamp(done / static_cast<double>(std::max<std::size_t>(1, epochs_)), 0.0, 1.0);
  const auto filled = static_cast<std::size_t>(part * static_cast<double>(width));
  return " [" + std::string(filled, '#') + std::string(width - filled, '.') + ']';
}

std::string Progress::figures(const EpochMeans& means) const {
  const std::size_t present = std::min(epochs_, epochs_done_ + (samples_ > 0 ? 1 : 0));
  return fmt::format("epoch {:>3}/{}  loss {:.4f}  accuracy {:5.1f} %  {:.0f} samples/s", present, epochs_,
                     means.loss, 100 * means.accuracy, means.samples_per_second);
}

void Progress::draw() {
  last_drawn_ = Clock::now();
  const std::string text = fmt::format("{}  {} left", figures(means()), clock_time(seconds_left()));
  // A line that is longer than the terminal is wide cannot be redrawn.
  const std::size_t columns = columns_of(out_) - 1;
  std::string line = text;
  if (columns >= text.size() + 13) line += bar(std::min<std::size_t>(30, columns - text.size() - 3));
  fmt::print(out_, "\r{}\x1b[K", line.substr(0, columns));
  std::fflush(out_);
  line_is_open_ = true;
}

}  // namespace terminal
