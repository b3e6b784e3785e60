#include "figure.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/core.h>
#include <xgrad/core.hpp>

namespace plot {
namespace {

constexpr std::array<const char*, 4> strong = {blue, orange, green, purple};
constexpr std::array<const char*, 4> pale = {"#cfe4f3", "#fbdcc6", "#cdebdf", "#ecd9ec"};

/// The data of all layers, one after the other, as gnuplot's `index` counts them.
class Table {
 public:
  void row(std::initializer_list<double> numbers) {
    for (double number : numbers) text_ += fmt::format("{:.6g} ", number);
    text_ += '\n';
  }
  /// A row of a grid ends.
  void line() { text_ += '\n'; }
  /// Ends a layer; gives its index.
  std::size_t end() {
    text_ += "\n\n";
    return count_++;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::size_t count_ = 0;
};

std::string titled(const std::string& title) {
  return title.empty() ? "notitle" : fmt::format("title \"{}\"", title);
}

/// Writes layers into the table, and says how each is plotted.
class LayerWriter {
 public:
  explicit LayerWriter(std::string file) : file_(std::move(file)) {}

  std::string operator()(const Curve& curve) {
    if (curve.x.size() != curve.y.size())
      throw xgrad::ValueError(
          fmt::format("figure: the curve '{}' has {} numbers x and {} numbers y; give as many of both",
                      curve.title, curve.x.size(), curve.y.size()));
    for (std::size_t i = 0; i < curve.x.size(); ++i) table_.row({curve.x[i], curve.y[i]});
    const char* const style[] = {"lines linewidth 2", "lines linewidth 1.5 dashtype 2", "points pointtype 7",
                                 "linespoints linewidth 1.2 pointtype 7"};
    const bool has_points = curve.mark == Mark::points || curve.mark == Mark::path;
    return fmt::format("\"{}\" index {} using 1:2 with {}{} linecolor \"{}\" {}", file_, table_.end(),
                       style[static_cast<std::size_t>(curve.mark)],
                       has_points ? fmt::format(" pointsize {:g}", curve.size) : "", curve.colour,
                       titled(curve.title));
  }

  std::string operator()(const Arrows& layer) {
    for (const auto& [x, y, dx, dy] : layer.arrows) table_.row({x, y, dx, dy});
    return fmt::format(
        "\"{}\" index {} using 1:2:3:4 with vectors head filled size graph 0.015,20 linewidth 1.2 "
        "linecolor \"{}\" {}",
        file_, table_.end(), layer.colour, titled(layer.title));
  }

  std::string operator()(const Contours& layer) {
    write(layer.grid);
    std::string levels;
    for (double level : layer.levels) levels += fmt::format("{}{:g}", levels.empty() ? "" : ", ", level);
    const std::string block = fmt::format("$contours{}", contours_++);
    before_ += fmt::format(
        "set contour base\nunset surface\nset cntrparam levels discrete {}\nset table {}\n"
        "splot \"{}\" index {} using 1:2:3\nunset table\nset surface\nunset contour\n",
        levels, block, file_, table_.end());
    return fmt::format("{} using 1:2 with lines linewidth 1 linecolor \"{}\" {}", block, grey,
                       titled(layer.title));
  }

  std::string operator()(const Regions& layer) {
    write(layer.classes);
    return fmt::format("\"{}\" index {} using 1:2:3 with image notitle", file_, table_.end());
  }

  /// What must be run before the first panel.
  const std::string& before() const { return before_; }
  const Table& table() const { return table_; }

 private:
  void write(const Grid& grid) {
    const auto points = grid.points();
    for (std::size_t i = 0; i < points.size(); ++i) {
      table_.row({points[i][0], points[i][1], grid.values.at(i)});
      if ((i + 1) % grid.columns == 0) table_.line();
    }
  }

