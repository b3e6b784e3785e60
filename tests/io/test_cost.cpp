// What files and states of many small arrays cost: as much again for each, however many there are.
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/io/save.hpp>
#include <xgrad/nn/module.hpp>
#include <xgrad/optim/adam.hpp>

#include "../growth.hpp"
#include "temporary_folder.hpp"

namespace {

using xgrad::Array;
using xgrad::Variable;
using xgrad::testing::growth;
using xgrad::testing::TemporaryFolder;
using Arrays = xgrad::io::NamedArrays<float>;

Arrays many_arrays(std::size_t n) {
  Arrays arrays;
  for (std::size_t i = 0; i < n; ++i) arrays.emplace_back("array" + std::to_string(i), Array<float>{1, 2});
  return arrays;
}

/// n parameters in a module of its own each, and n of its own.
class Wide : public xgrad::nn::Module<float> {
 public:
  explicit Wide(std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
      register_parameter("own" + std::to_string(i), Array<float>{1});
      if (n > 1) register_module("part" + std::to_string(i), Wide(1));
    }
  }
  Variable<float> forward(const Variable<float>& x) override { return x; }
};

}  // namespace

TEST_CASE("files of many arrays are written and read in time that grows with their number") {
  const TemporaryFolder folder;
  for (const std::string ending : {".safetensors", ".npz"}) {
    INFO(ending);
    // So many that comparing a name with all others would outweigh the rest.
    const std::size_t count = ending == ".npz" ? 1000 : 8000;
    const auto path = [&](std::size_t n) { return folder / (std::to_string(n) + ending); };
    CHECK(growth(count, [&](std::size_t n) {
            return [=, arrays = many_arrays(n)] { xgrad::io::save_arrays<float>(arrays, path(n)); };
          }) < 8);
    CHECK(growth(count, [&](std::size_t n) { return [=] { xgrad::io::load_arrays<float>(path(n)); }; }) < 8);
  }
}

TEST_CASE("modules of many parameters are made, saved and loaded in time that grows with their number") {
  CHECK(growth(1000, [](std::size_t n) { return [=] { const Wide made(n); }; }) < 8);
  const auto with_module = [](auto use) {
    return growth(1000,
                  [=](std::size_t n) { return [=, module = std::make_shared<Wide>(n)] { use(*module); }; });
  };
  CHECK(with_module([](Wide& module) { module.state(); }) < 8);
  CHECK(with_module([](Wide& module) { module.load_state(module.state()); }) < 8);
  CHECK(with_module([](Wide& module) { copy_parameters<float>(module, module); }) < 8);
  // The array that nobody knows is the last one.
  CHECK(with_module([](Wide& module) {
          auto state = module.state();
          state.emplace_back("unknown", Array<float>{1});
          CHECK_THROWS_AS(module.load_state(state), xgrad::ValueError);
        }) < 8);
}

TEST_CASE(
    "an optimizer's state of many parameters is saved and loaded in time that grows with their number") {
  CHECK(growth(1000, [](std::size_t n) {
          const auto module = std::make_shared<Wide>(n);
          const auto adam = std::make_shared<xgrad::optim::Adam<float>>(module->parameters());
          return [=] { adam->load_state(adam->state()); };
        }) < 8);
}
