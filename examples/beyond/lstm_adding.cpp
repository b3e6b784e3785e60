// A memory that learns what to keep: of a long sequence of numbers two are marked, and the answer, at the
// end, is their sum. Hochreiter and Schmidhuber, "Long short-term memory", Neural Computation 9, 1997.
#include <cmath>

#include <fmt/core.h>
#include <xgrad/xgrad.hpp>

#include "../lesson/lesson.hpp"

namespace xg = xgrad;
using Numbers = xg::Array<float>;
using Var = xg::Variable<float>;

namespace {

/// An LSTM, and a linear layer on what it gives at the last time step: [N, 1] from [N, T, 2].
class AddingNet : public xg::nn::Module<float> {
 public:
  explicit AddingNet(std::size_t hidden)
      : lstm_(register_module("lstm", xg::nn::LSTM<float>(2, hidden, {.batch_first = true}))),
        output_(register_module("output", xg::nn::Linear<float>(hidden, 1))) {}
  Var forward(const Var& x) override { return output_(xg::slice(lstm_(x), {xg::all, -1})); }

 private:
  xg::nn::LSTM<float>& lstm_;
  xg::nn::Linear<float>& output_;
};

/// Numbers between 0 and 1, each with a mark of 0 or 1: [samples, length, 2]. One number in each half is
/// marked; `sum` [samples, 1] is what the two add up to.
struct Problem {
  Numbers sequences, sum;
};

Problem make_problem(std::size_t samples, std::size_t length) {
  xg::Generator& random = xg::generator();
  Problem problem{xt::zeros<float>({samples, length, std::size_t{2}}),
                  xt::zeros<float>({samples, std::size_t{1}})};
  for (std::size_t n = 0; n < samples; ++n) {
    for (std::size_t t = 0; t < length; ++t)
      problem.sequences(n, t, 0) = static_cast<float>(random.uniform());
    const std::size_t half = length / 2, first = random.below(half),
                      second = half + random.below(length - half);
    for (std::size_t t : {first, second}) {
      problem.sequences(n, t, 1) = 1;
      problem.sum(n, 0) += problem.sequences(n, t, 0);
    }
  }
  return problem;
}

/// The mean square error of the best guess that looks at nothing: the sums' own variance.
double memoryless_error(const Problem& problem) { return xg::var(xg::constant(problem.sum)).item(); }

plot::Curve train(AddingNet& net, std::size_t length, int steps) {
  xg::optim::Adam<float> adam(net.parameters(), {.learning_rate = 0.005});
  plot::Curve errors{"LSTM", {}, {}, plot::blue};
  double mean = 0;
  const int averaged = 20;
  for (int step = 1; step <= steps; ++step) {
    const Problem batch = make_problem(50, length);
    const Var loss = xg::nn::mean_squared_error(net(xg::constant(batch.sequences)), batch.sum);
    adam.zero_grad();
    loss.backward();
    xg::optim::clip_grad_norm(net.parameters(), 1);
    adam.step();
    mean += loss.item() / averaged;
    if (step % averaged != 0) continue;
    errors.x.push_back(step);
    errors.y.push_back(mean);
    if (step % (10 * averaged) == 0) fmt::print("step {}: mean square error {:.5f}\n", step, mean);
    mean = 0;
  }
  return errors;
}

/// The answer's gradient in every number of a sequence, mean of its size: 1 at the marked, 0 at the others.
void what_counts(lesson::Lesson& lesson, AddingNet& net, const Problem& test) {
  const Var x = xg::parameter(test.sequences);
  const Numbers gradient = xg::grad(xg::sum(net(x)), {x})[0].value();
  double marked = 0, others = 0;
  const std::size_t samples = gradient.shape()[0], length = gradient.shape()[1];
  for (std::size_t n = 0; n < samples; ++n)
    for (std::size_t t = 0; t < length; ++t)
      (test.sequences(n, t, 1) == 1 ? marked : others) += std::abs(gradient(n, t, 0));
  const double pairs = static_cast<double>(samples);
  lesson.near("gradient in a marked number", marked / (2 * pairs), 1, lesson.small() ? 0.2 : 0.1);
  lesson.at_most("gradient in another", others / (pairs * static_cast<double>(length - 2)),
                 lesson.small() ? 0.2 : 0.05);
}

void teach(lesson::Lesson& lesson) {
  xg::manual_seed(0);
  const std::size_t length = lesson.small() ? 10 : 50;
  const int steps = lesson.small() ? 600 : 3000;
  AddingNet net(lesson.small() ? 24 : 48);
  const plot::Curve errors = train(net, length, steps);

  const Problem test = make_problem(1000, length);
  const Var answer = [&] {
    xg::NoGrad off;
    return net(xg::constant(test.sequences));
  }();
  const double error = xg::nn::mean_squared_error(answer, test.sum).item(), guess = memoryless_error(test);
  fmt::print("the best guess without a memory has a mean square error of {:.4f}\n", guess);
  lesson.at_most("mean square error on new sequences, as a part of the guess's", error / guess,
                 lesson.small() ? 0.1 : 0.01);
  what_counts(lesson, net, test);

  const double last = static_cast<double>(steps);
  plot::Curve baseline{
      "best guess without a memory", {1, last}, {guess, guess}, plot::grey, plot::Mark::dashes};
  plot::Curve answers{"", {}, {}, plot::blue, plot::Mark::points, 0.3};
  plot::Curve right{"exact", {0, 2}, {0, 2}, plot::orange};
  for (std::size_t n = 0; n < test.sum.size(); ++n) {
    answers.x.push_back(test.sum(n, 0));
    answers.y.push_back(answer.value()(n, 0));
  }
  plot::figure(lesson.drawing(), "lstm_adding", fmt::format("Two marked numbers of {}, added up", length),
               {{.title = "Training",
                 .x_label = "step",
                 .y_label = "mean square error",
                 .layers = {errors, baseline},
                 .logarithmic_y = true,
                 .key = plot::below_axes},
                {.title = "Answers to sequences never seen",
                 .x_label = "sum",
                 .y_label = "the network's answer",
                 .layers = {answers, right},
                 .key = "top left"}},
               1, {640, 300});
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, "lstm_adding", "An LSTM adds up the marked numbers of a sequence.", teach,
                     "out/beyond");
}
