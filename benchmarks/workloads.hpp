// What every side of the comparison computes: sizes, initial data, and the work that a step cannot avoid.
//
// A step is forward, backward and, where there are weights, an update, in float. The sides are xgrad,
// libtorch, oneDNN and the floors: the bare matrix products of a step, or the memory that it must touch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace workloads {

/// Numbers in [centre - scale, centre + scale), the same on every side: a hash of seed and position
/// (the finaliser of MurmurHash3 by A. Appleby).
inline void fill(float* out, std::size_t count, std::uint32_t seed, float scale, float centre = 0) {
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t h = static_cast<std::uint32_t>(i) * 0x9e3779b9u + seed * 0x7f4a7c15u;
    h = (h ^ (h >> 16)) * 0x85ebca6bu;
    h = (h ^ (h >> 13)) * 0xc2b2ae35u;
    h ^= h >> 16;
    out[i] = centre + scale * (static_cast<float>(h >> 8) * 0x1p-23f - 1);
  }
}

/// Classes of samples, each in turn.
inline void fill_labels(std::int64_t* out, std::size_t count, std::size_t classes) {
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<std::int64_t>(i % classes);
}

/// A matrix product C = op(A) op(B) of a step: op(A) is [m, k], op(B) is [k, n].
struct Product {
  std::size_t m, n, k;
  bool transpose_a = false, transpose_b = false;
  std::size_t times = 1;
};

using Products = std::vector<Product>;

inline double flops(const Products& products) {
  double sum = 0;
  for (const Product& p : products)
    sum += 2 * static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(p.k) *
           static_cast<double>(p.times);
  return sum;
}

/// x [m, k] times weight [k, n], the weight's gradient and, if it is wanted, the input's.
inline void add_layer(Products& products, std::size_t m, std::size_t k, std::size_t n, bool input_gradient,
                      std::size_t times = 1) {
  products.push_back({m, n, k, false, false, times});
  products.push_back({k, n, m, true, false, times});
  if (input_gradient) products.push_back({m, k, n, false, true, times});
}

// ---- Each workload's sizes

/// 1 element, 250 x (y = y x; y = y + x; y = tanh(y); y = y c); no update. Its time is an operation's.
inline constexpr std::size_t chain_rounds = 250;
inline constexpr float chain_x = 0.5f, chain_c = 0.99f;

/// y = y + x on one element, backward, destruction.
inline constexpr std::size_t deep_chain_length = 1'000'000;

inline constexpr float learning_rate = 0.1f;

/// Fully connected layers; weights are [in, out], uniform in +-1/sqrt(in), biases as well.
struct Mlp {
  std::size_t batch;
  std::vector<std::size_t> widths;

  std::size_t layers() const { return widths.size() - 1; }
  Products products() const {
    Products all;
    for (std::size_t i = 0; i < layers(); ++i) add_layer(all, batch, widths[i], widths[i + 1], i > 0);
    return all;
  }
  /// What a step reads and writes at least: the data; each weight read forward and in the update, its
  /// gradient written and read, its new value written.
  double bytes() const {
    double weights = 0;
    for (std::size_t i = 0; i < layers(); ++i)
      weights += static_cast<double>((widths[i] + 1) * widths[i + 1]);
    return 4 * (static_cast<double>(batch * widths[0]) + 5 * weights);
  }
};

/// tanh, softmax cross entropy + spiral_decay / 2 * (the weights' squares), full batch.
inline Mlp spiral() { return {300, {2, 100, 3}}; }
inline constexpr float spiral_decay = 1e-3f;
/// relu, softmax cross entropy.
inline Mlp mlp100() { return {100, {784, 100, 10}}; }
inline Mlp mlp500() { return {500, {784, 100, 10}}; }
inline Mlp wide() { return {128, {1024, 4096, 4096, 1000}}; }
/// relu, cross entropy, no row of the table: what a step costs beside its arithmetic.
inline Mlp small_mlp() { return {8, {16, 32, 4}}; }
/// sigmoid in both layers, 1/2 sum (y - t)^2, mean over samples.
inline Mlp sigmoid100() { return {100, {784, 100, 10}}; }
/// tanh; mean square of the outputs; the product of its Hessian, in all weights, with a vector.
inline Mlp hvp() { return {256, {64, 128, 1}}; }

/// conv 1 -> 32 of 3x3, relu, max pool 2, conv 32 -> 64 of 3x3, relu, max pool 2, 1600 -> 128, relu, 128 ->
/// 10, softmax cross entropy, momentum. Images are 28 x 28, kernels [out, in, 3, 3].
struct Cnn {
  std::size_t batch = 32, side = 28, channels1 = 32, channels2 = 64, features = 1600, hidden = 128,
              classes = 10;
  float rate = 0.001f, momentum = 0.9f;

