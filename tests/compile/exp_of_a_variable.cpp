// The standard library's function of a Variable.
#include <cmath>
#include <xgrad/xgrad.hpp>

int main() {
  const xgrad::Variable<double> x = xgrad::parameter(2.0);
  const auto y = std::exp(x);
}
