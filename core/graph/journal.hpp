// What leaves were before they changed, to be put back.
#pragma once

#include <unordered_map>

#include "node.hpp"

namespace xgrad::detail {

/// While it lives, the value and the gradient that a leaf had before this thread changed them are written
/// down; with the journal's end they are back. Values that the library moves for a while and puts back itself
/// are not looked at. Nests: the innermost one counts.
class LeafJournal {
 public:
  LeafJournal() noexcept;
  ~LeafJournal();
  LeafJournal(const LeafJournal&) = delete;
  LeafJournal& operator=(const LeafJournal&) = delete;

  /// Before a leaf's value changes.
  static void value_changes(const Node& leaf) {
    if (innermost_ != nullptr) [[unlikely]]
      innermost_->note_value(leaf);
  }
  /// Before a gradient is committed to the leaf, which has none then, as after zero_grad().
  static void gradient_comes(const Node& leaf) {
    if (innermost_ != nullptr) [[unlikely]]
      innermost_->note_gradient(leaf);
  }
  /// Before a gradient is written to or taken away.
  static void gradient_changes(const Node& leaf) {
    if (innermost_ != nullptr) [[unlikely]]
      innermost_->note_change_of_gradient(leaf);
  }
  /// Whether there is somebody to tell.
  static bool is_kept() noexcept { return innermost_ != nullptr; }

  /// Takes away the gradients that were committed, and forgets the leaves that nobody else holds any more.
  void clear_gradients() noexcept;

  /// While it lives, changes are made to stay.
  class Pause {
   public:
    Pause() noexcept;
    ~Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    LeafJournal* before_;
  };

 private:
  struct Before {
    Handle leaf;
    memory::Buffer value, gradient;
    bool has_value = false, has_gradient = false;
  };
  Before& before(const Node& leaf);
  void note_value(const Node& leaf);
  void note_gradient(const Node& leaf);
  void note_change_of_gradient(const Node& leaf);

  /// Of this thread, not paused. Each change of a leaf asks, so that it is read without a call.
  static thread_local constinit LeafJournal* innermost_ [[gnu::tls_model("initial-exec")]];

  LeafJournal* outer_;
  std::unordered_map<const Node*, Before> before_;
};

}  // namespace xgrad::detail