  Products products() const {
    Products all;
    const auto convolution = [&](std::size_t in, std::size_t out, std::size_t pixels, bool input_gradient) {
      all.push_back({out, pixels, 9 * in, false, false, batch});
      all.push_back({out, 9 * in, pixels, false, true, batch});
      if (input_gradient) all.push_back({9 * in, pixels, out, true, false, batch});
    };
    convolution(1, channels1, 26 * 26, false);
    convolution(channels1, channels2, 11 * 11, true);
    add_layer(all, batch, features, hidden, true);
    add_layer(all, batch, hidden, classes, true);
    return all;
  }
  double bytes() const {
    const std::size_t weights =
        10 * channels1 + (9 * channels1 + 1) * channels2 + (features + 1) * hidden + (hidden + 1) * classes;
    return 4.0 * static_cast<double>(batch * side * side + 7 * weights);
  }
};

/// mean(log(exp(x) 0.5 + 1) tanh(x)), x in +-2, and its gradient.
inline constexpr std::size_t elementwise_size = 10'000'000;

/// mean(y y) of a normalised x [rows, columns], scaled and shifted, and the gradients of all three.
inline constexpr std::size_t norm_rows = 4096, norm_columns = 1024;
inline constexpr float norm_epsilon = 1e-5f;

/// Self-attention without biases: x [batch, length, width], four weights [width, width] in the order q, k, v,
/// o; the mean square of the result, gradients of x and of the weights, and an update of all five.
struct Attention {
  std::size_t batch = 8, length = 128, width = 256, heads = 4;

  std::size_t head_width() const { return width / heads; }
  Products products() const {
    Products all;
    for (int i = 0; i < 4; ++i) add_layer(all, batch * length, width, width, true);
    const std::size_t n = length, d = head_width(), times = batch * heads;
    all.push_back({n, n, d, false, true, times});   // q k^T
    all.push_back({n, d, n, false, false, times});  // p v
    all.push_back({n, d, n, true, false, times});   // dv = p^T dy
    all.push_back({n, n, d, false, true, times});   // dp = dy v^T
    all.push_back({n, d, n, false, false, times});  // dq = ds k
    all.push_back({n, d, n, true, false, times});   // dk = ds^T q
    return all;
  }
  double bytes() const { return 4.0 * 5 * static_cast<double>(batch * length * width + 4 * width * width); }
};

/// `steps` inputs [batch, in], each a leaf; gates = x w + h u + b in the order i, f, g, o; the mean square of
/// the last h; gradients of inputs and weights, and an update of the weights.
struct Lstm {
  std::size_t steps = 64, batch = 32, in = 128, width = 256;

  Products products() const {
    Products all;
    add_layer(all, batch, in, 4 * width, true, steps);
    add_layer(all, batch, width, 4 * width, true, steps);
    return all;
  }
  double bytes() const {
    return 4.0 * static_cast<double>(2 * steps * batch * in + 5 * (in + width + 1) * 4 * width);
  }
};

/// What a step costs at least, and in which units its time is given.
struct Cost {
  double flops = 0;  ///< of the matrix products
  double bytes = 0;  ///< read and written
  double units = 1;  ///< times are given for a step divided by this
};

inline Cost cost_of(const std::string& row) {
  const auto mlp = [](const Mlp& sizes) { return Cost{flops(sizes.products()), sizes.bytes()}; };
  if (row == "scalar_chain") return {0, 0, 4.0 * chain_rounds};
  if (row == "deep_chain") return {};
  if (row == "spiral") return mlp(spiral());
  if (row == "mlp100") return mlp(mlp100());
  if (row == "mlp500") return mlp(mlp500());
  if (row == "sigmoid100") return mlp(sigmoid100());
  if (row == "wide") return mlp(wide());
  if (row == "hvp") return mlp(hvp());
  if (row == "cnn32") return {flops(Cnn().products()), Cnn().bytes()};
  if (row == "attention") return {flops(Attention().products()), Attention().bytes()};
  if (row == "lstm") return {flops(Lstm().products()), Lstm().bytes()};
  if (row.starts_with("elementwise")) return {0, 8.0 * elementwise_size};
  if (row.starts_with("layernorm")) return {0, 12.0 * norm_rows * norm_columns};
  throw std::invalid_argument("no workload is called " + row);
}

}  // namespace workloads
