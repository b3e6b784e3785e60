// The search for NaN and Inf: in results, in gradients, in tangents.
#pragma once

#include "node.hpp"
#include "watch.hpp"

namespace xgrad {

/// While it lives, a NaN or Inf that an operation gives on this thread is an AnomalyError: in the result of
/// an operation that is recorded, in a gradient that an operation gives to one of its inputs in backward
/// (the sum of what has arrived there included), and in its tangent in forward mode. The error names the
/// operation, the pass, the Scope and the line that opened it (this guard's, outside of scopes), the first
/// bad index, and every input's shape and range. Nests.
///
/// What throws has changed nothing: no gradient is touched. A graph that is recorded without the guard can be
/// searched in backward; where it was recorded is then unknown outside of scopes. Every value is read once
/// more, so this is for finding an error, not for training. What is not recorded (constants, NoGrad) is not
/// searched.
class [[nodiscard("give it a name: without one it ends with the statement")]] DetectAnomaly {
 public:
  [[nodiscard("give it a name: without one it ends with the statement")]] explicit DetectAnomaly(
      const char* file = __builtin_FILE(), int line = __builtin_LINE());

 private:
  detail::Watch watch_;
};

namespace detail {

/// Tells whoever wants to know of it that `node` was recorded, and notes where; AnomalyError if its result
/// has a NaN or Inf and that is looked for.
void note_recording(Node& node, const Watch& watch);

/// AnomalyError if the gradient under way to `target` has a NaN or Inf: what the visited node made of it, or,
/// when none is visited, the gradient that a sweep starts with.
void check_gradient(const Node& target, const memory::Buffer& gradient);
void check_gradient(const Node& target, const Handle& gradient);

/// The same for the tangent of `node`, when anomalies are looked for.
void check_tangent(const Node& node, const Value& tangent);
void check_tangent(const Node& node, const Handle& tangent);

}  // namespace detail
}  // namespace xgrad
