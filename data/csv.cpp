#include "csv.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>
#include <unordered_set>

#include "../core/array/instantiate.hpp"
#include "files.hpp"

namespace xgrad::data {
namespace {

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

bool ends_line(char letter) { return letter == '\n' || letter == '\r'; }

/// Takes a text apart. A line ends with \n, \r or both, and outside of quotes only.
class Scanner {
 public:
  Scanner(std::string_view text, char separator) : rest_(text), separator_(separator) {}

  /// Passes over lines of nothing but blanks; false at the end of the text.
  bool find_record() {
    while (!rest_.empty()) {
      std::size_t at = 0;
      while (at < rest_.size() && rest_[at] != separator_ && (rest_[at] == ' ' || rest_[at] == '\t')) ++at;
      if (at < rest_.size() && !ends_line(rest_[at])) return true;
      take(at);
      take_line_end();
    }
    return false;
  }

  /// The next field of a line; false if it is the line's last.
  bool next_field(std::string& field) {
    field.clear();
    const std::size_t start = rest_.find_first_not_of(' ');
    if (start != rest_.npos && rest_[start] == '"') take_quoted(start + 1, field);
    std::size_t end = 0;
    while (end < rest_.size() && rest_[end] != separator_ && !ends_line(rest_[end])) ++end;
    field += trimmed(rest_.substr(0, end));
    take(end);
    if (!rest_.empty() && rest_[0] == separator_) {
      take(1);
      return true;
    }
    take_line_end();
    return false;
  }

  /// The one that is being read, from 1.
  std::size_t line() const noexcept { return line_; }
  /// True if a quote was never closed: the text is used up then.
  bool is_open() const noexcept { return open_; }

 private:
  void take(std::size_t count) { rest_.remove_prefix(count); }

  void take_line_end() {
    if (rest_.empty()) return;
    take(rest_.starts_with("\r\n") ? 2 : 1);
    ++line_;
  }

  /// From `at`, behind the quote that opens.
  void take_quoted(std::size_t at, std::string& field) {
    for (; at < rest_.size() && (rest_[at] != '"' || rest_.substr(at, 2) == "\"\""); ++at) {
      field += rest_[at];
      // \r\n is counted at its \n.
      if (rest_[at] == '\n' || (rest_[at] == '\r' && rest_.substr(at, 2) != "\r\n")) ++line_;
      if (rest_[at] == '"') ++at;  // two quotes stand for one
    }
    open_ = at >= rest_.size();
    take(std::min(at + 1, rest_.size()));
  }

  std::string_view rest_;
  char separator_;
  std::size_t line_ = 1;
  bool open_ = false;
};

/// True if what from_chars found to be no T of normal size is too small rather than too large. `text` is a
/// number in decimal notation, and not 0.
bool is_tiny(std::string_view text) {
  const std::size_t exponent = std::min(text.find_first_of("eE"), text.size());
  const std::string_view digits = text.substr(0, exponent);
  const std::size_t first = std::min(digits.find_first_of("123456789"), digits.size());
  const std::size_t point = std::min(digits.find('.'), digits.size());
  // The power of ten of the first digit that is not 0, or one more.
  const auto scale = static_cast<long long>(point) - static_cast<long long>(first);
  if (exponent == text.size()) return scale < 0;
  std::string_view power = text.substr(exponent + 1);
  if (power.starts_with('+')) power.remove_prefix(1);
  long long number = 0;
  const auto [stopped, error] = std::from_chars(power.data(), power.data() + power.size(), number);
  if (error != std::errc{}) return power.starts_with('-');
  return number < -scale;
}

/// What is wrong with a field, or nothing; `number` is the nearest T to its value then: 0 for what is smaller
/// than any.
template <class T>
std::string read_number(std::string_view text, T& number) {
  if (text.empty() || text == "NA" || text == "NaN" || text == "nan") return "is missing";
  const std::size_t sign = text.size() > 1 && text[0] == '+' && text[1] != '-' ? 1 : 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data() + sign, end, number);
  if (stopped == end && error == std::errc::result_out_of_range && is_tiny(text)) {
    number = text[0] == '-' ? -T(0) : T(0);
    return {};
  }
  if (error != std::errc{} || stopped != end || !std::isfinite(number))
    return "is '" + std::string(text) + "', not a finite number";
  return {};
}

/// One pass over the records of a file.
template <class T>
class Reader {
 public:
  Reader(const std::string& path, const CsvOptions& options) : path_(path), options_(options) {
    if (options.separator == '"' || ends_line(options.separator))
      throw ValueError("load_csv: a quote or a line break cannot be the separator; give another");
  }

