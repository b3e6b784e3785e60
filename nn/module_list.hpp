// Modules side by side.
#pragma once

#include "module.hpp"
#include "pointed_iterator.hpp"

namespace xgrad::nn {

/// For the library: ValueError unless there is an element `i` among `size`.
std::size_t checked_place(const char* list, const char* element, Integer i, std::size_t size);

/// Owns modules that a module of yours calls as it likes; they are named "0", "1" and so on. Any module will
/// do; where all are of one class M, ModuleList<T, M> gives them back as such. It has no forward pass:
/// Sequential calls one after another.
///
/// ```cpp
/// ModuleList<float> branches{Linear<float>(4, 8), Conv1d<float>(4, 8, 3)};
/// ModuleList<float, LSTM<float>> cells;
/// for (int layer = 0; layer < 3; ++layer) cells.push_back(LSTM<float>(8, 8));
/// ```
template <class T, std::derived_from<Module<T>> M = Module<T>>
class ModuleList : public Module<T> {
 public:
  using iterator = PointedIterator<M>;

  template <std::derived_from<M>... Modules>
  explicit ModuleList(Modules... modules) {
    (push_back(std::move(modules)), ...);
  }

  /// Adds a module at the end, and returns where it lives now.
  template <std::derived_from<M> Added>
  Added& push_back(Added module) {
    return place(std::make_unique<Added>(std::move(module)));
  }

  std::size_t size() const noexcept { return modules_.size(); }
  /// ValueError if there are not so many.
  M& operator[](Integer i) const {
    return *modules_[checked_place("ModuleList", "module", i, modules_.size())];
  }
  iterator begin() const noexcept { return iterator(modules_.begin()); }
  iterator end() const noexcept { return iterator(modules_.end()); }

  /// ValueError: a list has none.
  Variable<T> forward(const Variable<T>&) override {
    throw ValueError(
        "ModuleList: it has no forward pass; call its modules, as list[0](x), or make a Sequential of them");
  }
  std::string name() const override { return "ModuleList"; }

 protected:
  std::unique_ptr<Module<T>> make_another() const override {
    auto another = std::make_unique<ModuleList>();
    for (const M* module : modules_)  // one of the module's own class, see Module::another()
      another->place(std::unique_ptr<M>(static_cast<M*>(Module<T>::another(*module).release())));
    return another;
  }

 private:
  template <class Added>
  Added& place(std::unique_ptr<Added> module) {
    Added& placed = this->register_module(std::to_string(modules_.size()), std::move(module));
    modules_.push_back(&placed);
    return placed;
  }

  std::vector<M*> modules_;
};

extern template class ModuleList<float>;
extern template class ModuleList<double>;

}  // namespace xgrad::nn
