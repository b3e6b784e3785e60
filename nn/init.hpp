// Initial values of parameters. Each function replaces the value of a leaf, with random numbers from this
// thread's generator unless another one is given. ValueError for a gain or slope that is not finite.
#pragma once

#include "../core/graph/variable.hpp"
#include "../core/kernels/random.hpp"

namespace xgrad::nn::init {

/// How many inputs feed one output of a layer, and how many outputs one input feeds.
struct Fans {
  std::size_t in, out;
};

/// For a linear layer's weight [in, out], and a convolution's kernel [out, in / groups, extents...], where
/// both are multiplied by the extents' product. ShapeError for fewer than two axes.
Fans fans(const Shape& weight);

/// Every element is `value`.
template <class T>
void constant(Variable<T> parameter, double value);

/// Uniform in [low, high). ValueError if low is above high.
template <class T>
void uniform(Variable<T> parameter, double low, double high, Generator& from = generator());

/// Normally distributed. ValueError if the deviation is negative.
template <class T>
void normal(Variable<T> parameter, double mean, double deviation, Generator& from = generator());

/// Uniform in +- gain sqrt(6 / (in + out)): keeps the variance of values and gradients from layer to layer,
/// for tanh and its like. Glorot and Bengio, "Understanding the difficulty of training deep feedforward
/// neural networks", AISTATS 2010, equation 16. ValueError for a negative gain.
template <class T>
void xavier_uniform(Variable<T> weight, double gain = 1, Generator& from = generator());

/// Normal of mean 0 and deviation gain sqrt(2 / (in + out)): the variance of equation 12 there. ValueError
/// for a negative gain.
template <class T>
void xavier_normal(Variable<T> weight, double gain = 1, Generator& from = generator());

/// Uniform in +- sqrt(6 / ((1 + a^2) in)), a the slope of the activation on the negative side: 0 for relu.
/// Keeps the variance of values behind rectifiers. He et al., "Delving deep into rectifiers", ICCV 2015,
/// equations 10 and 15.
template <class T>
void he_uniform(Variable<T> weight, double negative_slope = 0, Generator& from = generator());

/// Normal of mean 0 and deviation sqrt(2 / ((1 + a^2) in)), as above.
template <class T>
void he_normal(Variable<T> weight, double negative_slope = 0, Generator& from = generator());

/// `gain` times a matrix whose rows are orthonormal or, where there are more rows than columns, whose columns
/// are; of all such matrices, each is as likely as any other. More than two axes make a matrix of the first
/// axis and the others together. Keeps the length of what passes through. Saxe, McClelland and Ganguli,
/// "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks", ICLR 2014.
/// ShapeError for fewer than two axes.
template <class T>
void orthogonal(Variable<T> weight, double gain = 1, Generator& from = generator());

}  // namespace xgrad::nn::init
