#include "progress.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string_view>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

namespace xgrad::train::detail {
namespace {

double seconds_between(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

/// The file descriptor of a terminal that can redraw a line, or -1.
int terminal_of(const std::ostream& out) {
  const int file = &out == &std::cout                         ? STDOUT_FILENO
                   : &out == &std::cerr || &out == &std::clog ? STDERR_FILENO
                                                              : -1;
  const char* kind = std::getenv("TERM");
  return file >= 0 && ::isatty(file) == 1 && kind != nullptr && std::string_view(kind) != "dumb" ? file : -1;
}

std::string decimals(double number, int count) {
  char text[32];
  // Beyond this, a fixed point would be a row of digits that say nothing.
  std::snprintf(text, sizeof text, std::abs(number) < 1e9 ? "%.*f" : "%.*e", count, number);
  return text;
}

std::string clock_time(double seconds) {
  const long whole = std::lround(std::min(seconds, 1e9));
  const std::string rest = std::to_string(whole % 60);
  return std::to_string(whole / 60) + (rest.size() < 2 ? ":0" : ":") + rest;
}

std::string bar(std::size_t width, double part) {
  const auto filled = static_cast<std::size_t>(std::clamp(part, 0.0, 1.0) * static_cast<double>(width));
  return " [" + std::string(filled, '#') + std::string(width - filled, '.') + ']';
}

}  // namespace

Columns columns_of(const std::ostream& out) {
  const int terminal = terminal_of(out);
  if (terminal < 0) return {};
  return [terminal]() -> std::size_t {
    winsize size{};
    return ::ioctl(terminal, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
  };
}

Progress::Progress(std::ostream& out, Columns columns, std::size_t epochs, std::size_t done,
                   std::size_t batches, std::vector<std::string> metric_names, std::size_t done_batches,
                   double done_samples)
    : out_(out),
      columns_(std::move(columns)),
      epochs_(epochs),
      done_before_(done),
      done_(done),
      batches_(batches),
      part_before_(static_cast<double>(done) +
                   static_cast<double>(done_batches) / static_cast<double>(batches)),
      samples_before_(done_samples),
      metric_names_(std::move(metric_names)),
      start_(Clock::now()),
      epoch_start_(start_) {}

Progress::~Progress() {
  if (line_is_open_) out_ << std::endl;
}

std::string Progress::figures(std::size_t epoch, double loss, std::span<const double> metrics) const {
  const std::string of = std::to_string(epochs_), number = std::to_string(epoch);
  std::string text = "epoch " + std::string(of.size() - std::min(of.size(), number.size()), ' ') + number +
                     '/' + of + "  loss " + decimals(loss, 4);
  for (std::size_t i = 0; i < metrics.size(); ++i)
    text += "  " + metric_names_[i] + ' ' + decimals(metrics[i], 4);
  return text;
}

void Progress::batch(std::size_t batch, double samples, double loss, std::span<const double> metrics) {
  const Clock::time_point now = Clock::now();
  // Ten times a second is as often as an eye wants it.
  if (!columns_ || seconds_between(last_drawn_, now) < 0.1) return;
  last_drawn_ = now;
  const double done = static_cast<double>(done_) + static_cast<double>(batch) / static_cast<double>(batches_);
  const double rate = (samples - samples_before_) / std::max(1e-9, seconds_between(epoch_start_, now));
  draw(figures(done_ + 1, loss, metrics) + "  " + decimals(rate, 0) + " samples/s  " +
           clock_time(seconds_left(done)) + " left",
       done / static_cast<double>(epochs_));
}

double Progress::seconds_left(double epochs_done) const {
  const double here = epochs_done - part_before_;
  if (here <= 0) return 0;
  return seconds_between(start_, Clock::now()) / here *
         std::max(0.0, static_cast<double>(epochs_) - epochs_done);
}

void Progress::draw(const std::string& text, double part_done) {
  // A line that is longer than the terminal is wide cannot be redrawn.
  const std::size_t columns = columns_() - 1;
  std::string line = text;
  if (columns >= text.size() + 13)
    line += bar(std::min<std::size_t>(30, columns - text.size() - 3), part_done);
  out_ << '\r' << line.substr(0, columns) << "\x1b[K" << std::flush;
  line_is_open_ = true;
}

bool Progress::is_worth_a_line(Clock::time_point now) const {
  if (done_ == epochs_ || done_ == done_before_ + 1) return true;
  if (columns_) return seconds_between(last_line_, now) >= 0.1;
  return done_ % std::max<std::size_t>(1, epochs_ / 10) == 0;
}

void Progress::epoch(const EpochRecord& record) {
  done_ = record.epoch;
  samples_before_ = 0;
  epoch_start_ = Clock::now();
  if (!is_worth_a_line(epoch_start_)) return;
  last_line_ = epoch_start_;
  if (line_is_open_) out_ << "\r\x1b[K";
  line_is_open_ = false;
  out_ << figures(done_, record.loss, record.metrics);
  if (record.validation_loss) {
    out_ << "  validation: loss " << decimals(*record.validation_loss, 4);
    for (std::size_t i = 0; i < record.validation_metrics.size(); ++i)
      out_ << "  " << metric_names_[i] << ' ' << decimals(record.validation_metrics[i], 4);
  }
  out_ << "  " << decimals(record.seconds, record.seconds < 0.1 ? 4 : 2) << " s" << std::endl;
}

}  // namespace xgrad::train::detail
