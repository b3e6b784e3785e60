// A node of the graph: a value, and how it came to be.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "../array/dense.hpp"
#include "description.hpp"

namespace xgrad {
template <class T>
class Variable;
}

namespace xgrad::detail {

class Handle;
struct Notes;
template <class G>
class Sweep;

/// What a Variable points to. Two counts give edges and values separate lives: `uses` counts edges, plus one
/// while any handle exists, and keeps the node; `handles` counts Variables, and with the last of them goes
/// the value, unless the operation that made it has saved it for its own backward.
class Node {
 public:
  Node(Value&& value, ElementKind kind) noexcept : value_(std::move(value)), kind_(kind) {}
  /// One whose value is still to come.
  Node(const Shape& shape, ElementKind kind) noexcept : value_{{}, shape}, kind_(kind) {}
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// The operation that made it; of a leaf, nothing but a name: "parameter", "frozen parameter" or
  /// "constant".
  virtual Description description() const noexcept;
  /// Adds this node's share to the gradients of its inputs: on plain values, or recorded.
  virtual void differentiate(Sweep<memory::Buffer>& sweep, memory::Buffer&& output_gradient);
  virtual void differentiate(Sweep<Handle>& sweep, Handle&& output_gradient);
  /// Whether what it gives to its inputs can be differentiated in turn, as forward mode does. May run a
  /// user's own derivative to see.
  virtual bool has_forward_mode();
  /// Forgets what was saved for backward; the node cannot be differentiated again.
  virtual void drop_saved() noexcept {}
  /// The node of the operation that made the value: this one, or, for a further output, the one it comes
  /// from.
  virtual Node& maker() noexcept { return *this; }
  /// Performs the operation on other inputs of the same shapes and kinds, and gives its outputs, the first
  /// one first. It depends on nothing else; dropout draws the mask of the key that it was told. Records
  /// nothing; what the operation refuses is its own error.
  virtual std::vector<Value> perform_again(std::span<const Value> inputs) const;
  /// Performs the operation on what its inputs hold now, and takes the place of what it was: value, further
  /// outputs, all that is saved for backward. The inputs' values must be there.
  virtual void renew();
  /// Before it is renewed in a program: what it draws, it draws anew, from this thread's generator. Whether
  /// that is the draw that it had.
  virtual bool draw_again() { return true; }
  /// Whether it draws random numbers.
  virtual bool draws() const noexcept { return false; }
  /// The value of output `number`, the first being 0, while the node keeps it.
  virtual const Value& output(std::size_t number) const noexcept;
  /// Where a leaf, or an inner node that is asked to, keeps its gradient, which has the shape of its value;
  /// none for other nodes.
  virtual memory::Buffer* gradient() noexcept;

  std::string_view operation() const noexcept { return description().name; }
  /// What the operation was told beside its inputs, by name: {"axis", 1}.
  std::vector<Attribute> attributes() const;
  /// The inputs, a bit each, whose buffer may be the result's.
  std::uint64_t shares() const noexcept;
  std::span<Node* const> inputs() const noexcept { return {inputs_, input_count_}; }
  bool is_leaf() const noexcept { return input_count_ == 0; }
  /// Its shape stays when the elements have gone.
  const Value& value() const noexcept { return value_; }
  ElementKind kind() const noexcept { return kind_; }
  bool is_double() const noexcept { return kind_ == ElementKind::float64; }
  /// Creation order: greater than that of every input.
  std::uint64_t order() const noexcept { return order_; }
  bool requires_grad() const noexcept { return requires_grad_; }
  /// Makes a leaf a parameter, or a frozen one, which forgets its gradient. GraphError if it is no leaf.
  void set_requires_grad(bool on);
  bool is_spent() const noexcept { return spent_; }
  /// Whether it can be handed a gradient of one number that stands for all.
  bool takes_uniform() const noexcept { return takes_uniform_; }
  /// Whether there are notes on it: a scope, hooks, a gradient that is kept.
  bool is_noted() const noexcept { return noted_; }
  /// Whether += and the like write to the value, rather than rebind the handle: it was made as a parameter,
  /// or is a module's buffer.
  bool is_updated_in_place() const noexcept { return updated_in_place_; }
  /// Whether the value goes with the one handle that there is: nobody else has saved it or shares it.
  bool gives_value_away() const noexcept {
    return handles_.get() == 1 && !saves_output_ && value_.buffer.unique() && !value_.buffer.exposed();
  }
  bool has_one_handle() const noexcept { return handles_.get() == 1; }
  bool is_held() const noexcept { return handles_.get() > 0; }
  /// Whether an edge leads here; handles together are one use.
  bool is_read() const noexcept { return uses_.get() > (is_held() ? 1 : 0); }
  /// Whether one handle is all that there is to it.
  bool is_held_once() const noexcept { return handles_.get() == 1 && uses_.get() == 1; }
  /// Puts other elements, as many, in the place of those that it has, and gives these back. Nothing is
  /// checked and nothing can fail, so that whoever moves a leaf for a while can put it back in a destructor.
  memory::Buffer exchange_buffer(memory::Buffer elements) noexcept {
    return std::exchange(value_.buffer, std::move(elements));
  }
  /// Takes the edge to input `i` to another node, which has the same value and is older than this one.
  void replace_input(std::size_t i, Node& other) noexcept;
  /// Makes it one that is updated in place.
  void update_in_place() noexcept { updated_in_place_ = true; }
  /// Whether a comparison made it, `x > 0`: it chooses elements, where other numbers do not.
  bool is_comparison() const noexcept { return comparison_; }
  void mark_as_comparison() noexcept { comparison_ = true; }
  /// Lets go of its elements, unless its own backward reads them: nobody else does any more.
  void release_value() noexcept {
    if (!saves_output_ || !requires_grad_) value_.buffer.reset();
  }
  /// No gradient passes, though an input may require one: it was recorded for a program alone.
  void forgo_gradient() noexcept { requires_grad_ = false; }
  /// Gradients reach it, whatever its inputs require.
  void require_gradient() noexcept { requires_grad_ = true; }
  /// It is about to be renewed, and can be differentiated then.
  void reopen() noexcept { spent_ = false; }
  /// Marks the node as spent: what it saved goes, its value too unless a handle wants it.
  void finish() noexcept;

