// Size classes of pooled memory: 64, 128, 192, 256, then four to each doubling, up to 2^47 bytes.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace xgrad::memory {

inline constexpr std::size_t alignment = 64;
inline constexpr std::size_t class_count = 160;

/// The smallest class that holds `bytes`; class_count or more when there is none.
constexpr std::size_t class_of(std::size_t bytes) noexcept {
  if (bytes <= 256) return bytes == 0 ? 0 : (bytes - 1) / 64;
  const std::size_t last = bytes - 1;
  const auto exponent = static_cast<std::size_t>(std::bit_width(last)) - 1;
  return 4 * (exponent - 7) + ((last >> (exponent - 2)) & 3);
}

/// The bytes of a piece of each class.
inline constexpr auto class_sizes = [] {
  std::array<std::size_t, class_count> sizes{};
  for (std::size_t c = 0; c < class_count; ++c) sizes[c] = c < 4 ? 64 * (c + 1) : (5 + c % 4) << (c / 4 + 5);
  return sizes;
}();
static_assert(class_of(257) == 4 && class_sizes[4] == 320 && class_of(320) == 4 && class_of(321) == 5);
static_assert(class_of(class_sizes[100]) == 100 && class_of(class_sizes[100] + 1) == 101);
static_assert(class_of(class_sizes[class_count - 1] + 1) == class_count);

/// Classes that threads cache, up to 64 KB: a larger piece takes longer to fill than a mutex to lock.
inline constexpr std::size_t cached_classes = class_of(64 << 10) + 1;

/// Classes carved from chunks, up to 4 KB, so that the first touch of a node costs neither a malloc nor the
/// fault of a small page.
inline constexpr std::size_t carved_classes = class_of(4 << 10) + 1;

/// How many pieces move at once between a thread's cache and the shared lists: 16 KB of them, 64 at most, so
/// that a thread caches less than 2 MB. One of what threads do not cache.
inline constexpr auto batch_sizes = [] {
  std::array<std::uint32_t, class_count> counts{};
  for (std::size_t c = 0; c < class_count; ++c)
    counts[c] = static_cast<std::uint32_t>(std::clamp<std::size_t>((16 << 10) / class_sizes[c], 1, 64));
  return counts;
}();

}  // namespace xgrad::memory
