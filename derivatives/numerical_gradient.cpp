#include "numerical_gradient.hpp"

#include <string>

#include "leaf_probe.hpp"

namespace xgrad::detail {

Array<double> central_differences(const std::function<double()>& f, const Variable<double>& w, double step) {
  if (!w.is_leaf())
    throw GraphError("numerical_gradient: '" + std::string(w.operation()) + "' of shape " +
                     to_string(w.shape()) + " is the result of an operation; vary a leaf");
  if (!(step > 0) || !std::isfinite(step))
    throw ValueError("numerical_gradient: step is " + std::to_string(step) +
                     "; it must be positive and finite");
  LeafProbe probe(w);
  Dense<double> result(probe.shape());
  double* gradient = result.mutable_data();
  for (std::size_t i = 0; i < probe.size(); ++i) {
    const double h = step_at(probe.original(i), step);
    const double right = probe.move(i, h);
    const double above = f();
    const double left = probe.move(i, -h);
    const double below = f();
    probe.put_back(i);
    gradient[i] = (above - below) / (right - left);
  }
  return to_array(std::move(result));
}

}  // namespace xgrad::detail
