#include "report_machine.hpp"

#include <cstdlib>
#include <fstream>
#include <memory>
#include <string_view>
#include <thread>

#include <cxxabi.h>
#include <sys/utsname.h>

#include "../core/array/array.hpp"
#include "../core/array/threads.hpp"
#include "../core/kernels/blas_library.hpp"
#include "../core/kernels/dispatch.hpp"
#include "../nn/summary.hpp"

namespace xgrad::train::detail {
namespace {

/// As Linux tells it, which calls it by another name on another kind of processor.
std::string processor_name() {
  std::ifstream told("/proc/cpuinfo");
  for (std::string line; std::getline(told, line);)
    for (const std::string_view key : {"model name", "Model", "cpu model"})
      if (line.starts_with(key))
        if (const std::size_t colon = line.find(": "); colon != line.npos) return line.substr(colon + 2);
  utsname system{};
  return ::uname(&system) == 0 ? system.machine : "unknown";
}

std::string system_name() {
  utsname system{};
  return ::uname(&system) == 0 ? std::string(system.sysname) + ' ' + system.release + ", " + system.machine
                               : "unknown";
}

std::string compiler_name() {
#if defined(__clang__)
  return __VERSION__;
#else
  return std::string("GCC ") + __VERSION__;
#endif
}

std::string xtensor_version() {
  return std::to_string(XTENSOR_VERSION_MAJOR) + '.' + std::to_string(XTENSOR_VERSION_MINOR) + '.' +
         std::to_string(XTENSOR_VERSION_PATCH);
}

}  // namespace

Facts machine_facts() {
#ifdef NDEBUG
  const char* const build = "release";
#else
  const char* const build = "debug";
#endif
  return {{"processor", processor_name()},
          {"threads", std::to_string(num_threads()) + " of " +
                          std::to_string(std::thread::hardware_concurrency()) + " that the machine has"},
          {"instruction set", to_string(instruction_set())},
          {"BLAS", std::string("OpenBLAS, kernels for ") + xgrad::detail::blas_core()},
          {"system", system_name()},
          {"xgrad", std::string(XGRAD_VERSION) + ", " + build},
          {"xtensor", xtensor_version()},
          {"compiler", compiler_name()}};
}

std::string class_name(const char* type) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(type, nullptr, nullptr, &status),
                                                    &std::free);
  const std::string whole = status == 0 ? text.get() : type;
  const std::string name = nn::short_type_name(whole);
  if (name != "Schedule") return name;
  // optim::StepLR is Schedule<StepLROptions>.
  const std::size_t begin = whole.find('<') + 1;
  std::string options = nn::short_type_name(whole.substr(begin, whole.rfind('>') - begin));
  if (options.ends_with("Options")) options.erase(options.size() - std::string_view("Options").size());
  return options;
}

}  // namespace xgrad::train::detail
