// What a thread that captures a program is told, beside the nodes that it records.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "node.hpp"
#include "watch.hpp"

namespace xgrad::detail {

/// Takes down what a function does, to do it again. It is shown every node, and keeps what it reads.
class Capture : public Observer {
 public:
  /// Whether what is computed from this node differs from call to call.
  virtual bool depends_on_inputs(const Node& node) const = 0;
  /// Whether elements of a container are those of an argument, or of an operation's result.
  virtual bool knows(const memory::Buffer& elements) const = 0;
  /// What stands in a program for a node that was there before.
  virtual Node& input_for(Node& outside) = 0;
  /// `leaf`, updated in place, takes the elements of `value` from here on.
  virtual void assign(Node& leaf, Node& value) = 0;
  /// What stands for these, by which the function itself differentiates `y`; nothing for a constant.
  virtual std::vector<Node*> targets_for(const Node& y, std::span<Node* const> by) = 0;
  /// Before a gradient reads an input that an operation read: whether that has been assigned meanwhile.
  virtual bool is_assigned(const Node& input) const = 0;
  /// A module has asked in which mode it is. What is pointed to follows the module.
  virtual void tell_mode(const std::shared_ptr<bool>& training) = 0;

  /// That of this thread, while is_capturing().
  static Capture* present() noexcept;
  /// Whether the node that was recorded last passes gradients.
  static bool passes_gradients() noexcept;

 protected:
  ~Capture() = default;
};

/// Has what this thread records captured while it lives; with none, what is computed meanwhile is no part of
/// the program.
class [[nodiscard]] CapturedBy {
 public:
  [[nodiscard]] explicit CapturedBy(Capture* capture) noexcept;
  ~CapturedBy();
  CapturedBy(const CapturedBy&) = delete;
  CapturedBy& operator=(const CapturedBy&) = delete;

 private:
  Capture* before_;
};

/// While it lives, sweeps meet no node that a sweep around it has met: they are over a program's own graph.
class [[nodiscard]] ApartFromSweeps {
 public:
  [[nodiscard]] ApartFromSweeps() noexcept;
  ~ApartFromSweeps();
  ApartFromSweeps(const ApartFromSweeps&) = delete;
  ApartFromSweeps& operator=(const ApartFromSweeps&) = delete;

 private:
  std::uint32_t around_;
};

/// Whether the node is what detach() leaves in a program: its input's elements, to which no gradient passes.
bool is_detached(const Node& node) noexcept;

/// Before the elements of a value become numbers or a container: CaptureError if they depend on what a
/// captured function is called with.
void refuse_leaving(std::string_view call, const Node& node);
/// Before a container is read by what is no operation: CaptureError if a captured function was given it, or
/// an operation gave it.
void refuse_reading(std::string_view call, const memory::Buffer& elements);
/// CaptureError while a function is captured; `advice` is what to do.
void refuse_in_capture(std::string_view call, std::string_view advice);

inline void check_stays(std::string_view call, const Node& node) {
  if (is_capturing()) [[unlikely]]
    refuse_leaving(call, node);
}
inline void check_stays(std::string_view call, const memory::Buffer& elements) {
  if (is_capturing()) [[unlikely]]
    refuse_reading(call, elements);
}

}  // namespace xgrad::detail
