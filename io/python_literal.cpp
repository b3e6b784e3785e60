#include "python_literal.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace xgrad::io {
namespace {

using Kind = PythonLiteral::Kind;

constexpr int deepest = 16;

bool is_word(char letter) { return std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '_'; }

class Parser {
 public:
  Parser(std::string_view text, bool python2) : rest_(text), python2_(python2) {}

  std::optional<PythonLiteral> parse() {
    std::optional<PythonLiteral> value = read_value(0);
    skip_blanks();
    return rest_.empty() ? value : std::nullopt;
  }

 private:
  using Result = std::optional<PythonLiteral>;

  void skip_blanks() {
    while (!rest_.empty()) {
      if (rest_[0] == '#') {
        rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
      } else if (std::string_view(" \t\n\r\f").find(rest_[0]) != std::string_view::npos) {
        rest_.remove_prefix(1);
      } else {
        return;
      }
    }
  }
  bool take(std::string_view token) {
    skip_blanks();
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  std::string_view take_word() {
    std::size_t length = 0;
    while (length < rest_.size() && is_word(rest_[length])) ++length;
    const std::string_view word = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return word;
  }

  Result read_value(int depth) {
    if (depth > deepest) return std::nullopt;
    if (take("(")) return read_items(Kind::tuple, ")", depth);
    if (take("[")) return read_items(Kind::list, "]", depth);
    if (take("{")) return read_items(Kind::dictionary, "}", depth);
    if (begins_string()) return read_strings();
    if (take("-")) return read_number(true);
    if (take("+")) return read_number(false);
    if (!rest_.empty() && std::isdigit(static_cast<unsigned char>(rest_[0])) != 0) return read_number(false);
    const std::string_view word = take_word();
    if (word == "None") return PythonLiteral{};
    if (word != "True" && word != "False") return std::nullopt;
    PythonLiteral truth{.kind = Kind::boolean};
    truth.number = word == "True" ? 1 : 0;
    return truth;
  }

  /// Up to the bracket that closes. What stands alone in parentheses is itself, and no tuple.
  Result read_items(Kind kind, std::string_view close, int depth) {
    PythonLiteral all{.kind = kind};
    bool comma = true, any_comma = false;
    while (!take(close)) {
      if (!comma) return std::nullopt;
      Result item = read_value(depth + 1);
      if (!item) return std::nullopt;
      all.items.push_back(std::move(*item));
      if (kind == Kind::dictionary) {
        Result value = take(":") ? read_value(depth + 1) : std::nullopt;
        if (!value) return std::nullopt;
        all.items.push_back(std::move(*value));
      }
      comma = take(",");
      any_comma = any_comma || comma;
    }
    if (kind == Kind::tuple && all.items.size() == 1 && !any_comma) return std::move(all.items[0]);
    return all;
  }

  /// Digits of base 2, 8, 10 or 16, with single underscores between them.
  Result read_number(bool negative) {
    skip_blanks();
    std::string word(take_word());
    if (python2_ && word.ends_with('L')) word.pop_back();
    int base = 10;
    std::string_view digits = word;
    if (word.size() > 2 && word[0] == '0' && std::isalpha(static_cast<unsigned char>(word[1])) != 0) {
      const char letter = static_cast<char>(std::tolower(static_cast<unsigned char>(word[1])));
      base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
      digits.remove_prefix(2);
      if (digits.starts_with('_')) digits.remove_prefix(1);
    }
    if (base == 0 || digits.empty() || digits.starts_with('_') || digits.ends_with('_') ||
        digits.find("__") != digits.npos)
      return std::nullopt;
    std::string plain(digits);
    std::erase(plain, '_');
    // 010 was eight in Python 2 and is nothing in Python 3.
    if (base == 10 && plain[0] == '0' && plain.find_first_not_of('0') != plain.npos) return std::nullopt;
    PythonLiteral number{.kind = Kind::integer};
    number.negative = negative;
    const auto [end, error] = std::from_chars(plain.data(), plain.data() + plain.size(), number.number, base);
    if (error != std::errc{} || end != plain.data() + plain.size() || rest_.starts_with('.'))
      return std::nullopt;
    return number;
  }

  /// How many letters stand before the quote of a string; bytes and formatted strings are none.
  std::size_t prefix_length() const {
    return !rest_.empty() && std::string_view("uUrR").find(rest_[0]) != std::string_view::npos ? 1 : 0;
  }
  bool begins_string() {
    skip_blanks();
    const std::size_t at = prefix_length();
    return at < rest_.size() && (rest_[at] == '\'' || rest_[at] == '"');
  }

  /// Strings side by side are one.
  Result read_strings() {
    PythonLiteral all{.kind = Kind::text};
    while (begins_string())
      if (!read_string(all.text)) return std::nullopt;
    return all;
  }

  bool read_string(std::string& text) {
    const bool raw = rest_[0] == 'r' || rest_[0] == 'R';
    rest_.remove_prefix(prefix_length());
    const std::string_view three = rest_.substr(0, 3);
    const bool is_long = three == "'''" || three == "\"\"\"";
    const std::string quote(rest_.substr(0, is_long ? 3 : 1));
    rest_.remove_prefix(quote.size());
    while (!rest_.starts_with(quote)) {
      if (rest_.empty() || (!is_long && rest_[0] == '\n')) return false;
      if (rest_[0] == '\\') {
        if (raw || !read_escape(text)) return false;
        continue;
      }
      text += rest_[0];
      rest_.remove_prefix(1);
    }
    rest_.remove_prefix(quote.size());
    return true;
  }

  /// Of those that a header may be thought to have: quotes, a backslash, and hexadecimal digits.
  bool read_escape(std::string& text) {
    const char letter = rest_.size() > 1 ? rest_[1] : '\0';
    unsigned code = 0;
    if (letter == '\\' || letter == '\'' || letter == '"') {
      text += letter;
      rest_.remove_prefix(2);
      return true;
    }
    if (letter != 'x' || rest_.size() < 4) return false;
    const auto [end, error] = std::from_chars(rest_.data() + 2, rest_.data() + 4, code, 16);
    if (error != std::errc{} || end != rest_.data() + 4 || code > 127) return false;
    text += static_cast<char>(code);
    rest_.remove_prefix(4);
    return true;
  }

  std::string_view rest_;
  bool python2_;
};

}  // namespace

std::optional<PythonLiteral> parse_python_literal(std::string_view text, bool python2) {
  return Parser(text, python2).parse();
}

}  // namespace xgrad::io
