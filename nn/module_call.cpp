// A module's call as others see it: hooks, errors that say where they were, profiles, summaries.
#include <algorithm>
#include <memory>
#include <new>
#include <string_view>
#include <typeinfo>
#include <unordered_map>

#include "../core/graph/activity.hpp"
#include "../core/kernels/random.hpp"
#include "module_walk.hpp"
#include "summary.hpp"

namespace xgrad::nn {
using namespace xgrad::detail;

namespace {

/// The last error of this thread that left a module: a hash of its text, and that module, which are compared
/// and never followed, for both may be gone. So a module that is called costs nothing, and keeps no name.
struct LeftModule {
  std::size_t text = 0;
  const void* module = nullptr;
  bool has_path = false;  ///< the text begins with the path below `module`
};
thread_local constinit LeftModule last_left;

std::size_t hash_of(std::string_view text) { return std::hash<std::string_view>{}(text); }

}  // namespace

template <class T>
void Module<T>::rethrow(Error& error) const {
  try {
    if (last_left.module == nullptr || last_left.text != hash_of(error.what())) {
      last_left = {hash_of(error.what()), this, false};
    } else {
      std::vector<std::pair<std::string, const Module*>> all;
      collect(*this, "", all);
      for (const auto& [path, module] : all)
        if (module == last_left.module && module != this) {
          const std::string text = path + (last_left.has_path ? "." : ": ") + error.what();
          // In place: the error keeps its class, also one of the user's own.
          static_cast<std::runtime_error&>(error) = std::runtime_error(text);
          last_left = {hash_of(text), this, true};
          break;
        }
      last_left.module = this;
    }
  } catch (const std::bad_alloc&) {  // the error as it is says more
  }
  throw;
}

namespace {

/// The modules below one that is called while a profile looks on, and their paths, which begin with its
/// class.
struct Below {
  const std::type_info* type = nullptr;  ///< its class
  std::vector<std::pair<const void*, std::string>> paths;
  std::unordered_map<const void*, std::size_t> places;

  const std::string* path(const void* module) const {
    const auto found = places.find(module);
    return found == places.end() ? nullptr : &paths[found->second].second;
  }
};
/// Of each outermost module; kept by who looks on.
using KnownModules = std::unordered_map<const void*, std::shared_ptr<const Below>>;

/// That of the outermost module which is being called while a profile looks on.
thread_local constinit const Below* modules_below = nullptr;

/// One call. The outermost is known by its class, those within it by their paths.
class CallActivity {
 public:
  CallActivity(const void* module, std::shared_ptr<const Below> below, std::string name)
      : below_(std::move(below)),
        name_(std::move(name)),
        watched_({Activity::Kind::module, {name_of(module), nullptr, module}}) {
    if (below_) modules_below = below_.get();
  }
  ~CallActivity() {
    if (below_) modules_below = nullptr;
  }
  CallActivity(const CallActivity&) = delete;
  CallActivity& operator=(const CallActivity&) = delete;

 private:
  std::string_view name_of(const void* module) const {
    const Below* known = below_ ? below_.get() : modules_below;
    const std::string* path = known != nullptr ? known->path(module) : nullptr;
    return path != nullptr ? *path : name_;
  }

  std::shared_ptr<const Below> below_;  ///< of the outermost
  std::string name_;                    ///< of one that is not below the outermost: its class
  Watched watched_;
};

}  // namespace

/// Whether the modules from number `next` on are this one and those inside it, with the names that they have.
template <class T>
bool Module<T>::is_found_at(std::size_t& next, std::string_view own_name,
                            const std::vector<std::pair<const void*, std::string>>& found) const {
  if (next == found.size() || found[next].first != this) return false;
  const std::string_view path = found[next].second;
  if (!own_name.empty() && !path.ends_with("." + std::string(own_name))) return false;
  ++next;
  return std::all_of(children_.begin(), children_.end(),
                     [&](const auto& child) { return child.second->is_found_at(next, child.first, found); });
}

template <class T>
std::shared_ptr<void> Module<T>::begin_activity() const {
  if (modules_below != nullptr)
    return std::make_shared<CallActivity>(this, nullptr, modules_below->path(this) ? std::string() : name());
  std::shared_ptr<void>& kept = xgrad::detail::watcher()->paths_of_modules;
  if (!kept) kept = std::make_shared<KnownModules>();
  std::shared_ptr<const Below>& known = (*static_cast<KnownModules*>(kept.get()))[this];
  std::size_t count = 0;
  if (!known || *known->type != typeid(*this) || !is_found_at(count, {}, known->paths) ||
      count != known->paths.size()) {
    auto below = std::make_shared<Below>();
    below->type = &typeid(*this);
    std::vector<std::pair<std::string, const Module*>> all;
    collect(*this, "", all);
    for (auto& [path, module] : all) {
      below->places.emplace(module, below->paths.size());
      below->paths.emplace_back(module, path.empty() ? name() : name() + "." + path);
    }
    known = std::move(below);
  }
  return std::make_shared<CallActivity>(this, known, std::string());
}

template <class T>
ForwardHookHandle Module<T>::add_forward_hook(ForwardHook hook) {
  auto shared = std::make_shared<const ForwardHook>(std::move(hook));
  auto hooks = forward_hooks_ ? forward_hooks_ : std::make_shared<ForwardHooks>();
  ForwardHookHandle handle;
  handle.remove_ = [list = std::weak_ptr(hooks), hook_to_remove = std::weak_ptr(shared)] {
    const auto all = list.lock();
    const auto one = hook_to_remove.lock();
    if (all && one) std::erase(*all, one);
  };
  hooks->push_back(std::move(shared));
  forward_hooks_ = std::move(hooks);
  return handle;
}

template <class T>
void Module<T>::observe(const std::vector<Variable<T>>& inputs, Variable<T>& output) {
  if (forward_hooks_) {
    // A copy: a hook may take itself off, or register others, which wait for the next call.
    const ForwardHooks hooks = *forward_hooks_;
    for (const auto& hook : hooks)
      if (Variable<T> instead = (*hook)(*this, inputs, output); instead.defined())
        output = std::move(instead);
  }
  if (seen_output_) *seen_output_ = output.shape();
}

namespace {

/// Counts what the operations of each module do, without those of the modules that it calls.
class WorkCounter final : public xgrad::detail::ActivityWatcher {
 public:
  void begin(const Activity& activity) override {
    if (activity.kind != Activity::Kind::module) return;
    // What a module makes for a call is that module's own work.
    const void* const module = activity.what.operation;
    calls_.push_back(works_.contains(module) || calls_.empty() ? module : calls_.back());
  }
  void end(const Activity& activity, const xgrad::detail::Node* output) noexcept override {
    if (activity.kind == Activity::Kind::module) return calls_.pop_back();
    if (activity.kind != Activity::Kind::forward || output == nullptr || calls_.empty()) return;
    const auto found = works_.find(calls_.back());
    if (found == works_.end()) return;
    const auto& [buffer, shape] = output->value();
    const double flops = activity.what.flops(activity.inputs, shape);
    found->second.flops += flops;
    // What computes nothing and may hand on its input's buffer, as a reshape does, makes no new one.
    if (flops > 0 || activity.what.type == nullptr || activity.what.type->shares == 0)
      found->second.bytes += buffer.bytes();
  }
  void add(const void* module) { works_.emplace(module, Work()); }
  struct Work {
    double flops = 0;
    std::size_t bytes = 0;
  };
  const Work& work(const void* module) const { return works_.at(module); }

