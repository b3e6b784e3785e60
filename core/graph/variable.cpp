#include "variable.hpp"

#include <ostream>
#include <sstream>
#include <string>

#include "../array/instantiate.hpp"
#include "capture.hpp"
#include "gradients.hpp"
#include "journal.hpp"
#include "notes.hpp"
#include "pass_on.hpp"

namespace xgrad {
using namespace detail;

template <class T>
Variable<T> detail::restore(Node& input, const memory::Buffer& saved) {
  if (!input.value().buffer && input.requires_grad()) input.exchange_buffer(saved);
  if (is_capturing() && Capture::present()->is_assigned(input)) [[unlikely]]
    refuse_in_capture("grad of what reads a '" + std::string(input.operation()) + "' of shape " +
                          to_string(input.value().shape) + " that the function updates",
                      "write the new value as a result, w - 0.1 * g, or update it outside");
  Variable<T> restored{Handle(&input)};
  if (input.value().buffer.same_block(saved)) return restored;
  if (!input.requires_grad()) return Variable<T>(Dense<T>(saved, input.value().shape));
  // Its value has been replaced since: a stand-in passes the gradient on.
  Node* const inputs[] = {&input};
  return Variable<T>(
      Handle::recorded(new Record<PassOn, T>(PassOn{}, Dense<T>(saved, input.value().shape), inputs)));
}

template <class T>
Variable<T>::Variable(Dense<T> value) : handle_(Handle::first(new Node(std::move(value), kind_of<T>))) {}

template <class T>
Variable<T> detail::argument_from(Dense<T> value) {
  return Variable<T>(Handle::first(new Leaf(std::move(value), kind_of<T>)));
}

template <class T>
Variable<T> detail::parameter_from(Dense<T> value) {
  Variable<T> parameter = detail::argument_from(std::move(value));
  parameter.node().update_in_place();
  return parameter;
}

template <class T>
Variable<T> detail::buffer_from(Dense<T> value) {
  Variable<T> buffer(std::move(value));
  buffer.node().update_in_place();
  return buffer;
}

template <class T>
void Variable<T>::throw_empty() {
  throw GraphError("Variable: empty, it has no value; assign one first");
}

template <class T>
const Array<T> Variable<T>::value() const {
  check_stays("value", node());
  return to_array(dense());
}

template <class T>
bool Variable<T>::has_grad() const {
  const memory::Buffer* gradient = node().gradient();
  return gradient != nullptr && *gradient;
}

template <class T>
Dense<T> Variable<T>::dense_grad() const {
  return has_grad() ? Dense<T>(*node().gradient(), shape()) : Dense<T>();
}

template <class T>
const Array<T> Variable<T>::grad() const {
  refuse_in_capture("grad", "read gradients outside of the function");
  if (has_grad()) return to_array(dense_grad());
  const std::string what = "grad: '" + std::string(operation()) + "' of shape " + to_string(shape());
  if (node().gradient() == nullptr)
    throw GraphError(what +
                     " keeps no gradient: only parameters do; call retain_grad() before backward(), or use "
                     "grad(output, {variable}) for other nodes");
  if (is_leaf() && !requires_grad())
    throw GraphError(what + " takes no gradient; set_requires_grad(true) lets it learn again");
  throw GraphError(what + " has no gradient yet; call backward() on a result that depends on it");
}

template <class T>
std::string Variable<T>::scope() const {
  const detail::Notes* notes = detail::find_notes(node());
  return notes != nullptr && notes->place ? notes->place->path : std::string();
}

template <class T>
void Variable<T>::zero_grad() {
  refuse_in_capture("zero_grad", "call it outside of the function");
  memory::Buffer* gradient = node().gradient();
  if (gradient == nullptr) return;
  detail::LeafJournal::gradient_comes(node());
  gradient->reset();
}

template <class T>
void Variable<T>::set_grad(Dense<T> gradient) {
  refuse_in_capture("set_grad", "call it outside of the function");
  memory::Buffer* slot = node().gradient();
  if (slot == nullptr)
    throw GraphError("set_grad: '" + std::string(operation()) + "' keeps no gradient: only parameters do");
  if (!requires_grad())
    throw GraphError("set_grad: '" + std::string(operation()) + "' of shape " + to_string(shape()) +
                     " takes no gradient; set_requires_grad(true) lets it learn again");
  if (!(gradient.shape == shape()))
    throw ShapeError("set_grad: " + to_string(gradient.shape) + " for a parameter of shape " +
                     to_string(shape()) + "; they must be equal");
  detail::LeafJournal::gradient_comes(node());
  *slot = std::move(gradient.buffer);
}

template <class T>
T Variable<T>::item() const {
  check_stays("item", node());
  if (size() != 1)
    throw ValueError("item: a value of shape " + to_string(shape()) + " has " + std::to_string(size()) +
                     " elements, not one; reduce it first, or read value()");
  return *dense().data();
}

template <class T>
T Variable<T>::item_at(const Axes& indices) const {
  check_stays("item", node());
  const Shape& extents = shape();
  if (indices.size() != extents.size())
    throw ShapeError("item: " + std::to_string(indices.size()) + " indices for shape " + to_string(extents) +
                     "; give one for each axis");
  std::size_t place = 0;
  for (std::size_t axis = 0; axis < extents.size(); ++axis) {
    const auto extent = static_cast<std::ptrdiff_t>(extents[axis]);
    const std::ptrdiff_t index = indices[axis];
    if (index < -extent || index >= extent)
      throw ValueError(
          "item: index " + std::to_string(index) + " is out of range for axis " + std::to_string(axis) +
          " of shape " + to_string(extents) + "; " +
          (extent == 0 ? "the axis is empty"
                       : "give one from " + std::to_string(-extent) + " to " + std::to_string(extent - 1)));
    place = place * extents[axis] + static_cast<std::size_t>(index < 0 ? index + extent : index);
  }
  return dense().data()[place];
}

template <class T>
std::vector<T> Variable<T>::to_vector() const {
  check_stays("to_vector", node());
  const T* const elements = dense().data();
  return std::vector<T>(elements, elements + size());
}

template <class T>
void Variable<T>::backward(const BackwardOptions<T>& options) const {
  if (!requires_grad())
    throw GraphError("backward: '" + std::string(operation()) + "' of shape " + to_string(shape()) +
                     " does not depend on a parameter, or only on frozen ones, or was computed under NoGrad");
  Dense<T> seed;
  if (options.grad_output) {
    seed = to_dense(*options.grad_output);
    if (!(seed.shape == shape()))
      throw ShapeError("backward: grad_output has shape " + to_string(seed.shape) + ", the output " +
                       to_string(shape()) + "; they must be equal");
  } else {
    if (size() != 1)
      throw GraphError("backward: the output of shape " + to_string(shape()) +
                       " has more than one element or none; reduce it, or pass .grad_output of that shape");
    seed = Dense<T>::filled(shape(), T(1));
  }
  run_backward(handle_, std::move(seed), options.retain_graph);
}

template <class T>
Variable<T> Variable<T>::detach() const {
  return detail::cut(*this, false);
}

namespace {

/// In a program a value that is cut off is one that comes anew with each call.
struct Detach {
  static constexpr std::string_view name = "detach";
  static constexpr bool is_constant = true, only_in_programs = true;
  static constexpr std::uint64_t shares = 1;
  static double flops(Shapes, const Shape&) noexcept { return 0; }
  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    return x;
  }
};

/// In a program the argument of a function that is differentiated inside of it: gradients reach it, and do
/// not pass.
struct InnerArgument {
  static constexpr std::string_view name = "argument";
  static constexpr bool only_in_programs = true;
  static constexpr std::uint64_t shares = 1;
  static double flops(Shapes, const Shape&) noexcept { return 0; }
  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    return x;
  }
  template <class V>
  void vjp(Backward<V>&) const {}
};

