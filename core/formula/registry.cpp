#include "registry.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace xgrad::detail {
namespace {

// Before anything that is initialised when the program is loaded.
constinit const Registration* latest = nullptr;

/// Users' operations are theirs to list.
bool is_of_the_library(const std::type_info& type) {
  return std::string_view(type.name()).starts_with("N5xgrad");
}

}  // namespace

Registration::Registration(std::string_view name, const std::type_info& type) noexcept
    : name_(name), type_(&type), next_(std::exchange(latest, this)) {}

Registration::Registration(OperationList formulas) noexcept
    : formulas_(formulas), next_(std::exchange(latest, this)) {}

std::vector<std::string_view> structural_operations() {
  std::vector<std::string_view> names;
  for (const Registration* known = latest; known != nullptr; known = known->next_)
    if (known->type_ != nullptr && is_of_the_library(*known->type_)) names.push_back(known->name_);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::vector<const Elementwise*> elementwise_operations() {
  std::vector<const Elementwise*> formulas;
  for (const Registration* known = latest; known != nullptr; known = known->next_)
    for (const OperationGetter& get : known->formulas_) formulas.push_back(&get());
  // Two formulas of one operation stay as their family lists them.
  std::stable_sort(formulas.begin(), formulas.end(), [](const Elementwise* a, const Elementwise* b) {
    return std::pair(a->name(), a->inputs()) < std::pair(b->name(), b->inputs());
  });
  return formulas;
}

}  // namespace xgrad::detail
