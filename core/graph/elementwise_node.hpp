// The node of an elementwise operation: what it saves, and its backward pass in both readings.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <span>

#include "../formula/broadcast_loop.hpp"
#include "../formula/replay.hpp"
#include "broadcast.hpp"
#include "elementwise_gradient.hpp"
#include "record.hpp"
#include "renewal.hpp"
#include "watch.hpp"

namespace xgrad::detail {

Description description_of(const Elementwise& operation) noexcept;
/// The Elementwise that made the node; none if another kind of operation did, or none.
const Elementwise* elementwise_of(const Node& node) noexcept;
/// OperationType's tangent and tangents.
std::optional<Value> elementwise_tangent(Node& node, std::span<const Value> of_inputs);
std::optional<Value> elementwise_tangents(Node& node, std::span<const Value> of_inputs,
                                          std::size_t directions);

/// What give_to_renewal() said, for the next one.
inline thread_local constinit std::uint32_t given_to_renewal = 0;
/// Among the bits of temporaries: they are a program's own nodes.
inline constexpr std::uint32_t in_program = std::uint32_t{1} << 31;
static_assert(most_inputs < 31);

/// The elements of a program's node that nobody reads any more, if nobody else holds them.
inline memory::Buffer last_elements(Node& node) {
  memory::Buffer elements = node.value().buffer;
  node.release_value();
  return elements.unique() ? std::move(elements) : memory::Buffer();
}

/// A buffer for a result of this shape: that of a temporary which nobody else wants, or a new one.
template <class T>
memory::Buffer place_of_result(std::span<Node* const> inputs, std::uint32_t temporaries, const Shape& shape) {
  if (temporaries != 0 && !detail::Watch::keeps_inputs())
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if ((temporaries >> i & 1) && inputs[i]->value().shape == shape) {
        if (temporaries & in_program) [[unlikely]] {
          if (memory::Buffer elements = last_elements(*inputs[i])) return elements;
        } else if (inputs[i]->gives_value_away()) {
          return inputs[i]->exchange_buffer({});
        }
      }
  return memory::Buffer(element_count(shape) * sizeof(T));
}

/// The node of an elementwise operation of `Count` inputs, or of any number for 0.
template <class T, std::size_t Count>
class ElementwiseNode final : public Node {
  static constexpr std::size_t capacity = Count == 0 ? most_inputs : Count;

 public:
  ElementwiseNode(const Elementwise& operation, Node* const* inputs, std::uint32_t temporaries)
      : Node(inputs[0]->value().shape, kind_of<T>), operation_(&operation) {
    std::copy_n(inputs, count(), edges_.begin());
    if (operation.program() != nullptr) [[unlikely]]
      users_ = std::make_unique<Users>(Users{operation.shared_from_this(), {}});
    save_and_compute(temporaries);
    require_gradient();
    take_uniform();
    set_inputs(edges_.data(), count());
  }

  Description description() const noexcept override { return description_of(*operation_); }

  // What tangents are made of.
  const Elementwise& elementwise() const noexcept { return *operation_; }
  const memory::Buffer& saved(std::size_t i) const noexcept { return saved_[i]; }
  /// Of a user's operation, its derivative in input `k`, if that is kept.
  memory::Buffer slope(std::size_t k) const noexcept { return users_ ? users_->slopes[k] : memory::Buffer(); }

  std::vector<Value> perform_again(std::span<const Value> inputs) const override {
    Source sources[capacity];
    for (std::size_t i = 0; i < count(); ++i) sources[i] = {inputs[i].buffer.data(), &inputs[i].shape};
    const std::span<const Source> read(sources, count());
    Dense<T> result(elementwise_shape(*operation_, read));
    elementwise_value<T>(*operation_, read, result.shape, result.mutable_data());
    return {std::move(result)};
  }
  void renew() override {
    drop_saved();
    const std::uint32_t given = std::exchange(given_to_renewal, 0);
    save_and_compute(given == 0 ? 0 : given | in_program);
  }
  void drop_saved() noexcept override {
    for (memory::Buffer& saved : saved_) saved.reset();
    if (users_) [[unlikely]]
      users_->drop_slopes();
  }

