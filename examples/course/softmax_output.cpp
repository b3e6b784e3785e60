// Softmax as the last layer: every output depends on every weighted input, and the log-likelihood cost undoes
// that mixing, so that what goes back is just a - y.
#include <xgrad/xgrad.hpp>

#include "../lesson/lesson.hpp"

namespace xg = xgrad;
using Matrix = xt::xarray<double>;
using Var = xg::Variable<double>;

namespace {

void check(lesson::Lesson& lesson, const Matrix& z, std::int64_t truth) {
  const Var x = xg::parameter(z);
  const xg::Array<double> a = xg::softmax(x, 0).value();
  const std::size_t n = a.size();
  Matrix jacobian = xt::zeros<double>({n, n}), gradient = a;
  double sum = 0;
  for (std::size_t j = 0; j < n; ++j) {
    sum += a(j);
    for (std::size_t k = 0; k < n; ++k) jacobian(j, k) = j == k ? a(j) * (1 - a(j)) : -a(j) * a(k);
  }
  gradient(static_cast<std::size_t>(truth)) -= 1;
  lesson.near("the outputs add up to 1", sum, 1, 1e-15);
  lesson.near("da_j/dz_k = a_j (1 - a_j) or -a_j a_k",
              xg::jacobian([](const Var& v) { return xg::softmax(v, 0); }, x), jacobian, 1e-12);
  const xt::xarray<std::int64_t> label(truth);
  const auto cost = [&](const Var& v) {
    return xg::nn::cross_entropy_of_probabilities(xg::softmax(v, 0), label);
  };
  lesson.near("log-likelihood: dC/dz = a - y", xg::value_and_grad(cost, x).gradient.value(), gradient, 1e-12);
}

/// What all outputs do while one weighted input moves.
void draw(plot::Drawing& drawing) {
  const char* const colours[] = {plot::blue, plot::orange, plot::green, plot::purple};
  std::vector<plot::Curve> outputs;
  for (std::size_t j = 0; j < 4; ++j)
    outputs.push_back(
        {j < 3 ? "a_" + std::to_string(j) : "a_3, of the input that moves", {}, {}, colours[j]});
  for (int i = 0; i <= 100; ++i) {
    const double moved = -5 + i / 10.0;
    const auto a = xg::softmax(xg::constant(Matrix{2.5, -1, 1.5, moved}), 0).value();
    for (std::size_t j = 0; j < 4; ++j) {
      outputs[j].x.push_back(moved);
      outputs[j].y.push_back(a(j));
    }
  }
  plot::Panel panel{.x_label = "z_3", .y_label = "output"};
  for (const auto& output : outputs) panel.layers.push_back(output);
  panel.x = {-5, 5};
  panel.y = {0, 1};
  panel.key = "top left";
  plot::figure(drawing, "softmax_output", "Softmax of (2.5, -1, 1.5, z_3)", {panel});
}

void teach(lesson::Lesson& lesson) {
  check(lesson, {2.5, -1, 3.2, 0.5}, 0);
  check(lesson, {-40, 0, 40}, 1);
  draw(lesson.drawing());
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, "softmax_output", "The Jacobian of a softmax layer, and its gradient.",
                     teach);
}
