// What a step needs besides oneDNN's primitives: one pass over memory each, on as many threads as OpenMP has.
#pragma once

#include <cstddef>
#include <cstdint>

namespace onednn {

/// w -= rate g.
void descend(float* w, const float* g, std::size_t count, float rate);
/// v = momentum v + g, w -= rate v.
void descend(float* w, float* v, const float* g, std::size_t count, float rate, float momentum);
/// The sum of y's squares; y becomes scale y.
double square_and_scale(float* y, std::size_t count, float scale);
/// The sums over the rows of x.
void column_sums(const float* x, float* sums, std::size_t rows, std::size_t columns);
/// The mean of -log of each row's probability of its label; the rows become the gradient in the logits.
double cross_entropy(float* probabilities, const std::int64_t* labels, std::size_t rows, std::size_t classes);
/// d becomes p (d - the sum of p d) in each row: the gradient before a softmax.
void softmax_gradient(const float* p, float* d, std::size_t rows, std::size_t columns);
/// 1/2 sum (y - t)^2 / rows of y = sigmoid(z); y becomes the gradient in z.
double sigmoid_error(float* y, const float* t, std::size_t count, std::size_t rows);

}  // namespace onednn
