// The batches of any loader, as the compiled training loop sees them.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "../data/loader.hpp"

namespace xgrad::train {

namespace detail {

template <class Batch>
using targets_of = std::remove_cvref_t<decltype(std::declval<const Batch&>().targets)>;
template <class Batch>
using inputs_of = std::remove_cvref_t<decltype(std::declval<const Batch&>().inputs)>;

/// Which of several inputs, counted from I on, is the first Variable.
template <class Inputs, std::size_t I = 0>
constexpr std::size_t place_of_variable() {
  if constexpr (I == std::tuple_size_v<Inputs>) {
    static_assert(xgrad::detail::never<Inputs>, "fit: one of a batch's inputs at least is a Variable");
    return 0;
  } else if constexpr (xgrad::detail::is_variable<std::tuple_element_t<I, Inputs>>) {
    return I;
  } else {
    return place_of_variable<Inputs, I + 1>();
  }
}

/// The first Variable among a batch's inputs: it says how many samples there are, and of what kind
/// predictions are.
template <class Inputs>
struct FirstVariable {
  static_assert(
      xgrad::detail::never<Inputs>,
      "fit: the inputs of a batch are a Variable, or a std::array, std::pair or std::tuple that has "
      "one among its elements");
};
template <class T>
struct FirstVariable<Variable<T>> {
  using type = Variable<T>;
  static const type& of(const type& input) { return input; }
};
template <class Inputs>
requires requires { std::tuple_size<Inputs>::value; }
struct FirstVariable<Inputs> {
  static constexpr std::size_t place = place_of_variable<Inputs>();
  using type = std::tuple_element_t<place, Inputs>;
  static const type& of(const Inputs& inputs) { return std::get<place>(inputs); }
};

template <class Batch>
using predictions_of = typename FirstVariable<inputs_of<Batch>>::type;

/// What the model gives for inputs, of which there may be several; of a struct, its `output`.
template <class V, class M, class... Inputs>
V call_with(M& model, const Inputs&... inputs) {
  constexpr bool takes_them = std::invocable<M&, const Inputs&...>;
  static_assert(
      takes_them,
      "fit: the model is called with the inputs of a batch, each as an argument, and its call operator "
      "does not take these; give it as many parameters, in their order and of their types");
  if constexpr (takes_them) {
    auto given = model(inputs...);
    if constexpr (requires { given.output; })
      return given.output;
    else
      return given;
  }
}

template <class V, class M, class Inputs>
V predict(M& model, const Inputs& inputs) {
  if constexpr (xgrad::detail::is_variable<Inputs>)
    return call_with<V>(model, inputs);
  else
    return std::apply([&](const auto&... each) -> V { return call_with<V>(model, each...); }, inputs);
}

}  // namespace detail

/// (predictions, targets) -> the mean loss of a batch's samples, a Variable of one element.
template <class Batch>
using Loss = std::function<detail::predictions_of<Batch>(const detail::predictions_of<Batch>&,
                                                         const detail::targets_of<Batch>&)>;

/// A figure beside the loss: (predictions, targets) -> its mean over a batch's samples.
template <class Batch>
struct Metric {
  std::string name;
  std::function<double(const detail::predictions_of<Batch>&, const detail::targets_of<Batch>&)> mean;
};

namespace detail {

/// Passes of a DataLoader, whatever its data set.
template <class Batch>
class Passes {
 public:
  virtual ~Passes() = default;
  virtual std::size_t size() const = 0;
  virtual std::uint64_t number() const = 0;
  virtual void set_number(std::uint64_t number) = 0;
  /// By which they are shuffled; 0 where they are not.
  virtual std::uint64_t seed() const = 0;
  /// Whether the loader has drawn it, and would as well go on by another one.
  virtual bool drew_seed() const = 0;
  virtual void set_seed(std::uint64_t seed) = 0;
  virtual void start() = 0;
  virtual bool at_end() const = 0;
  virtual Batch batch() const = 0;
  virtual void advance() = 0;
  virtual void stop() = 0;
};

template <class D>
class PassesOf final : public Passes<typename D::Batch> {
 public:
  explicit PassesOf(data::DataLoader<D>& loader) : loader_(loader) {}

  std::size_t size() const override { return loader_.size(); }
  std::uint64_t number() const override { return loader_.epoch(); }
  void set_number(std::uint64_t number) override { loader_.set_epoch(number); }
  std::uint64_t seed() const override {
    return loader_.options().shuffle ? loader_.options().seed.number().value_or(0) : 0;
  }
  bool drew_seed() const override { return loader_.drew_seed(); }
  void set_seed(std::uint64_t seed) override { loader_.set_seed(seed); }
  void start() override { at_.emplace(loader_.begin()); }
  bool at_end() const override { return *at_ == loader_.end(); }
  typename D::Batch batch() const override { return **at_; }
  void advance() override { ++*at_; }
  void stop() override { at_.reset(); }

