// Numbers and switches as options, layers and functions take them: of the type that is meant, so that C++
// makes none of another in silence. A floating number is no count, a number or a pointer no switch, and -1
// stays -1.
#pragma once

#include "language.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <type_traits>

namespace xgrad {

namespace detail {

template <class N>
inline constexpr bool is_character =
    std::is_same_v<N, char> || std::is_same_v<N, wchar_t> || std::is_same_v<N, char8_t> ||
    std::is_same_v<N, char16_t> || std::is_same_v<N, char32_t>;

/// Any integer type, but for bool and what text is made of: '1' is no number of an axis.
template <class I>
concept IntegerType =
    std::integral<I> && !std::same_as<std::remove_cv_t<I>, bool> && !is_character<std::remove_cv_t<I>>;

/// What C++ would take for an integer: bool, characters and the floating types.
template <class N>
concept NoInteger = std::is_arithmetic_v<N> && !IntegerType<N>;

/// A number that is too large becomes the largest, and no negative one.
template <IntegerType I>
constexpr std::int64_t to_signed(I number) noexcept {
  constexpr auto largest = std::numeric_limits<std::int64_t>::max();
  if constexpr (std::is_unsigned_v<I>)
    if (number > static_cast<std::uint64_t>(largest)) return largest;
  return static_cast<std::int64_t>(number);
}

[[noreturn]] void throw_count(std::string_view operation, std::string_view option, std::int64_t number,
                              std::int64_t least);

}  // namespace detail

/// An integer, of any integer type: an axis, an offset.
class Integer {
 public:
  template <detail::IntegerType I>
  constexpr Integer(I number) noexcept : number_(static_cast<std::ptrdiff_t>(detail::to_signed(number))) {}
  constexpr operator std::ptrdiff_t() const noexcept { return number_; }

 private:
  std::ptrdiff_t number_;
};

/// How many, of any integer type. It keeps a negative number, for whoever takes it to refuse by name.
class Count {
 public:
  template <detail::IntegerType I>
  constexpr Count(I number) noexcept : number_(detail::to_signed(number)) {}

  constexpr std::int64_t number() const noexcept { return number_; }
  /// The number. ValueError, "randperm: the count is -1; it must be at least 0", if it is less than `least`.
  std::size_t checked(std::string_view operation, std::string_view option, std::int64_t least = 0) const {
    if (number_ < least) [[unlikely]]
      detail::throw_count(operation, option, number_, least);
    return static_cast<std::size_t>(number_);
  }
  /// The number; ValueError if it is negative and nobody has said so by name.
  operator std::size_t() const { return checked("Count", "the number"); }

 private:
  std::int64_t number_;
};

/// true or false, and nothing that C++ would convert to one of them.
class Flag {
 public:
  template <std::same_as<bool> B>
  constexpr Flag(B on) noexcept : on_(on) {}
  constexpr operator bool() const noexcept { return on_; }

 private:
  bool on_;
};

}  // namespace xgrad
