// A small module, and the names in modules, for the tests of what all modules do.
#pragma once

#include <string>
#include <vector>
#include <xgrad/nn/module.hpp>
#include <xgrad/ops/creation.hpp>
#include <xgrad/ops/operators.hpp>

namespace xgrad::testing {

/// x * scale + shift, with a parameter for each of `features`.
class Affine : public nn::Module<double> {
 public:
  explicit Affine(std::size_t features, double scale = 2)
      : scale_(register_parameter("scale", full<double>(features, scale))),
        shift_(register_parameter("shift", zeros<double>(features))) {}
  Variable<double> forward(const Variable<double>& x) override { return x * scale_ + shift_; }
  Variable<double>& scale() { return scale_; }

 private:
  Variable<double>& scale_;
  Variable<double>& shift_;
};

template <class Named>
std::vector<std::string> names_in(const Named& all) {
  std::vector<std::string> names;
  for (const auto& [name, value] : all) names.push_back(name);
  return names;
}

inline std::vector<std::string> names_of(const nn::Module<double>& module) {
  return names_in(module.named_parameters());
}

}  // namespace xgrad::testing
