// What every layer and network is: named parameters and buffers, named modules inside it, and a forward pass.
#pragma once

#include <concepts>
#include <functional>
#include <initializer_list>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "../core/graph/variable.hpp"
#include "forward_hook.hpp"

namespace xgrad::nn {

/// How PyTorch's layer of the same name stores a parameter or buffer: as it is here, or with its two axes
/// swapped, as the weights of a linear layer, which are [in, out] here and [out, in] there.
enum class InPyTorch { same, transposed };

/// The same under its full name, or a name that PyTorch's layer has and the module here does not.
struct PyTorchEntry {
  std::string name;
  bool transposed = false;
  bool is_here = true;
};

/// Owns parameters, buffers and other modules, each under a name. A buffer is a value that is kept with the
/// parameters but not trained, such as a running mean. Modules move and do not copy: what one owns lives
/// elsewhere, so the references that registering returns stay good when the module moves. Not for two threads
/// at once.
template <class T = float>
class Module {
 public:
  using value_type = T;
  using NamedVariable = std::pair<std::string, Variable<T>>;
  using NamedArray = std::pair<std::string, Array<T>>;
  using NamedModule = std::pair<std::string, Module*>;

  virtual ~Module();
  Module(const Module&) = delete;             // modules move and do not copy: clone(net) makes another one
  Module& operator=(const Module&) = delete;  // modules move and do not copy: clone(net) makes another one

  /// What the module computes of one value. Call the module itself rather than this: hooks and summary() see
  /// such calls. A class that takes something else overrides nothing, and has a call operator of its own, see
  /// call(); this is then a ValueError that says so.
  virtual Variable<T> forward(const Variable<T>& x);
  /// forward(x). An Error from inside says where it was: each module on its way out puts before its text the
  /// name under which it knows the module that it came from, "encoder.layer1: linear: ...".
  Variable<T> operator()(const Variable<T>& x);
  /// The same of an Array or any xtensor expression of floating numbers, which becomes a constant.
  template <detail::Expression E>
  requires(std::floating_point<typename std::remove_cvref_t<E>::value_type>) Variable<T>
  operator()(E&& x) { return (*this)(Variable<T>(detail::make_dense<T>(std::forward<E>(x)))); }
  template <class U>
  void operator()(const Variable<U>&) = delete;  // the module is of T: write cast<T>(x), or make it of U
  void operator()(...) = delete;  // it takes one Variable<T> or Array; of several, each is a constant(a)

  /// Calls `f(module, input, output)` whenever this module has been called, in the order of registration: a
  /// Module&, and what it was given and gives, each a const Variable&. `f` returns nothing, or the Variable
  /// to go on with, of any shape; an empty one changes nothing. Of several inputs it gets the first, or all
  /// if it takes a const std::vector<Variable<T>>&; none that is a Variable: an empty one. A call throws what
  /// `f` throws. The hook moves with the module; state() and clone() know nothing of it. summary() calls it
  /// as any call does, and a checkpoint a second time when it recomputes.
  template <class F>
  ForwardHookHandle register_forward_hook(F f) {
    constexpr bool takes_one = std::invocable<F&, Module&, const Variable<T>&, const Variable<T>&>;
    if constexpr (takes_one) {
      return add_forward_hook([f = std::move(f)](Module& module, const std::vector<Variable<T>>& inputs,
                                                 const Variable<T>& output) mutable {
        const Variable<T> input = inputs.empty() ? Variable<T>() : inputs[0];
        return replacement_by([&] { return f(module, input, output); });
      });
    } else {
      constexpr bool takes_all =
          std::invocable<F&, Module&, const std::vector<Variable<T>>&, const Variable<T>&>;
      static_assert(takes_all,
                    "register_forward_hook: a hook is called as f(module, input, output): with a Module<T>&, "
                    "a const Variable<T>& (or, of several inputs, a const std::vector<Variable<T>>&) and a "
                    "const Variable<T>&");
      if constexpr (takes_all)
        return add_forward_hook([f = std::move(f)](Module& module, const std::vector<Variable<T>>& inputs,
                                                   const Variable<T>& output) mutable {
          return replacement_by([&] { return f(module, inputs, output); });
        });
      else
        return {};
    }
  }

  /// What summary() calls it: the class, without namespaces and template arguments.
  virtual std::string name() const;

  /// Its own parameters and those of the modules inside it, in the order of registration.
  std::vector<Variable<T>> parameters() const;
  /// The same, under names such as "hidden.weight".
  std::vector<NamedVariable> named_parameters() const;
  /// The buffers, in the same order and under the same kind of names; they take no gradient.
  std::vector<NamedVariable> named_buffers() const;
  /// The modules: this one, whose name is empty, and all inside it, each before those inside of it.
  std::vector<NamedModule> named_modules();
  /// Calls f with each of them, Module<T>&, in the same order: `net.apply([](auto& m) { ... })`.
  template <std::invocable<Module&> F>
  void apply(F&& f) {
    for (const NamedModule& named : named_modules()) f(*named.second);
  }
  /// The number of elements in all parameters together, frozen ones too.
  std::size_t parameter_count() const;
  /// The same without the frozen ones.
  std::size_t trainable_parameter_count() const;
  /// Forgets the gradients of all parameters.
  void zero_grad();

