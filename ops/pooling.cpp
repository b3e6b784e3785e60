#include "pooling.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "../core/graph/record.hpp"
#include "../core/kernels/dispatch.hpp"
#include "indexing.hpp"
#include "pooling_kernels.hpp"
#include "pooling_pairs_kernels.hpp"
#include "shape.hpp"
#include "window.hpp"

namespace xgrad {
using namespace detail;

namespace {

using detail::shape_of;

using worth_a_thread::costly_elements;

using kernels::Span;

const kernels::PoolingKernels& chosen() {
  const kernels::PoolingKernels& kernels =
      chosen_kernels([]<class I>() { return kernels::pooling_kernels<I>(); });
  return kernels;
}

/// The elements of the window that lie in the image when it stands at a place, along one axis.
Span elements_inside(const Window& w, std::size_t axis, std::size_t place) {
  const std::size_t step = w.dilation[axis], from = place * w.stride[axis], padding = w.padding[axis];
  const std::size_t limit = w.in[axis] + padding;
  const std::size_t begin = from >= padding ? 0 : (padding - from + step - 1) / step;
  const std::size_t end = limit > from ? std::min(w.kernel[axis], (limit - from - 1) / step + 1) : 0;
  return {begin, std::max(begin, end)};
}

/// The image's row or column under an element of the window; what would be negative wraps around.
std::size_t position(const Window& w, std::size_t axis, std::size_t place, std::size_t element) {
  return place * w.stride[axis] + element * w.dilation[axis] - w.padding[axis];
}

/// The places at which an element of the window lies in the image, along one axis.
Span places_inside(const Window& w, std::size_t axis, std::size_t element) {
  const std::size_t stride = w.stride[axis], offset = element * w.dilation[axis], padding = w.padding[axis];
  const std::size_t limit = w.in[axis] + padding;
  const std::size_t begin = offset >= padding ? 0 : (padding - offset + stride - 1) / stride;
  const std::size_t end = limit > offset ? std::min(w.out[axis], (limit - offset - 1) / stride + 1) : 0;
  return {begin, std::max(begin, end)};
}

Shape pooled_shape(const Shape& images, const Window& w) {
  return {images[0], images[1], w.out[0], w.out[1]};
}

/// Runs planes(begin, end) for pieces of all images and channels.
template <class Planes>
void for_pieces_of_planes(const Shape& images, const Window& w, const Planes& planes) {
  const std::size_t work = std::max(w.in_size(), w.out_size() * w.kernel_size());
  parallel_for(images[0] * images[1], costly_elements / std::max<std::size_t>(work, 1) + 1, planes);
}
/// Runs plane(k) for every image and channel.
template <class Plane>
void for_each_plane(const Shape& images, const Window& w, const Plane& plane) {
  for_pieces_of_planes(images, w, [&](std::size_t begin, std::size_t end) {
    for (std::size_t k = begin; k < end; ++k) plane(k);
  });
}

/// Windows of two rows and two columns side by side, which have kernels of their own.
bool is_paired(const Window& w) {
  bool is = w.in[1] < kernels::most_paired_columns;
  for (const std::size_t axis : {0u, 1u})
    is = is && w.kernel[axis] == 2 && w.stride[axis] == 2 && w.dilation[axis] == 1 && w.padding[axis] == 0;
  return is;
}
const kernels::PairedPoolingKernels& paired() {
  const kernels::PairedPoolingKernels& kernels =
      chosen_kernels([]<class I>() { return kernels::paired_pooling_kernels<I>(); });
  return kernels;
}
/// Runs run(planes, elements of images before them, elements of values before them).
template <class Run>
void for_paired_planes(const Shape& images, const Window& w, const Run& run) {
  for_pieces_of_planes(images, w, [&](std::size_t begin, std::size_t end) {
    run(kernels::PairedPlanes{end - begin, w.in[0], w.in[1]}, begin * w.in_size(), begin * w.out_size());
  });
}

bool fits_kernel_of_largest(const Window& w) {
  return w.stride[1] <= kernels::most_pooling_strides &&
         w.reach(1) <= kernels::most_pooling_reach * w.stride[1] && w.reach(0) * w.in[1] < 1 << 23;
}
bool fits_kernel_of_means(const Window& w) {
  return w.stride[1] <= (w.kernel[1] > 1 ? kernels::most_paired_strides : 1);
}
/// Two columns side by side, and any number of rows.
bool fits_kernel_of_pairs(const Window& w) {
  return w.kernel[1] == 2 && w.stride[1] == 2 && w.dilation[1] == 1 && w.padding[1] == 0;
}

/// For each place along one axis.
std::vector<Span> elements_of_places(const Window& w, std::size_t axis) {
  std::vector<Span> inside;
  inside.reserve(w.out[axis]);
  for (std::size_t place = 0; place < w.out[axis]; ++place) inside.push_back(elements_inside(w, axis, place));
  return inside;
}

/// The places at which all elements of the window along one axis lie in the image; neighbours, if any.
Span whole_windows(const std::vector<Span>& inside, std::size_t kernel) {
  const auto is_whole = [=](const Span& elements) { return elements.end - elements.begin == kernel; };
  const auto first = std::find_if(inside.begin(), inside.end(), is_whole);
  const auto last = std::find_if_not(first, inside.end(), is_whole);
  return {static_cast<std::size_t>(first - inside.begin()), static_cast<std::size_t>(last - inside.begin())};
}

/// The position in the plane of the largest element that a window sees: of its elements `ys` and `xs`, where
/// `corner` is the position of its element 0, 0 (which may lie outside, and wraps around).
template <class T>
std::size_t position_of_largest(const Window& w, const T* plane, std::size_t corner, Span ys, Span xs) {
  const std::size_t down = w.dilation[0] * w.in[1], along = w.dilation[1];
  std::size_t found = corner + ys.begin * down + xs.begin * along;
  for (std::size_t ky = ys.begin; ky < ys.end; ++ky)
    for (std::size_t kx = xs.begin; kx < xs.end; ++kx) {
      const std::size_t here = corner + ky * down + kx * along;
      const T x = plane[here], largest = plane[found];
      // A NaN beats every number, and nothing beats a NaN. A jump would be guessed wrong half of the time.
      const bool better = (x > largest) | ((x != x) & (largest == largest));
      found ^= (found ^ here) & (std::size_t{0} - std::size_t{better});
    }
  return found;
}

/// The largest elements, and where in its plane each stands, a row for each plane: a gradient of any order
/// goes to these places, or comes from them.
struct MaxPool2d {
  static constexpr std::string_view name = "max_pool2d";
  Window window;
  void fields(auto& visit) const { window.fields(visit); }

