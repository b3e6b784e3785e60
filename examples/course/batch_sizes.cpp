// How many samples before a step? All of them give the true gradient, one gives a rough one, but 200 of those
// cost as much. The same regression is solved with batches of 200, 20 and 1.
#include <algorithm>
#include <cmath>
#include <ctime>

#include <fmt/core.h>
#include <xgrad/xgrad.hpp>

#include "../lesson/lesson.hpp"

namespace xg = xgrad;
using Matrix = xt::xarray<double>;
using Var = xg::Variable<double>;

namespace {

constexpr std::size_t samples = 200;
constexpr double epsilon = 1e-3;  // training ends where no element of the whole set's gradient is larger

struct Problem {
  Matrix x, y;  // [200, 2] and [200, 1]: y = 2 x_0 - 3 x_1 + 1, with noise
};

Problem make_problem() {
  xg::Generator random(5);
  Problem problem{xg::randn({samples, 2}, random), xg::random_normal<double>({samples, 1}, 0, 0.3, random)};
  for (std::size_t i = 0; i < samples; ++i) problem.y(i, 0) += 2 * problem.x(i, 0) - 3 * problem.x(i, 1) + 1;
  return problem;
}

/// The least loss that any weights have: where X^T X w = X^T y, X with a column of ones.
double least_loss(const Problem& problem) {
  const Var x = xg::constant(problem.x), y = xg::constant(problem.y);
  const Var X = xg::concatenate({x, xg::constant(xt::ones<double>({samples, std::size_t{1}}))}, 1);
  const xg::MatmulOptions transposed{.transpose_a = true};
  const Var w = xg::solve(xg::matmul(X, X, transposed), xg::matmul(X, y, transposed));
  return 0.5 * xg::nn::mean_squared_error(xg::matmul(X, w), y).item();
}

struct Result {
  plot::Curve by_epoch, by_time;
  std::size_t epochs = 0;
  double largest_gradient = 0;
  xg::Array<double> weight;
};

/// Descent with a rate that falls as 1 / (1 + epoch / halving): the noise of small batches dies away. The
/// time is the processor's, for this program alone.
Result descend(const Problem& problem, std::size_t batch, double rate, double halving, const char* colour) {
  const Var W = xg::parameter(xt::zeros<double>({2, 1})), b = xg::parameter(xt::zeros<double>({1}));
  const auto loss = [&](const Var& x, const Var& y) {
    return 0.5 * xg::nn::mean_squared_error(xg::linear(x, W, b), y);
  };
  const Var all_x = xg::constant(problem.x), all_y = xg::constant(problem.y);
  xg::data::DataLoader loader(xg::data::TensorDataset(problem.x, problem.y),
                              {.batch_size = batch, .shuffle = true, .seed = 0});
  xg::optim::SGD<double> sgd({W, b}, {.learning_rate = rate});
  Result result;
  result.by_epoch = result.by_time = {fmt::format("batches of {}", batch), {}, {}, colour};
  double seconds = 0;
  for (constexpr std::size_t most = 2000; result.epochs <= most; ++result.epochs) {
    const Var whole = loss(all_x, all_y);
    result.largest_gradient = 0;
    for (const Var& gradient : xg::grad(whole, {W, b})) {
      const xg::Array<double> elements = gradient.value();
      for (double element : elements)
        result.largest_gradient = std::max(result.largest_gradient, std::abs(element));
    }
    result.by_epoch.x.push_back(static_cast<double>(result.epochs));
    result.by_time.x.push_back(1e3 * seconds);
    result.by_epoch.y.push_back(whole.item());
    result.by_time.y.push_back(whole.item());
    if (result.largest_gradient < epsilon) break;

    const std::clock_t start = std::clock();
    sgd.set_learning_rate(rate / (1 + static_cast<double>(result.epochs) / halving));
    for (const auto& [x, y] : loader) {
      sgd.zero_grad();
      loss(x, y).backward();
      sgd.step();
    }
    seconds += static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  }
  result.weight = W.value();
  return result;
}

plot::Curve above(plot::Curve curve, double least) {
  for (double& y : curve.y) y -= least;
  return curve;
}

void teach(lesson::Lesson& lesson) {
  const Problem problem = make_problem();
  const double least = least_loss(problem);
  descend(problem, 200, 0.3, 1e9, plot::blue);  // the first to run pays for threads, memory and caches
  const std::vector<Result> results{descend(problem, 200, 0.3, 1e9, plot::blue),
                                    descend(problem, 20, 0.1, 20, plot::orange),
                                    descend(problem, 1, 0.02, 3, plot::green)};
  plot::Panel epochs{.title = "against epochs",
                     .x_label = "epoch",
                     .y_label = "loss above the least",
                     .logarithmic_y = true},
      times = epochs;
  times.title = "against the processor's time";
  times.x_label = "milliseconds";
  times.logarithmic_x = true;
  times.key = "";  // the same colours; its curves fill the panel
  for (const Result& result : results) {
    const std::string name = result.by_epoch.title;
    lesson.at_most(name + ": largest gradient at the end", result.largest_gradient, epsilon);
    lesson.near(name + ": first weight", result.weight(0, 0), 2, 0.1);
    lesson.near(name + ": second weight", result.weight(1, 0), -3, 0.1);
    fmt::print("        {} epochs, {:.2f} ms\n", result.epochs, result.by_time.x.back());
    lesson.near(name + ": loss, against the least", result.by_epoch.y.back(), least, 1e-5);
    epochs.layers.push_back(above(result.by_epoch, least));
    plot::Curve curve = above(result.by_time, least);
    curve.x.erase(curve.x.begin());  // the start, at 0, has no place on a logarithmic axis
    curve.y.erase(curve.y.begin());
    times.layers.push_back(curve);
  }
  epochs.x = {0, 30};
  plot::figure(lesson.drawing(), "batch_sizes", "Batch, mini-batch and single-sample gradient descent",
               {epochs, times}, 2, {360, 350});
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, "batch_sizes", "Batch, mini-batch and single-sample gradient descent.",
                     teach);
}