  /// Freezes all parameters, its own and those inside: they are constants to what is recorded from now on,
  /// take no gradient, and stay as they are in an optimizer's step. Buffers such as running means still
  /// follow in training: call eval() on what is to stay whole.
  void freeze();
  /// Lets all parameters learn again.
  void unfreeze();

  /// Says to this module and all inside it that they are being trained, or evaluated: layers such as dropout
  /// differ. A new module is in training.
  void train();
  void eval();
  bool is_training() const noexcept {
    if (xgrad::detail::is_capturing()) [[unlikely]]
      tell_mode();
    return *training_;
  }

  /// The values of the named parameters and buffers, each in O(1); a module's own parameters, its buffers,
  /// and then the modules inside it.
  std::vector<NamedArray> state() const;
  /// Sets every parameter and buffer to the array of its name. ValueError for a name that is missing, given
  /// twice, or unknown here; ShapeError that names the parameter or buffer. The module is unchanged when it
  /// throws.
  void load_state(const std::vector<NamedArray>& state);

  /// Everything in state(), and what PyTorch's layers have besides: how io::load and io::save translate.
  std::vector<PyTorchEntry> in_pytorch() const;

  /// A table of the modules inside: type, shape of the output, bytes that its own operations give and the
  /// floating-point operations that they take (as Profile counts them, forward), number of parameters of its
  /// own; the totals, and how many parameters are frozen if any is. The shapes come from a forward pass on
  /// zeros of shape `input`, without recording and as eval(); nothing of the module is changed, nor this
  /// thread's random numbers. "-" stands for the output of a module that was not called.
  std::string summary(const Shape& input);
  /// The same of a call that `run` makes, for a module that takes something else than one value:
  /// `net.summary([&] { net(x, mask); })`.
  template <std::invocable F>
  std::string summary(F&& run) {
    return summary_of(std::nullopt, [&] { static_cast<void>(run()); });
  }

 protected:
  Module() = default;
  Module(Module&&) noexcept = default;
  Module& operator=(Module&&) noexcept = default;

  /// What `compute()` gives. For call operators of a module's own, which take more than one value, or
  /// another one: so that hooks and summary() see the call, and errors are told where they were. `inputs` are
  /// for the hooks, which are shown the Variables among them. `compute` gives a Variable, or a struct with
  /// one that is named `output`.
  ///
  /// ```cpp
  /// Variable<float> operator()(const Variable<float>& x, const Variable<float>& y) {
  ///   return call([&] { return first_(x) * second_(y); }, x, y);
  /// }
  /// ```
  template <std::invocable F, class... Inputs>
  std::decay_t<std::invoke_result_t<F>> call(F&& compute, const Inputs&... inputs) {
    using Result = std::decay_t<std::invoke_result_t<F>>;
    constexpr bool gives_output = std::same_as<Result, Variable<T>> || requires {
      { std::declval<Result&>().output } -> std::same_as<Variable<T>&>;
    };
    static_assert(gives_output,
                  "call: the function gives a Variable<T>, or a struct whose member `output` is one");
    if constexpr (gives_output) {
      try {
        const bool is_observed = forward_hooks_ || seen_output_;
        // First, for the call operator may change its own.
        const auto given = is_observed ? variables_among(inputs...) : std::vector<Variable<T>>();
        const std::shared_ptr<void> activity = xgrad::detail::is_watched() ? begin_activity() : nullptr;
        Result result = std::forward<F>(compute)();
        if (is_observed) observe(given, output_of(result));
        return result;
      } catch (Error& error) {
        rethrow(error);
      }
    }
  }

  /// A new leaf of this value, an Array or any xtensor expression: register_parameter("scale",
  /// ones<T>({features})). ValueError if the name is empty, taken, or has a dot in it, or if what PyTorch
  /// stores transposed has not two axes.
  Variable<T>& register_parameter(const std::string& name, Array<T> value,
                                  InPyTorch stored = InPyTorch::same);

  /// A new constant of this value, kept with the parameters: the forward pass may set_value() it. Names as
  /// above.
  Variable<T>& register_buffer(const std::string& name, Array<T> value);

  /// A name that PyTorch's layer stores a value under, and this one has no use for: passed over in its files.
  void register_in_pytorch_only(const std::string& name);

