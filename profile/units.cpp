#include "units.hpp"

#include <cmath>
#include <ctime>
#include <iomanip>
#include <sstream>

namespace xgrad {
namespace {

/// Three digits and a unit: "1.23 ms".
std::string with_unit(double value, const char* const* units, double step, std::size_t count) {
  std::size_t unit = 0;
  while (unit + 1 < count && value >= step * 0.9995) {
    value /= step;
    ++unit;
  }
  return detail::number_text(value, value < 1 ? 2 : 3) + ' ' + units[unit];
}

}  // namespace

std::string detail::number_text(double number, int digits) {
  const double past = std::pow(10, digits);
  if (number >= past - 0.5) return std::to_string(std::llround(number));
  std::ostringstream text;
  text << std::setprecision(digits) << number;
  return text.str();
}

std::string detail::time_text(double seconds) {
  static constexpr const char* units[] = {"ns", "us", "ms", "s"};
  return with_unit(seconds * 1e9, units, 1000, 4);
}

std::string detail::bytes_text(std::size_t bytes) {
  static constexpr const char* units[] = {"B", "kB", "MB", "GB", "TB"};
  return with_unit(static_cast<double>(bytes), units, 1000, 5);
}

std::string detail::date_text() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  char text[32];
  return std::string(text, std::strftime(text, sizeof text, "%FT%T%z", &local));
}

}  // namespace xgrad
