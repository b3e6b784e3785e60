// Attention on raw pointers, some queries and some keys at a time: the matrix of weights is whole only where
// it is small. For files of this room only.
#pragma once

#include <cstddef>

#include "../core/array/dense.hpp"
#include "dropout_draw.hpp"

namespace xgrad::detail {

/// What attention is of: for each head a matrix of queries, one of keys and one of values.
struct AttentionSize {
  std::size_t heads, queries, keys, width, value_width;

  /// Of q [..., queries, width], k [..., keys, width] and v [..., keys, value_width].
  AttentionSize(const Shape& q, const Shape& k, const Shape& v);
};

/// A mask as it broadcasts to the weights [..., queries, keys]; nothing is forbidden by the default one.
class ForbiddenKeys {
 public:
  ForbiddenKeys() = default;
  /// ShapeError as check_forbidden().
  ForbiddenKeys(const Dense<bool>& mask, const Shape& weights);

  bool any() const noexcept { return mask_ != nullptr; }
  /// That of a query and a key of a head; the others lie so many bytes further.
  const bool* at(std::size_t head, std::size_t query, std::size_t key) const noexcept;
  std::ptrdiff_t query_step() const noexcept { return steps_[steps_.size() - 2]; }
  std::ptrdiff_t key_step() const noexcept { return steps_[steps_.size() - 1]; }

 private:
  const bool* mask_ = nullptr;
  Shape shape_;                     ///< of the weights
  AxisList<std::ptrdiff_t> steps_;  ///< along their axes, 0 where the mask is the same
};

/// ShapeError unless a mask broadcasts to the weights and leaves their shape.
void check_forbidden(const Shape& mask, const Shape& weights);

/// All are row-major and contiguous, one head after the other.
template <class T>
struct AttentionInputs {
  AttentionSize size;
  const T *q, *k, *v;
  double scale;
  bool causal;
  ForbiddenKeys forbidden;
  DropoutDraw drawn;
};

/// Whether a query's scores are made all at once, none of them dropped: their exponentials may then be kept,
/// which saves the way back a product. So it is where they are one block, and where nothing is hidden and the
/// exponentials of all heads are no more than 2^21.
template <class T>
bool has_whole_rows(const AttentionInputs<T>& in) noexcept;

/// What attend() makes, and attend_back() reads.
template <class T>
struct Attended {
  T* out;   ///< softmax(scale q k') v
  T* sums;  ///< see kernels::attention_sums, [..., queries, 2]
  /// exp(score - largest), [..., queries, keys], of what has_whole_rows(); else none.
  T* exponentials;
};

/// Split over the thread pool by shape alone, as those that follow.
template <class T>
void attend(const AttentionInputs<T>& in, const Attended<T>& made);

/// What comes back of dy, with what attend() gave: dq, dk and dv.
template <class T>
void attend_back(const AttentionInputs<T>& in, const Attended<const T>& made, const T* dy, T* dq, T* dk,
                 T* dv);

/// The weights themselves, [..., queries, keys], without dropout; the values are not read.
template <class T>
void weigh(const AttentionInputs<T>& in, T* weights);

}  // namespace xgrad::detail
