// What every layer and network is: named parameters and buffers, named modules inside it, and a forward pass.
#pragma once

#include <concepts>
#include <initializer_list>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "../core/graph/variable.hpp"

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

  virtual ~Module() = default;

  /// What the module computes. Call the module itself rather than this: summary() sees such calls.
  virtual Variable<T> forward(const Variable<T>& x) = 0;
  Variable<T> operator()(const Variable<T>& x);

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
  /// take no gradient, and stay as they are in an optimizer's step. Buffers such as running means still follow
  /// in training: call eval() on what is to stay whole.
  void freeze();
  /// Lets all parameters learn again.
  void unfreeze();

  /// Says to this module and all inside it that they are being trained, or evaluated: layers such as dropout
  /// differ. A new module is in training.
  void train();
  void eval();
  bool is_training() const noexcept { return training_; }

  /// The values of the named parameters and buffers, each in O(1); a module's own parameters, its buffers,
  /// and then the modules inside it.
  std::vector<NamedArray> state() const;
  /// Sets every parameter and buffer to the array of its name. ValueError for a name that is missing, given
  /// twice, or unknown here; ShapeError that names the parameter or buffer. The module is unchanged when it
  /// throws.
  void load_state(const std::vector<NamedArray>& state);

  /// Everything in state(), and what PyTorch's layers have besides: how io::load and io::save translate.
  std::vector<PyTorchEntry> in_pytorch() const;

  /// A table of the modules inside: type, shape of the output, number of parameters of its own; the
  /// total, and how many are frozen if any is. The shapes come from a forward pass on zeros of shape `input`, without recording and as eval();
  /// nothing of the module is changed, nor this thread's random numbers. "-" stands for the output of a
  /// module that was not called.
  std::string summary(const Shape& input);

 protected:
  Module() = default;
  Module(Module&&) noexcept = default;
  Module& operator=(Module&&) noexcept = default;

  /// y itself. For call operators of a module's own, which take more than one value: what they give is passed
  /// through this, so that summary() sees it.
  Variable<T> seen(Variable<T> y) {
    if (seen_output_) *seen_output_ = y.shape();
    return y;
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
    auto child = std::make_unique<M>(std::move(module));
    M& placed = *child;
    add_child(name, std::move(child));
    return placed;
  }

 private:
  template <class U>
  friend void copy_parameters(const Module<U>& from, Module<U>& to);
  class Inspection;

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

  std::list<NamedVariable> parameters_, buffers_;  ///< lists: their elements stay where they are
  std::vector<std::pair<std::string, std::unique_ptr<Module>>> children_;
  std::unordered_map<std::string, Registered> names_;  ///< of all of these
  std::vector<std::string> in_pytorch_only_;
  bool training_ = true;
  std::optional<Shape>* seen_output_ = nullptr;  ///< where summary() reads the output's shape
};

/// Sets every parameter and buffer of `to` to the value of the same name in `from`; errors as for load_state.
/// O(1) for each: they share a buffer until one of them is updated.
template <class T>
void copy_parameters(const Module<T>& from, Module<T>& to);

extern template class Module<float>;
extern template class Module<double>;

}  // namespace xgrad::nn
