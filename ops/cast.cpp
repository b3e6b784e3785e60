#include "cast.hpp"

#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "../core/graph/sweep.hpp"

namespace xgrad {
using namespace detail;

namespace {

template <class To, class From>
Dense<To> converted(const Dense<From>& x) {
  Dense<To> result(x.shape);
  const From* in = x.data();
  To* out = result.mutable_data();
  parallel_for(x.size(), worth_a_thread::computed_elements, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) out[i] = static_cast<To>(in[i]);
  });
  return result;
}

/// A node of its own: those of structural operations have one element type on both sides.
template <class To, class From>
class Cast final : public Node {
 public:
  Cast(Dense<To> output, Node& input) : Node(std::move(output), std::is_same_v<To, double>), edge_(&input) {
    require_gradient();
    set_inputs(&edge_, 1);
  }

  std::string_view operation() const noexcept override { return "cast"; }
  void differentiate(Sweep<memory::Buffer>& sweep, memory::Buffer&& gradient) override {
    const Dense<To> dy(std::move(gradient), value().shape);
    sweep.give(*edge_, converted<From>(dy).buffer);
  }
  void differentiate(Sweep<Handle>& sweep, Handle&& gradient) override {
    sweep.give(*edge_, Handle(cast<From>(Variable<To>(std::move(gradient))).handle()));
  }

 private:
  Node* edge_;
};

}  // namespace

template <class To, class From>
Variable<To> cast(const Variable<From>& x) {
  if constexpr (std::is_same_v<To, From>) {
    return detail::as_result(x);
  } else {
    Dense<To> output = converted<To>(x.dense());
    if (!is_recording() || !x.requires_grad()) return Variable<To>(std::move(output));
    return Variable<To>(Handle::recorded(new Cast<To, From>(std::move(output), x.node())));
  }
}

[[gnu::used]] constexpr auto instances =
    instantiate::for_numbers([]<class T>() { return std::make_tuple(cast<T, float>, cast<T, double>); });

}  // namespace xgrad