  void differentiate(Sweep<memory::Buffer>& sweep, memory::Buffer&& dy) override {
    if (is_single()) [[likely]]
      return differentiate_single(sweep, std::move(dy));
    for (std::size_t k = 0; k < count(); ++k) {
      Node& input = *edges_[k];
      const Elementwise::Gradient& gradient = operation_->gradient(k);
      if (gradient.zero || !sweep.wants(input)) continue;
      const bool last = !wanted_after(sweep, k);
      memory::Buffer share = last ? std::move(dy) : dy;  // NOLINT(bugprone-use-after-move): the loop ends
      if (value().shape != input.value().shape)
        share = summed_share(sweep, k, last, std::move(share));
      else if (!gradient.passes)
        share = plain_share(sweep, k, last, std::move(share));
      sweep.give(input, std::move(share));
      if (last) return;
    }
  }

  void differentiate(Sweep<Handle>& sweep, Handle&& output_gradient) override {
    const Variable<T> dy(std::move(output_gradient));
    for (std::size_t k = 0; k < count(); ++k) {
      const Elementwise::Gradient& gradient = operation_->gradient(k);
      if (gradient.zero || !sweep.wants(*edges_[k])) continue;
      const Variable<T> share = gradient.passes ? dy : recorded_share(k, dy);
      sweep.give(*edges_[k], Handle(sum_to(share, edges_[k]->value().shape).handle()));
    }
  }

 private:
  std::size_t count() const noexcept { return Count == 0 ? operation_->inputs() : Count; }

  /// Whether the result has one element, and so all inputs.
  bool is_single() const { return value().size() == 1 && operation_->kernels() != nullptr; }

  void save_and_compute(std::uint32_t temporaries) {
    // First, so that what is saved is not written to.
    const auto& gradients = operation_->gradients();
    for (std::size_t k = 0; k < count(); ++k)
      if (edges_[k]->requires_grad()) save_for(gradients[k]);
    compute(temporaries);
  }

  void compute(std::uint32_t temporaries) {
    // Of the shape of the first input so far.
    bool single = is_single();
    for (std::size_t i = 1; i < count(); ++i) single = single && edges_[i]->value().size() == 1;
    if (single) [[likely]]
      return compute_single();
    compute_many(temporaries);
  }

  /// Apart, so that the way of a single element stays short.
  [[gnu::noinline]] void compute_many(std::uint32_t temporaries) {
    Source sources[capacity];
    for (std::size_t i = 0; i < count(); ++i)
      sources[i] = {edges_[i]->value().buffer.data(), &edges_[i]->value().shape};
    const std::span<const Source> read(sources, count());
    const Shape shape = elementwise_shape(*operation_, read);
    memory::Buffer result;
    if (users_ && operation_->value_and_slopes() != nullptr) {
      result = memory::Buffer(element_count(shape) * sizeof(T));
      elementwise_value_and_slopes<T>(*operation_, read, shape, elements_of(result), with_slope(),
                                      users_->slopes);
    } else {
      result = place_of_result<T>({edges_.data(), count()}, temporaries, shape);
      elementwise_value<T>(*operation_, read, shape, elements_of(result));
    }
    value_to_come() = {std::move(result), shape};
  }

  static T* elements_of(memory::Buffer& buffer) { return static_cast<T*>(buffer.mutable_data()); }

  /// A bit for each input whose gradient is a product with its slope.
  std::uint32_t with_slope() const {
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < count(); ++k) {
      const Elementwise::Gradient& gradient = operation_->gradient(k);
      const bool keeps = !gradient.zero && !gradient.passes && !gradient.one_step;
      bits |= std::uint32_t(edges_[k]->requires_grad() && keeps) << k;
    }
    return bits;
  }

