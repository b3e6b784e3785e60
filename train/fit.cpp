#include "fit.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <limits>
#include <sstream>
#include <utility>

#include "../core/array/instantiate.hpp"
#include "../io/save.hpp"
#include "../optim/clip.hpp"
#include "checks.hpp"
#include "ending.hpp"
#include "position.hpp"
#include "progress.hpp"
#include "report.hpp"
#include "signals.hpp"

namespace xgrad::train::detail {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// The number that a loss is.
template <class T>
double mean_of(const Variable<T>& loss) {
  if (!loss.defined()) throw ValueError("fit: the loss is an empty Variable; return what was computed");
  if (loss.size() != 1)
    throw ValueError("fit: the loss is of shape " + to_string(loss.shape()) +
                     "; return one number, the mean over the batch's samples");
  return static_cast<double>(loss.item());
}

/// What a batch has to say before its step.
struct Figures {
  std::size_t samples;
  double loss;
  std::vector<double> metrics;
};

template <class T>
class Loop {
 public:
  Loop(nn::Module<T>& model, optim::Optimizer<T>& optimizer, Batches<T>& training, Batches<T>* validation,
       const LoopOptions& options)
      : options_(options),
        monitor_(options.monitor, options.metric_names, validation != nullptr),
        trained_{model, optimizer, options.scheduler, options.plateau},
        training_(training),
        validation_(validation) {}

  History run();

 private:
  void begin();
  void go_on();
  bool has_more() const;
  bool train_epoch();
  void train_batch();
  void step();
  Variable<T> evaluate();
  void add_gradients(const Variable<T>& loss);
  void finish_gradients(bool is_first);
  bool begins_step() const { return samples_ == 0; }
  bool ends_step() const {
    return (position_.batch + 1) % options_.accumulate == 0 || position_.batch + 1 >= position_.batches;
  }
  void check_finite(double number, const char* what, std::size_t batch, const char* advice) const;
  bool after_batch();
  bool close_epoch();
  bool validate(EpochRecord& record);
  void judge(const EpochRecord& record);
  void note_passes();
  void note_seeds();
  void write();
  bool signalled() const { return signals_ && signals_->seen(); }
  bool is_due(std::size_t count, std::size_t every) const { return every > 0 && count % every == 0; }

