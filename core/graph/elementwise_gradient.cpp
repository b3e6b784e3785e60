#include "elementwise_gradient.hpp"

#include <string>

#include "../array/instantiate.hpp"
#include "../formula/broadcast_loop.hpp"
#include "../formula/replay.hpp"
#include "broadcast.hpp"
#include "record.hpp"

namespace xgrad::detail {
namespace {

/// What the two share: the inputs' list, and the derivatives, which are the program's whatever computed the
/// value.
struct GradientOf {
  const Elementwise* operation = nullptr;
  /// A user's operation is kept by what needs it; the library's live for ever.
  std::shared_ptr<const Elementwise> kept;
  std::size_t which = 0;

  GradientOf() = default;
  GradientOf(const Elementwise& of, std::size_t input)
      : operation(&of), kept(of.program() != nullptr ? of.shared_from_this() : nullptr), which(input) {}

  const Elementwise::Gradient& gradient() const { return operation->gradient(which); }
  std::size_t dy() const { return operation->inputs() + 1; }
  bool reads(std::size_t input) const { return input <= dy() && gradient().program.reads(input); }
  bool saves(std::size_t input, const Wanted&) const { return reads(input); }
  void fields(auto& visit) const {
    visit("of", std::string(operation->name()));
    visit("input", which);
  }

  template <class T>
  std::vector<Source> sources(const std::vector<Dense<T>>& in) const {
    std::vector<Source> read(dy() + 1);
    for (std::size_t i = 0; i <= dy(); ++i)
      if (reads(i)) read[i] = {in[i].data(), &in[i].shape};
    return read;
  }

  template <class V>
  void vjp(Backward<V>& b) const {
    const V weight = broadcast_to(b.gradient(), b.shape(dy()));
    // The program of a derivative reads the gradient's inputs and, last, its weight; its value it does not.
    std::vector<V> values(dy() + 3, weight);
    for (std::size_t i = 0; i <= dy(); ++i)
      if (reads(i)) values[i] = b.input(i);
    for (std::size_t i = 0; i <= dy(); ++i)
      if (reads(i) && b.wants(i))
        b.give(i, sum_to(broadcast_to(replay<V>(derivative_of(gradient().program, i), values), b.shape(dy())),
                         b.shape(i)));
  }
};

struct GradientSum : GradientOf {
  static constexpr std::string_view name = "elementwise_gradient_sum";
  Shape to;

  void fields(auto& visit) const {
    GradientOf::fields(visit);
    visit("shape", to);
  }
  template <class T>
  Dense<T> forward(const std::vector<Dense<T>>& in) const {
    const std::vector<Source> read = sources(in);
    const Shape& shape = in[dy()].shape;
    if (memory::Buffer sum = elementwise_gradient_sum<T>(*operation, which, read, shape, to))
      return Dense<T>(std::move(sum), to);
    Dense<T> whole(shape);
    elementwise_gradient<T>(*operation, which, read, shape, whole.mutable_data());
    return sum_to(whole, to);
  }
};

struct SlopeProduct : GradientOf {
  static constexpr std::string_view name = "slope_product";

  /// The slope comes last, or not at all: it is a function of the inputs, and the vjp has it in the program.
  template <class T>
  Dense<T> forward(const std::vector<Dense<T>>& in) const {
    const Dense<T> slope = in.size() > dy() + 1 ? in.back() : slope_of(in);
    const Dense<T>& factor = in[dy()];
    Dense<T> result(slope.shape);
    elementwise_product<T>({slope.data(), &slope.shape}, {factor.data(), &factor.shape}, slope.shape,
                           result.mutable_data());
    return result;
  }
  /// As a node computes it beside its value.
  template <class T>
  Dense<T> slope_of(const std::vector<Dense<T>>& in) const {
    std::vector<Source> read(operation->inputs());
    for (std::size_t i = 0; i < read.size(); ++i) read[i] = {in[i].data(), &in[i].shape};
    const Shape shape = elementwise_shape(*operation, read);
    Dense<T> value(shape);
    std::vector<memory::Buffer> slopes(read.size());
    elementwise_value_and_slopes<T>(*operation, read, shape, value.mutable_data(), std::uint32_t{1} << which,
                                    slopes);
    return {std::move(slopes[which]), shape};
  }
};

}  // namespace

template <class T>
Variable<T> record_gradient_sum(const Elementwise& operation, std::size_t which,
                                const std::vector<Variable<T>>& values, const Shape& to) {
  return record_list(GradientSum{{operation, which}, to}, values);
}

template <class T>
Variable<T> record_slope_product(const Elementwise& operation, std::size_t which,
                                 std::vector<Variable<T>> values, const Dense<T>& slope) {
  if (slope.defined()) values.emplace_back(slope);
  return record_list(SlopeProduct{{operation, which}}, values);
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers(
    []<class T>() { return std::make_tuple(record_gradient_sum<T>, record_slope_product<T>); });

}  // namespace xgrad::detail
