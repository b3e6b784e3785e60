// Array: the engine's buffer as an xtensor container, shared on copy and copied before writing.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <iosfwd>
#include <iterator>
#include <limits>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>

#if __has_include(<xtensor/containers/xarray.hpp>)
#include <xtensor/containers/xarray.hpp>
#else
#include <xtensor/xarray.hpp>
#endif

#include "dense.hpp"
#include "error.hpp"

namespace xgrad::detail {

/// What xtensor wants of a storage container, over a shared buffer. Copies are O(1). Whatever could write
/// through this object (the non-const members that give a pointer, reference or iterator) takes a copy of its
/// own first when the buffer is shared, and marks the buffer as exposed; const members never do. A pointer,
/// reference or iterator is good until the next non-const access after a copy. Elements are uninitialised
/// unless a value is given. One that was moved from keeps its size, as the shape of its Array stays what it
/// was, but no elements; the first who writes to it finds NaN.
template <class T>
class Storage {
 public:
  using allocator_type = std::allocator<T>;  // xtensor wants one named; memory comes from the pool
  using value_type = T;
  using reference = T&;
  using const_reference = const T&;
  using pointer = T*;
  using const_pointer = const T*;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using iterator = T*;
  using const_iterator = const T*;
  using reverse_iterator = std::reverse_iterator<iterator>;
  using const_reverse_iterator = std::reverse_iterator<const_iterator>;

  Storage() noexcept = default;
  explicit Storage(size_type count) : Storage(memory::Buffer(checked_product(count, sizeof(T))), count) {}
  Storage(size_type count, const T& value) : Storage(count) { std::fill_n(elements_, count, value); }
  template <class I, class = typename std::iterator_traits<I>::iterator_category>
  Storage(I first, I last) : Storage(static_cast<size_type>(std::distance(first, last))) {
    std::copy(first, last, elements_);
  }
  Storage(std::initializer_list<T> values) : Storage(values.begin(), values.end()) {}
  /// Shares a buffer that holds `count` elements.
  Storage(memory::Buffer buffer, size_type count) noexcept : buffer_(std::move(buffer)), count_(count) {
    find();
  }

  Storage(const Storage&) noexcept = default;
  Storage& operator=(const Storage&) noexcept = default;
  Storage(Storage&& other) noexcept
      : buffer_(std::move(other.buffer_)),
        elements_(std::exchange(other.elements_, nullptr)),
        count_(other.count_) {}
  Storage& operator=(Storage&& other) noexcept {
    Storage(std::move(other)).swap(*this);
    return *this;
  }
  ~Storage() = default;

  allocator_type get_allocator() const noexcept { return {}; }
  bool empty() const noexcept { return count_ == 0; }
  bool moved_from() const noexcept { return !buffer_ && count_ != 0; }
  size_type size() const noexcept { return count_; }
  size_type capacity() const noexcept { return count_; }
  size_type max_size() const noexcept { return static_cast<size_type>(-1) / sizeof(T); }
  /// Elements are not kept, unless the size stays the same.
  void resize(size_type count) {
    if (count != count_) *this = Storage(count);
  }
  void reserve(size_type) noexcept {}
  void shrink_to_fit() noexcept {}
  void clear() noexcept { *this = Storage(); }
  void swap(Storage& other) noexcept {
    std::swap(buffer_, other.buffer_);
    std::swap(elements_, other.elements_);
    std::swap(count_, other.count_);
  }
  friend void swap(Storage& a, Storage& b) noexcept { a.swap(b); }

