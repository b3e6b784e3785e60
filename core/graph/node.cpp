#include "node.hpp"

#include <algorithm>
#include <string>

#include "../array/error.hpp"
#include "attribute.hpp"
#include "capture.hpp"
#include "journal.hpp"
#include "notes.hpp"

namespace xgrad::detail {
namespace {

// Plain thread-local numbers: constant-initialised, so an access costs no check.
thread_local constinit std::uint64_t last_order = 0;
thread_local constinit Node* doomed = nullptr;  // nodes to destroy, linked through `mark_`
thread_local constinit bool draining = false;

}  // namespace

Description Node::description() const noexcept { return {requires_grad_ ? "parameter" : "constant"}; }

std::vector<Attribute> Node::attributes() const { return description().attributes(); }

std::uint64_t Node::shares() const noexcept {
  const Description made_by = description();
  if (made_by.type == nullptr) return 0;
  return made_by.type->shares &
         (input_count_ < 64 ? (std::uint64_t{1} << input_count_) - 1 : ~std::uint64_t{0});
}

memory::Buffer* Node::gradient() noexcept {
  Notes* notes = find_notes(*this);
  return notes != nullptr && notes->keeps_gradient ? &notes->gradient : nullptr;
}

void Node::differentiate(Sweep<memory::Buffer>&, memory::Buffer&&) {
  throw InternalError("a leaf was asked to differentiate");
}
void Node::differentiate(Sweep<Handle>&, Handle&&) {
  throw InternalError("a leaf was asked to differentiate");
}

bool Node::has_forward_mode() { return true; }

std::vector<Value> Node::perform_again(std::span<const Value>) const {
  throw InternalError("a leaf was asked to perform an operation");
}

void Node::renew() { value_ = std::move(perform_again(input_values())[0]); }

const Value& Node::output(std::size_t) const noexcept { return value_; }

std::vector<Value> Node::input_values() const {
  std::vector<Value> values;
  values.reserve(input_count_);
  for (const Node* input : inputs()) values.push_back(input->value_);
  return values;
}

Description Leaf::description() const noexcept {
  return {requires_grad() ? "parameter" : "frozen parameter"};
}

void Node::set_requires_grad(bool on) {
  if (!is_leaf())
    throw GraphError("set_requires_grad: '" + std::string(operation()) + "' of shape " +
                     to_string(value_.shape) +
                     " is the result of an operation; only leaves can be set, and detach() gives a constant");
  if (on == requires_grad_) return;
  refuse_in_capture("set_requires_grad", "freeze parameters outside of the function");
  const bool was_constant = gradient() == nullptr;
  // A use beside its handles' is an edge, of a node that has saved nothing for it.
  if (was_constant && uses_.get() > 1)
    throw GraphError("set_requires_grad: results that were recorded with this constant of shape " +
                     to_string(value_.shape) +
                     " are still there; make it a parameter before they are computed, or let go of them");
  Notes& notes = notes_of(*this);
  if (on) {
    if (was_constant) notes.keeps_gradient = true;
    update_in_place();
    inputs_ = nullptr;
    notes.stand_in = {};
    order_ = 0;
  } else {
    notes.stand_in = Handle::first(new Node(value_.shape, kind_));
    notes.stand_in_edge = notes.stand_in.node();
    inputs_ = &notes.stand_in_edge;  // for pass_over_frozen() to find; there are still none
    order_ = frozen;
    LeafJournal::gradient_changes(*this);
    gradient()->reset();
  }
  requires_grad_ = on;
}

/// What is recorded while a parameter is frozen has an edge to a constant that stands in for it, and so gives
/// it no gradient later either, for it has not saved what that would need.
[[gnu::cold]] void Node::pass_over_frozen(Node** edges, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    if (edges[i]->order_ != frozen) continue;
    Node* const stand_in = is_capturing() ? &Capture::present()->input_for(*edges[i]) : *edges[i]->inputs_;
    stand_in->uses_.add();
    release_use(std::exchange(edges[i], stand_in));
  }
}

void* Node::operator new(std::size_t bytes) { return memory::allocate_node(bytes); }

void Node::operator delete(void* piece, std::size_t bytes) noexcept { memory::release_node(piece, bytes); }

void Node::set_inputs(Node** edges, std::size_t count) noexcept {
  inputs_ = edges;
  input_count_ = static_cast<std::uint32_t>(count);
  std::uint64_t latest = last_order;
  for (std::size_t i = 0; i < count; ++i) {
    edges[i]->uses_.add();
    latest = std::max(latest, edges[i]->order());
  }
  if (latest == frozen) [[unlikely]] {
    pass_over_frozen(edges, count);
    latest = last_order;
    for (std::size_t i = 0; i < count; ++i) latest = std::max(latest, edges[i]->order());
  }
  order_ = last_order = latest + 1;
}

void Node::replace_input(std::size_t i, Node& other) noexcept {
  Node& edge = other.order_ == frozen ? **other.inputs_ : other;
  edge.uses_.add();
  release_use(std::exchange(inputs_[i], &edge));
}

void Node::finish() noexcept {
  spent_ = true;
  drop_saved();
  if (saves_output_ && handles_.get() == 0) value_.buffer.reset();
  saves_output_ = false;
}

inline Node* Node::next_doomed(Node* node) noexcept {
  // NOLINTNEXTLINE(performance-no-int-to-ptr)
  return reinterpret_cast<Node*>(static_cast<std::uintptr_t>(node->mark_));
}

void Node::destroy(Node* node) noexcept {
  node->mark_ = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(doomed));
  doomed = node;
  if (draining) return;
  draining = true;
  while (Node* dead = doomed) {
    doomed = next_doomed(dead);
    for (Node* input : dead->inputs()) release_use(input);
    if (dead->is_noted()) forget_notes(*dead);
    delete dead;
  }
  draining = false;
}

void release_use(Node* node) noexcept {
  if (node->uses_.drop()) Node::destroy(node);
}

void Handle::release(Node* node) noexcept {
  if (!node->handles_.drop()) return;
  // The last handle takes its value along while edges keep the node; a node that dies takes it anyway.
  if (!node->saves_output_ && node->uses_.get() != 1) node->value_.buffer.reset();
  release_use(node);
}

std::uint64_t next_order() noexcept { return ++last_order; }

}  // namespace xgrad::detail

namespace xgrad {
using namespace detail;

thread_local constinit unsigned detail::present_mode = 0;

namespace {

/// Whether the bit was there before.
bool exchange_bit(unsigned bit, bool on) noexcept {
  const bool before = (present_mode & bit) != 0;
  present_mode = on ? present_mode | bit : present_mode & ~bit;
  return before;
}

}  // namespace

void detail::set_watched(bool on) noexcept { exchange_bit(Mode::watched, on); }
void detail::set_capturing(bool on) noexcept { exchange_bit(Mode::capturing, on); }

bool is_recording() noexcept { return (present_mode & Mode::unrecorded) == 0; }

NoGrad::NoGrad() noexcept : before_(exchange_bit(Mode::unrecorded, true)) {}
NoGrad::~NoGrad() { exchange_bit(Mode::unrecorded, before_); }
EnableGrad::EnableGrad() noexcept : before_(exchange_bit(Mode::unrecorded, false)) {}
EnableGrad::~EnableGrad() { exchange_bit(Mode::unrecorded, before_); }

}  // namespace xgrad
