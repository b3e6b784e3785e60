// A small training for tests: a network with dropout on points of a spiral.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <xgrad/core/kernels/random.hpp>
#include <xgrad/data/loader.hpp>
#include <xgrad/data/synthetic.hpp>
#include <xgrad/nn/activation.hpp>
#include <xgrad/nn/dropout.hpp>
#include <xgrad/nn/linear.hpp>
#include <xgrad/nn/loss.hpp>
#include <xgrad/nn/sequential.hpp>
#include <xgrad/optim/adam.hpp>
#include <xgrad/optim/scheduler.hpp>
#include <xgrad/train/fit.hpp>

namespace xgrad::testing {

template <class T>
data::TensorDataset<T> spirals(std::size_t points_per_arm = 20) {
  const auto points = data::make_spiral<T>(points_per_arm);
  return {points.points, points.labels};
}

template <class T>
nn::Sequential<T> network() {
  manual_seed(7);
  return nn::Sequential<T>{nn::Linear<T>(2, 8), nn::ReLU<T>(), nn::Dropout<T>(0.3), nn::Linear<T>(8, 3)};
}

/// Everything that a training changes, made the same way each time. 60 samples in batches of 8: 8 batches.
template <class T>
struct Training {
  using Loader = data::DataLoader<data::TensorDataset<T>>;
  using Batch = typename Loader::Batch;

  nn::Sequential<T> net = network<T>();
  optim::Adam<T> adam{net.parameters(), {.learning_rate = 0.01}};
  optim::CosineAnnealingLR cosine{adam, {.t_max = 40}};
  Loader loader{spirals<T>(), {.batch_size = 8, .shuffle = true, .seed = 3}};
  Loader validation{spirals<T>(7), {.batch_size = 5, .shuffle = true, .seed = 4}};

  train::FitOptions<Batch> options(std::size_t epochs) {
    return {.epochs = epochs,
            .validation = &validation,
            .metrics = {{"accuracy", train::accuracy<T>}},
            .scheduler = &cosine,
            .scheduler_step = train::Every::batch,
            .max_grad_norm = 1.0};
  }
  train::History fit(const train::FitOptions<Batch>& with) {
    return train::fit(
        net, adam, [](const auto& y, const auto& labels) { return nn::cross_entropy(y, labels); }, loader,
        with);
  }
};

/// All numbers of a state, in their order.
template <class T, class State>
std::vector<T> numbers(const State& state) {
  std::vector<T> all;
  for (const auto& [name, array] : state)
    all.insert(all.end(), array.storage().begin(), array.storage().end());
  return all;
}

/// What must be the same, bit for bit, of two trainings.
template <class T>
std::vector<T> bits(const Training<T>& training) {
  std::vector<T> all = numbers<T>(training.net.state());
  const std::vector<T> optimizer = numbers<T>(training.adam.state());
  all.insert(all.end(), optimizer.begin(), optimizer.end());
  for (double rate : numbers<double>(training.cosine.state())) all.push_back(static_cast<T>(rate));
  return all;
}

/// The history but for the seconds.
inline std::vector<double> figures(const train::History& history) {
  std::vector<double> all;
  for (const train::EpochRecord& record : history.epochs) {
    const std::vector<double> row = train::detail::row_of(record);
    all.insert(all.end(), row.begin(), row.end() - 1);
  }
  return all;
}

}  // namespace xgrad::testing
