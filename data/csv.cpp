#include "csv.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

#include "files.hpp"

namespace xgrad::data {
namespace {

using Fields = std::vector<std::string>;

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

/// Reads one field from the front of `line`, which begins with the next one afterwards; false after the last.
bool next_field(std::string_view& line, char separator, std::string& field) {
  field.clear();
  const std::size_t start = line.find_first_not_of(' ');
  if (start != line.npos && line[start] == '"') {
    std::size_t at = start + 1;
    for (; at < line.size() && (line[at] != '"' || line.substr(at, 2) == "\"\""); ++at) {
      field += line[at];
      if (line[at] == '"') ++at;  // two quotes stand for one
    }
    line.remove_prefix(std::min(at + 1, line.size()));
  }
  const std::size_t end = line.find(separator);
  field += trimmed(line.substr(0, end));
  line.remove_prefix(end == line.npos ? line.size() : end + 1);
  return end != line.npos;
}

Fields split(std::string_view line, char separator) {
  Fields fields;
  std::string field;
  bool more = true;
  while (more) {
    more = next_field(line, separator, field);
    fields.push_back(field);
  }
  return fields;
}

/// What is wrong with a field, or nothing; `number` is its value then.
template <class T>
std::string read_number(std::string_view text, T& number) {
  if (text.empty() || text == "NA" || text == "NaN" || text == "nan") return "is missing";
  const std::size_t sign = text.size() > 1 && text[0] == '+' && text[1] != '-' ? 1 : 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data() + sign, end, number);
  if (error != std::errc{} || stopped != end || !std::isfinite(number))
    return "is '" + std::string(text) + "', not a finite number";
  return {};
}

/// One pass over the lines of a file.
template <class T>
class Reader {
 public:
  Reader(const std::string& path, const CsvOptions& options) : path_(path), options_(options) {}

  CsvTable<T> read() {
    const std::string bytes = read_file("load_csv", path_);
    std::string_view text = bytes;
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // a byte order mark
    text = text.substr(0, text.find_last_not_of(" \r\n") + 1);
    while (!text.empty()) {
      const std::size_t length = text.find('\n');
      ++line_;
      read_line(split(text.substr(0, length), options_.separator));
      text.remove_prefix(length == text.npos ? text.size() : length + 1);
    }
    if (rows_ == 0) throw IoError("load_csv: " + path_ + " has no rows; check the file");
    return table();
  }

 private:
  void read_line(const Fields& fields) {
    if (line_ == 1) set_columns(fields);
    if (line_ == 1 && options_.header) return;
    if (fields.size() != columns_.size())
      throw IoError(place() + " has " + std::to_string(fields.size()) + " fields, not " +
                    std::to_string(columns_.size()) +
                    " as the first line; mend the file or give its .separator");
    for (std::size_t column = 0; column < fields.size(); ++column) {
      T number{};
      const std::string wrong = read_number(fields[column], number);
      if (!wrong.empty())
        throw IoError(place() + ", column '" + columns_[column] + "' " + wrong +
                      "; fill it in or leave the row out");
      (column == target_ ? targets_ : inputs_).push_back(number);
    }
    ++rows_;
  }

  void set_columns(const Fields& fields) {
    columns_ = fields;
    if (!options_.header)
      for (std::size_t column = 0; column < columns_.size(); ++column)
        columns_[column] = std::to_string(column);
    for (auto name = columns_.begin(); name != columns_.end(); ++name)
      if (std::find(columns_.begin(), name, *name) != name)
        throw ValueError("load_csv: two columns of " + path_ + " are called '" + *name +
                         "'; give .header = false if the first line has no names");
    target_ = static_cast<std::size_t>(std::find(columns_.begin(), columns_.end(), options_.target) -
                                       columns_.begin());
    if (target_ < columns_.size() || options_.target.empty()) return;
    std::string names;
    for (const std::string& name : columns_) names += (names.empty() ? "'" : ", '") + name + "'";
    throw ValueError("load_csv: no column of " + path_ + " is called '" + options_.target +
                     "'; choose the target among " + names);
  }

  std::string place() const { return "load_csv: line " + std::to_string(line_) + " of " + path_; }

  CsvTable<T> table() {
    const bool has_target = target_ < columns_.size();
    if (has_target) columns_.erase(columns_.begin() + static_cast<std::ptrdiff_t>(target_));
    Dense<T> inputs(Shape{rows_, columns_.size()}), targets(Shape{has_target ? rows_ : 0});
    std::copy(inputs_.begin(), inputs_.end(), inputs.mutable_data());
    std::copy(targets_.begin(), targets_.end(), targets.mutable_data());
    return {to_array(std::move(inputs)), to_array(std::move(targets)), std::move(columns_)};
  }

  const std::string& path_;
  const CsvOptions& options_;
  std::size_t line_ = 0, rows_ = 0;
  std::vector<std::string> columns_;
  std::size_t target_ = 0;  ///< the number of columns if there is no target
  std::vector<T> inputs_, targets_;
};

}  // namespace

template <class T>
CsvTable<T> load_csv(const std::string& path, const CsvOptions& options) {
  return Reader<T>(path, options).read();
}

template CsvTable<float> load_csv(const std::string&, const CsvOptions&);
template CsvTable<double> load_csv(const std::string&, const CsvOptions&);

}  // namespace xgrad::data
