// Kernels one after another over pieces of large values, so that what lies between two of them never leaves
// the cache.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "../core/array/memory.hpp"
#include "../core/kernels/kernel.hpp"
#include "../core/kernels/reduction.hpp"

namespace xgrad::detail {

/// Steps over values of rows x columns elements. Each is a kernel on some of these: elements outside, which
/// are told to each run, and what earlier steps made. A value of one element a row is a column: steps on
/// whole values repeat it, and steps on columns read it as it is.
class PieceCode {
 public:
  using Value = std::uint32_t;
  /// Of an operand that a kernel does not read.
  static constexpr Value unread = ~Value{0};

  /// Elements that are read; a run is told them in this order.
  Value add_outside(bool is_column = false);
  Value add_step(kernels::Kernel kernel, std::span<const Value> operands, bool is_column = false);
  /// The column that a kernel of AxisLoop makes of each row. `value` is a step's and whole, or has all of its
  /// elements outside.
  Value add_reduction(kernels::AxisKernel kernel, Value value, double divisor = 1);
  bool is_outside(Value value) const noexcept { return values_[value].step == no_step; }
  bool is_column(Value value) const noexcept { return values_[value].is_column; }
  /// Has a step's value written to memory, and gives the number of the place, which a run is told, too.
  std::uint32_t store(Value value);
  /// Has a step's value shown to who runs, so many rows at a time, or elements where there is one row; gives
  /// its number.
  std::uint32_t show(Value value, std::size_t rows);
  bool is_stored(Value value) const noexcept { return values_[value].is_stored; }
  std::size_t shown() const noexcept { return parts_.size(); }
  /// The rows of a part of value `shown`.
  std::size_t part(std::uint32_t shown) const noexcept { return parts_[shown]; }
  /// After how many rows all values that are shown begin a part.
  std::size_t common_part() const noexcept;
  /// The number among what is outside, or among what is stored.
  std::uint32_t place(Value value) const noexcept { return values_[value].place; }
  /// Once all is added: what the scratch is for.
  void seal();

  std::size_t stores() const noexcept { return stored_.size(); }
  bool stores_column(std::uint32_t store) const noexcept { return is_column(stored_[store]); }
  /// Whether the elements of `store` may take the place of `outside`, which is whole: it is read by no later
  /// step.
  bool may_overwrite(std::uint32_t store, Value outside) const noexcept {
    return !stores_column(store) && values_[outside].last_read <= values_[stored_[store]].step;
  }
  /// Nothing may overwrite it.
  void keep(Value outside) noexcept { values_[outside].last_read = no_step - 1; }

  /// Elements outside: from row to row, and from column to column (0 or 1).
  struct Elements {
    const void* data = nullptr;
    std::ptrdiff_t row_stride = 0, step = 0;
  };
  /// Of value `shown`, so many rows, or elements where there is one row, from `first` on.
  using Look = std::function<void(std::uint32_t shown, std::size_t first, std::size_t count,
                                  const memory::Buffer& elements)>;
  /// Runs all steps on rows x columns elements of `item` bytes. Bits do not depend on how it is split. Where
  /// there are columns, pieces are whole rows. `look` is called for each part of what is shown, by several
  /// threads.
  void run(std::size_t rows, std::size_t columns, std::size_t item, std::span<const Elements> outside,
           std::span<void* const> stores, const Look& look = {}) const;

 private:
  struct Extents;
  class Run;
  static constexpr std::uint32_t no_step = ~std::uint32_t{0}, no_place = no_step;
  static constexpr std::size_t most_operands = kernels::max_inputs + 2;
  struct Known {
    std::uint32_t step = no_step;    ///< that makes it, if one does
    std::uint32_t place = no_place;  ///< of what is outside or stored, or in the scratch
    std::uint32_t last_read = 0;     ///< by a step; its own if by none
    bool is_column = false, is_stored = false, is_shown = false;
  };
  struct Step {
    Value out = unread;
    bool makes_column = false;
    std::uint32_t count = 0;
    Value operands[most_operands] = {};
    kernels::Kernel kernel = nullptr;
    kernels::AxisKernel reduction = nullptr;  ///< or this
    double divisor = 1;
  };
  /// Where a loop reads, or for `out` writes.
  struct Patch {
    static constexpr std::uint32_t out = ~std::uint32_t{0};
    std::uint32_t loop, operand, place;
    bool is_column, in_column;  ///< what stands there, and what the loop makes
  };

  Value add(Step step, std::span<const Value> operands, bool is_column);
  /// Tells where `value` stands to the operand of a loop.
  void add_patch(std::uint32_t loop, std::uint32_t operand, Value value);
  std::size_t piece_elements(std::size_t item) const noexcept;

  std::vector<Known> values_;
  std::vector<Step> steps_;
  std::vector<Value> stored_;
  bool has_columns_ = false;
  std::uint32_t places_ = 0;  ///< for whole values, of all kinds
  std::uint32_t outside_ = 0;
  std::vector<std::size_t> parts_;  ///< of each value that is shown
  std::uint32_t scratch_[2] = {};   ///< places for whole values, and for columns
  std::vector<Patch> in_scratch_, at_outside_, at_stores_, at_shown_;
};

}  // namespace xgrad::detail
