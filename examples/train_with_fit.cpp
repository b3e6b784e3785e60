// The training loop ready made: validation, a schedule, early stopping, and a checkpoint that the next run
// goes on from after Ctrl-C.
#include <iostream>

#include <xgrad/xgrad.hpp>

namespace xg = xgrad;

int main(int count, char** arguments) {
  xg::manual_seed(0);
  const auto digits = xg::data::load_digits<float>();
  const auto [samples, kept_aside] =
      xg::data::random_split(xg::data::TensorDataset(digits.images, digits.labels), {1437, 360}, 0);
  xg::data::DataLoader loader(samples, {.batch_size = 50, .shuffle = true});
  xg::data::DataLoader validation(kept_aside, {.batch_size = 360});

  xg::nn::Sequential<float> net{xg::nn::Linear<float>(64, 64), xg::nn::ReLU<float>(),
                                xg::nn::Dropout<float>(0.2), xg::nn::Linear<float>(64, 10)};
  xg::optim::Adam<float> adam(net.parameters(), {.learning_rate = 0.003});
  xg::optim::CosineAnnealingLR cosine(adam, {.t_max = 20});

  const auto loss = [](const auto& logits, const auto& labels) {
    return xg::nn::cross_entropy(logits, labels);
  };
  // A checkpoint is written, and gone on from, where the first argument says.
  const auto history = xg::train::fit(net, adam, loss, loader,
                                      {.epochs = 20,
                                       .validation = &validation,
                                       .metrics = {{"accuracy", xg::train::accuracy<float>}},
                                       .scheduler = &cosine,
                                       .early_stopping = xg::train::EarlyStopping{.patience = 5},
                                       .checkpoints = {.path = count > 1 ? arguments[1] : "", .resume = true},
                                       .stop_on_signals = true,
                                       .progress = &std::cout});

  if (history.interrupted) return 1;
  std::cout << "the best epoch was " << history.best_epoch << ", with a validation accuracy of "
            << history.epochs[history.best_epoch - 1].validation_metrics[0] << '\n';
}
