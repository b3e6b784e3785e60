// One linear layer and softmax: the simplest classifier of several classes. Its borders are straight lines,
// which is why it cannot follow the arms of a spiral.
#include <xgrad/xgrad.hpp>

#include "../lesson/lesson.hpp"
#include "../plot/decision.hpp"

namespace xg = xgrad;
using Matrix = xt::xarray<double>;
using Labels = xt::xarray<std::int64_t>;
using Var = xg::Variable<double>;

namespace {

/// Cross entropy, and reg times the sum of the squared weights, whose gradient is 2 reg W.
Var loss_of(const Var& logits, const Var& W, const xg::Indices& labels, double reg) {
  return xg::nn::cross_entropy(logits, labels) + reg * xg::sum(xg::square(W));
}

void by_hand(lesson::Lesson& lesson) {
  const Var X = xg::constant(Matrix{{2, 3}, {4, 5}}), W = xg::parameter(Matrix{{.1, .2, .3}, {.4, .2, .8}});
  const Var loss = loss_of(xg::matmul(X, W), W, Labels{2, 1}, 0.2);
  loss.backward();
  lesson.near("loss with L2", loss.item(), 2.0863049636282662, 1e-15);
  lesson.near("its gradient", W.grad(),
              Matrix{{.30213245, -1.75779321, 1.69566076}, {.5254108, -2.19194012, 2.22652932}}, 1e-8);
}

void spiral(lesson::Lesson& lesson) {
  const auto [points, labels] = xg::data::make_spiral<double>();
  const Var X = xg::constant(points), W = xg::parameter(xt::zeros<double>({2, 3})),
            b = xg::parameter(xt::zeros<double>({3}));
  xg::optim::SGD<double> sgd({W, b}, {.learning_rate = 1});
  plot::Curve losses{"", {}, {}, plot::blue};
  for (int step = 0; step < 200; ++step) {
    const Var loss = loss_of(xg::linear(X, W, b), W, labels, 1e-3);
    losses.x.push_back(step);
    losses.y.push_back(loss.item());
    sgd.zero_grad();
    loss.backward();
    sgd.step();
  }
  const auto classify = [&](const xg::Array<double>& x) {
    return xg::argmax(xg::linear(xg::constant(x), W, b), 1);
  };
  const xg::Indices found = classify(points);
  double right = 0;
  for (std::size_t i = 0; i < found.size(); ++i) right += found(i) == labels(i) ? 1.0 / 300 : 0;
  lesson.near("accuracy on the spiral, near one half", right, 0.5, 0.06);
  lesson.at_most("loss after 200 steps, from log 3 = 1.0986", losses.y.back(), 0.8);

  plot::Panel curve{
      .title = "Full batch, rate 1", .x_label = "iteration", .y_label = "loss", .layers = {losses}};
  curve.x = {0, 250};  // a number every 50
  curve.key = "";
  plot::figure(lesson.drawing(), "softmax_regression", "Softmax regression on a spiral",
               {plot::decision_regions("Its regions end at straight lines", classify, points, labels,
                                       {"arm 0", "arm 1", "arm 2"}, 0.1),
                curve},
               2, {360, 380});
}

void teach(lesson::Lesson& lesson) {
  by_hand(lesson);
  spiral(lesson);
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, "softmax_regression", "Softmax regression, by hand and on a spiral.", teach);
}
