#include "functional_call.hpp"

#include <optional>
#include <unordered_map>

#include "../core/graph/capture.hpp"
#include "../core/graph/watch.hpp"
#include "../ops/operators.hpp"

namespace xgrad::nn {
using namespace xgrad::detail;

/// The parameters that others stand for. Each has the value of the given one meanwhile, so that whatever
/// reads it computes with that. What is recorded keeps its edges to the parameters until the end, so that a
/// forward pass can ask for gradients in them itself; then each edge is taken to the given one, also where
/// nothing leads from there to the result.
template <class T>
class Substitution<T>::Places final : public Observer {
 public:
  Places(const Module<T>& module, const Given& given) {
    refuse_in_capture("functional_call", "call what compile() gives inside of it");
    std::unordered_map<std::string, Variable<T>> leaves;
    for (auto& [name, leaf] : module.named_parameters()) leaves.emplace(name, leaf);
    places_.reserve(given.size());
    for (const auto& [name, variable] : given) add(leaves, name, variable);
    for (const Place& place : places_) go_past(place.given);
    // Nothing fails from here on.
    // All are read before any is written: one may be given for another.
    for (Place& place : places_) place.before = place.given.dense();
    for (Place& place : places_) place.before = place.leaf.exchange_value(std::move(place.before));
    watch_.emplace(*this);
  }
  ~Places() {
    watch_.reset();
    for (const Handle& reader : readers_) {
      Node& node = *reader.node();
      for (std::size_t k = 0; const Node* input : node.inputs()) {
        if (const Place* place = place_of(*input))
          if (place->is_another()) node.replace_input(k, place->given.node());
        ++k;
      }
    }
    for (auto place = places_.rbegin(); place != places_.rend(); ++place)
      place->leaf.exchange_value(std::move(place->before));
  }
  Places(const Places&) = delete;
  Places& operator=(const Places&) = delete;

  void see(Node& node) override {
    bool is_reader = false;
    for (const Node* input : node.inputs())
      if (Place* place = place_of(*input)) {
        place->is_read = true;
        is_reader = is_reader || place->is_another();
      }
    if (is_reader) readers_.emplace_back(&node);
    if (node.operation() == "checkpoint")
      throw GraphError(
          "functional_call: there is a checkpoint inside, which would recompute with the module's own "
          "parameters; call the block without one");
  }
  bool keeps_inputs() const noexcept override { return false; }

  Variable<T> given_for(const Variable<T>& x) {
    Place* const place = x.defined() ? place_of(x.node()) : nullptr;
    if (place == nullptr) return x;
    place->is_read = true;
    return place->given;
  }

  void check_all_read() const {
    if (!is_recording()) return;
    for (const Place& place : places_)
      // A frozen parameter stands in no recorded edge.
      if (!place.is_read && place.leaf.requires_grad())
        throw ValueError("functional_call: nothing that was recorded has read '" + place.name +
                         "'; leave it out, or look for what the forward pass reads in its place");
  }

 private:
  struct Place {
    std::string name;
    Variable<T> leaf, given;
    Dense<T> before;
    bool is_read = false;
    bool is_another() const { return &given.node() != &leaf.node(); }
  };

  Place* place_of(const Node& node) {
    const auto found = by_leaf_.find(&node);
    return found == by_leaf_.end() ? nullptr : &places_[found->second];
  }

  void add(const std::unordered_map<std::string, Variable<T>>& leaves, const std::string& name,
           const Variable<T>& given) {
    const auto leaf = leaves.find(name);
    if (leaf == leaves.end())
      throw ValueError("functional_call: the module has no parameter '" + name +
                       "'; see named_parameters() for those that it has");
    if (!given.defined())
      throw GraphError("functional_call: the Variable for '" + name + "' is empty; assign it a value first");
    if (!(given.shape() == leaf->second.shape()))
      throw ShapeError("functional_call: the value for '" + name + "' is " + to_string(given.shape()) +
                       ", the parameter " + to_string(leaf->second.shape()) + "; they must be equal");
    if (given.requires_grad() && !leaf->second.requires_grad())
      throw GraphError("functional_call: '" + name +
                       "' takes no gradient, and the Variable for it does; unfreeze() the module first");
    if (!by_leaf_.emplace(&leaf->second.node(), places_.size()).second)
      throw ValueError("functional_call: '" + name + "' is given twice; keep one of the two");
    places_.push_back({name, leaf->second, given, {}, false});
  }

  /// What this thread records from now on is later than `x`, which may be another thread's.
  static void go_past(const Variable<T>& x) {
    if (x.node().order() >= next_order()) static_cast<void>(-x);
  }

  std::vector<Place> places_;
  std::unordered_map<const Node*, std::size_t> by_leaf_;
  std::vector<Handle> readers_;  ///< kept, for one that is gone would leave its address to another
  std::optional<Watch> watch_;   ///< the last: it looks at the rest
};

template <class T>
Substitution<T>::Substitution(const Module<T>& module, const Given& given)
    : places_(std::make_unique<Places>(module, given)) {}

template <class T>
Substitution<T>::~Substitution() = default;

template <class T>
void Substitution<T>::check_all_read() const {
  places_->check_all_read();
}

template <class T>
Variable<T> Substitution<T>::given_for(const Variable<T>& x) const {
  return places_->given_for(x);
}

template class Substitution<float>;
template class Substitution<double>;

}  // namespace xgrad::nn
