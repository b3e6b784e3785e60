#include "ema.hpp"

#include <sstream>
#include <string>
#include <unordered_map>

#include "../core/graph/notes.hpp"
#include "update.hpp"

namespace xgrad::optim {
using namespace xgrad::detail;

namespace {

template <class T>
void check_leaves(const std::vector<Variable<T>>& parameters) {
  if (parameters.empty()) throw ValueError("EMA: there are no parameters; pass at least one Variable");
  std::unordered_map<const Node*, std::size_t> first;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Variable<T>& parameter = parameters[i];
    const std::string which = "EMA: parameter " + std::to_string(i);
    if (!parameter.defined()) throw GraphError(which + " is an empty Variable; assign it a value first");
    if (!parameter.is_leaf())
      throw GraphError(which + " of shape " + to_string(parameter.shape()) + " is the result of '" +
                       std::string(parameter.operation()) + "'; only leaves can be averaged");
    const auto [seen, is_new] = first.emplace(&parameter.node(), i);
    if (!is_new)
      throw ValueError(which + " is the same Variable as parameter " + std::to_string(seen->second) +
                       "; list it once");
  }
}

void check_decay(double decay) {
  if (decay >= 0 && decay < 1) return;
  std::ostringstream text;
  text << "EMA: decay is " << decay << "; give the share of the average that is kept, at least 0 and below 1";
  throw ValueError(text.str());
}

std::string average_name(std::size_t i) { return "parameters." + std::to_string(i) + ".average"; }

/// Averages would be averaged, or two EMAs put back each other's weights.
template <class T>
void check_own_values(const char* what, const std::vector<Variable<T>>& parameters) {
  for (std::size_t i = 0; i < parameters.size(); ++i)
    if (const Notes* notes = find_notes(parameters[i].node()); notes != nullptr && notes->holds_average)
      throw ValueError(
          std::string("EMA: ") + what + " while parameter " + std::to_string(i) +
          " has the average of another EMA in its place; let what that one's apply() returned end "
          "first");
}

}  // namespace

template <class T>
EMA<T>::EMA(std::vector<Variable<T>> parameters, double decay)
    : parameters_(std::move(parameters)), decay_(decay) {
  check_decay(decay);
  check_leaves(parameters_);
  check_own_values("it is made", parameters_);
  for (const Variable<T>& parameter : parameters_) averages_.push_back(parameter.dense());
}

template <class T>
void EMA<T>::update() {
  if (*is_applied_)
    throw ValueError(
        "EMA: update() while the averages stand in the parameters; let what apply() returned end first");
  check_own_values("update()", parameters_);
  if (updates_ == 0 || decay_ == 0) {
    std::vector<Dense<T>> copies;
    for (const Variable<T>& parameter : parameters_) copies.push_back(parameter.dense());
    averages_ = std::move(copies);
  } else {
    // Whatever allocates comes first: when memory runs out, nothing has moved.
    std::vector<kernels::UpdateLoop> loops;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const T* const value = parameters_[i].dense().data();
      if (averages_[i].data() == value) continue;  // a copy that shares what has not been written to
      loops.push_back({averages_[i].mutable_data(), value, {}, averages_[i].size()});
    }
    for (const kernels::UpdateLoop& loop : loops) run_update<T>(loop, kernels::ApproachStep{1 - decay_});
  }
  ++updates_;
}

template <class T>
EMA<T>::Applied::Applied(const std::vector<Variable<T>>& parameters, const std::vector<Dense<T>>& averages,
                         std::shared_ptr<bool> is_on)
    : is_on_(std::move(is_on)) {
  if (*is_on_)
    throw ValueError("EMA: apply() while the averages are applied; let what it returned end first");
  check_own_values("apply()", parameters);
  before_.reserve(parameters.size());
  for (const Variable<T>& parameter : parameters)
    notes_of(parameter.node());  // from here on nothing can fail
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    Variable<T> parameter = parameters[i];
    find_notes(parameter.node())->holds_average = true;
    Dense<T> before = parameter.exchange_value(averages[i]);
    before_.emplace_back(std::move(parameter), std::move(before));
  }
  *is_on_ = true;
}

template <class T>
EMA<T>::Applied::~Applied() {
  for (auto& [parameter, before] : before_) {
    parameter.exchange_value(std::move(before));
    find_notes(parameter.node())->holds_average = false;
  }
  *is_on_ = false;
}

template <class T>
std::vector<Array<T>> EMA<T>::averages() const {
  std::vector<Array<T>> averages;
  for (const Dense<T>& average : averages_) averages.push_back(to_array(average));
  return averages;
}

template <class T>
std::vector<NamedArray<T>> EMA<T>::state() const {
  std::vector<NamedArray<T>> state{{"updates", number_array<T>(static_cast<double>(updates_))}};
  for (std::size_t i = 0; i < averages_.size(); ++i)
    state.emplace_back(average_name(i), to_array(averages_[i]));
  return state;
}

template <class T>
void EMA<T>::load_state(const std::vector<NamedArray<T>>& state) {
  StateReader<T> reader("EMA", state);
  const std::uint64_t updates = reader.count("updates");
  std::vector<Dense<T>> averages;
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    averages.push_back(reader.array(average_name(i), parameters_[i].shape()));
  reader.finish();
  updates_ = updates;
  averages_ = std::move(averages);
}

template class EMA<float>;
template class EMA<double>;

}  // namespace xgrad::optim
