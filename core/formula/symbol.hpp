// Formulas read as programs: a Symbol writes the operations that it goes through into a list of elementwise
// steps.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "../kernels/kernel.hpp"

namespace xgrad {

/// A scalar in a formula that is being read as a program, or a constant. Formulas are numbered from 1 as they
/// are read, so that a symbol that outlives its own is known for what it is: to use it is a ValueError.
class Symbol {
 public:
  Symbol(double constant = 0) noexcept : constant_(constant) {}
  Symbol(std::uint64_t formula, std::uint32_t id) noexcept : formula_(formula), id_(id) {}  // For the library

  bool is_constant() const noexcept { return formula_ == 0; }
  double constant() const noexcept { return constant_; }
  /// The number of the formula that it belongs to.
  std::uint64_t formula() const noexcept { return formula_; }
  std::uint32_t id() const noexcept { return id_; }

  /// What std::exp(x) and its like take hold of, to be told what to write; nothing else converts to the type.
  template <std::same_as<long double> D>
  operator D() const {
    static_assert(!std::same_as<D, long double>,
                  "a formula's argument is a symbol, no number: write exp(x), not std::exp(x), and "
                  "select(condition, a, b) for a choice");
    return 0;
  }

 private:
  std::uint64_t formula_ = 0;
  double constant_ = 0;
  std::uint32_t id_ = 0;
};

namespace detail {

class Elementwise;

/// One formula, or several of the same inputs, as a list of steps over library operations. Values are
/// numbered: the inputs first, then one a step; no two steps are equal and every step is used.
struct Program {
  static constexpr std::uint32_t no_block = ~std::uint32_t{0};
  struct Step {
    const Elementwise* operation = nullptr;  ///< none: the constant
    double constant = 0;
    std::array<std::uint32_t, kernels::max_inputs> arguments{};
    /// The block of scratch memory that it writes to when the program runs, and which others write to once
    /// its last reader has run; none for a constant and a result.
    std::uint32_t block = no_block;
  };

  std::size_t inputs = 0;
  std::vector<Step> steps;
  std::vector<std::uint32_t> results;
  std::uint32_t blocks = 0;  ///< of scratch memory

  /// The value that a program of one formula is for.
  std::size_t result() const noexcept { return results.front(); }
  bool is_input(std::size_t value) const noexcept { return value < inputs; }
  const Step& step_of(std::size_t value) const noexcept { return steps[value - inputs]; }
  bool is_computed(std::size_t value) const noexcept {
    return !is_input(value) && step_of(value).operation != nullptr;
  }
  /// The step that the one result comes from where no other computes anything; null otherwise.
  const Step* only_step() const noexcept;
  /// Whether a result depends on the input.
  bool reads(std::size_t input) const noexcept;
  /// Whether the result is the constant zero, or the input itself.
  bool is_zero() const noexcept;
  bool is_copy_of(std::size_t input) const noexcept { return result() == input && is_input(input); }
};

/// Calls `formula` once on symbols and keeps what it does.
Program program_of(std::size_t inputs, const std::function<Symbol(std::span<const Symbol>)>& formula);
/// The same for several formulas, which share the steps that they have in common.
Program program_of_all(std::size_t inputs,
                       const std::function<std::vector<Symbol>(std::span<const Symbol>)>& formulas);
/// The program of those results alone that are `wanted`, in their order.
Program only(const Program& program, const std::vector<bool>& wanted);

/// The derivative in input `which`, times the output's gradient: a program of the inputs, the output (which
/// it does not read) and the output's gradient.
Program derivative_of(const Program& program, std::size_t which);

}  // namespace detail
}  // namespace xgrad
