// A program that a compiler is told to read as C++17.
#include <xgrad/xgrad.hpp>

int main() {
  const xgrad::Variable<double> x = xgrad::parameter(2.0);
  const auto y = xgrad::sum(x * x);
  y.backward();
}
