// Times and bytes as people read them.
#pragma once

#include <cstddef>
#include <string>

namespace xgrad::detail {

/// That many digits, but never less than the whole number has.
std::string number_text(double number, int digits);
/// Three digits and a unit: "1.23 ms".
std::string time_text(double seconds);
/// "123 kB", of 1000 bytes each.
std::string bytes_text(std::size_t bytes);
/// Now, as ISO 8601 has it, with the zone.
std::string date_text();

}  // namespace xgrad::detail
