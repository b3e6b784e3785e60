// Backpropagation by hand. A network of sigmoid layers a^l = sigma(W^l a^(l-1) + b^l) with cost C, weighted
// inputs z^l, and delta^l = dC/dz^l, the error of layer l; * is elementwise.
//
//   1. delta^L = grad_a C * sigma'(z^L)
//   2. delta^l = (W^(l+1))^T delta^(l+1) * sigma'(z^l)
//   3. dC/db^l = delta^l
//   4. dC/dW^l = delta^l (a^(l-1))^T
//
// M. Nielsen, "Neural Networks and Deep Learning", chapter 2. All of it in plain loops, against the engine.
#include <cmath>

#include <fmt/core.h>
#include <xgrad/xgrad.hpp>

#include "../lesson/lesson.hpp"

namespace xg = xgrad;
using Matrix = xt::xarray<double>;
using Var = xg::Variable<double>;

namespace {

/// W [out, in] and b [out].
struct Layer {
  Matrix W, b;
  std::size_t out() const { return W.shape()[0]; }
  std::size_t in() const { return W.shape()[1]; }
};

double sigma(double z) { return 1 / (1 + std::exp(-z)); }
double sigma_prime(double z) { return sigma(z) * (1 - sigma(z)); }

Matrix vector(std::size_t n) { return xt::zeros<double>({n}); }

Matrix weighted_input(const Layer& layer, const Matrix& a) {
  Matrix z = layer.b;
  for (std::size_t j = 0; j < layer.out(); ++j)
    for (std::size_t k = 0; k < layer.in(); ++k) z(j) += layer.W(j, k) * a(k);
  return z;
}

/// dC/dW and dC/db of every layer, for the cost 1/2 |a^L - y|^2.
std::vector<Layer> backpropagate(const std::vector<Layer>& layers, const Matrix& x, const Matrix& y) {
  std::vector<Matrix> a{x}, z;
  for (const Layer& layer : layers) {
    z.push_back(weighted_input(layer, a.back()));
    a.push_back(z.back());
    for (double& element : a.back()) element = sigma(element);
  }
  Matrix delta = vector(layers.back().out());
  for (std::size_t j = 0; j < delta.size(); ++j)  // equation 1; grad_a C is a - y
    delta(j) = (a.back()(j) - y(j)) * sigma_prime(z.back()(j));

  std::vector<Layer> gradients(layers.size());
  for (std::size_t l = layers.size(); l-- > 0;) {
    const Layer& layer = layers[l];
    gradients[l] = {xt::zeros<double>({layer.out(), layer.in()}), delta};  // equation 3
    for (std::size_t j = 0; j < layer.out(); ++j)
      for (std::size_t k = 0; k < layer.in(); ++k) gradients[l].W(j, k) = delta(j) * a[l](k);  // equation 4
    if (l == 0) break;
    Matrix before = vector(layer.in());
    for (std::size_t k = 0; k < layer.in(); ++k) {  // equation 2
      for (std::size_t j = 0; j < layer.out(); ++j) before(k) += layer.W(j, k) * delta(j);
      before(k) *= sigma_prime(z[l - 1](k));
    }
    delta = before;
  }
  return gradients;
}

Layer random_layer(std::size_t in, std::size_t out, xg::Generator& random) {
  return {xg::randn({out, in}, random), xg::randn({out}, random)};
}

void teach(lesson::Lesson& lesson) {
  xg::Generator random(7);
  std::vector<Layer> layers{random_layer(4, 6, random), random_layer(6, 5, random),
                            random_layer(5, 3, random)};
  const Matrix x = xg::randn({4}, random), y{0, 1, 0};
  const auto by_hand = backpropagate(layers, x, y);

  std::vector<Var> W, b;
  Var a = xg::constant(x);
  for (const Layer& layer : layers) {
    W.push_back(xg::parameter(layer.W));
    b.push_back(xg::parameter(layer.b));
    a = xg::sigmoid(xg::matmul(W.back(), a) + b.back());
  }
  xg::nn::sum_squared_error(a, y).backward();
  for (std::size_t l = 0; l < layers.size(); ++l) {
    lesson.near(fmt::format("layer {}: dC/db = delta", l + 1), b[l].grad(), by_hand[l].b, 1e-12);
    lesson.near(fmt::format("layer {}: dC/dW = delta a^T", l + 1), W[l].grad(), by_hand[l].W, 1e-12);
  }
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, "four_equations", "Backpropagation by hand, against the engine.", teach);
}
