// docs/operations.md is made from the table of operations: this test makes it again and compares. With
// XGRAD_WRITE_DOCS set in the environment it writes the page instead.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "operation_row.hpp"

namespace {

using namespace xgrad::testing;

/// What an elementwise operation keeps for the gradients of all its inputs: "inputs 0, 1", "output",
/// "nothing".
std::string saved_by(const xgrad::detail::Elementwise& formula) {
  std::uint32_t reads = 0;
  bool output = false;
  for (std::size_t k = 0; k < formula.inputs(); ++k) {
    reads |= formula.gradient(k).reads;
    output = output || formula.gradient(k).reads_output;
  }
  std::string text;
  for (std::size_t i = 0; i < formula.inputs(); ++i)
    if (reads >> i & 1) text += (text.empty() ? "input " : ", ") + std::to_string(i);
  if (output) text += text.empty() ? "output" : ", output";
  return text.empty() ? "nothing" : text;
}

std::string made_page() {
  std::map<std::string, std::string> saved;  // by elementwise operations
  for (const xgrad::detail::Elementwise* formula : registered_formulas()) {
    std::string& text = saved[std::string(formula->name())];
    text += (text.empty() ? "" : " or ") + saved_by(*formula);
  }
  std::map<std::string, std::string> variants;
  std::map<std::string, std::size_t> inputs;
  for (const OperationRow& row : all_rows()) {
    std::string& text = variants[row.operation];
    if (!row.variant.empty()) text += (text.empty() ? "" : "; ") + row.variant;
    inputs[row.operation] = std::max(inputs[row.operation], row.arguments.size());
  }
  std::ostringstream page;
  page << "# Operations\n\n"
          "Every operation that the library registers, as the test table has it; the page is made from that "
          "table, and a test\n"
          "fails when it is stale. Each is checked in value against plain loops, in float and double, and in "
          "its gradients against\n"
          "numerical ones: first and second order, reverse and forward mode. \"Saves\" is what an "
          "elementwise operation keeps when\n"
          "all of its inputs need a gradient; it keeps less when fewer do. Functions that are composed of "
          "these (`split`,\n"
          "`einsum`, `gather` ...) have no row of their own.\n\n"
          "| operation | kind | inputs | saves | also checked as |\n|---|---|---|---|---|\n";
  std::map<std::string, bool> written;
  for (const std::string& name : registered_operations()) {
    if (std::exchange(written[name], true)) continue;
    const bool elementwise = saved.contains(name);
    page << "| " << name << " | " << (elementwise ? "elementwise" : "structural") << " | " << inputs[name]
         << " | " << (elementwise ? saved[name] : "") << " | " << variants[name] << " |\n";
  }
  return page.str();
}

}  // namespace

TEST_CASE("docs/operations.md is what the table of operations says") {
  const auto path = std::filesystem::path(__FILE__).parent_path() / "../../docs/operations.md";
  const std::string page = made_page();
  if (std::getenv("XGRAD_WRITE_DOCS") != nullptr) std::ofstream(path) << page;
  std::ifstream in(path);
  std::stringstream found;
  found << in.rdbuf();
  INFO("stale; run this test with XGRAD_WRITE_DOCS=1 to make the page again");
  CHECK(found.str() == page);
}
