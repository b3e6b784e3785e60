// Files of events, read back by a reader that knows the format from its description alone.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>
#include <xgrad/io/events.hpp>

#include "../message_of.hpp"
#include "temporary_folder.hpp"

using namespace xgrad::testing;
using xgrad::io::Events;

namespace {

std::uint64_t number_at(const std::string& bytes, std::size_t place, std::size_t count) {
  std::uint64_t number = 0;
  for (std::size_t i = count; i-- > 0;)
    number = number << 8 | static_cast<unsigned char>(bytes.at(place + i));
  return number;
}

/// CRC-32C bit by bit, as RFC 3720 defines it.
std::uint32_t crc(const std::string& bytes) {
  std::uint32_t sum = 0xffffffff;
  for (const char byte : bytes) {
    sum ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) sum = (sum & 1) != 0 ? (sum >> 1) ^ 0x82f63b78 : sum >> 1;
  }
  return sum ^ 0xffffffff;
}
std::uint32_t masked(const std::string& bytes) {
  const std::uint32_t sum = crc(bytes);
  return ((sum >> 15) | (sum << 17)) + 0xa282ead8;
}

/// The messages of a file; every checksum is looked at.
std::vector<std::string> messages_of(const std::string& bytes) {
  std::vector<std::string> messages;
  for (std::size_t place = 0; place < bytes.size();) {
    const std::size_t length = number_at(bytes, place, 8);
    CHECK(number_at(bytes, place + 8, 4) == masked(bytes.substr(place, 8)));
    messages.push_back(bytes.substr(place + 12, length));
    CHECK(number_at(bytes, place + 12 + length, 4) == masked(messages.back()));
    place += length + 16;
  }
  return messages;
}

struct Field {
  unsigned number, kind;
  std::uint64_t value = 0;
  std::string text;
};

std::uint64_t take_varint(const std::string& bytes, std::size_t& place) {
  std::uint64_t number = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.at(place++));
    number |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return number;
  }
}

std::vector<Field> fields_of(const std::string& message) {
  std::vector<Field> fields;
  for (std::size_t place = 0; place < message.size();) {
    const std::uint64_t key = take_varint(message, place);
    Field field{static_cast<unsigned>(key >> 3), static_cast<unsigned>(key & 7), 0, {}};
    if (field.kind == 0) {
      field.value = take_varint(message, place);
    } else if (field.kind == 2) {
      const std::size_t length = take_varint(message, place);
      field.text = message.substr(place, length);
      place += length;
    } else {
      const std::size_t length = field.kind == 1 ? 8 : 4;
      field.value = number_at(message, place, length);
      place += length;
    }
    fields.push_back(field);
  }
  return fields;
}

}  // namespace

TEST_CASE("the checksum is CRC-32C") {
  // RFC 3720, B.4: 32 bytes of zeros.
  CHECK(crc(std::string(32, '\0')) == 0x8a9136aa);
  CHECK(crc("123456789") == 0xe3069283);
}

TEST_CASE("what was added is read back") {
  const TemporaryFolder folder;
  Events events(folder / "runs/first");
  events.add_scalar("loss/training", 0.25, 0);
  events.add_scalar("loss/training", 1.0 / 3, 300);
  events.add_scalar("rate", std::numeric_limits<double>::quiet_NaN(), -1);
  const auto messages = messages_of(read_bytes(events.path()));
  REQUIRE(messages.size() == 4);
  const auto first = fields_of(messages[0]);
  REQUIRE(first.size() == 2);
  CHECK(first[0].number == 1);
  CHECK(std::bit_cast<double>(first[0].value) > 1.6e9);  // seconds since 1970
  CHECK(first[1].number == 3);
  CHECK(first[1].text == "brain.Event:2");
  const auto point_of = [&](std::size_t message) {
    return fields_of(fields_of(fields_of(messages[message])[2].text)[0].text);
  };
  CHECK(fields_of(messages[2])[1].number == 2);
  CHECK(fields_of(messages[2])[1].value == 300);
  CHECK(fields_of(messages[2])[2].number == 5);
  CHECK(point_of(2)[0].text == "loss/training");
  CHECK(point_of(2)[1].number == 2);
  CHECK(std::bit_cast<float>(static_cast<std::uint32_t>(point_of(1)[1].value)) == 0.25f);
  CHECK(std::bit_cast<float>(static_cast<std::uint32_t>(point_of(2)[1].value)) == 1.0f / 3);
  CHECK(std::isnan(std::bit_cast<float>(static_cast<std::uint32_t>(point_of(3)[1].value))));
  CHECK(static_cast<std::int64_t>(fields_of(messages[3])[1].value) == -1);
}

TEST_CASE("two in one folder are two files, and a file is complete at any time") {
  const TemporaryFolder folder;
  Events first(folder / "runs"), second(folder / "runs");
  CHECK(first.path() != second.path());
  first.add_scalar("x", 1, 0);
  CHECK(messages_of(read_bytes(first.path())).size() == 2);
  Events moved = std::move(first);
  moved.add_scalar("x", 2, 1);
  CHECK(messages_of(read_bytes(moved.path())).size() == 3);
}

TEST_CASE("what cannot be written is an error that says so") {
  const TemporaryFolder folder;
  write_bytes(folder / "file", "x");
  CHECK(message_of<xgrad::IoError>([&] {
          Events(folder / "file/below");
        }).starts_with("Events: could not make the folder " + (folder / "file/below") + ": "));
  CHECK(message_of<xgrad::ValueError>([&] { Events(folder / "runs").add_scalar("", 1, 0); }) ==
        "Events::add_scalar: the tag is empty; a curve needs a name");
}
