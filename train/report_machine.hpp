// What a report says of the machine and the program that a training ran on.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace xgrad::train::detail {

/// What is told by its name.
using Facts = std::vector<std::pair<std::string, std::string>>;

/// Processor, threads, instruction set, BLAS, system, versions of library and compiler.
Facts machine_facts();

/// A class, by what typeid calls it, without namespaces and template arguments: "SGD".
std::string class_name(const char* type);

}  // namespace xgrad::train::detail
