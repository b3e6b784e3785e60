// The training loop: epochs over a loader, validation, schedules, early stopping, checkpoints.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "../data/loader.hpp"
#include "../nn/module.hpp"
#include "../optim/optimizer.hpp"
#include "../optim/reduce_on_plateau.hpp"
#include "../optim/scheduler.hpp"
#include "batches.hpp"
#include "history.hpp"
#include "metrics.hpp"

namespace xgrad::train {

/// What the callback after a batch is told: the step is done.
struct BatchEvent {
  std::size_t epoch = 0;    ///< from 1
  std::size_t batch = 0;    ///< from 1, within the epoch
  std::size_t batches = 0;  ///< in an epoch
  std::size_t samples = 0;  ///< in this batch
  double loss = 0;          ///< of this batch, before the step
  bool stop = false;        ///< to be set by the callback: ends the training
};

/// What the callback after an epoch is told: validation and schedules are done, the model is in train().
struct EpochEvent {
  const EpochRecord& record;
  bool stop = false;  ///< to be set by the callback: ends the training
};

/// When a schedule steps: after each epoch, or after each batch.
enum class Every { epoch, batch };

/// Ends a training whose monitored figure gets no better.
struct EarlyStopping {
  /// How many epochs in a row without a better monitored figure end the training: at least 1.
  Count patience = 5;
  /// By how much a better figure beats the best one: at least 0.
  double min_delta = 0;
  optim::PlateauMode mode = optim::PlateauMode::min;
};

/// A checkpoint holds the model, the optimizer, the scheduler, this thread's generator, the loaders' passes
/// and seeds, the history and what early stopping knows, in one file, which is there whole or not at all.
struct Checkpoints {
  /// Ends in .safetensors or .npz; the model's state is there under "model." and its names. Empty: none are
  /// written.
  std::string path = {};
  /// Written after every so many epochs, and at the end of the training; 0: not after epochs.
  Count every_epochs = 1;
  /// Written after every so many batches, counted within each epoch; 0: not after batches.
  Count every_batches = 0;
  /// Goes on where the file was written, if it is there; otherwise from the beginning.
  Flag resume = false;
};

/// The model's state after the best epoch, in a file of its own, which io::load reads.
struct BestModel {
  /// Ends in .safetensors or .npz; written after every epoch whose monitored figure is better than all
  /// before. Empty: none is written.
  std::string path = {};
  /// Whether a smaller or a greater figure is better; with early_stopping the same as its mode, and better by
  /// its min_delta.
  optim::PlateauMode mode = optim::PlateauMode::min;
};

/// What only the user knows of what a report shows.
struct ReportOptions {
  /// How one sample's input is a picture: {height, width}, or {channels, height, width} of 1 or 3 channels.
  /// Empty: as the shape of a batch tells, [N, H, W], [N, 1, H, W] or [N, 3, H, W].
  Shape image = {};
  /// A name for each column of the predictions; empty: their numbers.
  std::vector<std::string> classes = {};
};

/// What fit takes. Loaders and schedules are pointed to.
template <class Batch>
struct FitOptions {
  /// In all, those before a resumed checkpoint counted.
  Count epochs = 1;
  /// Evaluated after every epoch, without recording and in the model's eval().
  LoaderReference<Batch> validation = {};
  std::vector<Metric<Batch>> metrics = {};
  /// How many batches make a step, at least 1: it is that of one batch of all their samples, at the memory of
  /// one of them. The last step of an epoch is of those that are left. Schedules that go by batches and
  /// clipping go by these steps; a training ends, and checkpoints are written, after a step.
  Count accumulate = 1;

  /// Stepped after every epoch, or after every batch; of the optimizer that is given.
  optim::Scheduler* scheduler = nullptr;
  Every scheduler_step = Every::epoch;
  /// Stepped after every epoch with the monitored figure; of the optimizer that is given.
  optim::ReduceLROnPlateau* plateau = nullptr;
  /// Before each step the gradients are clipped to this norm, which is above 0; see optim::clip_grad_norm.
  std::optional<double> max_grad_norm = std::nullopt;
  /// A loss that is NaN or infinite, of training or of validation, and with max_grad_norm such a norm, ends
  /// the training with a ValueError; true: it goes on.
  bool allow_nonfinite_loss = false;

  /// The column of the history that `plateau`, `early_stopping` and `best_model` look at; empty:
  /// "validation_loss", or "loss" without validation.
  std::string monitor = {};
  /// When the training ends, unless by a signal, the model has its state after the best epoch.
  std::optional<EarlyStopping> early_stopping = std::nullopt;

  BestModel best_model = {};
  Checkpoints checkpoints = {};
  /// SIGINT and SIGTERM do not end the program: the batch is finished, the checkpoint written, and fit
  /// returns with History::interrupted. The handlers are then those from before.
  Flag stop_on_signals = false;

  std::function<void(BatchEvent&)> after_batch = {};
  std::function<void(EpochEvent&)> after_epoch = {};
  /// Where to say how far it is: if it is std::cout or std::cerr on a terminal, a bar redrawn in place and a
  /// line an epoch, at most ten a second; otherwise a line for every tenth part of the epochs.
  std::ostream* progress = nullptr;

