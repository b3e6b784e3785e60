// What a training's page holds, for the tests that read it.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/xgrad.hpp>

#include <nlohmann/json.hpp>

#include "../io/temporary_folder.hpp"

namespace xgrad::testing {

using Json = nlohmann::json;

/// What the page holds; the page is whole, and one file.
inline Json data_of(const std::string& path) {
  const std::string text = read_bytes(path);
  CHECK(text.starts_with("<!DOCTYPE html>"));
  CHECK(text.ends_with("</html>\n"));
  for (const char* elsewhere : {"<link", "src=", "@import", "url(", "http-equiv"})
    CHECK(text.find(elsewhere) == text.npos);
  const std::string begins = "id=\"data\">\n", ends = "\n</script>";
  const std::size_t begin = text.find(begins) + begins.size();
  return Json::parse(text.substr(begin, text.find(ends, begin) - begin));
}

inline double number_or_nan(const Json& number) { return number.is_null() ? NAN : number.get<double>(); }

/// The rows are the history's, bit for bit.
inline void check_rows(const Json& data, const train::History& history) {
  CHECK(data["columns"] == history.columns());
  REQUIRE(data["rows"].size() == history.epochs.size());
  for (std::size_t i = 0; i < history.epochs.size(); ++i) {
    const std::vector<double> row = train::detail::row_of(history.epochs[i]);
    REQUIRE(data["rows"][i].size() == row.size() + 1);
    CHECK(data["rows"][i][0] == history.epochs[i].epoch);
    for (std::size_t k = 0; k < row.size(); ++k) {
      const double shown = number_or_nan(data["rows"][i][k + 1]);
      CHECK((shown == row[k] || (std::isnan(shown) && !std::isfinite(row[k]))));
    }
  }
}

/// The Euclidean norm of all parameters together.
inline double norm(const std::vector<Variable<double>>& parameters) {
  double squares = 0;
  for (const auto& parameter : parameters) squares += xt::sum(xt::square(parameter.value()))();
  return std::sqrt(squares);
}

}  // namespace xgrad::testing
