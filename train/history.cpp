#include "history.hpp"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <string_view>

#include "../core/array/error.hpp"
#include "../io/ending.hpp"
#include "../io/text_file.hpp"

namespace xgrad::train {
namespace {

/// The shortest text that reads back as the same number.
std::string text_of(double number) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, number).ptr};
}

std::string in_csv(const std::string& name) {
  if (name.find_first_of(",\"\r\n") == name.npos) return name;
  std::string quoted = "\"";
  for (char c : name) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + '"';
}

std::string in_json(const std::string& name) {
  std::string quoted = "\"";
  for (char c : name) {
    if (static_cast<unsigned char>(c) < 0x20) {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(c));
      quoted += code;
    } else {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
  }
  return quoted + '"';
}

bool has_validation(const History& history) {
  return !history.epochs.empty() && history.epochs.front().validation_loss.has_value();
}

}  // namespace

std::vector<std::string> detail::column_names(const std::vector<std::string>& metric_names,
                                              bool has_validation) {
  std::vector<std::string> names{"epoch", "loss"};
  names.insert(names.end(), metric_names.begin(), metric_names.end());
  if (has_validation) {
    names.push_back("validation_loss");
    for (const std::string& name : metric_names) names.push_back("validation_" + name);
  }
  names.insert(names.end(), {"learning_rate", "seconds"});
  return names;
}

std::vector<double> detail::row_of(const EpochRecord& record) {
  std::vector<double> row{record.loss};
  row.insert(row.end(), record.metrics.begin(), record.metrics.end());
  if (record.validation_loss) row.push_back(*record.validation_loss);
  row.insert(row.end(), record.validation_metrics.begin(), record.validation_metrics.end());
  row.insert(row.end(), {record.learning_rate, record.seconds});
  return row;
}

EpochRecord detail::record_of(std::size_t epoch, const std::vector<double>& row, std::size_t metrics,
                              bool has_validation) {
  const auto count = static_cast<std::ptrdiff_t>(metrics);
  auto next = row.begin();
  EpochRecord record;
  record.epoch = epoch;
  record.loss = *next++;
  record.metrics.assign(next, next + count);
  next += count;
  if (has_validation) {
    record.validation_loss = *next++;
    record.validation_metrics.assign(next, next + count);
    next += count;
  }
  record.learning_rate = *next++;
  record.seconds = *next++;
  return record;
}

std::vector<std::string> History::columns() const {
  return detail::column_names(metric_names, has_validation(*this));
}

std::string History::to_csv() const {
  std::string text;
  for (const std::string& name : columns()) {
    if (!text.empty()) text += ',';
    text += in_csv(name);
  }
  text += '\n';
  for (const EpochRecord& record : epochs) {
    text += std::to_string(record.epoch);
    for (double number : detail::row_of(record)) text += ',' + text_of(number);
    text += '\n';
  }
  return text;
}

std::string History::to_json() const {
  const auto boolean = [](bool value) { return value ? "true" : "false"; };
  std::string text = "{\n  \"interrupted\": " + std::string(boolean(interrupted)) +
                     ",\n  \"stopped_early\": " + boolean(stopped_early) +
                     ",\n  \"best_epoch\": " + std::to_string(best_epoch) + ",\n  \"epochs\": [";
  const std::vector<std::string> names = columns();
  const char* separator = "\n    {";
  for (const EpochRecord& record : epochs) {
    text += separator + in_json(names[0]) + ": " + std::to_string(record.epoch);
    const std::vector<double> row = detail::row_of(record);
    for (std::size_t i = 0; i < row.size(); ++i)
      text += ", " + in_json(names[i + 1]) + ": " + (std::isfinite(row[i]) ? text_of(row[i]) : "null");
    text += '}';
    separator = ",\n    {";
  }
  return text + (epochs.empty() ? "]\n}\n" : "\n  ]\n}\n");
}

void History::save(const std::string& path) const {
  struct Format {
    std::string_view ending;
    std::string (History::*text)() const;
  };
  static constexpr Format formats[] = {{".csv", &History::to_csv}, {".json", &History::to_json}};
  io::write_text("History::save", path, (this->*io::chosen_format("History::save", path, formats).text)());
}

}  // namespace xgrad::train
