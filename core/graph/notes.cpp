#include "notes.hpp"

#include <cmath>
#include <mutex>
#include <unordered_map>

#include "../array/fork.hpp"
#include "../array/immortal.hpp"

namespace xgrad::detail {
namespace {

using Table = std::unordered_map<const Node*, Notes>;

/// Held by whoever reads or changes the table, and meanwhile asks for no other lock.
constinit std::mutex mutex;

Table& table() {
  return immortal([] { return Table(); });
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

constinit const OverFork notes_over_fork{[] { mutex.lock(); }, [] { mutex.unlock(); },
                                         [] { mutex.unlock(); }};

Range range_of(const Value& value, ElementKind kind) {
  return visit_elements(value, kind,
                        [&](const auto* elements) { return range_of_elements(elements, value.size()); });
}

Notes& notes_of(Node& node) {
  const std::lock_guard lock(mutex);
  Notes& notes = table()[&node];
  node.noted_ = true;
  return notes;
}

Notes* find_notes(const Node& node) noexcept {
  if (!node.is_noted()) return nullptr;
  const std::lock_guard lock(mutex);
  return &table().find(&node)->second;
}

void forget_notes(const Node& node) noexcept {
  // Destroyed outside the lock: a hook may hold the last handle to other nodes.
  Table::node_type taken;
  const std::lock_guard lock(mutex);
  taken = table().extract(&node);
}

}  // namespace xgrad::detail
