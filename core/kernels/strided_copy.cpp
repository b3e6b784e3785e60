#include "strided_copy.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "../array/instantiate.hpp"
#include "../array/threads.hpp"
#include "../array/worth_a_thread.hpp"

namespace xgrad {
namespace {

// A tile is transposed inside a buffer of its own, so that both sides are read and written in runs of whole
// cache lines, whatever their strides.
constexpr std::size_t tile = 32;
using worth_a_thread::streamed_elements;

struct Axis {
  std::size_t extent;
  std::ptrdiff_t in, out;
};

/// Axes of a copy, outermost first; the last two are the plane that is copied in one go.
struct Plan {
  std::array<Axis, max_axes + 2> axes;
  std::size_t count = 0;

  const Axis& row() const { return axes[count - 2]; }
  const Axis& column() const { return axes[count - 1]; }
};

/// Axes of one element dropped, neighbours merged where both sides step through them as through one.
Plan collapse(const Strides& in, const Strides& out, const Shape& extents) {
  Plan plan;
  for (std::size_t k = 0; k < extents.size(); ++k) {
    const Axis now{extents[k], in[k], out[k]};
    if (now.extent == 1) continue;
    const auto steps = static_cast<std::ptrdiff_t>(now.extent);
    if (plan.count > 0) {
      Axis& before = plan.axes[plan.count - 1];
      if (before.in == now.in * steps && before.out == now.out * steps) {
        before = Axis{before.extent * now.extent, now.in, now.out};
        continue;
      }
    }
    plan.axes[plan.count++] = now;
  }
  return plan;
}

/// Moves the axis that suits best to the end: columns where `out` is contiguous if there are any, rows where
/// `in` is.
void choose_plane(Plan& plan) {
  while (plan.count < 2) {
    std::copy_backward(plan.axes.begin(), plan.axes.begin() + plan.count, plan.axes.begin() + plan.count + 1);
    plan.axes[0] = Axis{1, 0, 0};
    ++plan.count;
  }
  const auto move_to = [&](std::size_t from, std::size_t to) {
    std::rotate(plan.axes.begin() + from, plan.axes.begin() + from + 1, plan.axes.begin() + to + 1);
  };
  const std::size_t last = plan.count - 1;
  for (std::size_t k = 0; k < last; ++k)
    if (plan.axes[k].out == 1) {
      move_to(k, last);
      break;
    }
  if (plan.axes[last].in == 1) return;
  for (std::size_t k = 0; k + 1 < last; ++k)
    if (plan.axes[k].in == 1) return move_to(k, last - 1);
}

template <class T>
struct Quad;
template <>
struct Quad<float> {
  typedef float Lanes __attribute__((vector_size(16)));
  static constexpr std::size_t side = 4;
  static void transpose(const float* in, std::ptrdiff_t in_stride, float* out, std::size_t out_stride) {
    Lanes row[4], half[4];
    for (std::size_t k = 0; k < 4; ++k)
      std::memcpy(&row[k], in + static_cast<std::ptrdiff_t>(k) * in_stride, sizeof(Lanes));
    for (std::size_t k = 0; k < 4; k += 2) {
      half[k] = __builtin_shufflevector(row[k], row[k + 1], 0, 4, 2, 6);
      half[k + 1] = __builtin_shufflevector(row[k], row[k + 1], 1, 5, 3, 7);
    }
    for (std::size_t k = 0; k < 2; ++k) {
      row[k] = __builtin_shufflevector(half[k], half[k + 2], 0, 1, 4, 5);
      row[k + 2] = __builtin_shufflevector(half[k], half[k + 2], 2, 3, 6, 7);
    }
    for (std::size_t k = 0; k < 4; ++k) std::memcpy(out + k * out_stride, &row[k], sizeof(Lanes));
  }
};
template <>
struct Quad<double> {
  typedef double Lanes __attribute__((vector_size(16)));
  static constexpr std::size_t side = 2;
  static void transpose(const double* in, std::ptrdiff_t in_stride, double* out, std::size_t out_stride) {
    Lanes first, second;
    std::memcpy(&first, in, sizeof(Lanes));
    std::memcpy(&second, in + in_stride, sizeof(Lanes));
    const Lanes low = __builtin_shufflevector(first, second, 0, 2);
    const Lanes high = __builtin_shufflevector(first, second, 1, 3);
    std::memcpy(out, &low, sizeof(Lanes));
    std::memcpy(out + out_stride, &high, sizeof(Lanes));
  }
};

/// One tile: `rows` runs of `columns` elements in `out`, `columns` runs of `rows` elements in `in`.
template <class T>
void transpose_tile(const T* in, std::ptrdiff_t in_stride, T* out, std::ptrdiff_t out_stride,
                    std::size_t rows, std::size_t columns) {
  alignas(64) T buffer[tile * tile];
  constexpr std::size_t side = Quad<T>::side;
  const auto from = [&](std::size_t r, std::size_t c) {
    return in + static_cast<std::ptrdiff_t>(c) * in_stride + static_cast<std::ptrdiff_t>(r);
  };
  const std::size_t whole_rows = rows / side * side, whole_columns = columns / side * side;
  for (std::size_t c = 0; c < whole_columns; c += side)
    for (std::size_t r = 0; r < whole_rows; r += side)
      Quad<T>::transpose(from(r, c), in_stride, buffer + r * tile + c, tile);
  for (std::size_t c = 0; c < columns; ++c)
    for (std::size_t r = c < whole_columns ? whole_rows : 0; r < rows; ++r)
      buffer[r * tile + c] = *from(r, c);
  for (std::size_t r = 0; r < rows; ++r, out += out_stride)
    std::memcpy(out, buffer + r * tile, columns * sizeof(T));
}

/// Asks for the lines of the tile that comes next, which no hardware guesses at such strides.
template <class T>
void prefetch_tile(const T* in, std::ptrdiff_t in_stride, const T* out, std::ptrdiff_t out_stride) {
  constexpr std::size_t line = 64 / sizeof(T);
  for (std::size_t k = 0; k < tile; ++k, in += in_stride, out += out_stride)
    for (std::size_t i = 0; i < tile; i += line) {
      __builtin_prefetch(in + i, 0);
      __builtin_prefetch(out + i, 1);
    }
}

/// The plane where `in` is contiguous down the rows and `out` along the columns.
template <class T>
void transpose_plane(const T* in, T* out, const Axis& row, const Axis& column) {
  for (std::size_t c = 0; c < column.extent; c += tile)
    for (std::size_t r = 0; r < row.extent; r += tile) {
      const T* from = in + static_cast<std::ptrdiff_t>(c) * column.in + static_cast<std::ptrdiff_t>(r);
      T* to = out + static_cast<std::ptrdiff_t>(r) * row.out + static_cast<std::ptrdiff_t>(c);
      const std::size_t columns = std::min(tile, column.extent - c);
      if (columns == tile && r + 2 * tile <= row.extent)
        prefetch_tile(from + tile, column.in, to + static_cast<std::ptrdiff_t>(tile) * row.out, row.out);
      transpose_tile(from, column.in, to, row.out, std::min(tile, row.extent - r), columns);
    }
}

template <class T>
void copy_plane(const T* in, T* out, const Axis& row, const Axis& column) {
  if (row.in == 1 && column.out == 1 && row.extent >= 4 && column.extent >= 4)
    return transpose_plane(in, out, row, column);
  if (column.extent >= 8 && column.in == 1 && column.out == 1) {
    for (std::size_t r = 0; r < row.extent; ++r, in += row.in, out += row.out)
      std::memcpy(out, in, column.extent * sizeof(T));
    return;
  }
  const bool swapped = column.extent < 8 && row.extent > column.extent;
  const Axis& outer = swapped ? column : row;
  const Axis& inner = swapped ? row : column;
  const auto count = static_cast<std::ptrdiff_t>(inner.extent);
  for (std::size_t o = 0; o < outer.extent; ++o, in += outer.in, out += outer.out)
    for (std::ptrdiff_t i = 0; i < count; ++i) out[i * inner.out] = in[i * inner.in];
}

/// Where planes stand: the index of one, and its offsets on both sides.
struct Place {
  std::array<std::size_t, max_axes> index{};
  std::ptrdiff_t in = 0, out = 0;

