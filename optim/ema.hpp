// A moving average of weights, to evaluate with.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "../core/graph/variable.hpp"
#include "state.hpp"

namespace xgrad::optim {

/// An exponential moving average a of each parameter p: update(), after each step of the optimizer, makes it
///
///   a <- decay * a + (1 - decay) * p
///
/// and the first one a copy of p, as PyTorch's AveragedModel does. Until then a is p as it was. It is
/// computed as a + (1 - decay) * (p - a), and moves a by one unit in its last place at least where that is
/// not p and no subnormal number: rounding alone would stop it short of a p that stays, in float and with a
/// decay of 0.999 by up to 6e-5 of it. Weights that are averaged in this way are often better than the last
/// ones: B. T. Polyak and A. B. Juditsky, "Acceleration of stochastic approximation by averaging", 1992.
/// Frozen parameters are averaged as others are, as AveragedModel does; one that has not changed since its
/// average was a copy of it costs nothing, and the two stay equal bit for bit. Buffers, such as batch norm's
/// running means, are the module's own and stay. Several EMAs may have the same parameters, and one at a time
/// is applied.
///
/// ```cpp
/// xg::optim::EMA<float> average(net.parameters(), 0.999);
/// sgd.step();
/// average.update();
/// {
///   const auto applied = average.apply();
///   xg::io::save(net, "averaged.safetensors");
/// }
/// ```
template <class T>
class EMA {
 public:
  /// While it lives, the parameters have the averages for values; then those back that they had. What is
  /// done to them meanwhile is lost.
  class [[nodiscard("give it a name: without one it ends with the statement")]] Applied {
   public:
    Applied(const Applied&) = delete;
    Applied& operator=(const Applied&) = delete;
    ~Applied();

   private:
    friend class EMA;
    Applied(const std::vector<Variable<T>>& parameters, const std::vector<Dense<T>>& averages,
            std::shared_ptr<bool> is_on);

    std::vector<std::pair<Variable<T>, Dense<T>>> before_;
    std::shared_ptr<bool> is_on_;
  };

  /// ValueError unless decay is at least 0 and below 1, and for no parameters, or one that is listed twice,
  /// or has another EMA's average in its place; GraphError for a Variable that is empty or the result of an
  /// operation.
  explicit EMA(std::vector<Variable<T>> parameters, double decay = 0.999);

  /// ValueError while the averages are applied, or another EMA's in one of the parameters. Changes nothing
  /// when it throws.
  void update();
  /// The average of each parameter in its place while what this returns lives. ValueError while another one
  /// does, of this EMA or of another that has one of the parameters.
  Applied apply() { return Applied(parameters_, averages_, is_applied_); }

  const std::vector<Variable<T>>& parameters() const noexcept { return parameters_; }
  /// In the order of parameters(), each in O(1).
  std::vector<Array<T>> averages() const;
  double decay() const noexcept { return decay_; }
  /// How often update() was called.
  std::uint64_t updates() const noexcept { return updates_; }

  /// "updates" and "parameters.0.average" and so on, as optimizers have it.
  std::vector<NamedArray<T>> state() const;
  /// Goes on where the average was that gave `state`. Errors as an optimizer's; unchanged when it throws.
  void load_state(const std::vector<NamedArray<T>>& state);

 private:
  std::vector<Variable<T>> parameters_;
  std::vector<Dense<T>> averages_;
  double decay_;
  std::uint64_t updates_ = 0;
  std::shared_ptr<bool> is_applied_ = std::make_shared<bool>(false);
};

extern template class EMA<float>;
extern template class EMA<double>;

}  // namespace xgrad::optim