  static double flops(Shapes, const Shape&) noexcept { return 0; }

  template <class T>
  std::tuple<Dense<T>, Dense<std::int64_t>> forward(const Dense<T>& x) const {
    const Shape shape = pooled_shape(x.shape, window);
    Dense<T> result(shape);
    Dense<std::int64_t> positions(Shape{shape[0] * shape[1], window.out_size()});
    if (result.size() == 0) return {std::move(result), std::move(positions)};
    const T* const in = x.data();
    T* const out = result.mutable_data();
    std::int64_t* const found = positions.mutable_data();
    const Window& w = window;
    if (is_paired(w)) {
      for_paired_planes(x.shape, w, [&](const auto& planes, std::size_t images, std::size_t values) {
        paired().largest[std::is_same_v<T, double>](planes, in + images, out + values, found + values);
      });
      return {std::move(result), std::move(positions)};
    }
    const std::vector<Span> rows = elements_of_places(w, 0), columns = elements_of_places(w, 1);
    // Where whole rows of the window lie in the image, the kernel takes over.
    const Span whole = fits_kernel_of_largest(w) ? whole_windows(columns, w.kernel[1]) : Span{0, 0};
    const kernels::PoolingPlane interior{w, rows.data(), whole};
    for_each_plane(x.shape, w, [&](std::size_t plane) {
      const T* const from = in + plane * w.in_size();
      T* const values = out + plane * w.out_size();
      std::int64_t* const at = found + plane * w.out_size();
      chosen().largest[std::is_same_v<T, double>](interior, from, values, at);
      for (std::size_t row = 0; row < w.out[0]; ++row)
        for (std::size_t place = 0; place < w.out[1]; ++place) {
          if (place == whole.begin) place = whole.end;
          if (place == w.out[1]) break;
          const std::size_t to = row * w.out[1] + place;
          const std::size_t corner = position(w, 0, row, 0) * w.in[1] + position(w, 1, place, 0);
          const std::size_t largest = position_of_largest(w, from, corner, rows[row], columns[place]);
          values[to] = from[largest];
          at[to] = static_cast<std::int64_t>(largest);
        }
    });
    return {std::move(result), std::move(positions)};
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    const Shape& to = b.shape(0);
    const Shape planes{to[0] * to[1], window.in_size()};
    const V dy = reshape(b.gradient(), Shape{planes[0], window.out_size()});
    b.give(0, reshape(scatter_to_places(dy, b.template output<std::int64_t>(1), 1, planes), to));
  }
};

struct AvgPool2dGradient;

struct AvgPool2d {
  static constexpr std::string_view name = "avg_pool2d";
  static constexpr bool is_linear = true;
  Window window;
  void fields(auto& visit) const { window.fields(visit); }

