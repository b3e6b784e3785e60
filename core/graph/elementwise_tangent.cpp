// Forward mode of elementwise operations: the gradient in each input, with the input's tangent in the place
// of the output's gradient.
#include "../formula/add_multiply.hpp"
#include "elementwise_node.hpp"

namespace xgrad::detail {
namespace {

/// The shapes that kernels are told. For one direction those of the values; for several, an axis stands
/// before all others, along which tangents differ and saved values repeat.
struct TangentShapes {
  const Shape* output = nullptr;        ///< of the tangent
  const Shape* saved_output = nullptr;  ///< of the value
  std::array<const Shape*, most_inputs> moved{}, saved{};
  std::array<Shape, most_inputs + 1> own;
  Shape flat;

  TangentShapes() = default;
  TangentShapes(const TangentShapes&) = delete;
  TangentShapes& operator=(const TangentShapes&) = delete;

  void take_one(const Node& node) {
    output = saved_output = &node.value().shape;
    const auto inputs = node.inputs();
    for (std::size_t k = 0; k < inputs.size(); ++k) moved[k] = saved[k] = &inputs[k]->value().shape;
  }
  /// False where there is no axis left.
  bool take_several(const Node& node, std::size_t directions) {
    const Shape& value = node.value().shape;
    const auto inputs = node.inputs();
    const bool equal = std::all_of(inputs.begin(), inputs.end(),
                                   [&](const Node* input) { return input->value().shape == value; });
    if (!equal && value.size() == max_axes) return false;
    // What repeats nowhere is one row a direction, whatever its axes are.
    flat = {node.value().size()};
    own.back() = equal ? Shape{directions, flat[0]} : with_directions(directions, value, 0);
    output = &own.back();
    saved_output = equal ? &flat : &value;
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      if (!equal) own[k] = with_directions(directions, inputs[k]->value().shape, value.size());
      moved[k] = equal ? output : &own[k];
      saved[k] = equal ? &flat : &inputs[k]->value().shape;
    }
    return true;
  }
};

/// What input `k` adds to the tangent.
template <class T, class N>
memory::Buffer share_of(const N& node, std::size_t k, const memory::Buffer& moved,
                        const TangentShapes& shapes) {
  const Elementwise& operation = node.elementwise();
  const Elementwise::Gradient& gradient = operation.gradient(k);
  if (gradient.passes) return broadcast_to(Dense<T>(moved, *shapes.moved[k]), *shapes.output).buffer;
  memory::Buffer share(element_count(*shapes.output) * sizeof(T));
  T* const out = static_cast<T*>(share.mutable_data());
  const Source along{moved.data(), shapes.moved[k]};
  if (const memory::Buffer slope = node.slope(k)) {
    elementwise_product<T>({slope.data(), shapes.saved_output}, along, *shapes.output, out);
    return share;
  }
  std::array<Source, most_inputs + 2> sources;
  const std::size_t inputs = operation.inputs();
  for (std::size_t i = 0; i < inputs; ++i)
    if (gradient.reads >> i & 1) sources[i] = {node.saved(i).data(), shapes.saved[i]};
  if (gradient.reads_output) sources[inputs] = {node.value().buffer.data(), shapes.saved_output};
  sources[inputs + 1] = along;
  elementwise_gradient<T>(operation, k, {sources.data(), inputs + 2}, *shapes.output, out);
  return share;
}

/// Adds what has the shape of the value, or of as many as there are directions.
template <class T>
void add(memory::Buffer& into, memory::Buffer&& share, const Node& node, const Shape& shape) {
  if (!into) {
    into = std::move(share);
    return;
  }
  if (&shape == &node.value().shape) return accumulate(into, std::move(share), node);
  const Source both[] = {{into.data(), &shape}, {share.data(), &shape}};
  memory::Buffer sum(element_count(shape) * sizeof(T));
  elementwise_value<T>(operation<formulas::Add, formulas::Core>(), both, shape,
                       static_cast<T*>(sum.mutable_data()));
  into = std::move(sum);
}

/// Of one element, where all inputs have one: without a loop, and shapes do not matter.
template <class T, class N>
memory::Buffer share_of_single(const N& node, std::size_t k, const memory::Buffer& moved) {
  const Elementwise& operation = node.elementwise();
  if (operation.gradient(k).passes) return moved;
  const void* elements[kernels::max_inputs + 2];
  const auto read = [](const memory::Buffer& buffer) { return buffer ? buffer.data() : &nothing; };
  const std::size_t inputs = operation.inputs();
  for (std::size_t i = 0; i < inputs; ++i) elements[i] = read(node.saved(i));
  elements[inputs] = read(node.value().buffer);
  elements[inputs + 1] = moved.data();
  memory::Buffer share(sizeof(T));
  run_one(operation.kernels()->gradient[k][std::is_same_v<T, double>], share.mutable_data(),
          {elements, inputs + 2});
  return share;
}

/// Adds up what `share` gives for each input that moves.
template <class T, class N, class F>
std::optional<Value> tangent_along(const N& node, std::span<const Value> of_inputs, const Shape& shape,
                                   const F& share) {
  std::optional<Value> tangent{Value{{}, shape}};
  for (std::size_t k = 0; k < of_inputs.size(); ++k) {
    if (!of_inputs[k].defined() || node.elementwise().gradient(k).zero) continue;
    if (!node.inputs()[k]->requires_grad()) return std::nullopt;  // nothing was saved for it
    add<T>(tangent->buffer, share(k), node, shape);
  }
  return tangent;
}

/// Without shapes, of a single element.
template <class T, class N>
std::optional<Value> tangent_of(const N& node, std::span<const Value> of_inputs,
                                const TangentShapes* shapes) {
  if (shapes == nullptr)
    return tangent_along<T>(node, of_inputs, node.value().shape,
                            [&](std::size_t k) { return share_of_single<T>(node, k, of_inputs[k].buffer); });
  return tangent_along<T>(node, of_inputs, *shapes->output,
                          [&](std::size_t k) { return share_of<T>(node, k, of_inputs[k].buffer, *shapes); });
}

template <class T>
std::optional<Value> tangent_by_inputs(const Node& node, std::span<const Value> of_inputs,
                                       const TangentShapes* shapes) {
  switch (of_inputs.size()) {
    case 1:
      return tangent_of<T>(static_cast<const ElementwiseNode<T, 1>&>(node), of_inputs, shapes);
    case 2:
      return tangent_of<T>(static_cast<const ElementwiseNode<T, 2>&>(node), of_inputs, shapes);
    case 3:
      return tangent_of<T>(static_cast<const ElementwiseNode<T, 3>&>(node), of_inputs, shapes);
    default:
      return tangent_of<T>(static_cast<const ElementwiseNode<T, 0>&>(node), of_inputs, shapes);
  }
}

std::optional<Value> tangent_by_type(const Node& node, std::span<const Value> of_inputs,
                                     const TangentShapes* shapes) {
  return node.is_double() ? tangent_by_inputs<double>(node, of_inputs, shapes)
                          : tangent_by_inputs<float>(node, of_inputs, shapes);
}

}  // namespace

std::optional<Value> elementwise_tangent(Node& node, std::span<const Value> of_inputs) {
  const auto* const operation = static_cast<const Elementwise*>(node.description().operation);
  if (node.value().size() == 1 && operation->kernels() != nullptr)
    return tangent_by_type(node, of_inputs, nullptr);
  TangentShapes shapes;
  shapes.take_one(node);
  return tangent_by_type(node, of_inputs, &shapes);
}

std::optional<Value> elementwise_tangents(Node& node, std::span<const Value> of_inputs,
                                          std::size_t directions) {
  TangentShapes shapes;
  if (!shapes.take_several(node, directions)) return std::nullopt;
  std::optional<Value> tangents = tangent_by_type(node, of_inputs, &shapes);
  if (tangents) tangents->shape = Shape{directions, node.value().size()};
  return tangents;
}

}  // namespace xgrad::detail
