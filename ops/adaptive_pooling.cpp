#include "adaptive_pooling.hpp"

#include <string>
#include <tuple>

#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "../core/graph/record.hpp"
#include "shape.hpp"

namespace xgrad {
using namespace detail;

namespace {

using detail::shape_of;

/// Extents of rows and columns, of the images and of the result.
struct Planes {
  std::size_t in[2] = {}, out[2] = {};

  std::size_t in_size() const { return in[0] * in[1]; }
  std::size_t out_size() const { return out[0] * out[1]; }
  /// Element i of the result is the mean of elements begin(i) ... end(i) - 1; nothing overflows, since
  /// extents are those of values.
  std::size_t begin(std::size_t axis, std::size_t i) const {
    const std::size_t whole = in[axis] / out[axis], rest = in[axis] % out[axis];
    return i * whole + i * rest / out[axis];
  }
  std::size_t end(std::size_t axis, std::size_t i) const {
    const std::size_t whole = in[axis] / out[axis], rest = in[axis] % out[axis];
    return (i + 1) * whole + ((i + 1) * rest + out[axis] - 1) / out[axis];
  }
};

/// Calls window(place in the result, first and past row, first and past column) for all of them.
template <class Window>
void for_each_window(const Planes& e, const Window& window) {
  for (std::size_t i = 0; i < e.out[0]; ++i)
    for (std::size_t j = 0; j < e.out[1]; ++j)
      window(i * e.out[1] + j, e.begin(0, i), e.end(0, i), e.begin(1, j), e.end(1, j));
}

/// Runs plane(k) for every image and channel.
template <class Plane>
void for_each_plane(std::size_t planes, const Planes& e, const Plane& plane) {
  parallel_for(planes, worth_a_thread::costly_elements / (e.in_size() + e.out_size() + 1) + 1,
               [&](std::size_t begin, std::size_t end) {
                 for (std::size_t k = begin; k < end; ++k) plane(k);
               });
}

struct AdaptiveAvgPool2dGradient;

struct AdaptiveAvgPool2d {
  static constexpr std::string_view name = "adaptive_avg_pool2d";
  static constexpr bool is_linear = true;
  std::size_t rows = 1, columns = 1;  ///< of the result
  void fields(auto& visit) const {
    visit("rows", rows);
    visit("columns", columns);
  }

  static double flops(Shapes in, const Shape&) { return count_of(in[0]); }

  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    const Planes e{{x.shape[2], x.shape[3]}, {rows, columns}};
    Dense<T> result(Shape{x.shape[0], x.shape[1], rows, columns});
    const T* const in = x.data();
    T* const out = result.mutable_data();
    for_each_plane(x.shape[0] * x.shape[1], e, [&](std::size_t plane) {
      const T* const from = in + plane * e.in_size();
      T* const to = out + plane * e.out_size();
      for_each_window(
          e, [&](std::size_t at, std::size_t top, std::size_t bottom, std::size_t left, std::size_t right) {
            double total = 0;
            for (std::size_t row = top; row < bottom; ++row)
              for (std::size_t column = left; column < right; ++column)
                total += static_cast<double>(from[row * e.in[1] + column]);
            to[at] = static_cast<T>(total / static_cast<double>((bottom - top) * (right - left)));
          });
    });
    return result;
  }
  template <class V>
  void vjp(Backward<V>& b) const;
};

struct AdaptiveAvgPool2dGradient {
  static constexpr std::string_view name = "adaptive_avg_pool2d_gradient";
  std::size_t rows = 1, columns = 1;  ///< of the images
  void fields(auto& visit) const {
    visit("rows", rows);
    visit("columns", columns);
  }

  template <class T>
  Dense<T> forward(const Dense<T>& dy) const {
    const Planes e{{rows, columns}, {dy.shape[2], dy.shape[3]}};
    Dense<T> result = Dense<T>::filled(Shape{dy.shape[0], dy.shape[1], rows, columns}, T(0));
    const T* const in = dy.data();
    T* const out = result.mutable_data();
    for_each_plane(dy.shape[0] * dy.shape[1], e, [&](std::size_t plane) {
      const T* const from = in + plane * e.out_size();
      T* const to = out + plane * e.in_size();
      for_each_window(
          e, [&](std::size_t at, std::size_t top, std::size_t bottom, std::size_t left, std::size_t right) {
            const T share = from[at] / static_cast<T>((bottom - top) * (right - left));
            for (std::size_t row = top; row < bottom; ++row)
              for (std::size_t column = left; column < right; ++column) to[row * e.in[1] + column] += share;
          });
    });
    return result;
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    b.give(0, apply(AdaptiveAvgPool2d{b.shape(0)[2], b.shape(0)[3]}, b.gradient()));
  }
};

template <class V>
void AdaptiveAvgPool2d::vjp(Backward<V>& b) const {
  b.give(0, apply(AdaptiveAvgPool2dGradient{b.shape(0)[2], b.shape(0)[3]}, b.gradient()));
}

void check_images(std::string_view operation, const Shape& images, const char* what) {
  if (images.size() != 4)
    throw ShapeError(std::string(operation) + ": " + what + " " + to_string(images) + " has " +
                     std::to_string(images.size()) + " axes, and 4 axes are needed; give [N, C, H, W]");
  for (std::size_t axis : {2u, 3u})
    if (images[axis] == 0)
      throw ValueError(std::string(operation) + ": axis " + std::to_string(axis) + " of " + what + " " +
                       to_string(images) +
                       " is empty, and there is no mean of no elements; give at least one");
}

}  // namespace

template <Tensor V>
V adaptive_avg_pool2d(const V& images, const Pair& output_size) {
  const std::string_view name = AdaptiveAvgPool2d::name;
  const Shape& shape = shape_of(images);
  check_images(name, shape, "images");
  const std::size_t rows = output_size[0].checked(name, "an extent of the output", 1),
                    columns = output_size[1].checked(name, "an extent of the output", 1);
  check_possible(name, Shape{shape[0], shape[1], rows, columns}, shape);
  return apply(AdaptiveAvgPool2d{rows, columns}, images);
}

template <Tensor V>
V adaptive_avg_pool2d_gradient(const V& gradient, const Shape& shape) {
  const std::string_view name = AdaptiveAvgPool2dGradient::name;
  const Shape& given = shape_of(gradient);
  check_images(name, given, "the gradient");
  check_possible(name, shape, given);
  check_images(name, shape, "images");
  if (shape[0] != given[0] || shape[1] != given[1])
    throw ShapeError(std::string(name) + ": the gradient " + to_string(given) + " does not fit images " +
                     to_string(shape) + "; their first two axes must be equal");
  return apply(AdaptiveAvgPool2dGradient{shape[2], shape[3]}, gradient);
}

[[gnu::used]] constexpr auto instances = instantiate::for_tensors(
    []<class V>() { return std::make_tuple(adaptive_avg_pool2d<V>, adaptive_avg_pool2d_gradient<V>); });

}  // namespace xgrad
