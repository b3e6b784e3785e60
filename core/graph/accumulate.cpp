// How gradients that meet are added.
#include <cstring>
#include <utility>

#include "../formula/add_multiply.hpp"
#include "../formula/broadcast_loop.hpp"
#include "../formula/elementwise.hpp"
#include "broadcast.hpp"
#include "sweep.hpp"
#include "variable.hpp"

namespace xgrad::detail {

using namespace formulas;

namespace {

template <class T>
Handle recorded_sum(Handle&& a, Handle&& b) {
  return add(Variable<T>(std::move(a)), Variable<T>(std::move(b))).handle();
}

std::size_t item_of(const Node& node) { return node.is_double() ? sizeof(double) : sizeof(float); }
/// Whether a gradient can be written to where it stands.
bool in_place(const memory::Buffer& gradient) { return gradient.unique() && !gradient.uniform(); }

/// `share`, repeated to the node's shape.
memory::Buffer repeated(const Source& share, const Node& node) {
  memory::Buffer full(node.value().size() * item_of(node));
  run_broadcast(operation<Identity, Core>().kernels()->value[node.is_double()], item_of(node),
                full.mutable_data(), node.value().shape, {&share, 1});
  return full;
}

/// out = a + b, in the node's shape.
void add_shares(void* out, const Source& a, const Source& b, const Node& node) {
  const Source sources[] = {a, b};
  run_broadcast(operation<Add, Core>().kernels()->value[node.is_double()], item_of(node), out,
                node.value().shape, sources);
}

/// For a node of one element, where the engine's own cost shows.
template <class T>
void add_one(memory::Buffer& into, const memory::Buffer& share) {
  const T sum = *static_cast<const T*>(into.data()) + *static_cast<const T*>(share.data());
  if (!into.unique()) into = memory::Buffer(sizeof(T));
  *static_cast<T*>(into.mutable_data()) = sum;
}

}  // namespace

void expand(memory::Buffer& gradient, const Node& node) {
  if (gradient.uniform()) gradient = repeated({gradient.data(), &no_axes}, node);
}

void accumulate(memory::Buffer& into, memory::Buffer&& share, const Node& node) {
  if (!in_place(into) && in_place(share)) std::swap(into, share);
  if (node.value().size() == 1)
    return node.is_double() ? add_one<double>(into, share) : add_one<float>(into, share);
  const auto source = [&](const memory::Buffer& gradient) {
    return Source{gradient.data(), gradient.uniform() ? &no_axes : &node.value().shape};
  };
  if (in_place(into)) return add_shares(into.mutable_data(), source(into), source(share), node);
  memory::Buffer sum(node.value().size() * item_of(node));
  add_shares(sum.mutable_data(), source(into), source(share), node);
  into = std::move(sum);
}

void accumulate(Handle& into, Handle&& share, const Node& node) {
  into = node.is_double() ? recorded_sum<double>(std::move(into), std::move(share))
                          : recorded_sum<float>(std::move(into), std::move(share));
}

void give_repeated(Sweep<memory::Buffer>& sweep, Node& node, const Value& share) {
  if (!sweep.wants(node)) return;
  const Source source{share.buffer.data(), &share.shape};
  if (memory::Buffer waiting = sweep.take_waiting(node)) {
    const Source before{waiting.data(), waiting.uniform() ? &no_axes : &node.value().shape};
    memory::Buffer sum =
        in_place(waiting) ? std::move(waiting) : memory::Buffer(node.value().size() * item_of(node));
    add_shares(sum.mutable_data(), before, source, node);
    return sweep.put(node, std::move(sum));
  }
  if (share.size() != 1) return sweep.give(node, repeated(source, node));
  memory::Buffer one(item_of(node));
  std::memcpy(one.mutable_data(), share.buffer.data(), item_of(node));
  one.set_uniform();
  sweep.give(node, std::move(one));
}

}  // namespace xgrad::detail
