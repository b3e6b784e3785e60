// The programs of one compiled function.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <typeinfo>
#include <vector>

#include "../core/array/number.hpp"
#include "argument.hpp"
#include "program_listing.hpp"

namespace xgrad {

/// What compile() takes.
struct CompileOptions {
  /// Whether some replays are compared with the function itself, bit for bit: the 1st, 10th and 100th of each
  /// program, and every 1000th. CaptureError where they differ.
  Flag verify = true;
  /// How many programs are kept; the least recently used one goes for the next.
  Count most_programs = 8;
};

namespace detail {

/// Makes a Callee of a function that this points to.
using MakeCallee = std::unique_ptr<const Callee> (*)(void* function);

/// Captures, finds and replays.
class Programs {
 public:
  /// ValueError if none is to be kept.
  Programs(std::shared_ptr<void> function, const CompileOptions& options);
  ~Programs();
  Programs(Programs&&) noexcept;
  Programs& operator=(Programs&&) noexcept;

  /// `types` stands for the types of the arguments.
  std::vector<Handle> call(const std::type_info& types, MakeCallee make, std::span<const Argument> arguments);
  const CompileOptions& options() const noexcept;
  std::size_t size() const noexcept;
  void clear() noexcept;
  /// Of the one used last.
  ProgramListing listing() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace detail
}  // namespace xgrad
