#include "batched_product.hpp"

#include <algorithm>

#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"

namespace xgrad {
namespace {

/// A run of batch axes that each of the three either steps along or does not.
struct BatchAxis {
  std::size_t extent;
  bool in_a, in_b, in_c;

  bool steps_as(const BatchAxis& other) const {
    return in_a == other.in_a && in_b == other.in_b && in_c == other.in_c;
  }
};

/// The batch axes of a product, the last one first, without those of extent 1.
struct BatchAxes {
  BatchAxis of[max_axes];
  std::size_t count = 0;

  BatchAxes(const Shape& a, const Shape& b, const Shape& c) {
    const std::size_t dim = std::max(a.size(), b.size());
    for (std::size_t k = 1; k <= dim; ++k) {
      const auto extent_in = [&](const Shape& shape) {
        return k <= shape.size() ? shape[shape.size() - k] : std::size_t{1};
      };
      const std::size_t in_a = extent_in(a), in_b = extent_in(b), extent = in_a == 1 ? in_b : in_a;
      if (extent != 1) add({extent, in_a != 1, in_b != 1, extent_in(c) != 1});
    }
  }
  void drop_last() {
    std::copy(of + 1, of + count, of);
    --count;
  }

 private:
  void add(const BatchAxis& axis) {
    if (count > 0 && of[count - 1].steps_as(axis))
      of[count - 1].extent *= axis.extent;
    else
      of[count++] = axis;
  }
};

/// Takes the innermost batch axis into the product itself, where the layout makes them one.
bool fold(GemmSize& size, BatchAxes& batch) {
  if (batch.count == 0) return false;
  const BatchAxis axis = batch.of[0];
  if (axis.in_a && !axis.in_b && axis.in_c && !size.transpose_a)
    size.m *= axis.extent;
  else if (axis.in_a && axis.in_b && !axis.in_c && size.transpose_a && !size.transpose_b)
    size.k *= axis.extent;
  else if (!axis.in_a && axis.in_b && axis.in_c && size.transpose_b && size.m == 1)
    size.n *= axis.extent;
  else
    return false;
  batch.drop_last();
  return true;
}

/// Where matrix number `i` of those that the chosen axes count starts, in matrices of A and of B.
struct Place {
  std::size_t a = 0, b = 0;
};
Place place_of(std::size_t i, const BatchAxes& batch, bool in_c) {
  Place place;
  std::size_t a_step = 1, b_step = 1;
  for (std::size_t k = 0; k < batch.count; ++k) {
    const BatchAxis& axis = batch.of[k];
    if (axis.in_c == in_c) {
      if (axis.in_a) place.a += i % axis.extent * a_step;
      if (axis.in_b) place.b += i % axis.extent * b_step;
      i /= axis.extent;
    }
    if (axis.in_a) a_step *= axis.extent;
    if (axis.in_b) b_step *= axis.extent;
  }
  return place;
}

// Up to here BLAS's own overhead is more than the work.
constexpr std::size_t small_work = 32;

/// gemm by plain loops.
template <class T>
void small_product(const GemmSize& s, const T* a, const T* b, T* c, Into into) {
  const std::size_t a_row = s.transpose_a ? 1 : s.k, a_step = s.transpose_a ? s.m : 1;
  const std::size_t b_column = s.transpose_b ? s.k : 1, b_step = s.transpose_b ? 1 : s.n;
  for (std::size_t i = 0; i < s.m; ++i)
    for (std::size_t j = 0; j < s.n; ++j, ++c) {
      T total = into == Into::add ? *c : T(0);
      for (std::size_t p = 0; p < s.k; ++p) total += a[i * a_row + p * a_step] * b[p * b_step + j * b_column];
      *c = total;
    }
}

/// How many results make a piece of the work: all of them where a product is large enough to be split itself.
std::size_t piece_of(std::size_t results, double work) {
  constexpr double worth = worth_a_thread::small_products;
  if (results < 8 && work > 8 * worth) return results;
  return static_cast<std::size_t>(worth / std::max(work, 1.0)) + 1;
}

}  // namespace

template <class T>
void batched_gemm(const GemmSize& product, const Shape& a_batch, const Shape& b_batch, const Shape& c_batch,
                  const T* a, const T* b, T* c) {
  GemmSize size = product;
  BatchAxes batch(a_batch, b_batch, c_batch);
  while (fold(size, batch)) {
  }
  std::size_t results = 1, addends = 1;
  for (std::size_t k = 0; k < batch.count; ++k) (batch.of[k].in_c ? results : addends) *= batch.of[k].extent;
  const auto multiply = size.m * size.n * size.k <= small_work ? small_product<T> : gemm<T>;
  const std::size_t a_size = size.m * size.k, b_size = size.k * size.n, c_size = size.m * size.n;
  if (c_size == 0) return;
  if (size.k == 0) addends = 0;
  if (addends == 0) std::fill_n(c, results * c_size, T(0));
  const double work = static_cast<double>(c_size) * static_cast<double>(size.k * addends);
  parallel_for(results, piece_of(results, work), [&](std::size_t begin, std::size_t end) {
    for (std::size_t result = begin; result < end; ++result) {
      const Place from = place_of(result, batch, true);
      for (std::size_t addend = 0; addend < addends; ++addend) {
        const Place by = place_of(addend, batch, false);
        multiply(size, a + (from.a + by.a) * a_size, b + (from.b + by.b) * b_size, c + result * c_size,
                 addend == 0 ? Into::overwrite : Into::add);
      }
    }
  });
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() { return batched_gemm<T>; });

}  // namespace xgrad
