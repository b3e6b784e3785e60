// Extents, axes and strides: up to eight numbers held inline.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

#include "number.hpp"

namespace xgrad {

/// The most axes that a value has.
inline constexpr std::size_t max_axes = 8;

namespace detail {
[[noreturn]] void throw_too_many_axes(std::size_t count);
}

/// A sequence of at most eight numbers, one an axis, held inline and trivially copyable; it also serves
/// xtensor as a shape or stride container. A ninth is a ShapeError.
template <class T>
class AxisList {
  /// Axes are integers of any type; a floating one, which g++ would only warn of, does not compile.
  using Given = std::conditional_t<std::is_same_v<T, std::ptrdiff_t>, Integer, T>;

 public:
  using value_type = T;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using reference = T&;
  using const_reference = const T&;
  using pointer = T*;
  using const_pointer = const T*;
  using iterator = T*;
  using const_iterator = const T*;
  using reverse_iterator = std::reverse_iterator<iterator>;
  using const_reverse_iterator = std::reverse_iterator<const_iterator>;

  AxisList() noexcept {}  // the elements beyond size() stay as they come: a shape is made for every value
  /// Without axes, and every byte of it set, as a constant must have it.
  struct Zeroed {};
  constexpr explicit AxisList(Zeroed) noexcept : values_{}, count_(0) {}
  explicit AxisList(size_type count, T value = T(0)) { resize(count, value); }
  AxisList(std::initializer_list<Given> values) : AxisList(values.begin(), values.end()) {}
  template <class I, class = typename std::iterator_traits<I>::iterator_category>
  AxisList(I first, I last) {
    for (; first != last; ++first) push_back(static_cast<T>(*first));
  }

  size_type size() const noexcept { return count_; }
  bool empty() const noexcept { return count_ == 0; }
  void resize(size_type count, T value = T(0)) {
    if (count > max_axes) detail::throw_too_many_axes(count);
    for (size_type i = count_; i < count; ++i) values_[i] = value;
    count_ = count;
  }
  void clear() noexcept { count_ = 0; }
  void push_back(T value) {
    if (count_ == max_axes) detail::throw_too_many_axes(count_ + 1);
    values_[count_++] = value;
  }
  void erase(size_type position) noexcept {
    for (size_type i = position + 1; i < count_; ++i) values_[i - 1] = values_[i];
    --count_;
  }
  void insert(size_type position, T value) {
    push_back(value);
    for (size_type i = count_ - 1; i > position; --i) values_[i] = values_[i - 1];
    values_[position] = value;
  }

  reference operator[](size_type i) noexcept { return values_[i]; }
  const_reference operator[](size_type i) const noexcept { return values_[i]; }
  reference front() noexcept { return values_[0]; }
  const_reference front() const noexcept { return values_[0]; }
  reference back() noexcept { return values_[count_ - 1]; }
  const_reference back() const noexcept { return values_[count_ - 1]; }
  pointer data() noexcept { return values_; }
  const_pointer data() const noexcept { return values_; }

  iterator begin() noexcept { return values_; }
  iterator end() noexcept { return values_ + count_; }
  const_iterator begin() const noexcept { return values_; }
  const_iterator end() const noexcept { return values_ + count_; }
  const_iterator cbegin() const noexcept { return begin(); }
  const_iterator cend() const noexcept { return end(); }
  reverse_iterator rbegin() noexcept { return reverse_iterator(end()); }
  reverse_iterator rend() noexcept { return reverse_iterator(begin()); }
  const_reverse_iterator rbegin() const noexcept { return const_reverse_iterator(end()); }
  const_reverse_iterator rend() const noexcept { return const_reverse_iterator(begin()); }
  const_reverse_iterator crbegin() const noexcept { return rbegin(); }
  const_reverse_iterator crend() const noexcept { return rend(); }

  friend bool operator==(const AxisList& a, const AxisList& b) noexcept {
    if (a.count_ != b.count_) return false;
    for (size_type i = 0; i < a.count_; ++i)
      if (a.values_[i] != b.values_[i]) return false;
    return true;
  }

 private:
  T values_[max_axes];
  size_type count_ = 0;
};

/// The extents of a value, one an axis.
using Shape = AxisList<std::size_t>;
/// Axis numbers as a user gives them: negative ones count from the end.
using Axes = AxisList<std::ptrdiff_t>;

/// The number of elements: the product of the extents, 1 for no axes. The shape is a possible one: what does
/// not come out of a value is checked first.
inline std::size_t element_count(const Shape& shape) noexcept {
  std::size_t count = 1;
  for (std::size_t extent : shape) count *= extent;
  return count;
}

/// "[2, 3]"; "[]" for no axes.
std::string to_string(const Shape& shape);

/// Shapes, axes and strides print the same.
std::ostream& operator<<(std::ostream& out, const Shape& shape);
std::ostream& operator<<(std::ostream& out, const Axes& axes);

namespace detail {

inline constinit const Shape no_axes{Shape::Zeroed()};

// Sizes are computed with these two, which stay at the largest number instead of wrapping around. No shape
// and no memory is as large as that, so that what is made of several sizes is checked once, at its end.
constexpr std::size_t checked_product(std::size_t a, std::size_t b) noexcept {
  std::size_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? std::numeric_limits<std::size_t>::max() : product;
}
constexpr std::size_t checked_sum(std::size_t a, std::size_t b) noexcept {
  std::size_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<std::size_t>::max() : sum;
}

/// A value has fewer elements than this: of eight bytes each they, and every stride, fit into std::ptrdiff_t.
inline constexpr std::size_t element_limit = std::size_t{1} << 60;

/// Whether a value can have this shape. As in NumPy, extents of 0 do not make the others possible: without
/// them, too, the product stays below the limit, and so does that of any of its extents.
inline bool is_possible(const Shape& shape) noexcept {
  std::size_t count = 1;
  for (std::size_t extent : shape) count = checked_product(count, extent == 0 ? 1 : extent);
  return count < element_limit;
}

[[noreturn]] void throw_impossible(std::string_view operation, const Shape& made,
                                   std::initializer_list<const Shape*> of);

/// ShapeError, which names `operation` and the shapes `of` which it makes `made`, if no value can have that.
/// Whoever makes a shape that others do not bound calls this, or makes a Dense of it, before anything is
/// allocated or looped over: every shape in a Dense or a Node is a possible one.
template <class... Of>
void check_possible(std::string_view operation, const Shape& made, const Of&... of) {
  if (!is_possible(made)) [[unlikely]]
    throw_impossible(operation, made, {&of...});
}

/// The shape that NumPy's broadcasting rules give; ShapeError that names `operation`, both shapes and the
/// axis, or that no value can have it.
Shape broadcast_shapes(std::string_view operation, const Shape& a, const Shape& b);

/// `axis` counted from the front; ShapeError when it is out of range for `shape`.
std::size_t normalize_axis(std::string_view operation, std::ptrdiff_t axis, const Shape& shape);

/// The axes that a reduction covers, one flag an axis of `shape`. No axes given means all of them; an axis
/// named twice or out of range is a ShapeError.
AxisList<bool> reduced_axes(std::string_view operation, const Axes& axes, const Shape& shape);

/// `shape` without the flagged axes, or with extent 1 in their place.
Shape reduced_shape(const Shape& shape, const AxisList<bool>& reduced, bool keep_dims);

/// Row-major strides in elements.
// NOLINTNEXTLINE(bugprone-exception-escape): a Shape has no ninth axis
AxisList<std::ptrdiff_t> row_major_strides(const Shape& shape) noexcept;

}  // namespace detail
}  // namespace xgrad