  Place(const Plan& plan, std::size_t number) {
    for (std::size_t k = plan.count - 2; k-- > 0;) {
      index[k] = number % plan.axes[k].extent;
      number /= plan.axes[k].extent;
      move(plan.axes[k], static_cast<std::ptrdiff_t>(index[k]));
    }
  }
  void next(const Plan& plan) {
    for (std::size_t k = plan.count - 2; k-- > 0;) {
      const Axis& axis = plan.axes[k];
      move(axis, 1);
      if (++index[k] < axis.extent) return;
      index[k] = 0;
      move(axis, -static_cast<std::ptrdiff_t>(axis.extent));
    }
  }

 private:
  void move(const Axis& axis, std::ptrdiff_t steps) {
    in += steps * axis.in;
    out += steps * axis.out;
  }
};

/// One plane, split by its longer side where it is large.
template <class T>
void copy_large_plane(const T* in, T* out, const Axis& row, const Axis& column) {
  const bool by_rows = row.extent >= column.extent;
  const Axis& longer = by_rows ? row : column;
  const std::size_t other = by_rows ? column.extent : row.extent;
  const std::size_t grain = std::max<std::size_t>(streamed_elements / other, 1);
  parallel_for(longer.extent, (grain + tile - 1) / tile * tile, [&](std::size_t begin, std::size_t end) {
    Axis part_row = row, part_column = column;
    (by_rows ? part_row : part_column).extent = end - begin;
    const auto first = static_cast<std::ptrdiff_t>(begin);
    copy_plane(in + first * longer.in, out + first * longer.out, part_row, part_column);
  });
}

}  // namespace

template <class T>
void copy_strided(const T* in, const Strides& in_strides, T* out, const Strides& out_strides,
                  const Shape& extents) {
  if (element_count(extents) == 0) return;
  Plan plan = collapse(in_strides, out_strides, extents);
  choose_plane(plan);
  std::size_t planes = 1;
  for (std::size_t k = 0; k + 2 < plan.count; ++k) planes *= plan.axes[k].extent;
  if (planes == 1) return copy_large_plane(in, out, plan.row(), plan.column());
  const std::size_t grain = streamed_elements / (plan.row().extent * plan.column().extent);
  parallel_for(planes, std::max<std::size_t>(grain, 1), [&](std::size_t begin, std::size_t end) {
    Place place(plan, begin);
    for (std::size_t k = begin; k < end; ++k, place.next(plan))
      copy_plane(in + place.in, out + place.out, plan.row(), plan.column());
  });
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() { return copy_strided<T>; });

}  // namespace xgrad