  static double flops(Shapes in, const Shape&) { return count_of(in[0]); }

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    const Window& w = window;
    Dense<T> result(pooled_shape(x.shape, w));
    if (result.size() == 0) return result;
    const T* const in = x.data();
    T* const out = result.mutable_data();
    if (is_paired(w)) {
      for_paired_planes(x.shape, w, [&](const auto& planes, std::size_t images, std::size_t values) {
        paired().mean[std::is_same_v<T, double>](planes, in + images, out + values);
      });
      return result;
    }
    const std::vector<Span> rows = elements_of_places(w, 0), columns = elements_of_places(w, 1);
    const kernels::PoolingPlane interior{w, rows.data(), whole_windows(columns, w.kernel[1])};
    for_each_plane(x.shape, w, [&](std::size_t plane) {
      const T* const from = in + plane * w.in_size();
      T* const to = out + plane * w.out_size();
      if (!fits_kernel_of_means(w)) return add_rows(w, from, to);
      chosen().mean[std::is_same_v<T, double>](interior, from, to);
      for (std::size_t row = 0; row < w.out[0]; ++row)
        for (std::size_t place = 0; place < w.out[1]; ++place) {
          if (place == interior.columns.begin) place = interior.columns.end;
          if (place == w.out[1]) break;
          to[row * w.out[1] + place] = mean_at(w, from, row, place, rows[row], columns[place]);
        }
    });
    return result;
  }
  template <class V>
  void vjp(Backward<V>& b) const;

  /// The mean of one window, of its elements `ys` and `xs`.
  template <class T>
  static T mean_at(const Window& w, const T* plane, std::size_t row, std::size_t place, Span ys, Span xs) {
    T sum = 0;
    for (std::size_t ky = ys.begin; ky < ys.end; ++ky)
      for (std::size_t kx = xs.begin; kx < xs.end; ++kx)
        sum += plane[position(w, 0, row, ky) * w.in[1] + position(w, 1, place, kx)];
    return sum / static_cast<T>(w.kernel_size());
  }
  /// The means of a plane, at any stride.
  template <class T>
  static void add_rows(const Window& w, const T* from, T* to) {
    std::fill_n(to, w.out_size(), T(0));
    walk(w, [&](std::size_t source, std::size_t target, std::size_t count) {
      for (std::size_t i = 0; i < count; ++i) to[target + i] += from[source + i * w.stride[1]];
    });
    for (std::size_t i = 0; i < w.out_size(); ++i) to[i] /= static_cast<T>(w.kernel_size());
  }

  /// Calls run(first position in the image, first place, how many places) for every row that an element of
  /// the window runs along: from one place to the next the position grows by the stride.
  template <class Run>
  static void walk(const Window& w, const Run& run) {
    for (std::size_t row = 0; row < w.out[0]; ++row) {
      const Span ys = elements_inside(w, 0, row);
      for (std::size_t ky = ys.begin; ky < ys.end; ++ky)
        for (std::size_t kx = 0; kx < w.kernel[1]; ++kx) {
          const Span places = places_inside(w, 1, kx);
          if (places.begin == places.end) continue;
          run(position(w, 0, row, ky) * w.in[1] + position(w, 1, places.begin, kx),
              row * w.out[1] + places.begin, places.end - places.begin);
        }
    }
  }
};

struct AvgPool2dGradient {
  static constexpr std::string_view name = "avg_pool2d_gradient";
  Window window;
  void fields(auto& visit) const { window.fields(visit); }

  template <class T>
  Dense<T> forward(const Dense<T>& dy) const {
    const Window& w = window;
    Dense<T> result(Shape{dy.shape[0], dy.shape[1], w.in[0], w.in[1]});
    const T* const in = dy.data();
    T* const out = result.mutable_data();
    if (is_paired(w)) {
      for_paired_planes(dy.shape, w, [&](const auto& planes, std::size_t images, std::size_t values) {
        paired().spread[std::is_same_v<T, double>](planes, in + values, out + images);
      });
      return result;
    }
    const T elements = static_cast<T>(w.kernel_size());
    const bool is_paved =
        fits_kernel_of_pairs(w) && w.stride[0] >= w.kernel[0] && w.padding[0] == 0 && w.dilation[0] == 1;
    for_each_plane(dy.shape, w, [&](std::size_t plane) {
      const T* const from = in + plane * w.out_size();
      T* const to = out + plane * w.in_size();
      std::memset(to, 0, w.in_size() * sizeof(T));
      if (is_paved) return pave(w, from, to);
      AvgPool2d::walk(w, [&](std::size_t target, std::size_t source, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) to[target + i * w.stride[1]] += from[source + i] / elements;
      });
    });
    return result;
  }
  /// Where no window overlaps another, nor the padding.
  template <class T>
  static void pave(const Window& w, const T* from, T* to) {
    for (std::size_t row = 0; row < w.out[0]; ++row)
      for (std::size_t ky = 0; ky < w.kernel[0]; ++ky)
        chosen().spread_pairs[std::is_same_v<T, double>](from + row * w.out[1], w.out[1], w.kernel_size(),
                                                         to + (row * w.stride[0] + ky) * w.in[1]);
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    b.give(0, apply(AvgPool2d{window}, b.gradient()));
  }
};

