// Dropout for operations that drop what they never have as a whole. For files of this room only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../core/graph/tensor.hpp"
#include "../core/kernels/random.hpp"

namespace xgrad::detail {

/// What dropout drew. An element's number is known by its place in the random sequence, so that this draws
/// it again.
struct DropoutDraw {
  std::uint64_t key = 0, first_block = 0;
  double p = 0;
  std::size_t count = 0;  ///< of the elements

  /// For another call of a program, from this thread's generator. Whether that is what it was before.
  bool draw_again() noexcept;
  void fields(auto& visit) const {
    visit("key", key);
    visit("first_block", first_block);
    visit("p", p);
  }
};

/// What dropout draws next for so many elements. The generator stays where it is until pass() moves it on,
/// past what they need; so an operation that fails draws nothing. Where p is 0, none of it is needed.
DropoutDraw next_draw(double p, std::size_t count, const Generator& from) noexcept;
void pass(const DropoutDraw& drawn, Generator& from) noexcept;

/// What the elements [first, first + count) are multiplied by: 0, or 1 / (1 - p).
template <class T>
void dropout_factors(const DropoutDraw& drawn, std::size_t first, std::size_t count, T* factors);

/// dropout() of x by what was drawn for it; x itself where p is 0.
template <Tensor V>
V drop(const V& x, const DropoutDraw& drawn);

}  // namespace xgrad::detail
