#include "classification.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>

#include <fmt/core.h>
#include <xgrad/core.hpp>

#include "figure.hpp"

namespace plot {
namespace {

constexpr std::string_view confusion_script = R"gnuplot(set title "{title}" font ",15"
set size ratio 1
set xlabel "predicted digit"
set ylabel "true digit"
set xrange [-0.5:{last}.5]
set yrange [{last}.5:-0.5]
set xtics 1 scale 0
set ytics 1 scale 0
set palette defined (-1 "#d55e00", -0.15 "#f9d3b4", -0.01 "#fdf0e6", 0 "#ffffff", 0.15 "#d6e6f2", 1 "#08519c")
set cbrange [-sqrt({largest}):sqrt({largest})]
unset colorbox
unset key
plot "confusion.csv" matrix rowheaders columnheaders using 1:2:($1 == $2 ? sqrt($3) : -sqrt($3)) with image pixels, \
     "" matrix rowheaders columnheaders using 1:2:($3 > 0 ? sprintf("%d", $3) : ""):($3 > {largest} / 3 ? 0xffffff : 0x303030) with labels textcolor rgb variable)gnuplot";

constexpr std::string_view samples_script = R"gnuplot(set title "{title}" font ",13"
set lmargin 2
set rmargin 2
set bmargin 1
set xrange [-0.5:{width} - 0.5]
set yrange [{height} - 0.5:-0.5]
set size ratio -1
unset border
unset tics
unset key
unset colorbox
set palette defined (0 "#f1f1f1", 1 "#202020")
set cbrange [0:1]
plot "samples_pixels.csv" matrix using 1:2:3 with image pixels, \
     "samples_labels.csv" using 1:2:4:($3 > 0 ? 0x404040 : 0xd55e00) skip 1 with labels textcolor rgb variable)gnuplot";

/// Where samples lie in their picture: squares in rows, with a line of text above each row.
struct Sheet {
  std::size_t side, columns, rows;

  static constexpr std::size_t gap = 2, text = 3;

  Sheet(const std::vector<Sample>& samples, std::size_t columns_)
      : side(static_cast<std::size_t>(std::lround(std::sqrt(samples.front().pixels.size())))),
        columns(std::min(columns_, samples.size())),
        rows((samples.size() + columns - 1) / columns) {}

  std::size_t left(std::size_t sample) const { return sample % columns * (side + gap); }
  std::size_t top(std::size_t sample) const { return sample / columns * (side + text) + text; }
  std::size_t width() const { return columns * (side + gap) - gap; }
  std::size_t height() const { return rows * (side + text); }
};

/// The whole picture as a matrix; between the samples there is nothing.
std::string sheet_pixels(const std::vector<Sample>& samples, const Sheet& sheet) {
  std::vector<float> pixels(sheet.width() * sheet.height(), NAN);
  for (std::size_t i = 0; i < samples.size(); ++i)
    for (std::size_t p = 0; p < samples[i].pixels.size(); ++p) {
      const std::size_t x = sheet.left(i) + p % sheet.side, y = sheet.top(i) + p / sheet.side;
      pixels[y * sheet.width() + x] = samples[i].pixels[p];
    }
  std::string text;
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    text += std::isnan(pixels[i]) ? "NaN" : fmt::format("{:.4g}", pixels[i]);
    text += (i + 1) % sheet.width() == 0 ? '\n' : ',';
  }
  return text;
}

std::string sheet_labels(const std::vector<Sample>& samples, const Sheet& sheet) {
  std::string text = "x,y,right,label\n";
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto& [pixels, truth, predicted] = samples[i];
    const bool right = truth == predicted;
    const double middle = static_cast<double>(sheet.left(i)) + static_cast<double>(sheet.side - 1) / 2;
    text += fmt::format("{},{},{},{}\n", middle, static_cast<double>(sheet.top(i)) - 1.8, right ? 1 : 0,
                        right ? std::to_string(predicted) : fmt::format("{} (is {})", predicted, truth));
  }
  return text;
}

}  // namespace

