// What ElementwiseOptimizer does, for the source file of each optimizer, which instantiates it for its Rule.
#pragma once

#include "../core/graph/activity.hpp"
#include "elementwise_optimizer.hpp"
#include "update.hpp"

namespace xgrad::optim {
namespace detail {

template <class T, class Options>
std::vector<std::vector<Variable<T>>> lists_of(std::vector<ParameterGroup<T, Options>>& groups) {
  std::vector<std::vector<Variable<T>>> lists;
  lists.reserve(groups.size());
  for (auto& group : groups) lists.push_back(std::move(group.parameters));
  return lists;
}

template <class T, class Options>
std::vector<double> rates_of(const std::vector<ParameterGroup<T, Options>>& groups) {
  std::vector<double> rates;
  rates.reserve(groups.size());
  for (const auto& group : groups) rates.push_back(group.options.learning_rate);
  return rates;
}

inline std::string name_of(std::size_t parameter, const char* what) {
  return "parameters." + std::to_string(parameter) + "." + what;
}

}  // namespace detail

template <class T, class Rule>
ElementwiseOptimizer<T, Rule>::ElementwiseOptimizer(std::vector<Variable<T>> parameters,
                                                    const Options& options)
    : ElementwiseOptimizer(std::vector<Group>{Group{std::move(parameters), options}}) {}

template <class T, class Rule>
ElementwiseOptimizer<T, Rule>::ElementwiseOptimizer(std::vector<Group> groups)
    : GradientOptimizer<T>(Rule::name, detail::lists_of(groups), detail::rates_of(groups)),
      kept_(this->parameters().size()) {
  for (const Group& group : groups) {
    Rule::check(group.options, this->check());
    options_.push_back(group.options);
  }
}

template <class T, class Rule>
bool ElementwiseOptimizer<T, Rule>::uses(std::size_t parameter, std::size_t slot) const {
  return Rule::uses(options_[this->group_of(parameter)], slot);
}

template <class T, class Rule>
Dense<T> ElementwiseOptimizer<T, Rule>::fresh_slot(std::size_t parameter) const {
  const Options& options = options_[this->group_of(parameter)];
  double first = 0;
  if constexpr (requires { Rule::initial(options); }) first = Rule::initial(options);
  return Dense<T>::filled(this->parameters()[parameter].shape(), static_cast<T>(first));
}

template <class T, class Rule>
typename ElementwiseOptimizer<T, Rule>::Options ElementwiseOptimizer<T, Rule>::options(
    std::size_t group) const {
  this->check_group(group);
  Options now = options_[group];
  now.learning_rate = this->learning_rate(group);
  return now;
}

template <class T, class Rule>
void ElementwiseOptimizer<T, Rule>::set_options(const Options& options) {
  this->check_rate(options.learning_rate);
  Rule::check(options, this->check());
  this->set_learning_rate(options.learning_rate);
  for (std::size_t group = 0; group < options_.size(); ++group) assign(options, group);
}

template <class T, class Rule>
void ElementwiseOptimizer<T, Rule>::set_options(const Options& options, std::size_t group) {
  this->check_group(group);
  this->check_rate(options.learning_rate);
  Rule::check(options, this->check());
  this->set_learning_rate(options.learning_rate, group);
  assign(options, group);
}

template <class T, class Rule>
void ElementwiseOptimizer<T, Rule>::assign(const Options& options, std::size_t group) {
  options_[group] = options;
  for (std::size_t i = 0; i < kept_.size(); ++i)
    for (std::size_t s = 0; s < Rule::slots.size(); ++s)
      if (!uses(i, s)) kept_[i].slots[s] = Dense<T>();
}

template <class T, class Rule>
void ElementwiseOptimizer<T, Rule>::step() {
  xgrad::detail::as_activity(this->name(), [&] { update_all(); });
}

template <class T, class Rule>
void ElementwiseOptimizer<T, Rule>::update_all() {
  using Step = typename Rule::Step;
  struct Update {
    kernels::UpdateLoop loop;
    Step step;
    std::uint64_t* steps;
  };
  // Whatever allocates comes first: when memory runs out, nothing has moved.
  std::vector<Update> updates;
  updates.reserve(kept_.size());
  for (std::size_t i = 0; i < kept_.size(); ++i) {
    Variable<T> parameter = this->parameters()[i];
    if (!parameter.has_grad()) continue;
    const std::size_t group = this->group_of(i);
    Kept& kept = kept_[i];
    Update update{{}, Rule::step(options_[group], this->learning_rate(group), kept.steps + 1), &kept.steps};
    for (std::size_t s = 0; s < Rule::slots.size(); ++s) {
      if (!uses(i, s)) continue;
      if (!kept.slots[s].defined()) kept.slots[s] = fresh_slot(i);
      update.loop.slots[s] = kept.slots[s].mutable_data();
    }
    // The pointer for writing comes first: it may detach the value from a gradient that shares its buffer.
    update.loop.parameter = parameter.mutable_data();
    update.loop.gradient = parameter.dense_grad().data();
    update.loop.count = parameter.size();
    updates.push_back(update);
  }
  for (const Update& update : updates) {
    run_update<T>(update.loop, update.step);
    ++*update.steps;
  }
}

template <class T, class Rule>
std::vector<NamedArray<T>> ElementwiseOptimizer<T, Rule>::state() const {
  std::vector<NamedArray<T>> state;
  this->write_learning_rates(state);
  for (std::size_t i = 0; i < kept_.size(); ++i) {
    const Kept& kept = kept_[i];
    state.emplace_back(detail::name_of(i, "step"), number_array<T>(static_cast<double>(kept.steps)));
    if (kept.steps == 0) continue;
    // A slot that set_options has brought into use since the last step is as the next step would make it.
    for (std::size_t s = 0; s < Rule::slots.size(); ++s)
      if (uses(i, s))
        state.emplace_back(detail::name_of(i, Rule::slots[s]),
                           to_array(kept.slots[s].defined() ? kept.slots[s] : fresh_slot(i)));
  }
  return state;
}

template <class T, class Rule>
void ElementwiseOptimizer<T, Rule>::load_state(const std::vector<NamedArray<T>>& state) {
  StateReader<T> reader(this->name(), state);
  std::vector<double> rates = this->read_learning_rates(reader);
  std::vector<Kept> loaded(kept_.size());
  for (std::size_t i = 0; i < loaded.size(); ++i) {
    loaded[i].steps = reader.count(detail::name_of(i, "step"));
    if (loaded[i].steps == 0) continue;
    for (std::size_t s = 0; s < Rule::slots.size(); ++s)
      if (uses(i, s))
        loaded[i].slots[s] = reader.array(detail::name_of(i, Rule::slots[s]), this->parameters()[i].shape());
  }
  reader.finish();
  this->set_own_learning_rates(std::move(rates));
  kept_ = std::move(loaded);
}

}  // namespace xgrad::optim
