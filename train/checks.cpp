#include "checks.hpp"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <unordered_set>

#include "../core/array/instantiate.hpp"
#include "../io/save.hpp"
#include "../io/whole_file.hpp"
#include "../optim/learning_rates.hpp"

namespace xgrad::train::detail {

namespace {

/// The file that a path leads to, whether it is there or not.
std::filesystem::path place_of(const std::string& path) {
  return std::filesystem::weakly_canonical(std::filesystem::absolute(path));
}

}  // namespace

void check_options(const LoopOptions& options, std::size_t batches, bool has_empty_validation) {
  if (batches == 0)
    throw ValueError("fit: the loader has no batches; give it samples, or a smaller batch_size");
  if (has_empty_validation)
    throw ValueError("fit: the validation loader has no batches; give it samples, or a smaller batch_size");
  const std::vector<std::string> names = column_names(options.metric_names, true);
  for (auto name = names.begin(); name != names.end(); ++name)
    if (std::find(names.begin(), name, *name) != name)
      throw ValueError("fit: two columns of the history would be called '" + *name +
                       "'; give each metric a name of its own");
  for (const std::string& path : {options.checkpoints.path, options.best_model.path}) {
    if (path.empty()) continue;
    io::detail::check_destination(path);
    io::check_whole_file(path);
  }
  if (!options.best_model.path.empty() && !options.checkpoints.path.empty() &&
      place_of(options.best_model.path) == place_of(options.checkpoints.path))
    throw ValueError("fit: best_model and checkpoints would both write '" + options.best_model.path +
                     "'; give each a file of its own");
  if (!options.best_model.path.empty() && options.early_stopping &&
      options.best_model.mode != options.early_stopping->mode)
    throw ValueError(
        "fit: best_model and early_stopping have different modes, and there is one monitored figure; give "
        "both PlateauMode::min or max");
  const optim::OptionCheck check{"fit"};
  check.at_least_zero("epochs", options.epochs);
  check.at_least_one("accumulate", options.accumulate);
  check.at_least_zero("checkpoints.every_epochs", options.checkpoints.every_epochs);
  check.at_least_zero("checkpoints.every_batches", options.checkpoints.every_batches);
  if (options.max_grad_norm)
    check(*options.max_grad_norm > 0, "max_grad_norm", *options.max_grad_norm, "above 0");
  if (!options.early_stopping) return;
  check.at_least_one("early_stopping.patience", options.early_stopping->patience);
  check.at_least_zero("early_stopping.min_delta", options.early_stopping->min_delta);
}

template <class T>
void check_trained(const Trained<T>& trained) {
  std::unordered_set<const xgrad::detail::Node*> trainable;
  for (const Variable<T>& parameter : trained.optimizer.parameters()) trainable.insert(&parameter.node());
  const std::vector<Variable<T>> parameters = trained.model.parameters();
  if (std::none_of(parameters.begin(), parameters.end(),
                   [&](const Variable<T>& parameter) { return trainable.contains(&parameter.node()); }))
    throw ValueError(
        "fit: the optimizer has none of the model's parameters, so nothing would be trained; make it from "
        "the model's parameters()");
  if (std::none_of(parameters.begin(), parameters.end(), [&](const Variable<T>& parameter) {
        return parameter.requires_grad() && trainable.contains(&parameter.node());
      }))
    throw ValueError(
        "fit: all of the model's parameters that the optimizer has are frozen, so nothing would be trained; "
        "unfreeze() some");
  const auto check_driver = [](bool right, const char* what) {
    if (!right)
      throw ValueError(std::string("fit: the ") + what +
                       " drives another optimizer; make it of the one given");
  };
  check_driver(trained.scheduler == nullptr || trained.scheduler->drives(trained.optimizer), "scheduler");
  check_driver(trained.plateau == nullptr || trained.plateau->drives(trained.optimizer), "plateau");
}

Monitor::Monitor(const std::string& wanted, const std::vector<std::string>& metrics, bool has_validation)
    : in_validation_(has_validation) {
  if (wanted.empty()) return;
  std::string name = wanted;
  in_validation_ = has_validation && wanted.starts_with("validation_");
  if (in_validation_) name = wanted.substr(std::string_view("validation_").size());
  if (name == "loss") return;
  const auto found = std::find(metrics.begin(), metrics.end(), name);
  if (found == metrics.end())
    throw ValueError("fit: nothing to monitor is called '" + wanted +
                     "'; give 'loss', a metric's name, or with validation one of these after 'validation_'");
  metric_ = found - metrics.begin();
}

double Monitor::operator()(const EpochRecord& record) const {
  if (metric_ < 0) return in_validation_ ? *record.validation_loss : record.loss;
  return (in_validation_ ? record.validation_metrics : record.metrics)[static_cast<std::size_t>(metric_)];
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() { return check_trained<T>; });

}  // namespace xgrad::train::detail
