#include "report_mistakes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "../core/array/instantiate.hpp"

namespace xgrad::train::detail {
namespace {

template <class T>
bool has_nan(const T* row, std::size_t classes) {
  return std::any_of(row, row + classes, [](T value) { return std::isnan(value); });
}

/// Rows of numbers from 0 on that add up to 1 are probabilities already; those with a NaN do not tell.
template <class T>
bool are_probabilities(const T* rows, std::size_t count, std::size_t classes) {
  for (std::size_t i = 0; i < count; ++i) {
    if (has_nan(rows + i * classes, classes)) continue;
    double sum = 0;
    for (std::size_t c = 0; c < classes; ++c) {
      const double p = rows[i * classes + c];
      if (!(p >= 0)) return false;
      sum += p;
    }
    if (!(std::abs(sum - 1) < 1e-3)) return false;
  }
  return true;
}

/// A sample's classes as logits. Of probabilities, their logarithms are such.
template <class T>
class Row {
 public:
  Row(const T* values, std::size_t classes, bool are_probabilities)
      : values_(values), classes_(classes), logarithmic_(!are_probabilities) {
    predicted_ = static_cast<std::size_t>(std::max_element(values, values + classes) - values);
  }
  std::size_t predicted() const { return predicted_; }
  double logit(std::size_t c) const {
    const double value = values_[c];
    return logarithmic_ ? value : std::log(value);
  }
  /// No loss is greater: costs no exponentials, for most samples are not among the worst.
  double most_loss(std::size_t truth) const {
    return logit(predicted_) - logit(truth) + std::log(static_cast<double>(classes_));
  }
  double log_of_sum() const {
    const double largest = logit(predicted_);
    double sum = 0;
    for (std::size_t c = 0; c < classes_; ++c) sum += std::exp(logit(c) - largest);
    return largest + std::log(sum);
  }

 private:
  const T* values_;
  std::size_t classes_;
  bool logarithmic_;
  std::size_t predicted_;
};

bool is_better(const Mistakes::Worst& a, const Mistakes::Worst& b) {
  return a.loss > b.loss || (a.loss == b.loss && a.number < b.number);
}

}  // namespace

std::optional<Shape> picture_shape(const Shape& inputs, const Shape& wanted) {
  if (!wanted.empty()) return wanted.size() == 3 ? wanted : Shape{1, wanted[0], wanted[1]};
  if (inputs.size() == 3) return Shape{1, inputs[1], inputs[2]};
  if (inputs.size() == 4 && (inputs[1] == 1 || inputs[1] == 3)) return Shape{inputs[1], inputs[2], inputs[3]};
  return std::nullopt;
}

template <class T>
Picture picture_of(const T* sample, const Shape& shape) {
  constexpr std::size_t longest = 64;
  const std::size_t channels = shape[0], rows = shape[1], columns = shape[2];
  const std::size_t step = std::max<std::size_t>(1, (std::max(rows, columns) + longest - 1) / longest);
  Picture picture{channels, (rows + step - 1) / step, (columns + step - 1) / step, {}};
  std::vector<double> means;
  for (std::size_t y = 0; y < picture.height; ++y)
    for (std::size_t x = 0; x < picture.width; ++x)
      for (std::size_t c = 0; c < channels; ++c) {
        double sum = 0;  // at the lower and the right edge of fewer
        const std::size_t below = std::min(rows, (y + 1) * step), right = std::min(columns, (x + 1) * step);
        for (std::size_t i = y * step; i < below; ++i)
          for (std::size_t j = x * step; j < right; ++j)
            sum += static_cast<double>(sample[(c * rows + i) * columns + j]);
        means.push_back(sum / static_cast<double>((below - y * step) * (right - x * step)));
      }
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const double mean : means)
    if (std::isfinite(mean)) low = std::min(low, mean), high = std::max(high, mean);
  for (const double mean : means) {
    const double share = high > low && std::isfinite(mean) ? (mean - low) / (high - low) : 0;
    const auto level = static_cast<unsigned>(std::lround(255 * share));
    picture.pixels += "0123456789abcdef"[level / 16];
    picture.pixels += "0123456789abcdef"[level % 16];
  }
  return picture;
}

double Mistakes::least_kept() const noexcept {
  return worst_.size() < most_samples ? -std::numeric_limits<double>::infinity() : worst_.front().loss;
}

void Mistakes::keep(Worst&& sample) {
  if (worst_.size() == most_samples) {
    std::pop_heap(worst_.begin(), worst_.end(), is_better);
    worst_.pop_back();
  }
  worst_.push_back(std::move(sample));
  std::push_heap(worst_.begin(), worst_.end(), is_better);
}

template <class T>
void Mistakes::add(const Dense<T>& predictions, const std::int64_t* labels, const Dense<T>& inputs,
                   const Shape& image) {
  const std::size_t count = predictions.shape[0], classes = predictions.shape[1];
  if (classes_ == 0) classes_ = classes;
  if (classes != classes_) return;  // one that knows other classes each time has no matrix
  const bool probabilities = are_probabilities(predictions.data(), count, classes);
  const std::optional<Shape> picture =
      inputs.shape.empty() || inputs.shape[0] != count ? std::nullopt : picture_shape(inputs.shape, image);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t number = passed_++;
    if (labels[i] < 0 || static_cast<std::size_t>(labels[i]) >= classes) continue;
    const auto truth = static_cast<std::size_t>(labels[i]);
    if (has_nan(predictions.data() + i * classes, classes)) {
      ++not_numbers_;
      continue;
    }
    const Row<T> row(predictions.data() + i * classes, classes, probabilities);
    ++samples_;
    ++counts_[truth * classes + row.predicted()];
    if (row.most_loss(truth) <= least_kept()) continue;
    const double whole = row.log_of_sum();
    double loss = whole - row.logit(truth);
    if (std::isnan(loss)) loss = std::numeric_limits<double>::infinity();
    if (loss <= least_kept()) continue;
    Worst worst{.number = number, .truth = truth, .predicted = row.predicted(), .loss = loss};
    worst.probability_of_truth = std::exp(-loss);
    worst.probability = std::exp(row.logit(row.predicted()) - whole);
    if (picture) worst.picture = picture_of(inputs.data() + i * (inputs.size() / count), *picture);
    keep(std::move(worst));
  }
}

std::vector<Mistakes::Confusion> Mistakes::confusions() const {
  std::vector<Confusion> all;
  for (const auto& [place, count] : counts_) all.push_back({place / classes_, place % classes_, count});
  std::sort(all.begin(), all.end(), [](const Confusion& a, const Confusion& b) {
    return std::pair(a.truth, a.predicted) < std::pair(b.truth, b.predicted);
  });
  return all;
}

std::vector<Mistakes::Worst> Mistakes::worst() const {
  std::vector<Worst> sorted = worst_;
  std::sort(sorted.begin(), sorted.end(), is_better);
  return sorted;
}

[[gnu::used]] constexpr auto instances =
    instantiate::for_numbers([]<class T>() { return std::make_tuple(picture_of<T>, &Mistakes::add<T>); });

}  // namespace xgrad::train::detail
