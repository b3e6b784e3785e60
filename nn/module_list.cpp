#include "module_list.hpp"

namespace xgrad::nn {

std::size_t checked_place(const char* list, const char* element, Integer i, std::size_t size) {
  if (i >= 0 && static_cast<std::size_t>(i) < size) return static_cast<std::size_t>(i);
  throw ValueError(std::string(list) + ": there is no " + element + " " + std::to_string(i) + " among " +
                   std::to_string(size) + "; they are counted from 0");
}

template class ModuleList<float>;
template class ModuleList<double>;

}  // namespace xgrad::nn
