// An elementwise operation as the engine sees it: kernels for plain values, programs for everything else.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "formula.hpp"
#include "symbol.hpp"

namespace xgrad {

struct Source;

/// One elementwise operation: of the library, with kernels of its own, or made by a user, as a program of
/// library steps.
class Elementwise : public std::enable_shared_from_this<Elementwise> {
 public:
  /// The gradient in one input, as a program of the inputs, the output and the output's gradient.
  struct Gradient {
    Program program;
    bool zero = false;          ///< always zero: nothing to do
    bool passes = false;        ///< the output's gradient itself
    bool reads_output = false;  ///< the output must be saved
    std::uint32_t reads = 0;    ///< which inputs must be saved, a bit each
    /// For a user's operation, the gradient as an operation of inputs, output and gradient, so that a second
    /// derivative runs in one pass too.
    std::shared_ptr<const Elementwise> operation;
  };

  using ValueFormula = Symbol (*)(const Symbol* inputs);
  using GradientFormula = Symbol (*)(const Symbol* inputs_output_gradient, std::size_t which);

  /// A library operation.
  Elementwise(std::string_view name, std::size_t inputs, const kernels::Kernels& kernels,
              GradientFormula gradient);
  /// A user's operation. Its gradients are derived from the program unless `gradients` gives them by hand.
  Elementwise(std::string_view name, Program program, std::vector<Program> gradients);
  ~Elementwise();
  Elementwise(const Elementwise&) = delete;
  Elementwise& operator=(const Elementwise&) = delete;

  std::string_view name() const noexcept { return name_; }
  std::size_t inputs() const noexcept { return inputs_; }
  /// None for a user's operation, which has a program instead.
  const kernels::Kernels* kernels() const noexcept { return kernels_; }
  const Program* program() const noexcept { return kernels_ ? nullptr : &program_; }
  /// The gradients in all inputs; traced when they are first asked for.
  const std::vector<Gradient>& gradients() const {
    const std::vector<Gradient>* known = gradients_.load(std::memory_order_acquire);
    if (known == nullptr) [[unlikely]]
      return derive();
    return *known;
  }
  const Gradient& gradient(std::size_t which) const { return gradients()[which]; }

 private:
  const std::vector<Gradient>& derive() const;

  std::string name_;
  std::size_t inputs_;
  const kernels::Kernels* kernels_ = nullptr;
  GradientFormula formula_ = nullptr;
  Program program_;
  std::vector<Program> by_hand_;
  mutable std::atomic<const std::vector<Gradient>*> gradients_{nullptr};
};

/// Inputs of an elementwise operation at most; derivatives of users' operations take more than kernels do.
inline constexpr std::size_t most_inputs = 16;

using OperationGetter = const Elementwise& (*)();
using OperationList = std::span<const OperationGetter>;

/// The engine's own elementwise operations.
OperationList core_operations();

/// The plain gradient in input `which`, in the shape of `dy`, whose buffer is reused for the result when
/// nobody else holds it. `sources` are the inputs, the output and dy; those that the gradient does not read
/// need no data.
template <class T>
memory::Buffer elementwise_gradient(const Elementwise& operation, std::size_t which,
                                    std::span<Source> sources, memory::Buffer dy, const Shape& shape);

/// The same, summed to the shape `to` block by block, so that it is never written to memory as a whole. Empty
/// where the sum is not over all leading or all trailing axes of a large value.
template <class T>
memory::Buffer elementwise_gradient_sum(const Elementwise& operation, std::size_t which,
                                        std::span<const Source> sources, const Shape& shape, const Shape& to);

}  // namespace xgrad