  const_pointer data() const noexcept { return elements_; }
  const_reference operator[](size_type i) const noexcept { return elements_[i]; }
  const_reference at(size_type i) const { return elements_[checked(i)]; }
  const_reference front() const noexcept { return elements_[0]; }
  const_reference back() const noexcept { return elements_[count_ - 1]; }
  const_iterator begin() const noexcept { return elements_; }
  const_iterator end() const noexcept { return elements_ + count_; }
  const_iterator cbegin() const noexcept { return begin(); }
  const_iterator cend() const noexcept { return end(); }
  const_reverse_iterator rbegin() const noexcept { return const_reverse_iterator(end()); }
  const_reverse_iterator rend() const noexcept { return const_reverse_iterator(begin()); }
  const_reverse_iterator crbegin() const noexcept { return rbegin(); }
  const_reverse_iterator crend() const noexcept { return rend(); }

  pointer data() { return writable(); }
  reference operator[](size_type i) { return writable()[i]; }
  reference at(size_type i) { return writable()[checked(i)]; }
  reference front() { return writable()[0]; }
  reference back() { return writable()[count_ - 1]; }
  iterator begin() { return writable(); }
  iterator end() { return writable() + count_; }
  reverse_iterator rbegin() { return reverse_iterator(end()); }
  reverse_iterator rend() { return reverse_iterator(begin()); }

