#include "position.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "../core/array/instantiate.hpp"
#include "../io/save.hpp"
#include "../optim/state.hpp"

namespace xgrad::train::detail {
namespace {

template <class T>
using Arrays = std::vector<std::pair<std::string, Array<T>>>;

/// Any double, bit for bit but for the sign and payload of a NaN, as so many elements of T; see
/// optim::number_array.
template <class T>
constexpr std::size_t parts = std::is_same_v<T, double> ? 1 : 4;

/// A value in double as one in T: [..., 4] in float.
template <class T>
Array<T> packed(const Array<double>& numbers) {
  if constexpr (std::is_same_v<T, double>) {
    return numbers;
  } else {
    Shape shape(numbers.shape());
    shape.push_back(parts<T>);
    Array<T> result(shape);
    T* out = result.storage().data();
    for (double number : numbers.storage()) {
      const Array<T> pieces = optim::number_array<T>(number);
      out = std::copy(pieces.storage().begin(), pieces.storage().end(), out);
    }
    return result;
  }
}

template <class T>
Array<double> unpacked(const std::string& name, const Array<T>& value) {
  if constexpr (std::is_same_v<T, double>) {
    return value;
  } else {
    Shape shape(value.shape());
    if (shape.empty() || shape[shape.size() - 1] != parts<T>)
      throw ShapeError("fit: '" + name + "' is " + to_string(shape) + ", not numbers in four parts each");
    shape.erase(shape.size() - 1);
    Array<double> result(shape);
    double* out = result.storage().data();
    const T* in = value.storage().data();
    for (std::size_t i = 0; i < result.size(); ++i, in += parts<T>) {
      Array<T> pieces(Shape{parts<T>});
      std::copy_n(in, parts<T>, pieces.storage().data());
      out[i] = optim::StateReader<T>("fit", {{name, pieces}}).number(name);
    }
    return result;
  }
}

Array<double> row_array(const std::vector<double>& numbers) {
  Array<double> row(Shape{numbers.size()});
  std::copy(numbers.begin(), numbers.end(), row.storage().data());
  return row;
}

/// Four words of 16 bits, which T holds exactly.
template <class T>
Array<T> words_of(std::uint64_t number) {
  Array<T> words(Shape{4});
  for (std::size_t i = 0; i < 4; ++i) words(i) = static_cast<T>(number >> (16 * i) & 0xffff);
  return words;
}

template <class T>
std::uint64_t from_words(const std::string& name, const Dense<T>& words) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const T word = words.data()[i];
    if (!(word >= 0 && word <= 0xffff && word == static_cast<T>(static_cast<std::uint64_t>(word))))
      throw ValueError("fit: '" + name + "' holds no whole number of 64 bits");
    number |= static_cast<std::uint64_t>(word) << (16 * i);
  }
  return number;
}

// ---- The parts of the file: names begin with the part's.

template <class T>
void append(Arrays<T>& all, const std::string& part, const Arrays<T>& state) {
  for (const auto& [name, array] : state) all.emplace_back(part + name, array);
}

template <class T, class State>
void append_numbers(Arrays<T>& all, const std::string& part, const State& state) {
  for (const auto& [name, array] : state) all.emplace_back(part + name, packed<T>(array));
}

template <class T>
Arrays<T> part_of(const Arrays<T>& all, std::string_view part) {
  Arrays<T> found;
  for (const auto& [name, array] : all)
    if (name.starts_with(part)) found.emplace_back(name.substr(part.size()), array);
  return found;
}

template <class T>
std::vector<optim::NamedArray<double>> numbers_of(const Arrays<T>& all, std::string_view part) {
  std::vector<optim::NamedArray<double>> found;
  for (const auto& [name, array] : part_of(all, part)) found.emplace_back(name, unpacked(name, array));
  return found;
}

// ---- History: an array for each column, a number an epoch.

