// A node of the graph: a value, and how it came to be.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "../array/dense.hpp"

namespace xgrad::detail {

class Handle;
template <class G>
class Sweep;

/// What a Variable points to. Two counts give edges and values separate lives: `uses` counts edges, plus one
/// while any handle exists, and keeps the node; `handles` counts Variables, and with the last of them goes
/// the value, unless the operation that made it has saved it for its own backward.
class Node {
 public:
  Node(Value&& value_, bool is_double_) noexcept : value(std::move(value_)), is_double(is_double_) {}
  /// One whose value is still to come.
  Node(const Shape& shape, bool is_double_) noexcept : value{{}, shape}, is_double(is_double_) {}
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// The operation's name; "parameter" or "constant" for a leaf.
  virtual std::string_view operation() const noexcept;
  /// Adds this node's share to the gradients of its inputs: on plain values, or recorded.
  virtual void differentiate(Sweep<memory::Buffer>& sweep, memory::Buffer&& output_gradient);
  virtual void differentiate(Sweep<Handle>& sweep, Handle&& output_gradient);
  /// Whether what it gives to its inputs can be differentiated in turn, as forward mode does. May run a
  /// user's own derivative to see.
  virtual bool has_forward_mode();
  /// Forgets what was saved for backward; the node cannot be differentiated again.
  virtual void drop_saved() noexcept {}
  /// Where a leaf, or an inner node that is asked to, keeps its gradient, which has the shape of its value;
  /// none for other nodes.
  virtual memory::Buffer* gradient() noexcept;

  std::span<Node* const> inputs() const noexcept { return {inputs_, input_count_}; }
  bool is_leaf() const noexcept { return input_count_ == 0; }
  /// Whether the value goes with the one handle that there is: nobody else has saved it or shares it.
  bool gives_value_away() const noexcept {
    return handles_.get() == 1 && !saves_output && value.buffer.unique() && !value.buffer.exposed();
  }
  /// Marks the node as spent: what it saved goes, its value too unless a handle wants it.
  void finish() noexcept;

  static void* operator new(std::size_t bytes);
  static void operator delete(void* piece, std::size_t bytes) noexcept;

  Value value;
  /// Creation order: greater than that of every input.
  std::uint64_t order = 0;
  /// The last restricted sweep that met this node, and whether it was needed there.
  std::uint64_t mark = 0;
  /// Where the last sweep keeps this node's gradient; a hint that the sweep checks.
  std::atomic<std::uint32_t> slot{0};
  const bool is_double;
  bool requires_grad = false;
  bool saves_output = false;
  bool spent = false;
  /// Whether it can be handed a gradient of one number that stands for all.
  bool takes_uniform = false;
  /// Whether there are notes on it: a scope, hooks, a gradient that is kept.
  bool noted = false;
  /// Whether += and the like write to the value, rather than rebind the handle: it was made as a parameter,
  /// or is a module's buffer.
  bool updated_in_place = false;

 protected:
  virtual ~Node() = default;
  /// Takes an edge to each input, and the next order after theirs; `edges` outlives the node's constructor.
  void set_inputs(Node** edges, std::size_t count) noexcept;

 private:
  friend class Handle;
  friend void release_use(Node* node) noexcept;
  static void destroy(Node* node) noexcept;

  std::uint32_t input_count_ = 0;
  ReferenceCount uses_{0};
  ReferenceCount handles_{0};
  Node** inputs_ = nullptr;
};

/// Gives back one edge; destroys the node, and what only it held, without recursion.
void release_use(Node* node) noexcept;

/// A leaf that a gradient can be committed to.
class Leaf final : public Node {
 public:
  Leaf(Value&& value_, bool is_double_) noexcept : Node(std::move(value_), is_double_) {
    requires_grad = true;
  }
  memory::Buffer* gradient() noexcept override { return &gradient_; }

 private:
  memory::Buffer gradient_;
};

/// A counted handle to a node, or none: a Variable without its element type.
class Handle {
 public:
  Handle() noexcept = default;
  /// A handle to a node that may so far be held by edges alone; the node's value must be there.
  explicit Handle(Node* node) noexcept : node_(node) {
    if (node_ && node_->handles_.add() == 0) node_->uses_.add();
  }
  /// The first handle to a new node.
  static Handle first(Node* node) noexcept {
    node->handles_.set(1);
    node->uses_.set(1);
    Handle handle;
    handle.node_ = node;
    return handle;
  }
  /// The first handle to the new node of an operation, which everything that records goes through: scopes
  /// label it, and DetectAnomaly looks at its result (AnomalyError).
  static Handle recorded(Node* node);
  Handle(const Handle& other) noexcept : node_(other.node_) {
    if (node_) node_->handles_.add();
  }
  Handle(Handle&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  Handle& operator=(const Handle& other) noexcept {
    Handle copy(other);
    std::swap(node_, copy.node_);
    return *this;
  }
  Handle& operator=(Handle&& other) noexcept {
    Handle taken(std::move(other));
    std::swap(node_, taken.node_);
    return *this;
  }
  ~Handle() { reset(); }
  void reset() noexcept {
    if (Node* node = std::exchange(node_, nullptr)) release(node);
  }

  Node* node() const noexcept { return node_; }
  explicit operator bool() const noexcept { return node_ != nullptr; }

 private:
  static void release(Node* node) noexcept;
  Node* node_ = nullptr;
};

/// The next creation order of this thread, whose counter is its own, so that recording takes no shared one.
/// It is past what the thread has counted; what comes from another thread may be later, and only
/// set_inputs() goes past a node's inputs.
std::uint64_t next_order() noexcept;

}  // namespace xgrad::detail

namespace xgrad {

/// Whether operations of this thread are recorded; see NoGrad.
bool is_recording() noexcept;

/// While it lives, nothing that this thread computes is recorded, and += -= *= /= write to parameters and
/// modules' buffers in place. Nests.
class [[nodiscard("give it a name: without one it ends with the statement")]] NoGrad {
 public:
  [[nodiscard("give it a name: without one it ends with the statement")]] NoGrad() noexcept;
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};

/// The opposite of NoGrad, for what must record inside one.
class [[nodiscard("give it a name: without one it ends with the statement")]] EnableGrad {
 public:
  [[nodiscard("give it a name: without one it ends with the statement")]] EnableGrad() noexcept;
  ~EnableGrad();
  EnableGrad(const EnableGrad&) = delete;
  EnableGrad& operator=(const EnableGrad&) = delete;

 private:
  bool before_;
};

}  // namespace xgrad
