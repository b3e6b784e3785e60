#include "onednn_loops.hpp"

#include <cmath>

// The compiler writes each loop for these instruction sets, and the first call chooses, as oneDNN does for
// its own.
#if defined(__x86_64__) && defined(__GNUC__)
#define FOR_EACH_ISA __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FOR_EACH_ISA
#endif

namespace onednn {
namespace {

/// Below this, threads would take longer to meet than to work.
constexpr std::size_t shared_from = 65536, block = 16384;
/// Of partial sums, which the compiler keeps in registers.
constexpr std::size_t lanes = 32;

FOR_EACH_ISA void descend_block(float* w, const float* g, std::size_t count, float rate) {
  for (std::size_t i = 0; i < count; ++i) w[i] -= rate * g[i];
}

FOR_EACH_ISA void descend_block(float* w, float* v, const float* g, std::size_t count, float rate,
                                float momentum) {
  for (std::size_t i = 0; i < count; ++i) {
    v[i] = momentum * v[i] + g[i];
    w[i] -= rate * v[i];
  }
}

FOR_EACH_ISA float square_and_scale_block(float* y, std::size_t count, float scale) {
  float sums[lanes] = {};
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (std::size_t k = 0; k < lanes; ++k) {
      sums[k] += y[i + k] * y[i + k];
      y[i + k] *= scale;
    }
  float sum = 0;
  for (const float s : sums) sum += s;
  for (; i < count; ++i) {
    sum += y[i] * y[i];
    y[i] *= scale;
  }
  return sum;
}

FOR_EACH_ISA void softmax_gradient_row(const float* p, float* d, std::size_t count) {
  float sums[lanes] = {};
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (std::size_t k = 0; k < lanes; ++k) sums[k] += p[i + k] * d[i + k];
  float sum = 0;
  for (const float s : sums) sum += s;
  for (; i < count; ++i) sum += p[i] * d[i];
  for (i = 0; i < count; ++i) d[i] = p[i] * (d[i] - sum);
}

FOR_EACH_ISA void add_row(const float* x, float* sums, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) sums[i] += x[i];
}

/// f(begin, size) of each block of `count` elements.
template <class F>
void blocks(std::size_t count, F f) {
  const auto end = static_cast<std::ptrdiff_t>((count + block - 1) / block);
#pragma omp parallel for schedule(static) if (count >= shared_from)
  for (std::ptrdiff_t b = 0; b < end; ++b) {
    const std::size_t begin = static_cast<std::size_t>(b) * block;
    f(begin, count - begin < block ? count - begin : block);
  }
}

}  // namespace

void descend(float* w, const float* g, std::size_t count, float rate) {
  blocks(count,
         [=](std::size_t begin, std::size_t size) { descend_block(w + begin, g + begin, size, rate); });
}

void descend(float* w, float* v, const float* g, std::size_t count, float rate, float momentum) {
  blocks(count, [=](std::size_t begin, std::size_t size) {
    descend_block(w + begin, v + begin, g + begin, size, rate, momentum);
  });
}

double square_and_scale(float* y, std::size_t count, float scale) {
  double sum = 0;
  const auto end = static_cast<std::ptrdiff_t>((count + block - 1) / block);
#pragma omp parallel for schedule(static) reduction(+ : sum) if (count >= shared_from)
  for (std::ptrdiff_t b = 0; b < end; ++b) {
    const std::size_t begin = static_cast<std::size_t>(b) * block;
    sum += static_cast<double>(
        square_and_scale_block(y + begin, count - begin < block ? count - begin : block, scale));
  }
  return sum;
}

void column_sums(const float* x, float* sums, std::size_t rows, std::size_t columns) {
  for (std::size_t i = 0; i < columns; ++i) sums[i] = 0;
  for (std::size_t r = 0; r < rows; ++r) add_row(x + r * columns, sums, columns);
}

void softmax_gradient(const float* p, float* d, std::size_t rows, std::size_t columns) {
#pragma omp parallel for schedule(static) if (rows * columns >= shared_from)
  for (std::ptrdiff_t r = 0; r < static_cast<std::ptrdiff_t>(rows); ++r) {
    const std::size_t begin = static_cast<std::size_t>(r) * columns;
    softmax_gradient_row(p + begin, d + begin, columns);
  }
}

double cross_entropy(float* probabilities, const std::int64_t* labels, std::size_t rows,
                     std::size_t classes) {
  double loss = 0;
  const float share = 1 / static_cast<float>(rows);
  for (std::size_t r = 0; r < rows; ++r) {
    float *const row = probabilities + r * classes, *const right = row + labels[r];
    loss -= std::log(static_cast<double>(*right));
    *right -= 1;
    for (std::size_t i = 0; i < classes; ++i) row[i] *= share;
  }
  return loss / static_cast<double>(rows);
}

double sigmoid_error(float* y, const float* t, std::size_t count, std::size_t rows) {
  double sum = 0;
  const float share = 1 / static_cast<float>(rows);
  for (std::size_t i = 0; i < count; ++i) {
    const float error = y[i] - t[i];
    sum += static_cast<double>(error) * static_cast<double>(error);
    y[i] = share * error * y[i] * (1 - y[i]);
  }
  return sum / (2 * static_cast<double>(rows));
}

}  // namespace onednn
