#include <algorithm>
#include <ostream>
#include <sstream>

#include "gradcheck.hpp"

namespace xgrad {
namespace {

/// A number with so many digits, whatever the stream's own settings are.
std::string digits(double number, int count) {
  std::ostringstream text;
  text.precision(count);
  text << number;
  return text.str();
}

std::string plural(std::size_t count, const std::string& noun) {
  return std::to_string(count) + ' ' + noun + (count == 1 ? "" : "s");
}

void print_element(std::ostream& out, const GradcheckElement& element) {
  out << to_string(element.index) << ": analytic " << digits(element.analytic, 9);
  if (!element.problem.empty()) {
    out << "; " << element.problem;
    return;
  }
  if (element.kink) {
    out << " at a kink from " << digits(element.left, 9) << " to " << digits(element.right, 9);
    if (!element.ok()) out << ", outside by " << digits(element.error, 2);
    return;
  }
  out << ", numeric " << digits(element.numeric, 9) << " +- " << digits(element.numeric_error, 2)
      << ", error " << digits(element.error, 2);
  const double size = std::max(std::abs(element.analytic), std::abs(element.numeric));
  if (size > 0) out << " (relative " << digits(element.error / size, 2) << ')';
  if (!element.ok()) out << ", allowed " << digits(element.allowed, 2);
}

void print_list(std::ostream& out, const std::string& title, const std::vector<GradcheckElement>& elements,
                std::size_t count) {
  if (count == 0) return;
  out << "    " << title << ":\n";
  for (const GradcheckElement& element : elements) {
    out << "      ";
    print_element(out, element);
    out << '\n';
  }
  if (count > elements.size()) out << "      and " << count - elements.size() << " more\n";
}

void print_part(std::ostream& out, const GradcheckPart& part) {
  out << "  " << part.what << ' ' << to_string(part.shape) << ": " << part.checked << " of "
      << plural(element_count(part.shape), "element");
  if (part.worst) {
    out << ", worst ";
    print_element(out, *part.worst);
  }
  out << '\n';
  if (part.too_small)
    out << "    none is above " << digits(part.largest, 2)
        << ", which is less than absolute_tolerance: anything would pass; scale the function up\n";
  print_list(out, plural(part.failure_count, "element") + (part.failure_count == 1 ? " differs" : " differ"),
             part.failures, part.failure_count);
  print_list(out, plural(part.kink_count, "kink") + " stepped over", part.kinks, part.kink_count);
}

}  // namespace

bool GradcheckReport::ok() const noexcept {
  return problem_.empty() && std::all_of(parts_.begin(), parts_.end(),
                                         [](const GradcheckPart& part) { return part.failure_count == 0; });
}

std::size_t GradcheckReport::kinks() const noexcept {
  std::size_t count = 0;
  for (const GradcheckPart& part : parts_) count += part.kink_count;
  return count;
}

std::ostream& operator<<(std::ostream& out, const GradcheckReport& report) {
  std::ostringstream text;
  std::size_t checked = 0, failed = 0;
  for (const GradcheckPart& part : report.parts()) {
    checked += part.checked;
    failed += part.failure_count;
  }
  text << "gradcheck: ";
  if (!report.problem().empty())
    text << "failed, nothing could be checked: " << report.problem() << '\n';
  else if (failed > 0)
    text << "failed, " << failed << " of " << plural(checked, "element") << " differ\n";
  else
    text << "passed, " << plural(checked, "element") << " agree\n";
  for (const GradcheckPart& part : report.parts()) print_part(text, part);
  return out << text.str();
}

}  // namespace xgrad