void training_curves(Drawing& drawing, const std::string& title, const std::vector<EpochRecord>& epochs,
                     double target) {
  std::string table = "epoch,train_loss,test_loss,train_accuracy,test_accuracy,seconds\n";
  for (const EpochRecord& e : epochs)
    table += fmt::format("{},{:.6g},{:.6g},{:.6g},{:.6g},{:.4f}\n", e.epoch, e.train_loss, e.test_loss,
                         e.train_accuracy, e.test_accuracy, e.seconds);
  drawing.write("training.csv", table);
  const auto curve = [&](const char* name, const char* colour, double EpochRecord::*number) {
    Curve result{name, {}, {}, colour};
    for (const EpochRecord& e : epochs) {
      result.x.push_back(static_cast<double>(e.epoch));
      result.y.push_back(e.*number);
    }
    return result;
  };
  const double last = epochs.empty() ? 1 : static_cast<double>(epochs.back().epoch);
  const Curve reached{
      fmt::format("{:g}: to be reached", target), {0, last}, {target, target}, grey, Mark::dashes};
  Panel losses{.x_label = "epoch",
               .y_label = "cross entropy (nats)",
               .layers = {curve("training", blue, &EpochRecord::train_loss),
                          curve("test", orange, &EpochRecord::test_loss)},
               .logarithmic_y = true,
               .key = below_axes};
  Panel accuracies{.x_label = "epoch",
                   .y_label = "accuracy",
                   .layers = {reached, curve("", blue, &EpochRecord::train_accuracy),
                              curve("", orange, &EpochRecord::test_accuracy)},
                   .y = {0, 1},
                   .key = below_axes};
  if (!epochs.empty() && epochs.back().test_accuracy > 0.9) accuracies.close_up = Limits{0.9, 1};
  losses.x = accuracies.x = {0, last};
  figure(drawing, "training", title, {losses, accuracies}, 2, {360, 330});
}

void confusion_matrix(Drawing& drawing, const std::string& title,
                      const std::vector<std::vector<std::size_t>>& counts) {
  std::string table = "true digit \\ predicted digit";
  for (std::size_t k = 0; k < counts.size(); ++k) table += fmt::format(",{}", k);
  std::size_t largest = 1;
  for (std::size_t truth = 0; truth < counts.size(); ++truth) {
    table += fmt::format("\n{}", truth);
    for (std::size_t count : counts[truth]) {
      table += fmt::format(",{}", count);
      largest = std::max(largest, count);
    }
  }
  drawing.write("confusion.csv", table + '\n');
  // Mistakes have a colour of their own, and the square root makes a few of them visible.
  drawing.gnuplot("confusion", {560, 560},
                  fmt::format(confusion_script, fmt::arg("title", title), fmt::arg("last", counts.size() - 1),
                              fmt::arg("largest", largest)));
}

void sample_predictions(Drawing& drawing, const std::string& title, const std::vector<Sample>& samples,
                        std::size_t columns) {
  if (samples.empty()) throw xgrad::ValueError("sample_predictions: no samples; give one at least");
  std::string table = "true,predicted,pixels\n";
  for (const auto& [pixels, truth, predicted] : samples) {
    table += fmt::format("{},{}", truth, predicted);
    for (float pixel : pixels) table += fmt::format(",{:.4g}", pixel);
    table += '\n';
  }
  const Sheet sheet(samples, columns);
  drawing.write("samples.csv", table);
  drawing.write("samples_pixels.csv", sheet_pixels(samples, sheet));
  drawing.write("samples_labels.csv", sheet_labels(samples, sheet));
  const Size size{static_cast<int>(sheet.width()) * 9 + 40, static_cast<int>(sheet.height()) * 9 + 50};
  drawing.gnuplot("samples", size,
                  fmt::format(samples_script, fmt::arg("title", title), fmt::arg("width", sheet.width()),
                              fmt::arg("height", sheet.height())));
}

}  // namespace plot
