#include "journal.hpp"

namespace xgrad::detail {

thread_local constinit LeafJournal* LeafJournal::innermost_ = nullptr;

LeafJournal::LeafJournal() noexcept : outer_(std::exchange(innermost_, this)) {}

LeafJournal::~LeafJournal() {
  innermost_ = outer_;
  for (auto& [node, before] : before_) {
    Node& leaf = *before.leaf.node();
    if (before.has_value) leaf.exchange_buffer(std::move(before.value));
    // One that was frozen meanwhile keeps none.
    if (memory::Buffer* gradient = leaf.gradient(); before.has_gradient && gradient != nullptr)
      *gradient = leaf.requires_grad() ? std::move(before.gradient) : memory::Buffer();
  }
}

LeafJournal::Before& LeafJournal::before(const Node& leaf) {
  Before& found = before_[&leaf];
  // const_cast: the journal owns what it will write to.
  if (!found.leaf) found.leaf = Handle(const_cast<Node*>(&leaf));
  return found;
}

void LeafJournal::note_value(const Node& leaf) {
  Before& found = before(leaf);
  if (std::exchange(found.has_value, true)) return;
  found.value = leaf.value().buffer;
}

void LeafJournal::note_gradient(const Node& leaf) {
  Before& found = before(leaf);
  if (std::exchange(found.has_gradient, true)) return;
  if (memory::Buffer* gradient = found.leaf.node()->gradient()) found.gradient = std::move(*gradient);
}

void LeafJournal::note_change_of_gradient(const Node& leaf) {
  Before& found = before(leaf);
  if (std::exchange(found.has_gradient, true)) return;
  if (memory::Buffer* gradient = found.leaf.node()->gradient()) found.gradient = *gradient;
}

void LeafJournal::clear_gradients() noexcept {
  std::erase_if(before_, [](const auto& entry) { return entry.second.leaf.node()->is_held_once(); });
  for (auto& [node, before] : before_)
    if (memory::Buffer* gradient = before.leaf.node()->gradient(); before.has_gradient && gradient != nullptr)
      gradient->reset();
}

LeafJournal::Pause::Pause() noexcept : before_(std::exchange(innermost_, nullptr)) {}
LeafJournal::Pause::~Pause() { innermost_ = before_; }

}  // namespace xgrad::detail
