#include "sgd.hpp"

#include <cmath>

#include "../core/dispatch.hpp"
#include "../core/threads.hpp"
#include "sgd_kernels.hpp"

namespace xgrad::optim {

template <class T>
SGD<T>::SGD(std::vector<Variable<T>> parameters, const SGDOptions& options)
    : Optimizer<T>("SGD", std::move(parameters), options.learning_rate),
      velocities_(this->parameters().size()) {
  set_options(options);
}

template <class T>
void SGD<T>::check(const SGDOptions& options) const {
  this->require(options.momentum >= 0 && options.momentum < 1, "momentum", options.momentum,
                "at least 0 and below 1");
  this->require(!options.nesterov || options.momentum > 0, "momentum", options.momentum,
                "above 0 for nesterov = true");
  this->require(std::isfinite(options.weight_decay) && options.weight_decay >= 0, "weight_decay",
                options.weight_decay, "finite and at least 0");
}

template <class T>
void SGD<T>::set_options(const SGDOptions& options) {
  check(options);
  this->set_learning_rate(options.learning_rate);
  options_ = options;
  if (options.momentum == 0)
    for (Dense<T>& velocity : velocities_) velocity = Dense<T>();
}

template <class T>
SGDOptions SGD<T>::options() const {
  SGDOptions now = options_;
  now.learning_rate = this->learning_rate();
  return now;
}

template <class T>
void SGD<T>::step() {
  static const kernels::SgdKernels& table =
      *choose_kernels([]<class I>() { return kernels::sgd_kernels<I>(); });
  constexpr std::size_t grain = 1 << 15;
  const auto kernel = table.update[std::is_same_v<T, double>];
  const kernels::SgdStep step{this->learning_rate(), options_.momentum, options_.nesterov,
                              options_.weight_decay};
  struct Update {
    T* parameter;
    const T* gradient;
    T* velocity;
    std::size_t count;
  };
  // Whatever allocates comes first: when memory runs out, nothing has moved.
  std::vector<Update> updates;
  updates.reserve(velocities_.size());
  for (std::size_t i = 0; i < velocities_.size(); ++i) {
    Variable<T> parameter = this->parameters()[i];
    if (!parameter.has_grad()) continue;
    if (step.momentum > 0 && !velocities_[i].defined())
      velocities_[i] = Dense<T>::filled(parameter.shape(), T(0));
    T* const velocity = step.momentum > 0 ? velocities_[i].mutable_data() : nullptr;
    // The pointer for writing comes first: it may detach the value from a gradient that shares its buffer.
    T* const value = parameter.mutable_data();
    updates.push_back({value, parameter.dense_grad().data(), velocity, parameter.size()});
  }
  for (const Update& u : updates)
    parallel_for(u.count, grain, [&](std::size_t begin, std::size_t end) {
      kernel(u.parameter + begin, u.gradient + begin, u.velocity ? u.velocity + begin : nullptr, end - begin,
             step);
    });
}

template class SGD<float>;
template class SGD<double>;

}  // namespace xgrad::optim
