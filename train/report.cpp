#include "report.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <filesystem>
#include <sstream>
#include <typeinfo>
#include <unordered_set>
#include <utility>

#include "../core/graph/activity.hpp"
#include "../io/dot.hpp"
#include "../io/text_file.hpp"
#include "../io/whole_file.hpp"
#include "../optim/update.hpp"
#include "../profile/page.hpp"

namespace xgrad::train::detail {
namespace {

/// A profile begins after so many batches of a run, for the first are slower, and takes so many.
constexpr std::size_t batches_before_profile = 3, profiled_batches = 3;
/// How often the page is written within epochs that take so long.
constexpr std::chrono::seconds within_epochs{2};
/// A picture of more says nothing, and takes Graphviz minutes.
constexpr std::size_t most_nodes = 500;

/// Whether y depends on so many nodes at most.
bool is_small(xgrad::detail::Node& y) {
  std::vector<xgrad::detail::Node*> pending{&y};
  std::unordered_set<const xgrad::detail::Node*> met{&y};
  while (!pending.empty() && met.size() <= most_nodes) {
    xgrad::detail::Node* const node = pending.back();
    pending.pop_back();
    for (xgrad::detail::Node* input : node->inputs())
      if (met.insert(input).second) pending.push_back(input);
  }
  return met.size() <= most_nodes;
}

/// Of the elements as one vector, in double.
template <class T>
double norm_of(const Dense<T>& value) {
  return value.defined() ? std::sqrt(optim::dot(value.data(), value.data(), value.size())) : 0;
}

std::string counted(std::size_t count, const char* what) {
  return std::to_string(count) + ' ' + what + (count == 1 ? "" : "s");
}

}  // namespace

void check_report(const LoopOptions& options) {
  const std::string& path = options.report;
  if (path.empty()) return;
  io::check_ending("fit", path, ".html");
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::error_code error;  // what cannot be looked at is no folder to write into
  if (!folder.empty() && !std::filesystem::is_directory(folder, error))
    throw IoError("fit: there is no folder " + folder.string() + " for the report " + path +
                  "; make it first");
  io::check_whole_file(path);
  const Shape& image = options.report_options.image;
  if (image.empty()) return;
  const bool has_extents =
      std::all_of(image.begin(), image.end(), [](std::size_t extent) { return extent > 0; });
  if (!has_extents || image.size() > 3 || image.size() < 2 ||
      (image.size() == 3 && image[0] != 1 && image[0] != 3))
    throw ValueError("fit: report_options.image is " + to_string(image) +
                     "; give {height, width}, or {channels, height, width} of 1 or 3 channels");
}

template <class T>
Report<T>::Report(const LoopOptions& options, const Trained<T>& trained, Batches<T>& training,
                  Batches<T>* validation, const Position<T>& position)
    : options_(options),
      trained_(trained),
      training_(training),
      validation_(validation),
      position_(position),
      batches_((options.epochs - std::min<std::size_t>(options.epochs, position.epoch)) * training.size() -
               position.batch) {
  Facts facts{{"model", trained.model.name() + (std::is_same_v<T, float> ? ", float" : ", double")},
              {"optimizer", class_name(typeid(trained.optimizer).name())}};
  std::ostringstream rate;
  rate << trained.optimizer.learning_rate();
  facts.emplace_back("learning rate", rate.str());
  if (trained.scheduler != nullptr)
    facts.emplace_back("scheduler", class_name(typeid(*trained.scheduler).name()));
  content_ = std::make_unique<ReportContent>(options, std::move(facts));
  content_->add_option("batches an epoch", std::to_string(training.size()));
  if (validation != nullptr) content_->add_option("validation batches", std::to_string(validation->size()));
  if (training.seed() != 0) content_->add_option("loader's seed", std::to_string(training.seed()));
  content_->add_option("generator's seed", std::to_string(generator().state().seed));
  if (!position.history.epochs.empty()) content_->resume(position.history);
  write();
}

template <class T>
Report<T>::~Report() = default;

template <class T>
void Report<T>::before_batch() {
  const bool ends_epoch = position_.batch >= position_.batches;  // validation and more is what follows
  if (!profile_ && !ends_epoch && batch_ == std::min(batches_before_profile, batches_ - 1)) begin_profile();
}

template <class T>
void Report<T>::after_batch() {
  ++batch_;
  const bool ends_epoch = position_.batch >= position_.batches;
  // A callback may begin a Profile of its own, of which a thread has one.
  const bool is_enough =
      ends_epoch || options_.after_batch || batch_ >= batches_before_profile + profiled_batches;
  if (profile_ && is_enough) end_profile();
  if (!ends_epoch && Clock::now() - last_written_ > std::max<Clock::duration>(within_epochs, 9 * writing_))
    write_again();
}

template <class T>
void Report<T>::see(const Variable<T>& predictions, const Variable<T>& loss) {
  if (batch_ > 0) return;
  check_against(predictions);
  content_->add_option("samples a batch", std::to_string(training_.samples()));
  content_->add_option("inputs of a batch", to_string(training_.input().shape()));
  draw_graph(loss);
  summarise();
}

/// Options that would show nothing, or what is not so.
template <class T>
void Report<T>::check_against(const Variable<T>& predictions) const {
  const Shape inputs(training_.input().shape());
  const Shape& image = options_.report_options.image;
  const std::size_t of_sample = inputs.empty() || inputs[0] == 0 ? 1 : element_count(inputs) / inputs[0];
  if (!image.empty() && element_count(image) != of_sample)
    throw ValueError("fit: report_options.image is " + to_string(image) + ", of " +
                     counted(element_count(image), "number") + ", and inputs " + to_string(inputs) +
                     " have " + std::to_string(of_sample) + " a sample; give the shape of one sample");
  const std::size_t names = options_.report_options.classes.size();
  if (names == 0) return;
  if (training_.labels() == nullptr || predictions.dim() != 2)
    throw ValueError("fit: report_options.classes names classes, and there are none: predictions are " +
                     to_string(predictions.shape()) + "; leave it out, or give targets that are labels");
  if (names != predictions.shape()[1])
    throw ValueError("fit: report_options.classes has " + counted(names, "name") + ", and predictions are " +
                     to_string(predictions.shape()) + "; give one name for each column");
}

/// One more call of the model, in eval(), which changes nothing of it.
template <class T>
void Report<T>::summarise() {
  const NoGrad off;
  try {
    content_->set_summary(trained_.model.summary([&] { training_.predictions(); }));
  } catch (const std::exception& error) {
    content_->set_summary(std::string("There is no summary: ") + error.what());
  }
}

template <class T>
void Report<T>::draw_graph(const Variable<T>& loss) {
  if (!is_small(loss.node())) {
    content_->set_graph_remark("The graph has more than " + std::to_string(most_nodes) +
                               " nodes, which no picture would show; io::to_dot(loss) writes all of it.");
    return;
  }
  io::DotOptions<T> options;
  for (const auto& [name, parameter] : trained_.model.named_parameters())
    options.names.emplace_back(parameter, name);
  options.names.emplace_back(training_.input(), "inputs");
  content_->draw_graph(io::to_dot(loss, options));
}

template <class T>
void Report<T>::begin_profile() {
  if (xgrad::detail::watcher() != nullptr)
    return content_->set_profile_remark("This thread had a Profile of its own, which saw the batches.");
  profile_.emplace();
  xgrad::detail::let_make_way(*profile_);
}

template <class T>
void Report<T>::end_profile() {
  profile_->stop();
  const std::size_t first = std::min(batches_before_profile, batches_ - 1) + 1;
  content_->set_profile(
      *profile_, first >= batch_ ? "batch " + std::to_string(first)
                                 : "batches " + std::to_string(first) + " to " + std::to_string(batch_));
  profile_.reset();
}

template <class T>
void Report<T>::note_gradients() {
  gradient_norms_.clear();
  for (const auto& [name, parameter] : trained_.model.named_parameters())
    gradient_norms_.push_back(parameter.has_grad() ? std::optional(norm_of(parameter.dense_grad()))
                                                   : std::nullopt);
}

template <class T>
void Report<T>::note_norms() {
  std::vector<ParameterNorms> all;
  const auto parameters = trained_.model.named_parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto& [name, parameter] = parameters[i];
    all.push_back({name, parameter.shape(), norm_of(parameter.dense())});
    if (i < gradient_norms_.size()) all.back().gradient = gradient_norms_[i];
  }
  content_->add_norms(position_.epoch, all);
}

