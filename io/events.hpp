// Numbers over time, as TensorBoard reads them.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>

#include "../core/array/number.hpp"

namespace xgrad::io {

/// A file of events in a folder, to which numbers are added while a program runs: TensorBoard draws a curve
/// for each tag, `tensorboard --logdir <folder above>`. Each number is written at once, so that a browser
/// shows a training while it runs, and what a program that dies has written stays.
///
/// ```cpp
/// xg::io::Events events("runs/first");
/// events.add_scalar("loss/training", loss.item(), step);
/// ```
///
/// The format is TensorFlow's: TFRecord frames of Event messages (tensorflow/core/util/event.proto), with
/// checksums by CRC-32C (RFC 3720, B.4).
class Events {
 public:
  /// A new file, "events.out.tfevents.<seconds>.<process>.<number>.xgrad", in the folder, which is made where
  /// there is none. IoError if it cannot be written.
  explicit Events(const std::string& folder);
  Events(Events&&) noexcept;
  Events& operator=(Events&&) noexcept;
  ~Events();

  /// One point of the curve `tag`, rounded to float as the format has it; NaN and infinities are kept.
  /// ValueError for an empty tag, IoError if it cannot be written.
  void add_scalar(const std::string& tag, double value, Integer step);

  const std::string& path() const noexcept { return path_; }

 private:
  void write(const std::string& message);

  std::string path_;
  std::unique_ptr<std::ostream> out_;
};

}  // namespace xgrad::io
