// What a captured program does, one instruction after another, to be read and printed.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "../core/array/shape.hpp"

namespace xgrad {

/// One operation of a program.
struct ProgramInstruction {
  std::string operation;            ///< "matmul"; "assign" writes to a leaf that is updated in place
  std::vector<std::string> inputs;  ///< "%3" for instruction 3, else "argument 0", "parameter", "constant"
  Shape shape;                      ///< of what it gives
  std::string elements;             ///< "float", "double", "int64" or "bool"
  std::size_t bytes = 0;            ///< of what it gives
  double flops = 0;                 ///< of its forward pass, as Profile counts them
  bool requires_grad = false;       ///< whether gradients pass through it
  std::string scope;                ///< the Scopes that it was captured in
  /// The number of the block of operations on one element that it is a part of, if it is: these are performed
  /// by one loop.
  std::optional<std::size_t> block = {};
  /// The number of the group of operations on values of one shape, and on their rows, that it is a part of,
  /// if it is: these are performed piece by piece.
  std::optional<std::size_t> group = {};
};

/// The instructions of a program in their order, as Compiled::program() gives them. Printed, a table.
class ProgramListing {
 public:
  ProgramListing() = default;
  explicit ProgramListing(std::vector<ProgramInstruction> instructions)
      : instructions_(std::move(instructions)) {}  // For the library

  std::size_t size() const noexcept { return instructions_.size(); }
  bool empty() const noexcept { return instructions_.empty(); }
  /// ValueError if there is no such instruction.
  const ProgramInstruction& operator[](std::size_t number) const;
  auto begin() const noexcept { return instructions_.begin(); }
  auto end() const noexcept { return instructions_.end(); }
  /// A row for each instruction: its number, operation, inputs, what it gives, bytes, FLOPs, block and group
  /// where there are any, and scope; and the sums.
  friend std::ostream& operator<<(std::ostream& out, const ProgramListing& listing);

 private:
  std::vector<ProgramInstruction> instructions_;
};

}  // namespace xgrad
