// What the operations of a group do, as steps on pieces: forward, and back from the outputs that were given a
// gradient.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "../core/formula/elementwise.hpp"
#include "../core/graph/node.hpp"
#include "../ops/row_reduction.hpp"
#include "group_shape.hpp"
#include "piece_code.hpp"

namespace xgrad::detail {

/// Numbers are those of operands and operations, each after what it is made of. Both ways give the bits of
/// the dynamic graph: every step is a kernel of an operation, and shares are added up in the order of a
/// sweep.
class GroupCode {
 public:
  using Number = std::uint32_t;
  struct Entry {
    const Elementwise* operation = nullptr;
    std::optional<RowReduction> reduction;  ///< or this, or neither for an operand
    Node* node = nullptr;                   ///< the captured one
    std::array<Number, kernels::max_inputs> inputs{};
    std::uint32_t wanted = 0;  ///< a bit for each input that it gives a share to
    Spread spread = Spread::whole;
    bool is_output = false;     ///< read outside
    bool is_given = false;      ///< and may be given a gradient there
    bool is_summed = false;     ///< and there by a sum of all its elements alone, which is computed meanwhile
    bool is_there = false;      ///< an operand whose elements a call of the program keeps
    bool is_read_last = false;  ///< an operand whose elements nobody reads afterwards
    bool takes_shares = false;  ///< of the group's shape, as they are
    bool is_operand() const noexcept { return operation == nullptr && !reduction; }
    bool is_column() const noexcept { return spread == Spread::column; }
    std::size_t count() const noexcept { return operation != nullptr ? operation->inputs() : 1; }
  };

  GroupCode(std::size_t rows, std::size_t columns, bool is_double)
      : rows_(rows), columns_(columns), is_double_(is_double) {}
  Number add(const Entry& entry) {
    entries_.push_back(entry);
    return static_cast<Number>(entries_.size() - 1);
  }
  Entry& operator[](Number number) noexcept { return entries_[number]; }
  const Entry& operator[](Number number) const noexcept { return entries_[number]; }
  Number size() const noexcept { return static_cast<Number>(entries_.size()); }
  bool is_double() const noexcept { return is_double_; }
  std::size_t rows() const noexcept { return rows_; }
  std::size_t columns() const noexcept { return columns_; }
  std::size_t bytes() const noexcept { return rows_ * columns_ * item(); }
  /// Elements of what pieces are counted in: rows, or elements of a single row.
  std::size_t unit() const noexcept { return rows_ == 1 ? 1 : columns_; }
  std::size_t item() const noexcept { return is_double_ ? sizeof(double) : sizeof(float); }

  /// What a way back begins with, where a gradient passes at all: with operands, and values that forward
  /// stores.
  std::vector<Number> choose_kept() const;

  /// The steps that make what is read outside, or kept.
  struct Forward {
    /// The elements of an operand that a store may take.
    struct TakenOver {
      std::uint32_t store, operand;
    };
    PieceCode code;
    std::vector<Number> operands;         ///< one for each value outside
    std::vector<std::uint32_t> store_of;  ///< of each number
    std::vector<TakenOver> taken_over;
  };
  Forward make_forward(const std::vector<Number>& kept) const;

  /// What a way back reads: one that is kept, that has arrived, that waits at an operand, or a number.
  struct Source {
    enum class Kind : std::uint8_t { kept, arrived, waiting, number } kind;
    std::uint32_t index;  ///< a number's is one of these
    PieceCode::Value value;
  };
  static constexpr std::uint32_t one = 0, columns_of_a_row = 1;
  /// How a share is summed: not at all, or when all of it is there, or over rows as these come, either as
  /// elementwise_gradient_sum() does or as sum_axes().
  enum class Sum : std::uint8_t { none, whole, blocks, pieces };
  /// A gradient of an operand, or a share of one that is repeated, to be summed.
  struct Given {
    Number operand, giver;
    PieceCode::Value value;
    Sum sum;
  };
  /// Of a share that was given, for who looks for anomalies.
  struct Check {
    Number giver, target;
    PieceCode::Value value;
  };
  /// The way back from the outputs that have been given a gradient.
  struct Way {
    std::vector<Number> arrived, waiting;
    bool is_watched = false;
    PieceCode code;
    std::vector<Source> sources;  ///< one for each value outside
    std::vector<Given> given;
    std::vector<Sum> shown;  ///< how each value that the steps show is summed
    std::vector<Check> checks;
  };
  /// `arrived` are the outputs that have been given a gradient, `waiting` the operands that have been given
  /// one before.
  Way make_way(const std::vector<Number>& kept, std::vector<Number> arrived, std::vector<Number> waiting,
               bool is_watched) const;

 private:
  class WayMaker;
  template <class F>
  static void for_bits(std::uint32_t bits, const F& f) {
    for (std::uint32_t k = 0; bits >> k != 0; ++k)
      if (bits >> k & 1) f(k);
  }
  /// The numbers that the gradients of an operation read.
  template <class F>
  void for_reads(Number number, const F& f) const {
    const Entry& entry = entries_[number];
    if (entry.reduction) {
      if (entry.wanted == 0 || entry.reduction->kind != RowReduction::Kind::extreme) return;
      f(entry.inputs[0]);
      return f(number);
    }
    for_bits(entry.wanted, [&](std::uint32_t k) {
      const Elementwise::Gradient& gradient = entry.operation->gradient(k);
      for_bits(gradient.reads, [&](std::uint32_t i) { f(entry.inputs[i]); });
      if (gradient.reads_output) f(number);
    });
  }
  /// Those too that gradients of these come to.
  std::vector<bool> reached_from(std::vector<bool> reached) const;
  void want_inputs(Number number, std::vector<bool>& wanted) const;
  /// The steps that make `wanted` of what is there.
  void add_values(PieceCode& code, const std::vector<bool>& wanted,
                  std::vector<PieceCode::Value>& values) const;
  std::size_t rows_, columns_;
  bool is_double_;
  std::vector<Entry> entries_;
};

}  // namespace xgrad::detail
