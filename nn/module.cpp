#include "module.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <string_view>
#include <typeinfo>
#include <unordered_map>
#include <unordered_set>

#include "../core/array/instantiate.hpp"
#include "../core/graph/capture.hpp"
#include "module_walk.hpp"
#include "summary.hpp"

namespace xgrad::nn {
using namespace xgrad::detail;

template <class T>
Variable<T> Module<T>::operator()(const Variable<T>& x) {
  return call([&] { return forward(x); }, x);
}

template <class T>
Variable<T> Module<T>::forward(const Variable<T>&) {
  throw ValueError(
      name() + ": it has no forward pass of one Variable; call it with what it takes, or override forward()");
}

template <class T>
std::string Module<T>::name() const {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(
      abi::__cxa_demangle(typeid(*this).name(), nullptr, nullptr, &status), &std::free);
  return status == 0 ? short_type_name(text.get()) : std::string("Module");
}

template <class T>
std::vector<typename Module<T>::NamedVariable> Module<T>::named(Lists lists) const {
  std::vector<std::pair<std::string, const Module*>> all;
  collect(*this, "", all);
  std::vector<NamedVariable> named;
  for (const auto& [path, module] : all)
    for (const auto list : lists)
      for (const auto& [name, variable] : module->*list)
        named.emplace_back(path.empty() ? name : path + "." + name, variable);
  return named;
}

template <class T>
std::vector<typename Module<T>::NamedVariable> Module<T>::named_parameters() const {
  return named({&Module::parameters_});
}

template <class T>
std::vector<typename Module<T>::NamedVariable> Module<T>::named_buffers() const {
  return named({&Module::buffers_});
}

template <class T>
std::vector<Variable<T>> Module<T>::parameters() const {
  // In the order of named_parameters(), and without its names: loops ask for them at every step.
  std::vector<Variable<T>> all;
  std::vector<const Module*> pending{this};
  while (!pending.empty()) {
    const Module& module = *pending.back();
    pending.pop_back();
    for (const auto& [name, parameter] : module.parameters_) all.push_back(parameter);
    for (auto child = module.children_.rbegin(); child != module.children_.rend(); ++child)
      pending.push_back(child->second.get());
  }
  return all;
}

template <class T>
std::vector<typename Module<T>::NamedModule> Module<T>::named_modules() {
  std::vector<NamedModule> all;
  collect(*this, "", all);
  return all;
}

template <class T>
std::size_t Module<T>::parameter_count() const {
  std::size_t count = 0;
  for (const Variable<T>& parameter : parameters()) count += parameter.size();
  return count;
}

template <class T>
std::size_t Module<T>::trainable_parameter_count() const {
  std::size_t count = 0;
  for (const Variable<T>& parameter : parameters())
    if (parameter.requires_grad()) count += parameter.size();
  return count;
}

/// Memory may run out at one of them: then those before are as they were, with their gradients.
template <class T>
void Module<T>::freeze() {
  std::vector<Variable<T>> learning = parameters();
  std::erase_if(learning, [](const Variable<T>& parameter) { return !parameter.requires_grad(); });
  std::vector<memory::Buffer> gradients;
  gradients.reserve(learning.size());
  try {
    for (Variable<T>& parameter : learning) {
      gradients.push_back(*parameter.node().gradient());
      parameter.set_requires_grad(false);
    }
  } catch (...) {
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      learning[i].set_requires_grad(true);
      *learning[i].node().gradient() = std::move(gradients[i]);
    }
    throw;
  }
}

template <class T>
void Module<T>::unfreeze() {
  for (Variable<T>& parameter : parameters()) parameter.set_requires_grad(true);
}

template <class T>
void Module<T>::zero_grad() {
  for (Variable<T>& parameter : parameters()) parameter.zero_grad();
}

template <class T>
void Module<T>::set_training(bool training) {
  refuse_in_capture("train or eval", "set the modes of modules outside of the function");
  for (const auto& [path, module] : named_modules()) *module->training_ = training;
}

template <class T>
void Module<T>::tell_mode() const noexcept {
  Capture::present()->tell_mode(training_);
}

template <class T>
void Module<T>::train() {
  set_training(true);
}

template <class T>
void Module<T>::eval() {
  set_training(false);
}

template <class T>
std::vector<typename Module<T>::NamedArray> Module<T>::state() const {
  std::vector<NamedArray> state;
  for (const auto& [name, variable] : named({&Module::parameters_, &Module::buffers_}))
    state.emplace_back(name, variable.value());
  return state;
}

template <class T>
std::vector<PyTorchEntry> Module<T>::in_pytorch() const {
  std::vector<std::pair<std::string, const Module*>> all;
  collect(*this, "", all);
  std::vector<PyTorchEntry> entries;
  for (const auto& [path, module] : all) {
    const std::string before = path.empty() ? "" : path + ".";
    for (const auto list : {&Module::parameters_, &Module::buffers_})
      for (const auto& [name, variable] : module->*list)
        entries.push_back({before + name, module->names_.at(name).stored == InPyTorch::transposed, true});
    for (const std::string& name : module->in_pytorch_only_) entries.push_back({before + name, false, false});
  }
  return entries;
}

