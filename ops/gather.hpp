// Elements chosen and replaced by index arrays and masks, as PyTorch names it; made of what indexing.hpp has.
// A negative index counts from the end; one that is out of range is a ValueError which names its place.
#pragma once

#include <cstddef>
#include <vector>

#include "../core/graph/index_input.hpp"
#include "../core/graph/tensor.hpp"
#include "operands.hpp"
#include "subscript.hpp"

namespace xgrad {

/// One element for each index, PyTorch's gather: with axis 1, result[i, j] = x[i, indices[i, j]]. As
/// take_along_axis, but beside the axis `indices` may be shorter than x. ShapeError if it is longer, or has
/// another number of axes.
template <detail::Tensor V>
V gather(const V& x, Integer axis, const IndexInput& indices);

/// x, with elements of `source` added where gather would read: with axis 1, source[i, j] to
/// x[i, indices[i, j]]. An index that comes twice adds twice. `source` may be longer than `indices`, along
/// any axis; what lies beyond is not read. ShapeError as gather's, and if `source` is shorter.
template <detail::Tensor V>
V scatter_add(const V& x, Integer axis, const IndexInput& indices, const V& source);
template <class X, class Source>
requires detail::are_mixed<X, Source>
auto scatter_add(X&& x, Integer axis, const IndexInput& indices, Source&& source) {
  return detail::with_operands(
      [&](const auto& to, const auto& from) { return xgrad::scatter_add(to, axis, indices, from); },
      std::forward<X>(x), std::forward<Source>(source));
}

/// The elements for which the mask holds, row by row, along one axis. Both broadcast; ShapeError if they do
/// not.
template <detail::Tensor V>
V masked_select(const V& x, const MaskInput& mask);

namespace detail {

/// The dual of masked_select, its gradient: zeros of the mask's shape, with the elements of x [n] where the
/// mask holds. ShapeError if it does not hold n times.
template <Tensor V>
V masked_scatter(const V& x, const MaskInput& mask);

}  // namespace detail

/// x, with elements replaced: NumPy's x[i, j] = values as index_put(x, {i, j}, values), x[1:] = 0 as
/// index_put(x, range(1, std::nullopt), 0), and so on for all that stands in x[...]. `values` broadcasts to
/// the shape of x[...]. Of indices that come twice the last one counts, or with `accumulate` all are added to
/// what x holds. Errors as those of x[...], and ShapeError if there are no items, or if shapes do not
/// broadcast.
template <detail::Tensor V>
V index_put(const V& x, const Subscript& where, const V& values, Flag accumulate = false);
template <class X, class Values>
requires detail::are_mixed<X, Values>
auto index_put(X&& x, const Subscript& where, Values&& values, Flag accumulate = false) {
  return detail::with_operands(
      [&](const auto& to, const auto& from) { return xgrad::index_put(to, where, from, accumulate); },
      std::forward<X>(x), std::forward<Values>(values));
}

}  // namespace xgrad