  /// Takes `module` in, and returns where it lives now. Names as above.
  template <std::derived_from<Module> M>
  M& register_module(const std::string& name, M module) {
    return register_module(name, std::make_unique<M>(std::move(module)));
  }
  /// The same of a module that lives somewhere already, and stays there. ValueError if there is none.
  template <std::derived_from<Module> M>
  M& register_module(const std::string& name, std::unique_ptr<M> module) {
    M* const placed = module.get();
    add_child(name, std::move(module));
    return *placed;
  }
  /// A new module of this one's class, made as this one was: of the same numbers and options. For clone(),
  /// which then gives it this one's values. Empty, unless overridden: the class does not say.
  virtual std::unique_ptr<Module> make_another() const { return nullptr; }
  /// module.make_another(), for those of a module that owns others. ValueError if its class does not say.
  static std::unique_ptr<Module> another(const Module& module);

 private:
  /// For a profile that looks on: the call goes on until what this gives has gone.
  std::shared_ptr<void> begin_activity() const;
  bool is_found_at(std::size_t& next, std::string_view own_name,
                   const std::vector<std::pair<const void*, std::string>>& found) const;
  template <class U>
  friend class Cloning;
  template <class U>
  friend void copy_parameters(const Module<U>& from, Module<U>& to);
  class Inspection;
  using ForwardHook =
      std::function<Variable<T>(Module&, const std::vector<Variable<T>>& inputs, const Variable<T>& output)>;
  using ForwardHooks = std::vector<std::shared_ptr<const ForwardHook>>;

  ForwardHookHandle add_forward_hook(ForwardHook hook);
  /// What a hook of the user's returns: empty for nothing.
  template <class F>
  static Variable<T> replacement_by(const F& hook) {
    using Result = std::invoke_result_t<F>;
    if constexpr (std::is_void_v<Result>) {
      hook();
      return {};
    } else {
      constexpr bool is_variable = std::convertible_to<Result, Variable<T>>;
      static_assert(is_variable,
                    "register_forward_hook: a hook returns nothing, or the Variable<T> to go on with");
      if constexpr (is_variable)
        return hook();
      else
        return {};
    }
  }
  template <class... Inputs>
  static std::vector<Variable<T>> variables_among(const Inputs&... inputs) {
    std::vector<Variable<T>> all;
    [[maybe_unused]] const auto add = [&]<class X>(const X& input) {
      if constexpr (std::same_as<X, Variable<T>>) all.push_back(input);
      if constexpr (std::same_as<X, std::vector<Variable<T>>>)
        all.insert(all.end(), input.begin(), input.end());
    };
    (add(inputs), ...);
    return all;
  }
  static Variable<T>& output_of(Variable<T>& result) { return result; }
  template <class Result>
  static Variable<T>& output_of(Result& result) {
    return result.output;
  }
  /// Shows a call to the hooks, which may replace `output`, and to summary().
  void observe(const std::vector<Variable<T>>& inputs, Variable<T>& output);
  /// From where `error` was caught: throws it again, which says where it was.
  [[noreturn]] void rethrow(Error& error) const;
  std::string summary_of(const std::optional<Shape>& input, const std::function<void()>& run);

  void add_child(const std::string& name, std::unique_ptr<Module> child);
  /// What a name stands for.
  struct Registered {
    const char* kind;
    InPyTorch stored = InPyTorch::same;
  };
  /// ValueError if it cannot be given.
  void take_name(const char* operation, const std::string& name, Registered registered);
  Variable<T>& place(std::list<NamedVariable>& list, const char* operation, const std::string& name,
                     Variable<T> variable, Registered registered);
  template <class M>
  static void collect(M& module, const std::string& path, std::vector<std::pair<std::string, M*>>& all);
  using Lists = std::initializer_list<std::list<NamedVariable> Module::*>;
  std::vector<NamedVariable> named(Lists lists) const;
  void assign(const std::string& operation, const std::vector<NamedArray>& state);
  void set_training(bool training);
  void tell_mode() const noexcept;
  /// Training or evaluation of each module, from the one of the same name.
  void copy_modes(const Module& from);

  std::list<NamedVariable> parameters_, buffers_;  ///< lists: their elements stay where they are
  std::vector<std::pair<std::string, std::unique_ptr<Module>>> children_;
  std::unordered_map<std::string, Registered> names_;  ///< of all of these
  std::vector<std::string> in_pytorch_only_;
  std::shared_ptr<bool> training_ = std::make_shared<bool>(true);  ///< a program looks at it, too
  std::optional<Shape>* seen_output_ = nullptr;  ///< where summary() reads the output's shape
  std::shared_ptr<ForwardHooks> forward_hooks_;  ///< none until the first is registered
};

/// Sets every parameter and buffer of `to` to the value of the same name in `from`; errors as for load_state.
/// O(1) for each: they share a buffer until one of them is updated.
template <class T>
void copy_parameters(const Module<T>& from, Module<T>& to);

extern template class Module<float>;
extern template class Module<double>;

}  // namespace xgrad::nn