 private:
  data::DataLoader<D>& loader_;
  std::optional<typename data::DataLoader<D>::Iterator> at_;
};

/// The batches of a pass, the loss and the metrics of predictions for them.
template <class T>
class Batches {
 public:
  virtual ~Batches() = default;

  /// In a pass.
  virtual std::size_t size() const = 0;
  /// Of the next pass.
  virtual std::uint64_t pass() const = 0;
  virtual void set_pass(std::uint64_t number) = 0;
  /// As of Passes.
  virtual std::uint64_t seed() const = 0;
  virtual bool drew_seed() const = 0;
  virtual void set_seed(std::uint64_t seed) = 0;

  /// Begins a pass after its first `skipped` batches, which are gathered only if the loader reads ahead.
  virtual void start(std::size_t skipped) = 0;
  /// Takes the next batch; false if there is none.
  virtual bool next() = 0;
  /// Lets go of the pass and the batch.
  virtual void stop() = 0;

  /// Of this batch, as the next five.
  virtual std::size_t samples() const = 0;
  /// The first Variable of its inputs.
  virtual const Variable<T>& input() const = 0;
  /// Its targets, if they are labels; null otherwise.
  virtual const Indices* labels() const = 0;
  virtual Variable<T> predictions() const = 0;
  virtual Variable<T> loss(const Variable<T>& predictions) const = 0;
  virtual std::vector<double> metrics(const Variable<T>& predictions) const = 0;
};

template <class T, class Batch>
class BatchesOf final : public Batches<T> {
 public:
  using Predict = std::function<Variable<T>(const inputs_of<Batch>&)>;

  BatchesOf(Passes<Batch>& passes, const Predict& predict, const Loss<Batch>& loss,
            const std::vector<Metric<Batch>>& metrics)
      : passes_(passes), predict_(predict), loss_(loss), metrics_(metrics) {}
  ~BatchesOf() override { passes_.stop(); }

  std::size_t size() const override { return passes_.size(); }
  std::uint64_t pass() const override { return passes_.number(); }
  void set_pass(std::uint64_t number) override { passes_.set_number(number); }
  std::uint64_t seed() const override { return passes_.seed(); }
  bool drew_seed() const override { return passes_.drew_seed(); }
  void set_seed(std::uint64_t seed) override { passes_.set_seed(seed); }

  void start(std::size_t skipped) override {
    passes_.start();
    for (std::size_t i = 0; i < skipped && !passes_.at_end(); ++i) passes_.advance();
  }
  bool next() override {
    if (batch_) passes_.advance();
    batch_.reset();
    if (passes_.at_end()) return false;
    batch_.emplace(passes_.batch());
    return true;
  }
  void stop() override {
    batch_.reset();
    passes_.stop();
  }

  std::size_t samples() const override {
    // Of several inputs one may belong to all samples alike; the targets never do.
    if constexpr (!std::same_as<inputs_of<Batch>, Variable<T>>) {
      const Shape targets = shape_of_targets(batch_->targets);
      if (!targets.empty()) return targets[0];
    }
    return input().dim() == 0 ? 1 : input().shape()[0];
  }
  const Variable<T>& input() const override { return FirstVariable<inputs_of<Batch>>::of(batch_->inputs); }
  const Indices* labels() const override {
    if constexpr (std::same_as<targets_of<Batch>, Indices>)
      return &batch_->targets;
    else
      return nullptr;
  }
  Variable<T> predictions() const override { return predict_(batch_->inputs); }
  Variable<T> loss(const Variable<T>& predictions) const override {
    return loss_(predictions, batch_->targets);
  }
  std::vector<double> metrics(const Variable<T>& predictions) const override {
    std::vector<double> means;
    for (const Metric<Batch>& metric : metrics_) means.push_back(metric.mean(predictions, batch_->targets));
    return means;
  }

 private:
  template <class Targets>
  static Shape shape_of_targets(const Targets& targets) {
    if constexpr (requires { Shape(targets.shape()); })
      return Shape(targets.shape());
    else
      return {};
  }

  Passes<Batch>& passes_;
  const Predict& predict_;
  const Loss<Batch>& loss_;
  const std::vector<Metric<Batch>>& metrics_;
  std::optional<Batch> batch_;
};

}  // namespace detail

/// A DataLoader of such batches, whatever its data set; it must outlive what refers to it. From a pointer:
/// `.validation = &loader`.
template <class Batch>
class LoaderReference {
 public:
  LoaderReference() = default;
  template <class D>
  requires std::is_same_v<typename D::Batch, Batch> LoaderReference(data::DataLoader<D>* loader)
      : passes_(loader == nullptr ? nullptr : std::make_shared<detail::PassesOf<D>>(*loader)) {}

  /// For fit: null if there is none.
  detail::Passes<Batch>* passes() const noexcept { return passes_.get(); }

 private:
  std::shared_ptr<detail::Passes<Batch>> passes_;
};

}  // namespace xgrad::train
