// What a classifier of points in the plane makes of the whole plane.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <xgrad/core.hpp>

#include "figure.hpp"

namespace plot {

/// The class of each of the points [n, 2].
using Classifier = std::function<xgrad::Indices(const xgrad::Array<double>& points)>;

/// The regions of the classes, with the points [n, 2] that have `labels` on top; the axes leave a margin of
/// `margin` around the points.
Panel decision_regions(const std::string& title, const Classifier& classify,
                       const xgrad::Array<double>& points, const xgrad::Indices& labels,
                       const std::vector<std::string>& classes, double margin);

}  // namespace plot