  friend bool operator==(const Storage& a, const Storage& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

  /// The buffer itself; sharing it is how the library reads an Array without a copy.
  const memory::Buffer& buffer() const noexcept { return buffer_; }
  /// Gives the buffer away; this storage was moved from then.
  memory::Buffer take() noexcept { return std::move(Storage(std::move(*this)).buffer_); }

 private:
  // const_cast: a buffer reads as const; writable() is the one way to write, and asks first.
  void find() noexcept { elements_ = static_cast<T*>(const_cast<void*>(std::as_const(buffer_).data())); }

  pointer writable() {
    if (buffer_) {
      if (!buffer_.unique()) detach();
      if (!buffer_.exposed()) buffer_.set_exposed(true);
    } else if (moved_from()) {
      Storage(count_, std::numeric_limits<T>::quiet_NaN()).swap(*this);
      buffer_.set_exposed(true);
    }
    return elements_;
  }
  void detach() {
    buffer_.mutable_data();
    find();
  }
  size_type checked(size_type i) const {
    if (i >= count_) throw std::out_of_range("Storage::at");
    return i;
  }

  memory::Buffer buffer_;
  pointer elements_ = nullptr;
  size_type count_ = 0;
};

}  // namespace xgrad::detail

// How xtensor finds the same kind of container for another element type, as it does for strides and for
// casts.
template <class X, class T>
struct xt::rebind_container<X, xgrad::AxisList<T>> {
  using type = xgrad::AxisList<X>;
};
template <class X, class T>
struct xt::rebind_container<X, xgrad::detail::Storage<T>> {
  using type = xgrad::detail::Storage<X>;
};

namespace xgrad {

/// For the library: what xtensor calls with the shape of a container that it is about to make, found before
/// its own function, whose product wraps around, so that no Array is smaller than its shape. ShapeError then.
template <xt::layout_type layout>
std::size_t compute_strides(const Shape& shape, xt::layout_type l, AxisList<std::ptrdiff_t>& strides,
                            AxisList<std::ptrdiff_t>& backstrides) {
  detail::check_possible("array", shape);
  return xt::compute_strides<layout>(shape, l, strides, backstrides);
}

/// The value type of the library's surface: an xtensor container of any number of axes up to eight (a ninth
/// is a ShapeError). Every xtensor expression converts to one, and it stands in every xtensor expression.
/// Copies are O(1) and independent: a shared buffer is copied before it is written.
template <class T>
using Array = xt::xarray_container<detail::Storage<T>, xt::layout_type::row_major, Shape>;

/// Integers: positions along an axis, labels of classes.
using Indices = Array<std::int64_t>;
/// One truth value an element.
using Mask = Array<bool>;

namespace detail {

[[noreturn]] void throw_not_whole(const Shape& shape, std::size_t held);
[[noreturn]] void throw_undefined_value();

}  // namespace detail

/// For the library: `value` as an Array; O(1), both share the buffer. It must be defined.
template <class T>
Array<T> to_array(Dense<T> value) {
  if (!value.defined()) detail::throw_undefined_value();
  const std::size_t count = value.size();
  return Array<T>(detail::Storage<T>(std::move(value.buffer), count), Shape(value.shape),
                  detail::row_major_strides(value.shape));
}

namespace detail {

template <class T>
void check_whole(const Array<T>& array) {
  check_possible("array", array.shape());
  const Storage<T>& storage = array.storage();
  const std::size_t held = storage.moved_from() ? 0 : storage.size();
  if (held != element_count(array.shape())) throw_not_whole(array.shape(), held);
}

template <class T>
Dense<T> copied(const Array<T>& array) {
  Dense<T> copy(array.shape());
  std::copy_n(array.storage().data(), array.storage().size(), copy.mutable_data());
  return copy;
}

/// A const Array on the left of an assigning operator.
template <class A>
inline constexpr bool is_const_array = false;
template <class T>
inline constexpr bool is_const_array<const Array<T>> = true;

template <class A>
concept ConstArray = is_const_array<std::remove_reference_t<A>>;

/// One sentence, where xtensor's own operators give a list of candidates.
template <class A>
void refuse_writing() {
  static_assert(
      !ConstArray<A>,
      "value() and grad() are read, and not written to: under an xgrad::NoGrad update the parameter "
      "itself, p -= ..., or call set_value() or set_grad()");
}

}  // namespace detail

template <detail::ConstArray A, class B>
void operator+=(A&&, B&&) {
  detail::refuse_writing<A>();
}
template <detail::ConstArray A, class B>
void operator-=(A&&, B&&) {
  detail::refuse_writing<A>();
}
template <detail::ConstArray A, class B>
void operator*=(A&&, B&&) {
  detail::refuse_writing<A>();
}
template <detail::ConstArray A, class B>
void operator/=(A&&, B&&) {
  detail::refuse_writing<A>();
}

/// For the library: the Array's elements as the engine sees them. They are shared, O(1), unless a pointer for
/// writing was ever handed out: then they are copied, so that nobody can write to what a graph saved.
/// ValueError if the Array was moved from.
template <class T>
Dense<T> to_dense(const Array<T>& array) {
  detail::check_whole(array);
  const memory::Buffer& buffer = array.storage().buffer();
  if (!buffer || buffer.exposed()) return detail::copied(array);
  return Dense<T>(buffer, array.shape());
}

/// For the library: the same, but the buffer of a sole holder is taken even if it was exposed: a moved
/// Array's pointers are given up.
template <class T>
Dense<T> to_dense(Array<T>&& array) {
  if (!array.storage().buffer().unique()) return to_dense(std::as_const(array));
  detail::check_whole(array);
  memory::Buffer buffer = array.storage().take();
  buffer.set_exposed(false);
  return Dense<T>(std::move(buffer), array.shape());
}

// Printing, which is compiled in the library, so that no program needs xtensor's own; it may include that
// too.

namespace detail {

/// The element types that the library prints.
template <class T>
concept Printed = std::is_same_v<T, bool> || std::is_same_v<T, float> || std::is_same_v<T, double> ||
    std::is_same_v<T, int> || std::is_same_v<T, long> || std::is_same_v<T, long long> ||
    std::is_same_v<T, unsigned> || std::is_same_v<T, unsigned long> || std::is_same_v<T, unsigned char>;

template <class T>
std::ostream& print(std::ostream& out, const Array<T>& array);

}  // namespace detail

/// An Array, or an expression with one in it, as xtensor prints it: {{ 1.,  2.}, { 3.,  4.}}, a row a line.
/// ValueError for an Array that was moved from.
template <class E>
requires(xt::is_xexpression<E>::value&& detail::Printed<typename E::value_type>) std::ostream& operator<<(
    std::ostream& out, const E& expression) {
  return detail::print<typename E::value_type>(out, expression);
}

}  // namespace xgrad

#include "lazy_expression.hpp"
