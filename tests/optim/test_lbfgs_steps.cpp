// LBFGS step by step: against the book's algorithms in plain loops, against PyTorch's figures, and on two
// threads.
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/slice.hpp>
#include <xgrad/optim/lbfgs.hpp>

#include "../threads.hpp"
#include "plain_lbfgs.hpp"
#include "training.hpp"

namespace {

using xgrad::Variable;
using xgrad::optim::LBFGS;
using xgrad::optim::LBFGSOptions;
using xgrad::testing::PlainLbfgs;
using xgrad::testing::Threads;
using Vector = PlainLbfgs::Vector;

/// The chained function of Rosenbrock: the sum of 100 (x[i + 1] - x[i]^2)^2 + (1 - x[i])^2.
template <class T>
Variable<T> rosenbrock(const Variable<T>& x) {
  const auto last = static_cast<std::ptrdiff_t>(x.size());
  const Variable<T> head = xgrad::slice(x, {xgrad::range(0, last - 1)});
  const Variable<T> tail = xgrad::slice(x, {xgrad::range(1, last)});
  return sum(100 * square(tail - square(head)) + square(1 - head));
}

double plain_rosenbrock(const Vector& x, Vector& gradient) {
  gradient.assign(x.size(), 0);
  double loss = 0;
  for (std::size_t i = 0; i + 1 < x.size(); ++i) {
    const double valley = x[i + 1] - x[i] * x[i], rest = 1 - x[i];
    loss += 100 * valley * valley + rest * rest;
    gradient[i] += -400 * x[i] * valley - 2 * rest;
    gradient[i + 1] += 200 * valley;
  }
  return loss;
}

/// What ten calls of step() at one iteration each go through.
struct Path {
  std::vector<Vector> places;
  std::vector<int> evaluations;  ///< up to and with each step
};

template <class T>
Path ten_steps(Variable<T> x, LBFGSOptions options) {
  options.max_iter = 1;
  options.max_eval = 100;
  options.tolerance_grad = options.tolerance_change = 0;
  LBFGS<T> lbfgs({x}, options);
  Path path;
  int evaluations = 0;
  for (int step = 0; step < 10; ++step) {
    lbfgs.step([&] {
      ++evaluations;
      lbfgs.zero_grad();
      Variable<T> loss = rosenbrock(x);
      loss.backward();
      return loss;
    });
    const T* const place = x.dense().data();
    path.places.emplace_back(place, place + x.size());
    path.evaluations.push_back(evaluations);
  }
  return path;
}

template <class T>
Variable<T> parameter_at(const Vector& place) {
  xgrad::Dense<T> value(xgrad::Shape{place.size()});
  std::transform(place.begin(), place.end(), value.mutable_data(),
                 [](double v) { return static_cast<T>(v); });
  return xgrad::detail::parameter_from(std::move(value));
}

void check_beside_plain(const Vector& start, const LBFGSOptions& options) {
  CAPTURE(start.size());
  CAPTURE(options.learning_rate);
  CAPTURE(options.history_size);
  const Path path = ten_steps(parameter_at<double>(start), options);
  PlainLbfgs plain(plain_rosenbrock, start, options.learning_rate, options.history_size);
  for (std::size_t step = 0; step < 10; ++step) {
    CAPTURE(step);
    plain.iterate();
    for (std::size_t i = 0; i < start.size(); ++i) {
      CAPTURE(i);
      CHECK(std::abs(path.places[step][i] - plain.place()[i]) <= 1e-12);
    }
    // A step of one iteration evaluates the loss where it starts, too.
    CHECK(path.evaluations[step] == plain.evaluations() + static_cast<int>(step));
  }
}

}  // namespace

TEST_CASE("ten steps of LBFGS are the book's algorithms, to 1e-12") {
  const Vector plane = {-1.2, 1}, space = {-1.2, 1, 0.5, -0.3, 2, 0.1};
  check_beside_plain(plane, {});
  check_beside_plain(space, {});
  check_beside_plain(space, {.history_size = 3});  // the oldest pairs go
  check_beside_plain(space, {.history_size = 1});
  check_beside_plain(space, {.learning_rate = 0.01});  // the search widens
  check_beside_plain(space, {.learning_rate = 30});    // the search narrows
}

TEST_CASE("ten steps of LBFGS are PyTorch's with its line search, to 1e-12") {
  // torch.optim.LBFGS(lr=1, max_iter=1, line_search_fn='strong_wolfe') of PyTorch 1.13 in float64, on
  // Rosenbrock's function from (-1.2, 1), where it takes the first trial of each search.
  const double expected[10][2] = {
      {-1.0245319303460325, 1.0716196202669255}, {-1.0284565745562346, 1.068187455748677},
      {-1.0288795348319695, 1.0655029516848564}, {-1.0276177663827242, 1.0584120782656612},
      {-1.0203084803940978, 1.0352769866467468}, {-0.9970310351680055, 0.9755913846740084},
      {-0.9431278012083242, 0.8529662725410918}, {-0.8802131649658734, 0.7274772060719978},
      {-0.7745797354515831, 0.5476256792320806}, {-0.6657084570888959, 0.41398308319536115}};
  const Path path = ten_steps(parameter_at<double>({-1.2, 1}), {});
  for (std::size_t step = 0; step < 10; ++step)
    for (std::size_t i = 0; i < 2; ++i) {
      CAPTURE(step);
      CAPTURE(i);
      CHECK(std::abs(path.places[step][i] - expected[step][i]) <= 1e-12);
    }
}

TEST_CASE_TEMPLATE("LBFGS takes the same steps, bit for bit, on one thread and on two", T, float, double) {
  // Large enough that every product and every update is split: three pieces and a bit.
  Vector start(400'003);
  for (std::size_t i = 0; i < start.size(); ++i) start[i] = std::sin(static_cast<double>(i));
  const auto path_with = [&](std::size_t threads) {
    Threads use(threads);
    Path path = ten_steps(parameter_at<T>(start), {.history_size = 5});
    CHECK(use.shared_a_loop() == (threads > 1));
    return path;
  };
  const Path one = path_with(1), two = path_with(2);
  CHECK(one.places == two.places);
  CHECK(one.evaluations == two.evaluations);
}