  std::string file_, before_;
  Table table_;
  std::size_t contours_ = 0;
};

std::string range(const Limits& limits) {
  const auto end = [](const std::optional<double>& number) {
    return number ? fmt::format("{:g}", *number) : std::string("*");
  };
  return fmt::format("[{}:{}]", end(limits.low), end(limits.high));
}

std::string palette() {
  std::string colours;
  for (std::size_t k = 0; k < pale.size(); ++k)
    colours += fmt::format("{}{} \"{}\"", k == 0 ? "" : ", ", k, pale[k]);
  return fmt::format("set palette defined ({})\nset cbrange [0:{}]\nunset colorbox\n", colours,
                     pale.size() - 1);
}

/// In front of the panel's grid, a white ground for its close-up.
constexpr std::string_view close_up_ground =
    "set object 1 rectangle from graph 0.19,0.02 to graph 1,0.76 front fillcolor \"white\" fillstyle solid "
    "noborder\n";

/// Gnuplot says where on the page, in parts of it, the panel just drawn is; the same plot goes there again.
std::string close_up(const Limits& limits, const std::string& plots) {
  return fmt::format(
      "unset object 1\n"
      "across(f) = (GPVAL_TERM_XMIN + f * (GPVAL_TERM_XMAX - GPVAL_TERM_XMIN)) * GPVAL_TERM_SCALE / "
      "GPVAL_TERM_XSIZE\n"
      "up(f) = (GPVAL_TERM_YMIN + f * (GPVAL_TERM_YMAX - GPVAL_TERM_YMIN)) * GPVAL_TERM_SCALE / "
      "GPVAL_TERM_YSIZE\n"
      "left = across(0.28)\nright = across(0.98)\nbottom = up(0.13)\ntop = up(0.65)\n"
      "set lmargin at screen left\nset rmargin at screen right\n"
      "set bmargin at screen bottom\nset tmargin at screen top\n"
      "set multiplot previous\nset border 15\nset title \"close up\" font \",11\" offset 0,-0.7\n"
      "unset xlabel\nunset ylabel\nunset key\nset xrange [GPVAL_X_MIN:GPVAL_X_MAX]\nset yrange {}\n"
      "set tics font \",10\"\nset ytics {:g}\n{}\n"
      "set tics font \"\"\nset ytics autofreq\nset border 3\nset margins -1,-1,-1,-1\n",
      range(limits), (limits.high.value() - limits.low.value()) / 5, plots);
}

/// Every setting is made for every panel: what one chose must not reach the next.
std::string commands(const Panel& panel, LayerWriter& writer) {
  std::string plots;
  for (const Layer& layer : panel.layers)
    plots += fmt::format("{}{}", plots.empty() ? "plot " : ", \\\n     ", std::visit(writer, layer));
  // The scales first: an axis that is still logarithmic takes no range from 0.
  std::string text = panel.logarithmic_x ? "set logscale x\nset format x \"%g\"\n" : "unset logscale x\n";
  text += panel.logarithmic_y ? "set logscale y\nset format y \"%g\"\n" : "unset logscale y\n";
  text += fmt::format(
      "set title \"{}\" font \",12\" offset 0,0\nset xlabel \"{}\"\nset ylabel \"{}\"\n"
      "set xrange {}\nset yrange {}\n",
      panel.title, panel.x_label, panel.y_label, range(panel.x), range(panel.y));
  text += fmt::format("set size {}\n", panel.same_scale ? "ratio -1" : "noratio");
  text += panel.key.empty() ? "unset key\n" : fmt::format("set key default {} samplen 2\n", panel.key);
  if (panel.close_up) text += close_up_ground;
  text += plots + '\n';
  return panel.close_up ? text + close_up(*panel.close_up, plots) : text;
}

}  // namespace

std::vector<std::array<double, 2>> Grid::points() const {
  std::vector<std::array<double, 2>> all;
  all.reserve(columns * rows);
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t column = 0; column < columns; ++column)
      all.push_back({left + (right - left) * static_cast<double>(column) / static_cast<double>(columns - 1),
                     bottom + (top - bottom) * static_cast<double>(row) / static_cast<double>(rows - 1)});
  return all;
}

Grid evaluate(Grid grid, const std::function<double(double, double)>& f) {
  grid.values.clear();
  for (const auto& [x, y] : grid.points()) grid.values.push_back(f(x, y));
  return grid;
}

const char* class_colour(std::size_t k) { return strong[k % strong.size()]; }

std::vector<Layer> points_by_class(const std::vector<double>& x, const std::vector<double>& y,
                                   const std::vector<std::size_t>& classes,
                                   const std::vector<std::string>& titles, double size) {
  std::vector<Layer> layers;
  for (std::size_t k = 0; k < titles.size(); ++k) {
    Curve points{titles[k], {}, {}, class_colour(k), Mark::points, size};
    for (std::size_t i = 0; i < classes.size(); ++i)
      if (classes[i] == k) {
        points.x.push_back(x[i]);
        points.y.push_back(y[i]);
      }
    if (!points.x.empty()) layers.emplace_back(std::move(points));
  }
  return layers;
}

void figure(Drawing& drawing, const std::string& name, const std::string& title,
            const std::vector<Panel>& panels, std::size_t columns, Size panel) {
  LayerWriter writer(name + ".dat");
  std::string all;
  for (const Panel& p : panels) all += commands(p, writer);
  const std::size_t rows = (panels.size() + columns - 1) / columns;
  const std::string layout =
      fmt::format("set multiplot layout {},{} title \"{}\" font \",15\"\n", rows, columns, title);
  const std::string settings =
      "set datafile separator whitespace\nset grid linetype 1 linewidth 0.7 linecolor \"#dddddd\"\n"
      "set border 3\n" +
      palette();
  drawing.write(name + ".dat", writer.table().text());
  constexpr int title_height = 36;
  drawing.gnuplot(
      name, {panel.width * static_cast<int>(columns), panel.height * static_cast<int>(rows) + title_height},
      settings + writer.before() + layout + all + "unset multiplot");
}

}  // namespace plot
