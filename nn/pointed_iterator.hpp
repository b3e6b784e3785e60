// Goes over what pointers point to.
#pragma once

#include <cstddef>
#include <iterator>
#include <vector>

namespace xgrad::nn {

/// For the library: the iterator of the lists here, which keep pointers and give references.
template <class E>
class PointedIterator {
 public:
  using value_type = E;
  using reference = E&;
  using pointer = E*;
  using difference_type = std::ptrdiff_t;
  using iterator_category = std::forward_iterator_tag;

  PointedIterator() = default;
  explicit PointedIterator(typename std::vector<E*>::const_iterator at) noexcept : at_(at) {}

  E& operator*() const { return **at_; }
  E* operator->() const { return *at_; }
  PointedIterator& operator++() {
    ++at_;
    return *this;
  }
  PointedIterator operator++(int) {
    PointedIterator before = *this;
    ++at_;
    return before;
  }
  friend bool operator==(const PointedIterator&, const PointedIterator&) = default;

 private:
  typename std::vector<E*>::const_iterator at_;
};

}  // namespace xgrad::nn
