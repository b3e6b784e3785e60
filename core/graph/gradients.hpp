// Reverse mode: from an output to leaves (backward) or to chosen nodes (gradients).
#pragma once

#include <span>
#include <vector>

#include "node.hpp"

namespace xgrad::detail {

/// Adds the gradients of `output`, weighed by `seed` of its shape, to every leaf that requires one. Leaves
/// are written together at the end, which cannot fail: a sweep that throws leaves every gradient as it was.
void run_backward(const Handle& output, Value seed, bool retain_graph);

/// The gradients at `targets`, on plain values; undefined where no path leads.
std::vector<Value> plain_gradients(const Handle& output, Value seed, std::span<Node* const> targets,
                                   bool retain_graph);

/// The same, recorded, so that they can be differentiated again.
std::vector<Handle> recorded_gradients(const Handle& output, Handle seed, std::span<Node* const> targets,
                                       bool retain_graph);

/// The same as steps of the program that compile() captures, with or without gradients of their own.
std::vector<Handle> captured_gradients(const Handle& output, Handle seed, std::span<Node* const> targets,
                                       bool create_graph);

}  // namespace xgrad::detail
