// Two numbers of an option, one for each axis of an image.
#pragma once

#include "../core/array/number.hpp"

namespace xgrad {

/// A number for the rows' axis H and one for the columns' axis W. One integer stands for both: 3 is {3, 3}.
/// It keeps negative numbers, for the operation to refuse by name.
class Pair {
 public:
  template <detail::IntegerType I>
  constexpr Pair(I both) noexcept : numbers_{both, both} {}
  template <detail::IntegerType H, detail::IntegerType W>
  constexpr Pair(H along_rows, W along_columns) noexcept : numbers_{along_rows, along_columns} {}

  constexpr const Count& operator[](std::size_t axis) const noexcept { return numbers_[axis]; }
  friend constexpr bool operator==(const Pair& a, const Pair& b) noexcept {
    return a[0].number() == b[0].number() && a[1].number() == b[1].number();
  }

 private:
  Count numbers_[2];
};

/// What is put around images: as much before an axis as behind it.
class Padding {
 public:
  template <detail::IntegerType I>
  constexpr Padding(I on_all_sides) noexcept : sides_(on_all_sides) {}
  template <detail::IntegerType H, detail::IntegerType W>
  constexpr Padding(H along_rows, W along_columns) noexcept : sides_(along_rows, along_columns) {}
  constexpr Padding(const Pair& sides) noexcept : sides_(sides) {}

  /// On either side of each axis.
  constexpr const Pair& sides() const noexcept { return sides_; }
  friend constexpr bool operator==(const Padding& a, const Padding& b) noexcept = default;

 private:
  Pair sides_;
};

}  // namespace xgrad