template <class T>
Variable<T> inner_argument(const Variable<T>& x) {
  Variable<T> argument = record(InnerArgument{}, x);
  argument.node().require_gradient();
  return argument;
}

}  // namespace

bool detail::is_inner_argument(const Node& node) noexcept {
  return is_capturing() && node.description().type == &type_of<InnerArgument>;
}
bool detail::is_detached(const Node& node) noexcept { return node.description().type == &type_of<Detach>; }

template <class T>
Variable<T> detail::cut(const Variable<T>& x, bool requires_grad) {
  if (is_capturing()) [[unlikely]] {
    return requires_grad ? inner_argument(x) : record(Detach{}, x);
  }
  return requires_grad ? argument_from(x.dense()) : Variable<T>(x.dense());
}

template <class T>
void Variable<T>::replace_value(Dense<T> value) {
  refuse_in_capture("set_value", "set leaves outside of the function; += under NoGrad is captured");
  if (!is_leaf())
    throw GraphError("set_value: '" + std::string(operation()) +
                     "' is the result of an operation; only leaves can be set");
  if (!(value.shape == shape()))
    throw ShapeError("set_value: " + to_string(value.shape) + " for a leaf of shape " + to_string(shape()) +
                     "; they must be equal");
  detail::LeafJournal::value_changes(node());
  node().value_ = std::move(value);
  node().comparison_ = false;
}