  // All have one element, so that the engine's own cost shows. Such a value needs no loop, and a gradient of
  // one shape serves for all.

  void compute_single() {
    const void* elements[capacity];
    for (std::size_t i = 0; i < count(); ++i) {
      const Value& input = edges_[i]->value();
      if (input.shape.size() > value().shape.size()) value_to_come().shape = input.shape;
      elements[i] = input.buffer.data();
    }
    memory::Buffer result(sizeof(T));
    detail::run_one(operation_->kernels()->value[is_double()], result.mutable_data(), {elements, count()});
    value_to_come().buffer = std::move(result);
  }

  void differentiate_single(Sweep<memory::Buffer>& sweep, memory::Buffer&& dy) {
    const auto& gradients = operation_->gradients();
    bool wanted[capacity];
    std::size_t end = 0;
    for (std::size_t k = 0; k < count(); ++k) {
      wanted[k] = !gradients[k].zero && sweep.wants(*edges_[k]);
      if (wanted[k]) end = k + 1;
    }
    const void* elements[capacity + 2];
    const auto read = [](const memory::Buffer& buffer) { return buffer ? buffer.data() : &detail::nothing; };
    for (std::size_t i = 0; i < count(); ++i) elements[i] = read(saved_[i]);
    elements[count()] = read(value().buffer);
    elements[count() + 1] = dy.data();
    for (std::size_t k = 0; k < end; ++k) {
      if (!wanted[k]) continue;
      const bool last = k + 1 == end;
      if (gradients[k].passes) {
        // NOLINTNEXTLINE(bugprone-use-after-move): the loop ends
        sweep.give(*edges_[k], last ? std::move(dy) : memory::Buffer(dy));
        continue;
      }
      memory::Buffer share = last && dy.unique() ? std::move(dy) : memory::Buffer(sizeof(T));
      detail::run_one(operation_->kernels()->gradient[k][is_double()], share.mutable_data(),
                      {elements, count() + 2});
      sweep.give(*edges_[k], std::move(share));
    }
  }

  void save_for(const Elementwise::Gradient& gradient) {
    for (std::size_t i = 0; i < count(); ++i)
      if ((gradient.reads >> i & 1) && !saved_[i]) saved_[i] = edges_[i]->value().buffer;
    if (gradient.reads_output) save_output();
  }

  bool wanted_after(const Sweep<memory::Buffer>& sweep, std::size_t k) const {
    for (++k; k < count(); ++k)
      if (sweep.wants(*edges_[k]) && !operation_->gradient(k).zero) return true;
    return false;
  }

  Source source_of(const memory::Buffer& dy) const {
    return {dy.data(), dy.uniform() ? &no_axes : &value().shape};
  }

  /// What the gradient reads: inputs, output, dy.
  std::array<Source, capacity + 2> sources_of(const Elementwise::Gradient& gradient, const Source& dy) const {
    std::array<Source, capacity + 2> sources;
    for (std::size_t i = 0; i < count(); ++i)
      if (gradient.reads >> i & 1) sources[i] = {saved_[i].data(), &edges_[i]->value().shape};
    if (gradient.reads_output) sources[count()] = {value().buffer.data(), &value().shape};
    sources[count() + 1] = dy;
    return sources;
  }

  /// Where a share that is made of dy and of what is saved can be written: kernels read an element before
  /// they write it. `ending` is what nobody reads after it.
  memory::Buffer place_of_share(const Sweep<memory::Buffer>& sweep, memory::Buffer& dy,
                                std::span<memory::Buffer> ending) {
    if (dy.unique() && !dy.uniform()) return std::move(dy);
    const std::size_t bytes = value().size() * sizeof(T);
    if (sweep.spends())
      for (memory::Buffer& saved : ending)
        if (saved.unique() && saved.bytes() == bytes) {
          spend();
          return std::move(saved);
        }
    return memory::Buffer(bytes);
  }