template <class V>
void AvgPool2d::vjp(Backward<V>& b) const {
  b.give(0, apply(AvgPool2dGradient{window}, b.gradient()));
}

/// The window over `images`, checked.
Window pool_window(const WindowCall& call, const Pair& kernel, const Pair& stride, const Padding& padding,
                   const Pair& dilation) {
  const Shape& images = call.images;
  if (images.size() != 4) call.fail("4 axes are needed", "; give [N, C, H, W]");
  const auto step = [&](std::size_t axis) {
    return (stride[axis].number() == 0 ? kernel : stride)[axis].number();
  };
  Window window = make_window(call, kernel, {step(0), step(1)}, padding, dilation);
  for (std::size_t axis : {0u, 1u})
    if (window.padding[axis] > window.kernel[axis] / 2)
      throw ValueError(std::string(call.operation) + ": a padding of " +
                       std::to_string(window.padding[axis]) + " for images " + to_string(images) + ", " +
                       call.sliding + " (axis " + call.axis(2 + axis) +
                       "); give at most half the window, or pad the images");
  slide_over(window, call, {images[2], images[3]});
  call.check_result(pooled_shape(images, window));
  return window;
}

WindowCall call_of(std::string_view operation, const Shape& images, const Pair& kernel) {
  return {operation, images, "window " + to_string(kernel)};
}

Window avg_window(std::string_view operation, const Shape& images, const AvgPool2dOptions& options) {
  return pool_window(call_of(operation, images, options.kernel), options.kernel, options.stride,
                     options.padding, 1);
}

/// The largest of no elements is an error.
Window max_window(const Shape& images, const MaxPool2dOptions& options) {
  const WindowCall call = call_of("max_pool2d", images, options.kernel);
  const Window window = pool_window(call, options.kernel, options.stride, options.padding, options.dilation);
  // With at most half the window in the padding, only windows that start there can see nothing else.
  for (std::size_t axis : {0u, 1u})
    for (std::size_t place = 0; place < window.out[axis]; ++place) {
      if (place * window.stride[axis] >= window.padding[axis]) break;
      const Span inside = elements_inside(window, axis, place);
      if (inside.begin == inside.end)
        call.fail("a window sees nothing but padding", " (axis " + call.axis(2 + axis) + ", place " +
                                                           std::to_string(place) +
                                                           "); give less padding, or a smaller dilation");
    }
  return window;
}

}  // namespace

template <Tensor V>
V max_pool2d(const V& images, const MaxPool2dOptions& options) {
  return apply(MaxPool2d{max_window(shape_of(images), options)}, images);
}

template <Tensor V>
V avg_pool2d(const V& images, const AvgPool2dOptions& options) {
  return apply(AvgPool2d{avg_window("avg_pool2d", shape_of(images), options)}, images);
}

template <Tensor V>
V avg_pool2d_gradient(const V& gradient, const Shape& shape, const AvgPool2dOptions& options) {
  check_possible("avg_pool2d_gradient", shape, shape_of(gradient));
  const Window window = avg_window("avg_pool2d_gradient", shape, options);
  const Shape expected = pooled_shape(shape, window);
  if (!(shape_of(gradient) == expected))
    throw ShapeError("avg_pool2d_gradient: " + to_string(shape_of(gradient)) + " is not what images " +
                     to_string(shape) + " give, " + to_string(expected) + "; they must be equal");
  return apply(AvgPool2dGradient{window}, gradient);
}

[[gnu::used]] constexpr auto instances = instantiate::for_tensors([]<class V>() {
  return std::make_tuple(instantiate::overload<V(const V&, const MaxPool2dOptions&)>(max_pool2d),
                         instantiate::overload<V(const V&, const AvgPool2dOptions&)>(avg_pool2d),
                         avg_pool2d_gradient<V>);
});

}  // namespace xgrad