template <class T>
void Variable<T>::set_value(const Array<T>& value) {
  replace_value(to_dense(value));
}
template <class T>
void Variable<T>::set_value(Array<T>&& value) {
  replace_value(to_dense(std::move(value)));
}

template <class T>
T* Variable<T>::mutable_data() {
  refuse_in_capture("a write to a leaf's elements",
                    "initialise, and step optimizers, outside of the function");
  if (!is_leaf()) throw GraphError("mutable_data: '" + std::string(operation()) + "' is not a leaf");
  detail::LeafJournal::value_changes(node());
  return static_cast<Dense<T>&>(node().value_).mutable_data();
}

template <class T>
Dense<T> Variable<T>::exchange_value(Dense<T> value) noexcept {
  return std::exchange(static_cast<Dense<T>&>(node().value_), std::move(value));
}

namespace {

template <class T>
class Printer {
 public:
  Printer(std::ostream& out, const Dense<T>& value) : out_(out), value_(value) {}
  void print() { axis(0, 0); }

 private:
  static constexpr std::size_t most_shown = 8;  // along an axis; the middle of a longer one is left out

  void axis(std::size_t depth, std::size_t offset) {
    if (depth == value_.dim()) {
      out_ << value_.data()[offset];
      return;
    }
    const std::size_t extent = value_.shape[depth];
    std::size_t stride = 1;
    for (std::size_t inner = depth + 1; inner < value_.dim(); ++inner) stride *= value_.shape[inner];
    out_ << '[';
    for (std::size_t i = 0; i < extent; ++i) {
      if (i > 0) out_ << ", ";
      if (extent > most_shown && i == most_shown / 2) {
        out_ << "..., ";
        i = extent - most_shown / 2;
      }
      axis(depth + 1, offset + i * stride);
    }
    out_ << ']';
  }

  std::ostream& out_;
  const Dense<T>& value_;
};

}  // namespace

template <class T>
std::ostream& operator<<(std::ostream& out, const Variable<T>& variable) {
  if (!variable.defined()) return out << "Variable(empty)";
  check_stays("operator<<", variable.node());
  std::ostringstream text;
  text.precision(out.precision());
  text << "Variable(";
  Printer<T>(text, variable.dense()).print();
  text << ", shape " << to_string(variable.shape()) << ", "
       << (std::is_same_v<T, double> ? "double" : "float") << ", " << variable.operation() << ')';
  return out << text.str();
}

Variable<float> parameter(const Nested<float, true>& list) {
  return parameter_from<float>(list.dense("parameter"));
}
Variable<float> constant(const Nested<float, true>& list) { return Variable<float>(list.dense("constant")); }

Variable<double> parameter(std::initializer_list<Nothing>) {
  return parameter_from<double>(Dense<double>(Shape{0}));
}
Variable<double> constant(std::initializer_list<Nothing>) {
  return Variable<double>(Dense<double>(Shape{0}));
}

template class Variable<float>;
template class Variable<double>;
[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() {
  return std::make_tuple(detail::restore<T>, detail::cut<T>, detail::argument_from<T>,
                         detail::parameter_from<T>, detail::buffer_from<T>,
                         instantiate::overload<std::ostream&(std::ostream&, const Variable<T>&)>(operator<<));
});

}  // namespace xgrad