template <class T>
void append_history(Arrays<T>& all, const History& history) {
  const std::vector<std::string> names = history.columns();
  std::vector<std::vector<double>> columns(names.size() - 1);
  for (const EpochRecord& record : history.epochs) {
    const std::vector<double> row = row_of(record);
    for (std::size_t i = 0; i < row.size(); ++i) columns[i].push_back(row[i]);
  }
  for (std::size_t i = 0; i < columns.size(); ++i)
    all.emplace_back("history." + names[i + 1], packed<T>(row_array(columns[i])));
}

template <class T>
Dense<double> numbers_at(optim::StateReader<T>& reader, const std::string& name, Shape shape) {
  if (parts < T >> 1) shape.push_back(parts<T>);
  return to_dense(unpacked<T>(name, to_array(reader.array(name, shape))));
}

template <class T>
std::vector<EpochRecord> read_history(optim::StateReader<T>& reader, std::size_t epochs,
                                      const std::vector<std::string>& metric_names, bool has_validation) {
  const std::vector<std::string> names = column_names(metric_names, has_validation);
  std::vector<Dense<double>> columns;
  columns.reserve(names.size());
  for (std::size_t i = 1; i < names.size(); ++i)
    columns.push_back(numbers_at(reader, "history." + names[i], Shape{epochs}));
  std::vector<EpochRecord> records;
  for (std::size_t epoch = 0; epoch < epochs; ++epoch) {
    std::vector<double> row;
    row.reserve(columns.size());
    for (const Dense<double>& column : columns) row.push_back(column.data()[epoch]);
    records.push_back(record_of(epoch + 1, row, metric_names.size(), has_validation));
  }
  return records;
}

// ---- The position's own part.

constexpr const char* whole_numbers[] = {"epoch",           "batch",       "batches",        "pass",
                                         "validation_pass", "random_seed", "random_counter", "bad_epochs",
                                         "best_epoch",      "seed",        "validation_seed"};

template <class T>
std::array<std::uint64_t, std::size(whole_numbers)> counts_of(const Position<T>& p) {
  return {p.epoch,          p.batch,           p.batches,
          p.pass,           p.validation_pass, p.random.seed,
          p.random.counter, p.bad_epochs,      p.history.best_epoch,
          p.seed,           p.validation_seed};
}

template <class T>
Arrays<T> arrays_of(const Position<T>& position) {
  Arrays<T> arrays;
  const auto counts = counts_of(position);
  for (std::size_t i = 0; i < counts.size(); ++i)
    arrays.emplace_back(whole_numbers[i], words_of<T>(counts[i]));
  const Sums& sums = position.sums;
  const auto number = [&](const std::string& name, double value) {
    arrays.emplace_back(name, optim::number_array<T>(value));
  };
  number("seconds", position.seconds);
  number("best", position.best);
  number("sums.samples", sums.samples);
  number("sums.loss", sums.loss);
  for (std::size_t i = 0; i < sums.metrics.size(); ++i)
    number("sums." + position.history.metric_names[i], sums.metrics[i]);
  if (!position.history.epochs.empty()) append_history(arrays, position.history);
  return arrays;
}

/// That a training goes on in the order in which it began.
void check_seed(const char* what, std::uint64_t written, std::uint64_t here, bool drawn) {
  if (drawn || written == here) return;
  const auto text = [](std::uint64_t seed) {
    return seed == 0 ? std::string("0, or not at all") : std::to_string(seed);
  };
  throw ValueError(std::string("fit: its ") + what + " was shuffled by seed " + text(written) +
                   ", and here by " + text(here) + "; give the loader that .seed, or none");
}

