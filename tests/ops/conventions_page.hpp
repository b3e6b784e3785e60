// docs/conventions.md as its tests read it.
#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace xgrad::testing {

inline std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(' '), last = text.find_last_not_of(' ');
  return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

inline std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(trimmed(part));
  return parts;
}

inline std::vector<double> numbers(const std::string& text) {
  std::vector<double> all;
  for (const std::string& part : split(text, ',')) {
    std::size_t read = 0;
    all.push_back(std::stod(part, &read));
    REQUIRE(read == part.size());
  }
  return all;
}

inline std::string page_text() {
  const auto page = std::filesystem::path(__FILE__).parent_path() / "../../docs/conventions.md";
  std::ifstream in(page);
  REQUIRE_MESSAGE(in.good(), page.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Line {
  std::string text, section;
  bool is_second_order() const { return section == "Second derivatives at kinks"; }
};

/// The rows of all tables.
inline std::vector<Line> table_rows() {
  std::istringstream in(page_text());
  std::vector<Line> rows;
  std::string section;
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("## ", 0) == 0) section = line.substr(3);
    if (line.rfind("| ", 0) == 0 && line.rfind("| operation", 0) != 0) rows.push_back({line, section});
  }
  return rows;
}

}  // namespace xgrad::testing
