#include "decision.hpp"

#include <algorithm>

namespace plot {

Panel decision_regions(const std::string& title, const Classifier& classify,
                       const xgrad::Array<double>& points, const xgrad::Indices& labels,
                       const std::vector<std::string>& classes, double margin) {
  std::vector<double> x, y;
  std::vector<std::size_t> truth;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    x.push_back(points.storage()[2 * i]);
    y.push_back(points.storage()[2 * i + 1]);
    truth.push_back(static_cast<std::size_t>(labels.storage()[i]));
  }
  const auto [left, right] = std::minmax_element(x.begin(), x.end());
  const auto [bottom, top] = std::minmax_element(y.begin(), y.end());
  Grid grid{*left - margin, *right + margin, *bottom - margin, *top + margin, 201, 201};

  const auto all = grid.points();
  xgrad::Array<double> places = xt::zeros<double>({all.size(), std::size_t{2}});
  double* place = places.storage().data();
  for (const auto& [px, py] : all) {
    *place++ = px;
    *place++ = py;
  }
  const xgrad::Indices found = classify(places);
  for (std::int64_t k : found.storage()) grid.values.push_back(static_cast<double>(k));

  Panel panel{.title = title, .x_label = "x_0", .y_label = "x_1", .layers = {Regions{grid}}};
  const double size = labels.size() < 20 ? 1.4 : 0.5;  // few points have room
  for (Layer& layer : points_by_class(x, y, truth, classes, size)) panel.layers.push_back(std::move(layer));
  panel.x = {grid.left, grid.right};
  panel.y = {grid.bottom, grid.top};
  panel.same_scale = true;
  panel.key = below_axes;  // points are everywhere
  return panel;
}

}  // namespace plot
