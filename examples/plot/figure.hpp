// Figures of one or more panels: curves, points, arrows, contours, and the regions of a classifier.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "drawing.hpp"

namespace plot {

enum class Mark { line, dashes, points, path };  ///< a path is a line with its points

/// y against x. An empty title keeps it out of the legend.
struct Curve {
  std::string title;
  std::vector<double> x, y;
  const char* colour = blue;
  Mark mark = Mark::line;
  double size = 0.5;  ///< of points, in gnuplot's measure
};

/// An arrow from (x, y) to (x + dx, y + dy) for each {x, y, dx, dy}.
struct Arrows {
  std::string title;
  std::vector<std::array<double, 4>> arrows;
  const char* colour = blue;
};

/// Values at points of the plane, evenly spaced, row by row from the bottom.
struct Grid {
  double left = -1, right = 1, bottom = -1, top = 1;
  std::size_t columns = 101, rows = 101;
  std::vector<double> values = {};

  /// All points, in the order of the values.
  std::vector<std::array<double, 2>> points() const;
};

/// f at every point of the grid.
Grid evaluate(Grid grid, const std::function<double(double, double)>& f);

/// Lines along which a function has the values `levels`.
struct Contours {
  std::string title;
  Grid grid;
  std::vector<double> levels;
};

/// The plane in one pale colour a class: values are 0, 1, 2 ...
struct Regions {
  Grid classes;
};

using Layer = std::variant<Curve, Arrows, Contours, Regions>;

/// A layer of points for each class, in the strong form of the colour that its region has.
std::vector<Layer> points_by_class(const std::vector<double>& x, const std::vector<double>& y,
                                   const std::vector<std::size_t>& classes,
                                   const std::vector<std::string>& titles, double size = 0.5);

/// The ends of an axis; without one gnuplot chooses it.
struct Limits {
  std::optional<double> low, high;
};

/// For Panel::key: the legend lies below the axes rather than between them, and covers nothing.
inline constexpr const char* below_axes = "bmargin center horizontal height 1";

/// Two axes, and what is drawn between them, the first layer undermost. Texts are in gnuplot's enhanced
/// syntax: x_0, x^2.
struct Panel {
  std::string title = {}, x_label = {}, y_label = {};
  std::vector<Layer> layers = {};
  Limits x{}, y{};
  bool logarithmic_x = false, logarithmic_y = false;
  bool same_scale = false;  ///< a unit is as long on both axes
  std::string key = "top right";
  /// This part of the y axis once more, larger, in the lower right corner, which must be free: for curves
  /// that end close to the top, as accuracies do.
  std::optional<Limits> close_up{};
};

/// name.dat, and a picture of the panels, `columns` in a row, each of size `panel`. A picture of up to 720
/// points across has texts that can be read where a page is narrow, on a telephone too.
void figure(Drawing& drawing, const std::string& name, const std::string& title,
            const std::vector<Panel>& panels, std::size_t columns = 1, Size panel = {560, 400});

/// The colour that stands for a class.
const char* class_colour(std::size_t k);

inline constexpr const char* purple = "#aa4499";
inline constexpr const char* yellow = "#e69f00";

}  // namespace plot
