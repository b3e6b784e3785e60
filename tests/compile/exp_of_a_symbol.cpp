// A formula that calls the standard library's function.
#include <cmath>
#include <xgrad/xgrad.hpp>

int main() {
  const auto silu = xgrad::elementwise("silu", [](auto x) { return x / (1 + std::exp(-x)); });
}