  /// Ends in .html: a page for a browser that shows the training while it runs, and afterwards: curves,
  /// learning rate, norms of gradients and weights, what is mistaken for what, the worst samples, the model's
  /// summary, a batch's graph, which Graphviz draws if it is installed, a profile of some batches, machine
  /// and options. It needs no server and no network, is there whole or not at all, and is written before the
  /// first batch, after every epoch, its callback and its checkpoint (after the twentieth page no more often
  /// than takes a tenth of the time), every two seconds within longer ones, and at the end, however that
  /// comes. If the first page cannot be written, fit throws an IoError before anything runs; a later one is
  /// left out, and tried again when the next is due. Up to three batches from the fourth on, within an epoch,
  /// are profiled, with after_batch one, unless the thread has a Profile. The model is called once more, in
  /// eval(), for its summary: the training's numbers stay the same bits, if what a call of the model changes
  /// is in its parameters and buffers; a counter of its own sees that call. A resumed training goes on with
  /// what its page had. Empty: none is written, and nothing of this is done.
  std::string report = {};
  ReportOptions report_options = {};
};

namespace detail {

/// What can be trained: a Module<T>, of whatever class, and so with that class's call operator.
template <class M, class T>
concept ModuleOf = std::derived_from<M, nn::Module<T>> && !std::is_const_v<M>;

/// What of FitOptions does not depend on the loader; see there.
struct LoopOptions {
  Count epochs;
  Count accumulate;
  optim::Scheduler* scheduler;
  Every scheduler_step;
  optim::ReduceLROnPlateau* plateau;
  std::optional<double> max_grad_norm;
  bool allow_nonfinite_loss;
  std::string monitor;
  std::optional<EarlyStopping> early_stopping;
  BestModel best_model;
  Checkpoints checkpoints;
  bool stop_on_signals;
  std::function<void(BatchEvent&)> after_batch;
  std::function<void(EpochEvent&)> after_epoch;
  std::ostream* progress;
  std::string report;
  ReportOptions report_options;
  std::vector<std::string> metric_names;
};

/// `validation` may be null.
template <class T>
History run(nn::Module<T>& model, optim::Optimizer<T>& optimizer, Batches<T>& training,
            Batches<T>* validation, const LoopOptions& options);

}  // namespace detail

/// Trains `model`: for every batch of `loader` the loss of model(inputs), its gradients, and a step of the
/// optimizer. An optimizer that evaluates a batch several times in a step, as LBFGS does, gets loss and
/// gradients as often as it asks; the batch's figures are those of the first time, and with max_grad_norm the
/// gradients are clipped each time.
///
/// A batch's inputs are a Variable, or several values in a std::array, as those of
/// `TensorDataset({left, right}, targets)` are, a std::pair or a std::tuple, of which one at least is a
/// Variable: then each is an argument of the model's call operator, model(left, right). What that gives is
/// the predictions, or a struct that has them as its `output`.
///
/// ```cpp
/// const auto loss = [](const auto& logits, const auto& labels) { return cross_entropy(logits, labels); };
/// const auto history = fit(net, sgd, loss, loader, {.epochs = 10, .validation = &test});
/// ```
///
/// A training that was resumed from a checkpoint ends with the bits of one that was not interrupted, if
/// model, optimizer, schedules, loaders and options are made alike, and what draws random numbers draws them
/// from this thread's generator(). (A data set that does so must not be read ahead by
/// LoaderOptions::prefetch.)
///
/// ValueError, before anything runs, for bad options, a loader without batches, two metrics of one name, no
/// loss, an optimizer that has none of the model's parameters, or a scheduler or plateau that drives another
/// optimizer; IoError for a checkpoint that cannot be read or written, or is another training's, and for a
/// report whose first page cannot be written: nothing has changed if it cannot be read, or a folder is not
/// there. What the model, loss, loader, metrics and callbacks throw comes through, and a loss that is NaN or
/// infinite is a ValueError that names epoch and batch: model, optimizer and schedules are then as after the
/// last step that was done, but for buffers such as running means, which the forward pass of a failed batch
/// may have moved; the last checkpoint stays. In any case, no gradient is left, the model is in the mode,
/// train() or eval(), that it was in, and the signals' handlers are those from before.
template <class T, detail::ModuleOf<T> M, data::Dataset D>
History fit(M& model, optim::Optimizer<T>& optimizer,
            const std::type_identity_t<Loss<typename D::Batch>>& loss, data::DataLoader<D>& loader,
            const std::type_identity_t<FitOptions<typename D::Batch>>& options = {}) {
  using Batch = typename D::Batch;
  detail::LoopOptions loop{options.epochs,
                           options.accumulate,
                           options.scheduler,
                           options.scheduler_step,
                           options.plateau,
                           options.max_grad_norm,
                           options.allow_nonfinite_loss,
                           options.monitor,
                           options.early_stopping,
                           options.best_model,
                           options.checkpoints,
                           options.stop_on_signals,
                           options.after_batch,
                           options.after_epoch,
                           options.progress,
                           options.report,
                           options.report_options,
                           {}};
  if (!loss) throw ValueError("fit: there is no loss; give a function of predictions and targets");
  for (const Metric<Batch>& metric : options.metrics) {
    if (!metric.mean) throw ValueError("fit: the metric '" + metric.name + "' has no function; give it one");
    loop.metric_names.push_back(metric.name);
  }
  const typename detail::BatchesOf<T, Batch>::Predict predict =
      [&model](const detail::inputs_of<Batch>& inputs) {
        return detail::predict<Variable<T>>(model, inputs);
      };
  detail::PassesOf<D> passes(loader);
  detail::BatchesOf<T, Batch> training(passes, predict, loss, options.metrics);
  if (options.validation.passes() == nullptr)
    return detail::run<T>(model, optimizer, training, nullptr, loop);
  detail::BatchesOf<T, Batch> validation(*options.validation.passes(), predict, loss, options.metrics);
  return detail::run<T>(model, optimizer, training, &validation, loop);
}

}  // namespace xgrad::train
