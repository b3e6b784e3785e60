#include "notes.hpp"

#include <cmath>
#include <mutex>
#include <unordered_map>

namespace xgrad::detail {
namespace {

struct Table {
  std::mutex mutex;
  std::unordered_map<const Node*, Notes> notes;
};

/// Never destroyed: nodes may outlive everything else.
Table& table() {
  static Table& made = *new Table;
  return made;
}

template <class T>
Range range_of_elements(const T* elements, std::size_t count) {
  Range range;
  for (std::size_t i = 0; i < count; ++i) {
    const double x = static_cast<double>(elements[i]);
    if (!std::isfinite(x)) {
      if (range.bad++ == 0) {
        range.first_bad = i;
        range.first_bad_value = x;
      }
      continue;
    }
    if (range.finite == 0 || x < range.least) range.least = x;
    if (range.finite == 0 || x > range.greatest) range.greatest = x;
    ++range.finite;
  }
  return range;
}

}  // namespace

Range range_of(const Value& value, bool is_double) {
  if (is_double) return range_of_elements(static_cast<const double*>(value.buffer.data()), value.size());
  return range_of_elements(static_cast<const float*>(value.buffer.data()), value.size());
}

Notes& notes_of(Node& node) {
  const std::lock_guard lock(table().mutex);
  Notes& notes = table().notes[&node];
  node.noted = true;
  return notes;
}

Notes* find_notes(const Node& node) noexcept {
  if (!node.noted) return nullptr;
  const std::lock_guard lock(table().mutex);
  return &table().notes.find(&node)->second;
}

void forget_notes(const Node& node) noexcept {
  // Destroyed outside the lock: a hook may hold the last handle to other nodes.
  std::unordered_map<const Node*, Notes>::node_type taken;
  const std::lock_guard lock(table().mutex);
  taken = table().notes.extract(&node);
}

}  // namespace xgrad::detail
