#include "scope.hpp"

#include "../array/error.hpp"

namespace xgrad {
namespace {

std::string_view checked_name(std::string_view name) {
  if (name.empty()) throw ValueError("Scope: the name is empty; errors and drawings need one");
  return name;
}

}  // namespace

Scope::Scope(std::string_view name, const char* file, int line)
    : watch_(detail::place_within(checked_name(name), file, line), detail::Watch::detecting()) {}

}  // namespace xgrad
