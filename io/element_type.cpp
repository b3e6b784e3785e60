#include "element_type.hpp"

#include "../core/array/instantiate.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace xgrad::io {
namespace {

static_assert(std::endian::native == std::endian::little, "io reads and writes memory as it lies there");

/// IEEE 754 binary16, 5 bits of exponent and 10 of fraction; exact.
float from_float16(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  float magnitude = 0;
  if (exponent == 31) {
    magnitude =
        fraction == 0 ? std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
  } else if (exponent == 0) {
    magnitude = std::ldexp(static_cast<float>(fraction), -24);
  } else {
    magnitude = std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
  }
  return bits >> 15 != 0 ? -magnitude : magnitude;
}

/// The upper half of a float.
float from_bfloat16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

template <class Stored, class T, class F>
void convert_with(const char* bytes, std::size_t count, T* out, F&& number) {
  for (std::size_t i = 0; i < count; ++i) {
    Stored stored;
    std::memcpy(&stored, bytes + i * sizeof(Stored), sizeof(Stored));
    out[i] = static_cast<T>(number(stored));
  }
}

template <class Stored, class T>
void convert_from(const char* bytes, std::size_t count, T* out) {
  convert_with<Stored>(bytes, count, out, [](Stored stored) { return stored; });
}

}  // namespace

std::size_t size_of(ElementType type) noexcept {
  switch (type) {
    case ElementType::boolean:
    case ElementType::int8:
    case ElementType::uint8:
      return 1;
    case ElementType::int16:
    case ElementType::uint16:
    case ElementType::float16:
    case ElementType::bfloat16:
      return 2;
    case ElementType::int32:
    case ElementType::uint32:
    case ElementType::float32:
      return 4;
    case ElementType::int64:
    case ElementType::uint64:
    case ElementType::float64:
      break;
  }
  return 8;
}

std::optional<std::size_t> byte_count(const std::vector<std::size_t>& shape, ElementType type) noexcept {
  // Also where an extent is 0, the others must be such that an index into them is a number.
  constexpr std::size_t most = std::numeric_limits<std::ptrdiff_t>::max();
  std::size_t bytes = sizeof(double), count = size_of(type);
  for (std::size_t extent : shape) {
    if (extent != 0 && bytes > most / extent) return std::nullopt;
    bytes *= extent == 0 ? 1 : extent;
    count *= extent;
  }
  return count;
}

template <class T>
void convert(ElementType type, const char* bytes, std::size_t count, T* out) {
  switch (type) {
    case ElementType::boolean:
      return convert_with<std::uint8_t>(bytes, count, out, [](auto b) { return b != 0 ? 1 : 0; });
    case ElementType::int8:
      return convert_from<std::int8_t>(bytes, count, out);
    case ElementType::uint8:
      return convert_from<std::uint8_t>(bytes, count, out);
    case ElementType::int16:
      return convert_from<std::int16_t>(bytes, count, out);
    case ElementType::uint16:
      return convert_from<std::uint16_t>(bytes, count, out);
    case ElementType::int32:
      return convert_from<std::int32_t>(bytes, count, out);
    case ElementType::uint32:
      return convert_from<std::uint32_t>(bytes, count, out);
    case ElementType::int64:
      return convert_from<std::int64_t>(bytes, count, out);
    case ElementType::uint64:
      return convert_from<std::uint64_t>(bytes, count, out);
    case ElementType::float16:
      return convert_with<std::uint16_t>(bytes, count, out, from_float16);
    case ElementType::bfloat16:
      return convert_with<std::uint16_t>(bytes, count, out, from_bfloat16);
    case ElementType::float32:
      return convert_from<float>(bytes, count, out);
    case ElementType::float64:
      return convert_from<double>(bytes, count, out);
  }
}

template <class T>
bool is_same(ElementType type) noexcept {
  return type == (sizeof(T) == sizeof(float) ? ElementType::float32 : ElementType::float64);
}

[[gnu::used]] constexpr auto instances =
    instantiate::for_numbers([]<class T>() { return std::make_tuple(convert<T>, is_same<T>); });

}  // namespace xgrad::io
