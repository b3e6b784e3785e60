// A function of Variables that runs once as it is written, and from then on as a program.
#pragma once

#include <array>
#include <concepts>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

#include "programs.hpp"

namespace xgrad {

/// What compile() gives: called as the function is, with Variables, Indices, Masks and numbers. The first
/// call with arguments of some shapes and element types captures a program: it calls the function and keeps
/// what was recorded. Later calls perform that on what they are given and on what the parameters that the
/// function uses hold then. There is a program for each set of shapes, element types and requires_grad flags
/// of arguments and of what the function uses beside them, for each value of integer and bool arguments, for
/// recording and NoGrad, and for the modes (train, eval) of the modules inside.
///
/// A real number reaches the function as a constant Variable without axes. A result stands in the graph as
/// one node: gradients reach the arguments, and parameters that the function uses. A second derivative calls
/// the function again. What the function does otherwise is done when it is captured, and never again: a
/// number that it reads, unless an operation made it, stays as it was, and `.verify` is there to find it.
/// While DetectAnomaly looks, the function itself is called.
///
/// Not for two threads at once; a copy shares nothing but what the function itself refers to.
template <class F>
class Compiled {
 public:
  explicit Compiled(F function, const CompileOptions& options = {})
      : function_(std::make_shared<F>(std::move(function))), programs_(function_, options) {}
  Compiled(const Compiled& other) requires std::copy_constructible<F>
      : Compiled(F(*other.function_), other.programs_.options()) {}
  Compiled& operator=(const Compiled& other) requires std::copy_constructible<F> {
    return *this = Compiled(other);
  }
  Compiled(Compiled&&) noexcept = default;
  Compiled& operator=(Compiled&&) noexcept = default;
  ~Compiled() = default;

  /// What the function gives: a Variable, or a pair, a tuple or a std::vector of them. CaptureError where the
  /// function does what no program can do again, and where a replay that is verified differs from it;
  /// GraphError if an argument or a result is empty. What the function throws passes through.
  template <class... Args>
  auto operator()(const Args&... arguments) const {
    constexpr bool are_arguments = (detail::is_argument<Args>() && ...);
    static_assert(are_arguments,
                  "compile: arguments are Variables, Indices, Masks and numbers: write constant(a) for an "
                  "Array, and pass what else the function needs in its capture");
    if constexpr (are_arguments) {
      constexpr bool is_callable = std::is_invocable_v<F&, const detail::Entered<Args>&...>;
      constexpr bool takes_number =
          !is_callable && (detail::is_real_number<Args> || ...) && std::is_invocable_v<F&, const Args&...>;
      static_assert(!takes_number,
                    "compile: a real number enters a program as a constant: let the function take a const "
                    "Variable<double>& there, or Variable<float> for a float");
      static_assert(
          is_callable || takes_number,
          "compile: the function cannot be called with these arguments: see their number and types");
      if constexpr (is_callable) {
        using Called = detail::TypedCallee<F, Args...>;
        using Result = detail::ResultOf<typename Called::Result>;
        static_assert(Result::is_result,
                      "compile: the function gives a Variable, or a std::pair, std::tuple or std::vector of "
                      "Variables");
        if constexpr (Result::is_result) {
          const std::array<detail::Argument, sizeof...(Args)> given{detail::argument_of(arguments)...};
          std::vector<detail::Handle> results =
              programs_.call(typeid(Called), &make<Called>, std::span<const detail::Argument>(given));
          std::span<detail::Handle> left(results);
          return Result::give(left);
        }
      }
    }
  }

  /// How many programs there are.
  std::size_t programs() const noexcept { return programs_.size(); }
  /// Forgets them all. Results that are still there keep what they need.
  void clear() noexcept { programs_.clear(); }
  /// What the program used last does; empty before the first call.
  ProgramListing program() const { return programs_.listing(); }

 private:
  template <class Called>
  static std::unique_ptr<const detail::Callee> make(void* function) {
    return std::make_unique<Called>(*static_cast<F*>(function));
  }

  std::shared_ptr<F> function_;
  mutable detail::Programs programs_;
};

/// A function that is captured at its first call and replayed from the second on, up to several times as fast
/// where values are small:
///
/// ```cpp
/// auto loss = xg::compile([&](const xg::Variable<float>& x, const xg::Indices& labels) {
///   return xg::nn::cross_entropy(net(x), labels);
/// });
/// loss(images, labels).backward();
/// ```
///
/// `f` is copied or moved; what it captures by reference must live as long. See Compiled.
template <class F>
Compiled<std::decay_t<F>> compile(F&& f, const CompileOptions& options = {}) {
  static_assert(!std::is_member_pointer_v<std::decay_t<F>>,
                "compile: a member function has no object: write compile([&](const auto& x) { return "
                "object.call(x); })");
  return Compiled<std::decay_t<F>>(std::forward<F>(f), options);
}

}  // namespace xgrad
