// An elementwise operation as the engine sees it: kernels for plain values, programs for everything else.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../array/dense.hpp"
#include "formula.hpp"
#include "symbol.hpp"

namespace xgrad::detail {

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
    bool one_step = false;      ///< one operation of the library: as fast as dy times a slope that is kept
    std::uint32_t reads = 0;    ///< which inputs must be saved, a bit each
    /// For a user's operation, the gradient as an operation of inputs, output and gradient, so that a second
    /// derivative runs in one pass too. None where the operation is such a gradient itself: what higher
    /// orders differentiate is its program's steps, recorded one by one, for symbolic derivatives of
    /// derivatives grow by a factor each time.
    std::shared_ptr<const Elementwise> operation;
  };

  using ValueFormula = Symbol (*)(const Symbol* inputs);
  using GradientFormula = Symbol (*)(const Symbol* inputs_output_gradient, std::size_t which);

  /// A library operation; `chooses` if it passes on one input and drops another, whatever that is.
  Elementwise(std::string_view name, std::size_t inputs, const kernels::Kernels& kernels,
              GradientFormula gradient, bool chooses);
  /// A user's operation. Its gradients are derived from the program unless `gradients` gives them by hand.
  Elementwise(std::string_view name, Program program, std::vector<Program> gradients);
  /// A user's operation that is the gradient of another.
  struct IsGradient {};
  Elementwise(IsGradient, std::string_view name, Program program);
  ~Elementwise();
  Elementwise(const Elementwise&) = delete;
  Elementwise& operator=(const Elementwise&) = delete;

  std::string_view name() const noexcept { return name_; }
  std::size_t inputs() const noexcept { return inputs_; }
  /// None for a user's operation, which has a program instead.
  const kernels::Kernels* kernels() const noexcept { return kernels_; }
  const Program* program() const noexcept { return kernels_ ? nullptr : &program_; }
  /// The gradients in all inputs; made when they are first asked for.
  const std::vector<Gradient>& gradients() const { return derived().gradients; }
  const Gradient& gradient(std::size_t which) const { return gradients()[which]; }
  /// Of a user's operation, where it pays: the value, and beside it the derivative in each input, as one
  /// program, so that what value and gradients have in common is computed once, and the backward pass only
  /// multiplies. A node then keeps a slope for each input that requires a gradient of more than one step,
  /// beside the inputs, which higher orders and forward mode read. In the place of the other slopes is the
  /// value, which nobody asks for. A slope can overflow or vanish where dy times it would not.
  const Program* value_and_slopes() const {
    const auto& program = derived().value_and_slopes;
    return program ? &*program : nullptr;
  }
  /// That program with the value, and the slopes alone of those inputs that have a bit.
  const Program& value_and_slopes(std::uint32_t wanted) const;

 private:
  struct Derived {
    std::vector<Gradient> gradients;
    std::optional<Program> value_and_slopes;
    /// Parts of it, by what is wanted; made when they are first asked for.
    mutable std::array<std::atomic<const Program*>, std::size_t{1} << kernels::max_inputs> parts{};
    ~Derived();
  };
  const Derived& derived() const {
    const Derived* known = derived_.load(std::memory_order_acquire);
    if (known == nullptr) [[unlikely]]
      return derive();
    return *known;
  }
  const Derived& derive() const;
  std::optional<Program> find_value_and_slopes(const std::vector<Gradient>& gradients) const;

  std::string name_;
  std::size_t inputs_;
  const kernels::Kernels* kernels_ = nullptr;
  GradientFormula formula_ = nullptr;
  bool chooses_ = false;
  bool is_gradient_ = false;
  Program program_;
  std::vector<Program> by_hand_;
  mutable std::atomic<const Derived*> derived_{nullptr};
};

/// Inputs of an elementwise operation at most: the gradient of a user's takes the output and its gradient,
/// too.
inline constexpr std::size_t most_inputs = kernels::max_inputs + 2;

using OperationGetter = const Elementwise& (*)();
using OperationList = std::span<const OperationGetter>;

/// The engine's own elementwise operations.
OperationList core_operations();

// On plain values. `out` has the elements of `shape`, and may be the buffer of a source of that shape;
// sources that are not read need no data.

/// What the inputs' shapes broadcast to; ShapeError.
Shape elementwise_shape(const Elementwise& operation, std::span<const Source> inputs);

template <class T>
void elementwise_value(const Elementwise& operation, std::span<const Source> inputs, const Shape& shape,
                       T* out);

/// The value of an operation that has value_and_slopes(), to a buffer of its own, and in `slopes` its
/// derivatives in those inputs that have a bit in `wanted` and the value's shape.
template <class T>
void elementwise_value_and_slopes(const Elementwise& operation, std::span<const Source> inputs,
                                  const Shape& shape, T* out, std::uint32_t wanted,
                                  std::span<memory::Buffer> slopes);

/// The gradient in input `which`; `sources` are the inputs, the output and the output's gradient.
template <class T>
void elementwise_gradient(const Elementwise& operation, std::size_t which, std::span<const Source> sources,
                          const Shape& shape, T* out);

/// slope * dy.
template <class T>
void elementwise_product(const Source& slope, const Source& dy, const Shape& shape, T* out);

/// The gradient, summed to the shape `to` block by block, so that it is never written to memory as a whole.
/// Empty where the sum is not over all leading or all trailing axes of a large value.
/// sums_in_blocks() says whether it is.
template <class T>
memory::Buffer elementwise_gradient_sum(const Elementwise& operation, std::size_t which,
                                        std::span<const Source> sources, const Shape& shape, const Shape& to);
bool sums_in_blocks(std::span<const Source> sources, const Shape& shape, const Shape& to);

}  // namespace xgrad::detail
