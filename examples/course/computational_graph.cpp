// A computation as a graph: values flow forwards, gradients backwards, and every node needs to know its own
// small rule alone.
#include <cmath>

#include <xgrad/xgrad.hpp>

#include "../lesson/lesson.hpp"

namespace xg = xgrad;
using Matrix = xt::xarray<double>;
using Var = xg::Variable<double>;

namespace {

/// The graph from its leaves at the top down to the result, a row of a matrix in a line of its own: narrow
/// enough for a page.
std::string top_down(std::string graph) {
  const auto replace = [&](const std::string& old, const std::string& by) {
    for (std::size_t at = 0; (at = graph.find(old, at)) != graph.npos; at += by.size())
      graph.replace(at, old.size(), by);
  };
  replace("rankdir=LR", "rankdir=TB");
  replace("], [", "],\\n [");
  replace("value [[", "value\\n[[");
  replace("gradient [[", "gradient\\n[[");
  return graph;
}

/// Two apples at 100 and three oranges at 150, with tax: an add node passes its gradient on, a mul node
/// multiplies it by the other input.
void shopping(lesson::Lesson& lesson) {
  const Var apple = xg::parameter(100.0), apples = xg::parameter(2.0), orange = xg::parameter(150.0),
            oranges = xg::parameter(3.0), tax = xg::parameter(1.1);
  const Var apple_price = apple * apples, orange_price = orange * oranges, both = apple_price + orange_price;
  const Var price = both * tax;
  lesson.drawing().graphviz("computational_graph_shopping",
                            xg::io::to_dot(price, {.names = {{apple, "price of an apple"},
                                                             {apples, "number of apples"},
                                                             {orange, "price of an orange"},
                                                             {oranges, "number of oranges"},
                                                             {tax, "tax"},
                                                             {price, "to pay"}},
                                                   .show_values = true,
                                                   .show_gradients = true}));
  lesson.near("to pay", price.item(), 715, 1e-12);
  const auto g = xg::grad(price, {both, apple_price, orange_price, apple, apples, orange, oranges, tax});
  lesson.near("the mul node's gradient at the sum is the tax", g[0].item(), 1.1, 1e-15);
  lesson.near("the add node passes it on to the apples' price", g[1].item(), 1.1, 1e-15);
  lesson.near("and to the oranges' price", g[2].item(), 1.1, 1e-15);
  lesson.near("price of an apple: 1.1 x 2", g[3].item(), 2.2, 1e-14);
  lesson.near("number of apples: 1.1 x 100", g[4].item(), 110, 1e-12);
  lesson.near("price of an orange: 1.1 x 3", g[5].item(), 3.3, 1e-14);
  lesson.near("number of oranges: 1.1 x 150", g[6].item(), 165, 1e-12);
  lesson.near("the tax: the price before it", g[7].item(), 650, 1e-12);
}

void activation_nodes(lesson::Lesson& lesson) {
  const Var x = xg::parameter(Matrix{{1, -0.5}, {-2, 3}});
  xg::relu(x).backward({.grad_output = Matrix{{10, 20}, {30, 40}}});
  lesson.near("a ReLU node masks", x.grad(), Matrix{{10, 0}, {0, 40}}, 0);

  const Var z = xg::parameter(Matrix{-2, 0, 0.5});
  const Var y = xg::sigmoid(z);
  y.backward({.grad_output = xt::ones<double>({3})});
  lesson.near("a sigmoid node needs its output alone: y (1 - y)", z.grad(), y.value() * (1 - y.value()),
              1e-15);
}

/// Y = X W + b.
void affine_node(lesson::Lesson& lesson) {
  const Var X = xg::parameter(Matrix{{1, 2}, {3, 4}, {5, 6}}),
            W = xg::parameter(Matrix{{1, -1, 2}, {.5, 3, -2}}), b = xg::parameter(Matrix{.1, .2, .3});
  xg::linear(X, W, b).backward({.grad_output = Matrix{{1, 2, 3}, {4, 5, 6}, {7, 8, 10}}});
  lesson.near("Affine: dX = dY W^T", X.grad(), Matrix{{5, .5}, {11, 5}, {19, 7.5}}, 1e-13);
  lesson.near("Affine: dW = X^T dY", W.grad(), Matrix{{48, 57, 71}, {60, 72, 90}}, 1e-13);
  lesson.near("Affine: db = the columns' sums", b.grad(), Matrix{12, 15, 19}, 0);
}

/// The last node of a classifier, on logits whose softmax is (0.3, 0.2, 0.5).
void softmax_with_loss(lesson::Lesson& lesson) {
  const Var logits = xg::parameter(Matrix{{std::log(.3), std::log(.2), std::log(.5)}});
  xg::nn::cross_entropy(logits, Matrix{{0, 1, 0}}).backward();
  lesson.near("SoftmaxWithLoss: y - t", logits.grad(), Matrix{{.3, -.8, .5}}, 1e-15);
}

/// A whole network, drawn: one sample, two layers, one loss.
void network(lesson::Lesson& lesson) {
  const Var x = xg::constant(Matrix{{1, 0.5}}), W1 = xg::parameter(Matrix{{.1, .3}, {.2, -.4}}),
            b1 = xg::parameter(Matrix{.1, .2}), W2 = xg::parameter(Matrix{{.1, .4}, {.2, .5}}),
            b2 = xg::parameter(Matrix{.1, .2});
  // A name keeps a node's value, for the picture; nothing else needs that of `sums`.
  const Var sums = xg::linear(x, W1, b1), hidden = xg::relu(sums), logits = xg::linear(hidden, W2, b2);
  const Var loss = xg::nn::cross_entropy(logits, xt::xarray<std::int64_t>{1});
  lesson.drawing().graphviz(
      "computational_graph_network",
      top_down(xg::io::to_dot(
          loss, {.names = {{x, "x"}, {W1, "W1"}, {b1, "b1"}, {W2, "W2"}, {b2, "b2"}, {loss, "loss"}},
                 .show_values = true,
                 .show_gradients = true})));
  loss.backward();
  const double probability = 1 / (1 + std::exp(logits.value()(0, 0) - logits.value()(0, 1)));
  lesson.near("the drawn network's gradient in b2 is y - t", b2.grad(),
              Matrix{1 - probability, probability - 1}, 1e-15);
}

void teach(lesson::Lesson& lesson) {
  shopping(lesson);
  activation_nodes(lesson);
  affine_node(lesson);
  softmax_with_loss(lesson);
  network(lesson);
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, "computational_graph", "The graph's nodes, and their rules.", teach);
}
