// The optimizers that update every element by itself, from its gradient and what was kept of earlier ones:
// groups, state and the fused step that all of them share.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "optimizer.hpp"

namespace xgrad::optim {

/// Parameters with options of their own: any leaves that require a gradient will do, a module's parameters()
/// or Variables of one's own.
template <class T, class Options>
struct ParameterGroup {
  std::vector<Variable<T>> parameters;
  Options options = {};
};

/// An optimizer whose update is one formula for every element. What it keeps between steps, for each element
/// of a parameter, is a slot: an array of the parameter's shape, made at its first step. A Rule has
///
///   Options           a struct with a learning_rate
///   name, slots       the optimizer's name, and those of its slots, for messages and state()
///   check             throws for bad options
///   uses              whether a slot is kept with these options
///   initial           what slots hold at first; zeros for a Rule without it
///   step              the constants of a parameter's step of this number, counted from 1, for the kernel of
///                     their type, which the optimizer's own kernel file defines: optim/adam_kernels.cpp
///
/// Its source file instantiates this for float and double: optim/adam.cpp.
template <class T, class Rule>
class ElementwiseOptimizer : public GradientOptimizer<T> {
 public:
  using Options = typename Rule::Options;
  using Group = ParameterGroup<T, Options>;

  /// One group. A bad option is a ValueError; for what is refused as a parameter see Optimizer.
  explicit ElementwiseOptimizer(std::vector<Variable<T>> parameters, const Options& options = {});
  /// Several groups, each with its own options.
  explicit ElementwiseOptimizer(std::vector<Group> groups);
  template <xgrad::detail::Real N>
  ElementwiseOptimizer(std::vector<Variable<T>>, N) = delete;  // options go by name: {.learning_rate = 0.1}

  /// Everything is allocated before anything is moved: when memory runs out, nothing has changed.
  void step() override;
  using GradientOptimizer<T>::step;  // the one with a closure

  /// Of a group as they are now; the learning rate is the one in force.
  Options options(std::size_t group = 0) const;
  /// Of every group, for every later step. What was kept of earlier gradients stays, but for slots that the
  /// new options have no use for. The learning rate is set as by set_learning_rate(). ValueError for a bad
  /// option; nothing has changed then.
  void set_options(const Options& options);
  /// Of one group.
  void set_options(const Options& options, std::size_t group);

  std::vector<NamedArray<T>> state() const override;
  void load_state(const std::vector<NamedArray<T>>& state) override;

 private:
  void update_all();
  /// What is kept for one parameter.
  struct Kept {
    std::uint64_t steps = 0;
    std::array<Dense<T>, Rule::slots.size()> slots;  ///< undefined until a step uses them
  };

  /// But for the learning rate.
  void assign(const Options& options, std::size_t group);
  bool uses(std::size_t parameter, std::size_t slot) const;
  Dense<T> fresh_slot(std::size_t parameter) const;

  std::vector<Options> options_;  ///< one a group; their learning rates are LearningRates'
  std::vector<Kept> kept_;        ///< one a parameter
};

}  // namespace xgrad::optim