  /// The gradient in input `k`, of the output's shape; the last one may overwrite what is saved.
  memory::Buffer plain_share(const Sweep<memory::Buffer>& sweep, std::size_t k, bool last,
                             memory::Buffer dy) {
    if (users_ && users_->slopes[k]) {
      const Source slope{users_->slopes[k].data(), &value().shape}, factor = source_of(dy);
      memory::Buffer result = place_of_share(sweep, dy, {&users_->slopes[k], 1});
      elementwise_product<T>(slope, factor, value().shape, elements_of(result));
      return result;
    }
    const auto sources = sources_of(operation_->gradient(k), source_of(dy));
    memory::Buffer result = place_of_share(sweep, dy, {saved_.data(), last ? count() : 0});
    elementwise_gradient<T>(*operation_, k, {sources.data(), count() + 2}, value().shape,
                            elements_of(result));
    return result;
  }

  /// The gradient in an input that was repeated, summed to the input's shape.
  memory::Buffer summed_share(const Sweep<memory::Buffer>& sweep, std::size_t k, bool last,
                              memory::Buffer dy) {
    const Elementwise::Gradient& gradient = operation_->gradient(k);
    const Shape& to = edges_[k]->value().shape;
    if (gradient.passes) {
      expand(dy, *this);
      return sum_to(Dense<T>(std::move(dy), value().shape), to).buffer;
    }
    const auto sources = sources_of(gradient, source_of(dy));
    if (memory::Buffer sum =
            elementwise_gradient_sum<T>(*operation_, k, {sources.data(), count() + 2}, value().shape, to))
      return sum;
    return sum_to(Dense<T>(plain_share(sweep, k, last, std::move(dy)), value().shape), to).buffer;
  }

  /// As plain_share() and summed_share() compute it.
  Variable<T> recorded_share(std::size_t k, const Variable<T>& dy) {
    const Elementwise::Gradient& gradient = operation_->gradient(k);
    // What the gradient does not read is not there; dy stands in for it.
    std::vector<Variable<T>> values(count() + 2, dy);
    for (std::size_t i = 0; i < count(); ++i)
      if (gradient.reads >> i & 1) values[i] = detail::restore<T>(*edges_[i], saved_[i]);
    if (gradient.reads_output) values[count()] = Variable<T>(Handle(this));
    if (users_ && users_->slopes[k]) {
      // A program computes the slope again, from all inputs.
      const bool is_captured = is_capturing();
      for (std::size_t i = 0; i < count() && is_captured; ++i)
        values[i] = detail::restore<T>(*edges_[i], edges_[i]->value().buffer);
      return record_slope_product<T>(*operation_, k, std::move(values),
                                     is_captured ? Dense<T>() : Dense<T>(users_->slopes[k], value().shape));
    }
    const Shape& to = edges_[k]->value().shape;
    if (value().shape != to) {
      const auto sources = sources_of(gradient, source_of(dy.dense().buffer));
      if (sums_in_blocks({sources.data(), count() + 2}, value().shape, to))
        return record_gradient_sum<T>(*operation_, k, values, to);
    }
    if (gradient.operation == nullptr) return replay<Variable<T>>(gradient.program, values);
    std::vector<const Variable<T>*> pointers;
    pointers.reserve(values.size());
    for (const Variable<T>& v : values) pointers.push_back(&v);
    return apply_to<Variable<T>>(*gradient.operation, pointers.data());
  }

  /// What the node of a user's operation has besides.
  struct Users {
    /// The library's own operations live for ever; a user's is kept by its nodes.
    std::shared_ptr<const Elementwise> operation;
    std::array<memory::Buffer, capacity> slopes;
    [[gnu::noinline]] void drop_slopes() noexcept { slopes = {}; }
  };

  const Elementwise* operation_;
  std::unique_ptr<Users> users_;
  std::array<Node*, capacity> edges_{};
  std::array<memory::Buffer, capacity> saved_{};
};

}  // namespace xgrad::detail
