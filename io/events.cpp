#include "events.hpp"

#include <unistd.h>

#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "../core/array/error.hpp"

namespace xgrad::io {
namespace {

/// Remainders of each byte by Castagnoli's polynomial, the lowest bit first.
constexpr std::array<std::uint32_t, 256> remainders = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t rest = byte;
    for (int bit = 0; bit < 8; ++bit) rest = rest >> 1 ^ ((rest & 1) != 0 ? 0x82f63b78U : 0U);
    table[byte] = rest;
  }
  return table;
}();

/// The checksum as a frame has it: turned and moved on, so that sums of sums are no weaker.
std::uint32_t masked_sum(const std::string& bytes) {
  std::uint32_t sum = ~0U;
  for (const char byte : bytes) sum = sum >> 8 ^ remainders[(sum ^ static_cast<unsigned char>(byte)) & 0xff];
  sum = ~sum;
  return std::rotr(sum, 15) + 0xa282ead8U;
}

/// The lowest byte first.
template <class N>
std::string little(N number) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof(N); ++i) bytes += static_cast<char>(number >> (8 * i) & 0xff);
  return bytes;
}

// Fields of protocol buffers: a key, of number and kind, and the value.

std::string varint(std::uint64_t number) {
  std::string bytes;
  for (; number > 0x7f; number >>= 7) bytes += static_cast<char>((number & 0x7f) | 0x80);
  return bytes + static_cast<char>(number);
}
std::string key(unsigned number, unsigned kind) { return varint(number << 3 | kind); }
std::string text_field(unsigned number, const std::string& text) {
  return key(number, 2) + varint(text.size()) + text;
}

/// An Event begins with the seconds since 1970.
std::string event() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return key(1, 1) + little(std::bit_cast<std::uint64_t>(std::chrono::duration<double>(now).count()));
}

}  // namespace

Events::Events(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw IoError("Events: could not make the folder " + folder + ": " + error.message());
  static constinit std::atomic<unsigned> count{0};
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  const std::string name = "events.out.tfevents." + std::to_string(seconds.count()) + "." +
                           std::to_string(::getpid()) + "." + std::to_string(count++) + ".xgrad";
  path_ = (std::filesystem::path(folder) / name).string();
  out_ = std::make_unique<std::ofstream>(path_, std::ios::binary);
  write(event() + text_field(3, "brain.Event:2"));
}

Events::Events(Events&&) noexcept = default;
Events& Events::operator=(Events&&) noexcept = default;
Events::~Events() = default;

void Events::add_scalar(const std::string& tag, double value, Integer step) {
  if (tag.empty()) throw ValueError("Events::add_scalar: the tag is empty; a curve needs a name");
  const std::string point =
      text_field(1, tag) + key(2, 5) + little(std::bit_cast<std::uint32_t>(static_cast<float>(value)));
  write(event() + key(2, 0) + varint(static_cast<std::uint64_t>(std::int64_t{step})) +
        text_field(5, text_field(1, point)));
}

void Events::write(const std::string& message) {
  const std::string length = little(std::uint64_t{message.size()});
  *out_ << length << little(masked_sum(length)) << message << little(masked_sum(message));
  if (!out_->flush())
    throw IoError("Events: could not write " + path_ + "; is the folder writable, and the disk not full?");
}

}  // namespace xgrad::io