  static void* operator new(std::size_t bytes);
  static void operator delete(void* piece, std::size_t bytes) noexcept;

 protected:
  virtual ~Node() = default;
  /// Takes an edge to each input, and the next order after theirs; `edges` outlives the node's constructor.
  /// In place of a frozen parameter it has afterwards a node without a value, so saving comes first.
  void set_inputs(Node** edges, std::size_t count) noexcept;
  /// Of a node that is made or renewed.
  Value& value_to_come() noexcept { return value_; }
  /// What the inputs hold now.
  std::vector<Value> input_values() const;
  /// Keeps the value for the node's own backward, also when no handle is left.
  void save_output() noexcept { saves_output_ = true; }
  void take_uniform() noexcept { takes_uniform_ = true; }
  void set_order(std::uint64_t order) noexcept { order_ = order; }
  /// Before a backward of its own writes to what it has saved.
  void spend() noexcept { spent_ = true; }

 private:
  friend class Handle;
  template <class T>
  friend class xgrad::Variable;
  template <class G>
  friend class Sweep;
  friend Notes& notes_of(Node& node);
  friend void release_use(Node* node) noexcept;
  static void destroy(Node* node) noexcept;
  static Node* next_doomed(Node* node) noexcept;
  static void pass_over_frozen(Node** edges, std::size_t count) noexcept;
  /// In place of the order of a frozen parameter, which nobody asks for: it is past all others.
  static constexpr std::uint64_t frozen = ~std::uint64_t{0};

  Value value_;
  std::uint64_t order_ = 0;
  /// The last restricted sweep that met this node, and whether it was needed there.
  std::uint64_t mark_ = 0;
  /// Where the last sweep keeps this node's gradient; a hint that the sweep checks.
  std::atomic<std::uint32_t> slot_{0};
  const ElementKind kind_;
  bool requires_grad_ = false;
  bool saves_output_ = false;
  bool spent_ = false;
  bool takes_uniform_ = false;
  bool noted_ = false;
  bool updated_in_place_ = false;
  bool comparison_ = false;

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
  Leaf(Value&& value, ElementKind kind, std::uint64_t order = 0) noexcept : Node(std::move(value), kind) {
    require_gradient();
    set_order(order);
  }
  Description description() const noexcept override;
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

namespace detail {

/// How the operations of a thread are to go on: bits in one word, so that each asks once.
struct Mode {
  static constexpr unsigned unrecorded = 1;  ///< nothing is recorded
  static constexpr unsigned watched = 2;     ///< a profile looks at what takes time
  static constexpr unsigned capturing = 4;   ///< every operation leaves a node, for a program
};
// Read by every operation, and so without a call: small, and there when the program starts.
extern thread_local constinit unsigned present_mode [[gnu::tls_model("initial-exec")]];
inline unsigned thread_mode() noexcept { return present_mode; }
inline bool is_watched() noexcept { return (thread_mode() & Mode::watched) != 0; }
void set_watched(bool on) noexcept;
void set_capturing(bool on) noexcept;
inline bool is_capturing() noexcept { return (thread_mode() & Mode::capturing) != 0; }
/// Whether the node is what a function that is differentiated inside of a captured one is called with: a
/// leaf, where nothing is captured.
bool is_inner_argument(const Node& node) noexcept;
/// While a program is captured: true, and the node that comes next passes gradients or not.
bool leaves_captured(bool passes_gradients) noexcept;

/// Whether an operation leaves a node. All that record ask here; `is_differentiable` says whether a gradient
/// could pass to an input that requires one.
template <class F>
bool leaves_node(unsigned mode, const F& is_differentiable) {
  if (mode == 0) [[likely]]
    return is_differentiable();
  const bool passes_gradients = (mode & Mode::unrecorded) == 0 && is_differentiable();
  if (mode & Mode::capturing) [[unlikely]]
    return leaves_captured(passes_gradients);
  return passes_gradients;
}
template <class F>
bool leaves_node(const F& is_differentiable) {
  return leaves_node(thread_mode(), is_differentiable);
}

}  // namespace detail

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

/// What f() gives, computed under NoGrad: `auto y = no_grad([&] { return net(x); })`.
template <std::invocable F>
decltype(auto) no_grad(F&& f) {
  const NoGrad off;
  return std::forward<F>(f)();
}

}  // namespace xgrad
