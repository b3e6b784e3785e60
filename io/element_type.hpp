// The types of number that files hold, and how they become ours.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace xgrad::io {

enum class ElementType {
  boolean,
  int8,
  uint8,
  int16,
  uint16,
  int32,
  uint32,
  int64,
  uint64,
  float16,
  bfloat16,
  float32,
  float64
};

std::size_t size_of(ElementType type) noexcept;

/// How many bytes a value of this shape has; none if that is beyond what a program can address.
std::optional<std::size_t> byte_count(const std::vector<std::size_t>& shape, ElementType type) noexcept;

/// Converts `count` elements, little-endian and not aligned, to the nearest T.
template <class T>
void convert(ElementType type, const char* bytes, std::size_t count, T* out);

/// What elements of a T, float or double, are written as.
template <class T>
inline constexpr ElementType own_type = sizeof(T) == sizeof(float) ? ElementType::float32
                                                                   : ElementType::float64;

/// True if a T lies in a file as it lies in memory.
template <class T>
bool is_same(ElementType type) noexcept;

/// Fills `count` elements by read(destination, bytes), straight or through convert.
template <class T, class Read>
void read_elements(ElementType type, std::size_t count, T* out, Read&& read) {
  if (is_same<T>(type)) return read(reinterpret_cast<char*>(out), count * sizeof(T));
  std::vector<char> bytes(count * size_of(type));
  read(bytes.data(), bytes.size());
  convert(type, bytes.data(), count, out);
}

}  // namespace xgrad::io
