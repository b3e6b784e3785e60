// Operations of a user's own, of any kind: arrays in, array out, and a derivative written in operations.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "../core/graph/variable.hpp"

namespace xgrad {

/// The values of the inputs to the value of the output.
template <class T>
using CustomForward = std::function<Array<T>(const std::vector<Array<T>>& inputs)>;

/// Inputs, output and the output's gradient to the gradients of the inputs: one for each, of its shape; an
/// empty Variable where there is none.
template <class T>
using CustomVjp = std::function<std::vector<Variable<T>>(
    const std::vector<Variable<T>>& inputs, const Variable<T>& output, const Variable<T>& output_gradient)>;

/// An operation made by custom_operation(); copies share it.
template <class T>
class CustomOperation {
 public:
  /// For custom_operation().
  struct Definition {
    std::string name;
    CustomForward<T> forward;
    CustomVjp<T> vjp;
  };
  explicit CustomOperation(std::shared_ptr<const Definition> definition) noexcept
      : definition_(std::move(definition)) {}

  /// Computes the operation, and records it where an input requires a gradient. GraphError if an input is
  /// empty; what `forward` throws passes through.
  Variable<T> operator()(const std::vector<Variable<T>>& inputs) const;
  Variable<T> operator()(std::initializer_list<Variable<T>> inputs) const {
    return (*this)(std::vector<Variable<T>>(inputs));
  }

 private:
  std::shared_ptr<const Definition> definition_;
};

/// An operation from `forward`, and `vjp`, its derivative. The vjp is linear in the output's gradient and
/// written in operations on Variables: then it serves every order, forward mode and gradcheck. First-order
/// sweeps call it with recording off, on constants; those that create a graph with recording on, on the
/// Variables that the operation was given. It must depend on nothing else and may be called more than once;
/// all inputs and the output are kept for it.
///
/// Errors of a sweep, which leave every gradient as it was: GraphError if there is no vjp, or if a graph is
/// created and a gradient was not computed by operations; ValueError if the number of gradients is not that
/// of the inputs; ShapeError if one is not of its input's shape. ValueError here if the name or `forward` is
/// empty.
template <class T>
CustomOperation<T> custom_operation(std::string name, CustomForward<T> forward, CustomVjp<T> vjp = {});

extern template class CustomOperation<float>;
extern template class CustomOperation<double>;

}  // namespace xgrad