template <class T>
void Module<T>::load_state(const std::vector<NamedArray>& state) {
  assign("load_state", state);
}

template <class T>
void Module<T>::assign(const std::string& operation, const std::vector<NamedArray>& state) {
  std::unordered_map<std::string, Dense<T>> values;
  for (const auto& [name, array] : state)
    if (!values.emplace(name, to_dense(array)).second)
      throw ValueError(operation + ": '" + name + "' is given twice; keep one of the two");
  std::vector<NamedVariable> own = named({&Module::parameters_, &Module::buffers_});
  for (const auto& [name, variable] : own) {
    const std::string kind = variable.node().gradient() ? "parameter" : "buffer";
    const auto found = values.find(name);
    if (found == values.end())
      throw ValueError(operation + ": there is no value for '" + name + "'; every " + kind +
                       " of the module needs one");
    if (!(found->second.shape == variable.shape()))
      throw ShapeError(operation + ": the value for '" + name + "' is " + to_string(found->second.shape) +
                       ", the " + kind + " " + to_string(variable.shape()) +
                       "; make the module with the sizes of the one that the values come from");
  }
  if (values.size() > own.size()) {
    std::unordered_set<std::string_view> known;
    for (const auto& [name, variable] : own) known.insert(name);
    for (const auto& [name, array] : state)
      if (!known.contains(name))
        throw ValueError(operation + ": the module has no parameter or buffer '" + name +
                         "'; see state() for those that it has");
  }
  for (auto& [name, variable] : own) variable.set_value(to_array(std::move(values.at(name))));
}

template <class T>
void copy_parameters(const Module<T>& from, Module<T>& to) {
  to.assign("copy_parameters", from.state());
}

template <class T>
std::unique_ptr<Module<T>> Module<T>::another(const Module& module) {
  auto made = module.make_another();
  // A class that derives from one which says how it is made does not say so yet.
  if (made && typeid(*made) == typeid(module)) return made;
  throw ValueError("clone: " + module.name() +
                   " does not say how it is made; give a function, clone(net, [] { return Net(2, 3); }), or "
                   "override make_another() in it");
}

template <class T>
void Module<T>::copy_modes(const Module& from) {
  std::vector<std::pair<std::string, const Module*>> theirs;
  collect(from, "", theirs);
  std::unordered_map<std::string_view, bool> modes;
  for (const auto& [path, module] : theirs) modes.emplace(path, *module->training_);
  for (const auto& [path, module] : named_modules())
    if (const auto found = modes.find(path); found != modes.end()) *module->training_ = found->second;
}

template <class T>
void Module<T>::take_name(const char* operation, const std::string& name, Registered registered) {
  const std::string what = std::string(operation) + ": the name '" + name + "' ";
  if (name.empty() || name.find('.') != std::string::npos)
    throw ValueError(what + "is empty or has a dot in it; dots separate the names of nested modules");
  const auto [taken, is_new] = names_.emplace(name, registered);
  if (!is_new) throw ValueError(what + "is taken by a " + taken->second.kind + "; choose another");
}

namespace {

/// Appends to `list` what is known by a name, once take_name() has not thrown.
template <class List, class TakeName>
void append(List& list, typename List::value_type item, const TakeName& take_name) {
  list.push_back(std::move(item));  // all that can fail comes before the name is taken
  try {
    take_name();
  } catch (...) {
    list.pop_back();
    throw;
  }
}

}  // namespace

template <class T>
Variable<T>& Module<T>::place(std::list<NamedVariable>& list, const char* operation, const std::string& name,
                              Variable<T> variable, Registered registered) {
  append(list, {name, std::move(variable)}, [&] { take_name(operation, name, registered); });
  return list.back().second;
}

template <class T>
Variable<T>& Module<T>::register_parameter(const std::string& name, Array<T> value, InPyTorch stored) {
  if (stored == InPyTorch::transposed && value.dimension() != 2)
    throw ValueError("register_parameter: '" + name + "' is " + to_string(value.shape()) +
                     "; only a matrix can be transposed in PyTorch");
  return place(parameters_, "register_parameter", name, parameter(std::move(value)), {"parameter", stored});
}

template <class T>
Variable<T>& Module<T>::register_buffer(const std::string& name, Array<T> value) {
  return place(buffers_, "register_buffer", name, buffer_from(to_dense(std::move(value))), {"buffer"});
}

template <class T>
void Module<T>::register_in_pytorch_only(const std::string& name) {
  append(in_pytorch_only_, name, [&] { take_name("register_in_pytorch_only", name, {"name of PyTorch's"}); });
}

template <class T>
void Module<T>::add_child(const std::string& name, std::unique_ptr<Module> child) {
  if (!child) throw ValueError("register_module: '" + name + "' is a null pointer; give it a module");
  append(children_, {name, std::move(child)}, [&] { take_name("register_module", name, {"module"}); });
}

template <class T>
Module<T>::~Module() = default;

template class Module<float>;
template class Module<double>;
[[gnu::used]] constexpr auto instances =
    instantiate::for_numbers([]<class T>() { return copy_parameters<T>; });

}  // namespace xgrad::nn