 private:
  std::vector<const void*> calls_;
  std::unordered_map<const void*, Work> works_;
};

}  // namespace

/// While it lives, the modules are in evaluation, and what operator() gives is noted. Then all is as before.
template <class T>
class Module<T>::Inspection {
 public:
  explicit Inspection(Module& root) : random_(generator().state()) {
    collect(root, "", modules_);
    outputs_.resize(modules_.size());
    for (std::size_t i = 0; i < modules_.size(); ++i) {
      Module& module = *modules_[i].second;
      was_training_.push_back(std::exchange(*module.training_, false));
      module.seen_output_ = &outputs_[i];
      counter_.add(&module);
    }
    for (auto& [name, leaf] : root.named({&Module::parameters_, &Module::buffers_}))
      values_.emplace_back(leaf, leaf.dense());
  }
  Inspection(const Inspection&) = delete;
  Inspection& operator=(const Inspection&) = delete;
  ~Inspection() {
    for (std::size_t i = 0; i < modules_.size(); ++i) {
      *modules_[i].second->training_ = was_training_[i];
      modules_[i].second->seen_output_ = nullptr;
    }
    for (auto& [leaf, value] : values_) leaf.exchange_value(std::move(value));
    generator().set_state(random_);
  }

  std::vector<SummaryRow> rows() const {
    std::vector<SummaryRow> rows;
    for (std::size_t i = 0; i < modules_.size(); ++i) {
      const auto& [path, module] = modules_[i];
      const auto& [flops, bytes] = counter_.work(module);
      rows.push_back({path, module->name(), outputs_[i], bytes, flops, 0});
      for (const auto& [name, parameter] : module->parameters_) rows.back().parameters += parameter.size();
    }
    return rows;
  }

 private:
  std::vector<std::pair<std::string, Module*>> modules_;
  std::vector<std::optional<Shape>> outputs_;
  std::vector<bool> was_training_;
  std::vector<std::pair<Variable<T>, Dense<T>>> values_;
  GeneratorState random_;
  NoGrad quiet_;
  WorkCounter counter_;
  xgrad::detail::WatchedBy counting_{counter_};
};

template <class T>
std::string Module<T>::summary(const Shape& input) {
  return summary_of(input, [&] { (*this)(Variable<T>(Dense<T>::filled(input, T(0)))); });
}

template <class T>
std::string Module<T>::summary_of(const std::optional<Shape>& input, const std::function<void()>& run) {
  const Inspection inspection(*this);
  run();
  return summary_table(input, inspection.rows(), parameter_count() - trainable_parameter_count());
}

template void Module<float>::rethrow(Error& error) const;
template std::shared_ptr<void> Module<float>::begin_activity() const;
template bool Module<float>::is_found_at(std::size_t& next, std::string_view own_name,
                                         const std::vector<std::pair<const void*, std::string>>& found) const;
template ForwardHookHandle Module<float>::add_forward_hook(ForwardHook hook);
template void Module<float>::observe(const std::vector<Variable<float>>& inputs, Variable<float>& output);
template std::string Module<float>::summary(const Shape& input);
template std::string Module<float>::summary_of(const std::optional<Shape>& input,
                                               const std::function<void()>& run);
template void Module<double>::rethrow(Error& error) const;
template std::shared_ptr<void> Module<double>::begin_activity() const;
template bool Module<double>::is_found_at(
    std::size_t& next, std::string_view own_name,
    const std::vector<std::pair<const void*, std::string>>& found) const;
template ForwardHookHandle Module<double>::add_forward_hook(ForwardHook hook);
template void Module<double>::observe(const std::vector<Variable<double>>& inputs, Variable<double>& output);
template std::string Module<double>::summary(const Shape& input);
template std::string Module<double>::summary_of(const std::optional<Shape>& input,
                                                const std::function<void()>& run);

}  // namespace xgrad::nn
