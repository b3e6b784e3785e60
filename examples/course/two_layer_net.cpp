// A hidden layer bends the borders: the same spiral that softmax regression gets half wrong is learned almost
// perfectly.
#include <xgrad/xgrad.hpp>

#include "../lesson/lesson.hpp"
#include "../plot/decision.hpp"

namespace xg = xgrad;
using Matrix = xt::xarray<double>;
using Labels = xt::xarray<std::int64_t>;
using Var = xg::Variable<double>;
using Net = xg::nn::TwoLayerNet<double>;

namespace {

Var loss_of(Net& net, const Var& x, const xg::Indices& labels, double reg) {
  const Var squares = xg::sum(xg::square(net.hidden().weight())) + xg::sum(xg::square(net.output().weight()));
  return xg::nn::cross_entropy(net(x), labels) + reg * squares;
}

/// The network 2-4-3 with given parameters: what it says to three points is known.
void forward_pass(lesson::Lesson& lesson) {
  Net net(2, 4, 3);
  net.hidden().weight().set_value(
      Matrix{{-.00416757847405471, -.00056266827226329, -.02136196095668454, .01640270808404989},
             {-.01793435585194863, -.00841747365656204, .00502881417158043, -.01245288086607232}});
  net.hidden().bias().set_value(xt::zeros<double>({4}));
  net.output().weight().set_value(Matrix{{-1.05795222e-2, -9.09007615e-3, 5.51454045e-3},
                                         {2.29220801e-2, 4.15393930e-4, -1.11792545e-2},
                                         {5.39058321e-3, -5.96159700e-3, -1.91304965e-4},
                                         {1.17500122e-2, -7.47870949e-3, 9.02525097e-5}});
  net.output().bias().set_value(xt::zeros<double>({3}));
  const Var X = xg::constant(Matrix{{1, 2}, {3, 4}, {5, 6}});
  lesson.near("logits of the network 2-4-3", net(X).value(),
              Matrix{{-1.36253581e-4, 4.87491807e-4, -2.47960226e-5},
                     {-1.64985210e-4, 1.01574088e-3, -5.99877659e-5},
                     {-1.96135525e-4, 1.54048069e-3, -9.36558871e-5}},
              1e-9);
  lesson.near("its loss with reg 1e-3", loss_of(net, X, Labels{2, 0, 1}, 1e-3).item(), 1.09842777, 1e-8);
}

void spiral(lesson::Lesson& lesson) {
  xg::manual_seed(0);
  const auto [points, labels] = xg::data::make_spiral<double>();
  const Var X = xg::constant(points);
  Net net(2, 100, 3);
  xg::nn::init::xavier_normal(net.hidden().weight());
  xg::optim::SGD<double> sgd(net.parameters(), {.learning_rate = 0.5, .momentum = 0.9});
  plot::Curve losses{"", {}, {}, plot::blue};
  const int steps = 1500;
  for (int step = 0; step < steps; ++step) {
    const Var loss = loss_of(net, X, labels, 1e-4);
    losses.x.push_back(step + 1);
    losses.y.push_back(loss.item());
    sgd.zero_grad();
    loss.backward();
    sgd.step();
  }
  const auto classify = [&](const xg::Array<double>& x) { return xg::argmax(net(xg::constant(x)), 1); };
  const xg::Indices found = classify(points);
  double right = 0;
  for (std::size_t i = 0; i < found.size(); ++i) right += found(i) == labels(i) ? 1 : 0;
  lesson.at_least("accuracy on the spiral", right / 300, 0.98);

  plot::Panel curve{.title = "Full batch, rate 0.5, momentum 0.9",
                    .x_label = "iteration",
                    .y_label = "loss",
                    .layers = {losses},
                    .logarithmic_x = true,
                    .logarithmic_y = true};
  curve.x = {1, steps};
  curve.y = {0.05, 2};
  curve.key = "";
  plot::figure(lesson.drawing(), "two_layer_net", "100 tanh neurons on the same spiral",
               {plot::decision_regions("Its regions follow the arms", classify, points, labels,
                                       {"arm 0", "arm 1", "arm 2"}, 0.1),
                curve},
               2, {360, 380});
}

void teach(lesson::Lesson& lesson) {
  forward_pass(lesson);
  spiral(lesson);
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, "two_layer_net", "A hidden layer, by hand and on a spiral.", teach);
}
