// How a module's modules are gone through.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "module.hpp"

namespace xgrad::nn {

/// Adds `module`, known by `path`, and all modules below it, each before those inside it.
template <class T>
template <class M>
void Module<T>::collect(M& module, const std::string& path, std::vector<std::pair<std::string, M*>>& all) {
  all.emplace_back(path, &module);
  for (const auto& [name, child] : module.children_)
    collect<M>(*child, path.empty() ? name : path + "." + name, all);
}

}  // namespace xgrad::nn