template <class T>
void Report<T>::begin_validation() {
  mistakes_.emplace();
}

template <class T>
void Report<T>::note_validation(const Variable<T>& predictions) {
  const Indices* const labels = validation_->labels();
  if (labels == nullptr || labels->dimension() != 1 || predictions.dim() != 2 || predictions.shape()[1] < 2 ||
      labels->size() != predictions.shape()[0])
    return;
  Dense<T> inputs = validation_->input().dense();
  const std::size_t of_sample =
      inputs.shape.empty() || inputs.shape[0] == 0 ? 1 : inputs.size() / inputs.shape[0];
  const Shape& image = options_.report_options.image;
  if (!image.empty() && element_count(image) != of_sample) inputs = {};
  mistakes_->add(predictions.dense(), labels->storage().data(), inputs, image);
}

template <class T>
void Report<T>::note_epoch() {
  note_norms();
  if (mistakes_ && mistakes_->samples() + mistakes_->not_numbers() > 0)
    content_->set_mistakes(std::move(*mistakes_), position_.epoch);
  mistakes_.reset();
}

template <class T>
void Report<T>::write_epoch() {
  if (is_due()) write_again();
  tell_unwritten();
}

/// Once, and between epochs, where no line of progress is half written.
template <class T>
void Report<T>::tell_unwritten() {
  if (unwritten_.empty() || std::exchange(is_told_, true) || options_.progress == nullptr) return;
  *options_.progress << "The report could not be written, and the training goes on: " << unwritten_ << '\n';
}