  CsvTable<T> read() {
    const std::string bytes = read_file("load_csv", path_);
    std::string_view text = bytes;
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // a byte order mark
    Scanner scanner(text, options_.separator);
    bool first = true;
    while (scanner.find_record()) {
      line_ = scanner.line();
      read_record(scanner);
      if (first) set_columns();
      if (!first || !options_.header) append_row();
      first = false;
    }
    if (rows_ == 0) throw IoError("load_csv: " + path_ + " has no rows; check the file");
    return table();
  }

 private:
  void read_record(Scanner& scanner) {
    bool more = true;
    for (field_count_ = 0; more; ++field_count_) {
      if (field_count_ == fields_.size()) fields_.emplace_back();
      more = scanner.next_field(fields_[field_count_]);
    }
    if (scanner.is_open()) throw IoError(place() + " opens a quote that nothing closes; close it");
  }

  void append_row() {
    if (field_count_ != columns_.size())
      throw IoError(place() + " has " + std::to_string(field_count_) + " fields, not " +
                    std::to_string(columns_.size()) +
                    " as the first line; mend the file or give its .separator");
    for (std::size_t column = 0; column < field_count_; ++column) {
      T number{};
      const std::string wrong = read_number(fields_[column], number);
      if (!wrong.empty())
        throw IoError(place() + ", column '" + columns_[column] + "' " + wrong +
                      "; fill it in or leave the row out");
      (column == target_ ? targets_ : inputs_).push_back(number);
    }
    ++rows_;
  }

  void set_columns() {
    columns_.assign(fields_.begin(), fields_.begin() + static_cast<std::ptrdiff_t>(field_count_));
    if (!options_.header)
      for (std::size_t column = 0; column < columns_.size(); ++column)
        columns_[column] = std::to_string(column);
    std::unordered_set<std::string_view> seen;
    for (const std::string& name : columns_)
      if (!seen.insert(name).second)
        throw ValueError("load_csv: two columns of " + path_ + " are called '" + name +
                         "'; give .header = false if the first line has no names");
    target_ = columns_.size();
    if (options_.target.empty()) return;
    target_ = static_cast<std::size_t>(std::find(columns_.begin(), columns_.end(), options_.target) -
                                       columns_.begin());
    if (target_ == columns_.size())
      throw ValueError("load_csv: no column of " + path_ + " is called '" + options_.target +
                       "'; choose the target among " + first_names());
  }

  /// The names that a message has room for.
  std::string first_names() const {
    constexpr std::size_t room = 20;
    std::string names;
    for (std::size_t column = 0; column < std::min(room, columns_.size()); ++column)
      names += (column == 0 ? "'" : ", '") + columns_[column] + "'";
    return columns_.size() > room ? names + " and " + std::to_string(columns_.size() - room) + " more"
                                  : names;
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
  std::size_t line_ = 0, rows_ = 0;  ///< line_ is where the record begins
  std::vector<std::string> fields_;  ///< of the record: its first field_count_
  std::size_t field_count_ = 0;
  std::vector<std::string> columns_;
  std::size_t target_ = 0;  ///< the number of columns if there is no target
  std::vector<T> inputs_, targets_;
};

}  // namespace

template <class T>
CsvTable<T> load_csv(const std::string& path, const CsvOptions& options) {
  return Reader<T>(path, options).read();
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() { return load_csv<T>; });

}  // namespace xgrad::data