  const LoopOptions& options_;
  Monitor monitor_;
  Trained<T> trained_;
  Batches<T>& training_;
  Batches<T>* validation_;
  Position<T> position_;
  std::optional<SignalWatch> signals_;
  std::optional<Progress> progress_;
  std::optional<Report<T>> report_;
  std::optional<Figures> figures_;  ///< of the present batch
  std::size_t samples_ = 0;         ///< whose gradients have been added up for a step that is still to come
  bool stops_ = false, writes_ = false;  ///< after that step
};

template <class T>
History Loop<T>::run() {
  check_options(options_, training_.size(), validation_ != nullptr && validation_->size() == 0);
  check_trained(trained_);
  check_report(options_);
  if (options_.stop_on_signals) signals_.emplace();
  const Ending<T> ending(trained_.model, trained_.optimizer);
  begin();
  try {
    go_on();
  } catch (...) {
    if (report_) report_->fail();
    throw;
  }
  return std::move(position_.history);
}

template <class T>
void Loop<T>::go_on() {
  if (!options_.report.empty()) report_.emplace(options_, trained_, training_, validation_, position_);
  while (has_more() && train_epoch() && close_epoch()) {
  }
  History& history = position_.history;
  history.interrupted = signalled();
  if (options_.early_stopping && !position_.best_model.empty() && !(history.interrupted && has_more()))
    trained_.model.load_state(position_.best_model);
  if (report_) report_->finish(has_more());
}

/// From the beginning, or from the checkpoint.
template <class T>
void Loop<T>::begin() {
  const std::string& path = options_.checkpoints.path;
  position_.history.metric_names = options_.metric_names;
  position_.sums = Sums(options_.metric_names.size());
  position_.batches = training_.size();
  note_seeds();
  if (options_.checkpoints.resume && !path.empty() && std::filesystem::exists(path)) {
    position_ = read_checkpoint(path, trained_, position_, validation_ != nullptr);
    training_.set_pass(position_.pass);
    if (training_.drew_seed()) training_.set_seed(position_.seed);
    if (validation_ != nullptr) {
      validation_->set_pass(position_.validation_pass);
      if (validation_->drew_seed()) validation_->set_seed(position_.validation_seed);
    }
    note_seeds();
    generator().set_state(position_.random);
    const auto& early = options_.early_stopping;
    position_.history.stopped_early = early && position_.bad_epochs >= early->patience;
  }
  if (options_.progress != nullptr)
    progress_.emplace(*options_.progress, columns_of(*options_.progress), options_.epochs, position_.epoch,
                      training_.size(), options_.metric_names, position_.batch, position_.sums.samples);
}

template <class T>
bool Loop<T>::has_more() const {
  if (position_.history.stopped_early) return false;
  return position_.epoch < options_.epochs;
}

/// What is left of an epoch's batches; false if the training ends there.
template <class T>
bool Loop<T>::train_epoch() {
  trained_.model.train();
  note_passes();
  training_.start(position_.batch);
  while (true) {
    if (report_) report_->before_batch();
    const auto start = Clock::now();
    if (!training_.next()) break;
    train_batch();
    position_.seconds += seconds_since(start);
    if (report_) report_->after_batch();
    if (!after_batch()) return false;
  }
  training_.stop();
  return true;
}

template <class T>
void Loop<T>::train_batch() {
  figures_.reset();
  if (ends_step())
    step();
  else
    evaluate();
  position_.sums.add(figures_->samples, figures_->loss, figures_->metrics);
  ++position_.batch;
}

template <class T>
void Loop<T>::step() {
  trained_.optimizer.step([this] { return evaluate(); });
  if (!figures_)
    throw ValueError("fit: the optimizer's step did not call the closure; call it, at least once");
  // The step is done: until it is counted nothing that is a user's own can throw.
  samples_ = 0;
  if (trained_.scheduler != nullptr && options_.scheduler_step == Every::batch) trained_.scheduler->step();
}

/// The loss of the batch where the parameters are, and its gradients. An optimizer may ask several times in a
/// step: the first time is the batch's, where all else that may throw is done; what is not finite further on
/// is for the optimizer to judge.
template <class T>
Variable<T> Loop<T>::evaluate() {
  const bool is_first = !figures_;
  if (!is_first && options_.accumulate > 1)
    throw ValueError(
        "fit: the optimizer evaluates its loss several times in a step, and accumulate goes through each "
        "batch "
        "once; make batches larger instead");
  const Variable<T> predictions = training_.predictions();
  const Variable<T> loss = training_.loss(predictions);
  const double mean_loss = mean_of(loss);
  if (is_first)
    check_finite(
        mean_loss, "loss of batch ", position_.batch + 1,
        "lower the learning rate, clip with max_grad_norm, or look for its cause with DetectAnomaly");
  if (report_ && is_first) report_->see(predictions, loss);
  if (options_.accumulate > 1) {
    add_gradients(loss);
  } else {
    zero_gradients(trained_.model, trained_.optimizer);
    loss.backward();
  }
  if (ends_step()) finish_gradients(is_first);
  if (is_first) {
    const NoGrad off;
    figures_ = Figures{training_.samples(), mean_loss, training_.metrics(predictions)};
  }
  return loss;
}

/// The gradients of the samples' losses, not of their mean, added to those of the batches before.
template <class T>
void Loop<T>::add_gradients(const Variable<T>& loss) {
  if (begins_step()) zero_gradients(trained_.model, trained_.optimizer);
  const std::size_t samples = training_.samples();
  loss.backward({.grad_output = to_array(Dense<T>::filled(loss.shape(), static_cast<T>(samples)))});
  samples_ += samples;
}

/// The gradients as the step is to have them.
template <class T>
void Loop<T>::finish_gradients(bool is_first) {
  if (options_.accumulate > 1) divide_gradients(trained_.model, trained_.optimizer, static_cast<T>(samples_));
  if (report_ && is_first && position_.batch + 1 >= position_.batches) report_->note_gradients();
  if (!options_.max_grad_norm) return;
  const double norm = optim::clip_grad_norm(trained_.optimizer.parameters(), *options_.max_grad_norm);
  if (is_first)
    check_finite(norm, "gradients' norm of batch ", position_.batch + 1,
                 "lower the learning rate, or look for its cause with DetectAnomaly");
}

/// What is not finite would go from here into the parameters, or into what is judged by it.
template <class T>
void Loop<T>::check_finite(double number, const char* what, std::size_t batch, const char* advice) const {
  if (std::isfinite(number) || options_.allow_nonfinite_loss) return;
  std::ostringstream text;
  text << "fit: the " << what << batch << " of epoch " << position_.epoch + 1 << " is " << number << "; "
       << advice << ", or let it go on with allow_nonfinite_loss";
  throw ValueError(text.str());
}

/// False if the training ends here.
template <class T>
bool Loop<T>::after_batch() {
  const Sums& sums = position_.sums;
  if (progress_) progress_->batch(position_.batch, sums.samples, sums.mean_loss(), sums.mean_metrics());
  BatchEvent event{position_.epoch + 1, position_.batch, position_.batches,
                   figures_->samples,   figures_->loss,  false};
  if (options_.after_batch) options_.after_batch(event);
  stops_ = stops_ || event.stop || signalled();
  writes_ = writes_ || is_due(position_.batch, options_.checkpoints.every_batches);
  if (!begins_step()) return true;  // gradients wait, which no checkpoint has
  if (stops_ || std::exchange(writes_, false)) write();
  return !stops_;
}

/// Validation, schedules and the record of an epoch whose batches are done; false if the training ends here.
template <class T>
bool Loop<T>::close_epoch() {
  EpochRecord record;
  record.epoch = position_.epoch + 1;
  record.loss = position_.sums.mean_loss();
  record.metrics = position_.sums.mean_metrics();
  record.learning_rate = trained_.optimizer.learning_rate();
  const auto start = Clock::now();
  if (validation_ != nullptr && !validate(record)) return false;
  record.seconds = position_.seconds + seconds_since(start);

  if (trained_.scheduler != nullptr && options_.scheduler_step == Every::epoch) trained_.scheduler->step();
  if (trained_.plateau != nullptr) trained_.plateau->step(monitor_(record));
  position_.history.epochs.push_back(record);
  ++position_.epoch;
  position_.batch = 0;
  position_.sums = Sums(options_.metric_names.size());
  position_.seconds = 0;
  judge(record);
  note_passes();

  if (progress_) progress_->epoch(record);
  if (report_) report_->note_epoch();
  EpochEvent event{record, false};
  if (options_.after_epoch) options_.after_epoch(event);
  const bool stop = event.stop || signalled() || !has_more();
  if (stop || is_due(position_.epoch, options_.checkpoints.every_epochs)) write();
  if (report_ && !stop) report_->write_epoch();
  return !stop;
}

/// False if a signal has cut it short: then nothing has changed, and the whole of it is to be done again.
template <class T>
bool Loop<T>::validate(EpochRecord& record) {
  const NoGrad off;
  const GeneratorState random = generator().state();
  Sums sums(options_.metric_names.size());
  trained_.model.eval();
  validation_->start(0);
  if (report_) report_->begin_validation();
  for (std::size_t batch = 1; validation_->next(); ++batch) {
    if (signalled()) {
      validation_->stop();
      validation_->set_pass(position_.validation_pass);
      generator().set_state(random);
      write();
      return false;
    }
    const Variable<T> predictions = validation_->predictions();
    const double mean_loss = mean_of(validation_->loss(predictions));
    check_finite(mean_loss, "loss of validation batch ", batch,
                 "look for its cause in that batch and in the model's state");
    sums.add(validation_->samples(), mean_loss, validation_->metrics(predictions));
    if (report_) report_->note_validation(predictions);
  }
  validation_->stop();
  trained_.model.train();
  record.validation_loss = sums.mean_loss();
  record.validation_metrics = sums.mean_metrics();
  return true;
}

/// Early stopping, and the best model's file.
template <class T>
void Loop<T>::judge(const EpochRecord& record) {
  const auto& early = options_.early_stopping;
  const std::string& best_path = options_.best_model.path;
  if (!early && best_path.empty()) return;
  const double figure = monitor_(record), margin = early ? early->min_delta : 0;
  const bool is_min = (early ? early->mode : options_.best_model.mode) == optim::PlateauMode::min;
  History& history = position_.history;
  const bool better = history.best_epoch == 0 ? !std::isnan(figure)
                      : is_min                ? figure < position_.best - margin
                                              : figure > position_.best + margin;
  if (better) {
    if (!best_path.empty()) io::save(trained_.model, best_path);
    position_.best = figure;
    position_.best_model = trained_.model.state();
    history.best_epoch = record.epoch;
  }
  position_.bad_epochs = better ? 0 : position_.bad_epochs + 1;
  history.stopped_early = early && position_.bad_epochs >= early->patience;
}

template <class T>
void Loop<T>::note_seeds() {
  position_.seed = training_.seed();
  position_.drew_seed = training_.drew_seed();
  if (validation_ == nullptr) return;
  position_.validation_seed = validation_->seed();
  position_.drew_validation_seed = validation_->drew_seed();
}

template <class T>
void Loop<T>::note_passes() {
  position_.pass = training_.pass();
  if (validation_ != nullptr) position_.validation_pass = validation_->pass();
}

template <class T>
void Loop<T>::write() {
  if (options_.checkpoints.path.empty()) return;
  position_.random = generator().state();
  write_checkpoint(options_.checkpoints.path, trained_, position_);
}

}  // namespace

template <class T>
History run(nn::Module<T>& model, optim::Optimizer<T>& optimizer, Batches<T>& training,
            Batches<T>* validation, const LoopOptions& options) {
  return Loop<T>(model, optimizer, training, validation, options).run();
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() { return run<T>; });

}  // namespace xgrad::train::detail