/// An eye sees twenty pages grow. Of longer histories each page is longer, too: as often as costs a tenth of
/// the time.
template <class T>
bool Report<T>::is_due() const {
  return written_ < 20 || Clock::now() - last_written_ > 9 * writing_;
}

template <class T>
void Report<T>::write() {
  const auto start = Clock::now();
  content_->set_progress(position_.batch, position_.batches,
                         position_.batch > 0 ? position_.sums.mean_loss() : 0);
  io::write_text("fit", options_.report, content_->page(position_.history));
  ++written_;
  last_written_ = Clock::now();
  writing_ = last_written_ - start;
}

/// Hours of training are worth more than a page: one that cannot be written now is left for the next time.
template <class T>
void Report<T>::write_again() {
  try {
    write();
  } catch (const std::exception& error) {
    last_written_ = Clock::now();
    unwritten_ = error.what();
  }
}

template <class T>
void Report<T>::write_end(const char* state, const std::string& sentence) {
  try {
    if (profile_) end_profile();
    content_->finish(state, sentence);
    write();
  } catch (const std::exception& error) {  // the history is what the training was for
    if (options_.progress != nullptr)
      *options_.progress << "The report was not finished: " << error.what() << '\n';
  }
}

template <class T>
void Report<T>::finish(bool has_more) {
  const History& history = position_.history;
  const std::size_t epochs = history.epochs.size();
  const char* state = history.stopped_early ? "stopped early" : !has_more ? "finished" : "stopped";
  std::string sentence = "after " + counted(epochs, has_more ? "whole epoch" : "epoch");
  if (has_more) sentence += history.interrupted ? ", by a signal" : ", by a callback";
  if (history.stopped_early)
    sentence +=
        ", of which the last " + std::to_string(options_.early_stopping->patience) + " were no better";
  if (options_.early_stopping && history.best_epoch > 0 && !(has_more && history.interrupted))
    sentence += "; the model is that of epoch " + std::to_string(history.best_epoch);
  write_end(state, sentence);
}

template <class T>
void Report<T>::fail() noexcept {
  try {
    std::string what = "an exception that says nothing";
    try {
      throw;
    } catch (const std::exception& error) {
      what = error.what();
    } catch (...) {
    }
    write_end("failed", "after " + counted(position_.history.epochs.size(), "whole epoch") + ": " + what);
  } catch (...) {
    // The exception that ends the training is the one to be told.
  }
}

template class Report<float>;
template class Report<double>;

}  // namespace xgrad::train::detail
