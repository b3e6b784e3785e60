#include "cast.hpp"

#include "../core/array/instantiate.hpp"
#include "../core/array/threads.hpp"
#include "../core/array/worth_a_thread.hpp"
#include "../core/graph/record.hpp"

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

template <class To>
struct Cast {
  static constexpr std::string_view name = "cast";
  static double flops(Shapes, const Shape&) noexcept { return 0; }

  template <class From>
  Dense<To> forward(const Dense<From>& x) const {
    return converted<To>(x);
  }
  template <class V>
  void vjp(Backward<V>& b) const;
};

/// From the other real type: a cast to its own does nothing and is not recorded.
template <class To>
template <class V>
void Cast<To>::vjp(Backward<V>& b) const {
  using From = std::conditional_t<std::is_same_v<To, float>, double, float>;
  b.give(0, apply(Cast<From>{}, b.gradient()));
}

}  // namespace

template <class To, class From>
Variable<To> cast(const Variable<From>& x) {
  if constexpr (std::is_same_v<To, From>)
    return detail::as_result(x);
  else
    return apply(Cast<To>{}, x);
}

[[gnu::used]] constexpr auto instances =
    instantiate::for_numbers([]<class T>() { return std::make_tuple(cast<T, float>, cast<T, double>); });

}  // namespace xgrad