template <class T>
Position<T> position_from(const Arrays<T>& arrays, const Position<T>& beginning, bool has_validation) {
  optim::StateReader<T> reader("fit", arrays);
  std::uint64_t counts[std::size(whole_numbers)];
  for (std::size_t i = 0; i < std::size(counts); ++i)
    counts[i] = from_words(whole_numbers[i], reader.array(whole_numbers[i], Shape{4}));
  Position<T> p = beginning;
  p.epoch = counts[0];
  p.batch = counts[1];
  p.pass = counts[3];
  p.validation_pass = counts[4];
  p.random = {counts[5], counts[6]};
  p.bad_epochs = counts[7];
  p.history.best_epoch = counts[8];
  p.seed = counts[9];
  p.validation_seed = counts[10];
  if (p.batch > 0 && counts[2] != p.batches)
    throw ValueError("fit: it was written in the middle of an epoch of " + std::to_string(counts[2]) +
                     " batches, and here are " + std::to_string(p.batches) +
                     "; give the loader that it was written with");
  check_seed("training", p.seed, beginning.seed, beginning.drew_seed);
  if (has_validation)
    check_seed("validation", p.validation_seed, beginning.validation_seed, beginning.drew_validation_seed);

  const std::vector<std::string>& metrics = p.history.metric_names;
  p.seconds = reader.number("seconds");
  p.best = reader.number("best");
  p.sums.samples = reader.number("sums.samples");
  p.sums.loss = reader.number("sums.loss");
  for (std::size_t i = 0; i < metrics.size(); ++i) p.sums.metrics[i] = reader.number("sums." + metrics[i]);
  if (p.epoch > 0) p.history.epochs = read_history(reader, p.epoch, metrics, has_validation);
  reader.finish();
  return p;
}

/// Sets what is trained to a checkpoint's parts; ValueError for a part that nothing here takes.
template <class T>
void load_trained(const Trained<T>& trained, const Arrays<T>& all) {
  const auto scheduler = numbers_of(all, "scheduler."), plateau = numbers_of(all, "plateau.");
  if ((trained.scheduler == nullptr && !scheduler.empty()) ||
      (trained.plateau == nullptr && !plateau.empty()))
    throw ValueError(
        "fit: it has a schedule's state; give the scheduler or plateau that it was written with");
  trained.model.load_state(part_of(all, "model."));
  if (trained.scheduler != nullptr) trained.scheduler->load_state(scheduler);
  if (trained.plateau != nullptr) trained.plateau->load_state(plateau);
  trained.optimizer.load_state(part_of(all, "optimizer."));  // the rates in force are among it
}

template <class T>
Arrays<T> arrays_of(const Trained<T>& trained) {
  Arrays<T> all;
  append(all, "model.", trained.model.state());
  append(all, "optimizer.", trained.optimizer.state());
  if (trained.scheduler != nullptr) append_numbers(all, "scheduler.", trained.scheduler->state());
  if (trained.plateau != nullptr) append_numbers(all, "plateau.", trained.plateau->state());
  return all;
}

}  // namespace

void Sums::add(std::size_t count, double mean_loss, const std::vector<double>& mean_metrics) {
  const auto weight = static_cast<double>(count);
  samples += weight;
  loss += weight * mean_loss;
  for (std::size_t i = 0; i < metrics.size(); ++i) metrics[i] += weight * mean_metrics[i];
}

std::vector<double> Sums::mean_metrics() const {
  std::vector<double> means;
  for (double sum : metrics) means.push_back(sum / samples);
  return means;
}

template <class T>
void write_checkpoint(const std::string& path, const Trained<T>& trained, const Position<T>& position) {
  Arrays<T> all = arrays_of(trained);
  append(all, "fit.", arrays_of(position));
  append(all, "best.", position.best_model);
  io::save_arrays<T>(all, path);
}

template <class T>
Position<T> read_checkpoint(const std::string& path, const Trained<T>& trained, const Position<T>& beginning,
                            bool has_validation) {
  const Arrays<T> all = io::load_arrays<T>(path);
  const Arrays<T> before = arrays_of(trained);
  try {
    Position<T> position = position_from(part_of(all, "fit."), beginning, has_validation);
    position.best_model = part_of(all, "best.");
    try {
      // The best state is tried on, so that a bad one is found now rather than at the end.
      if (!position.best_model.empty()) trained.model.load_state(position.best_model);
      load_trained(trained, all);
    } catch (...) {
      load_trained(trained, before);
      throw;
    }
    return position;
  } catch (...) {
    io::detail::rethrow_for(path);
  }
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers(
    []<class T>() { return std::make_tuple(write_checkpoint<T>, read_checkpoint<T>); });

}  // namespace xgrad::train::detail
