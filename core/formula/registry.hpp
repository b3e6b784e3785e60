// Which operations there are: each makes itself known when the program is loaded, by being named where it is
// computed. For tests and docs, which go through all of them.
#pragma once

#include <string_view>
#include <typeinfo>
#include <vector>

#include "elementwise.hpp"

namespace xgrad::detail {

/// One structural operation, or one family of formulas. Lives as long as the program, and is linked to the
/// others.
class Registration {
 public:
  Registration(std::string_view name, const std::type_info& type) noexcept;
  explicit Registration(OperationList formulas) noexcept;
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;

 private:
  friend std::vector<std::string_view> structural_operations();
  friend std::vector<const Elementwise*> elementwise_operations();

  std::string_view name_;
  const std::type_info* type_ = nullptr;
  OperationList formulas_;
  const Registration* next_;
};

/// The library's structural operations that this program holds, by name, in the alphabet's order, each once.
std::vector<std::string_view> structural_operations();

/// Its formulas, likewise, but each as often as there are formulas of its name.
std::vector<const Elementwise*> elementwise_operations();

/// Named in whatever computes or records the operation.
template <class Op>
inline const Registration registration{Op::name, typeid(Op)};

}  // namespace xgrad::detail
