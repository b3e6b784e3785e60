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
using xgrad::detail::Elementwise;
using xgrad::detail::Program;

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

/// A program as a formula: its inputs by name, and what is used twice said once, before the rest.
class FormulaText {
 public:
  FormulaText(const Program& program, std::vector<std::string> names)
      : program_(program), texts_(std::move(names)), uses_(program.inputs + program.steps.size()) {
    for (const Program::Step& step : program.steps)
      for (std::size_t i = 0; step.operation != nullptr && i < step.operation->inputs(); ++i)
        ++uses_[step.arguments[i]];
    // How tightly each text holds together: 0 a sum, 1 a product, 2 what needs no brackets.
    strengths_.resize(texts_.size(), 2);
    for (std::size_t value = program.inputs; value < uses_.size(); ++value) add(value);
  }

  std::string text() const {
    std::string said;
    for (const std::string& part : parts_) said += part + ", ";
    return said + texts_[program_.result()];
  }

 private:
  void add(std::size_t value) {
    const Program::Step& step = program_.step_of(value);
    auto [text, strength] = step.operation == nullptr ? number(step.constant) : applied(step);
    if (strength < 2 || text.size() > 8)
      if (uses_[value] > 1) {
        const std::string name = std::string(1, static_cast<char>('p' + parts_.size()));
        parts_.push_back(name + " = " + text);
        text = name;
        strength = 2;
      }
    texts_.push_back(text);
    strengths_.push_back(strength);
  }

  static std::pair<std::string, int> number(double x) {
    std::ostringstream text;
    text << x;
    return {text.str(), x < 0 ? 0 : 2};
  }

  std::string argument(const Program::Step& step, std::size_t i, int at_least) const {
    const std::size_t value = step.arguments[i];
    return strengths_[value] < at_least ? "(" + texts_[value] + ")" : texts_[value];
  }

  std::pair<std::string, int> applied(const Program::Step& step) const {
    const std::string name(step.operation->name());
    if (name == "add") return {argument(step, 0, 0) + " + " + argument(step, 1, 1), 0};
    if (name == "subtract") return {argument(step, 0, 0) + " - " + argument(step, 1, 1), 0};
    if (name == "negative") return {"-" + argument(step, 0, 1), 0};
    if (name == "multiply") return {argument(step, 0, 1) + " * " + argument(step, 1, 2), 1};
    if (name == "divide") return {argument(step, 0, 1) + " / " + argument(step, 1, 2), 1};
    std::string text = name + "(";
    for (std::size_t i = 0; i < step.operation->inputs(); ++i)
      text += (i == 0 ? "" : ", ") + argument(step, i, 0);
    return {text + ")", 2};
  }

  const Program& program_;
  std::vector<std::string> texts_;
  std::vector<int> strengths_;
  std::vector<std::size_t> uses_;
  std::vector<std::string> parts_;
};

/// "dy * y" or "a: dy * b; b: dy * a".
std::string derivatives_of(const Elementwise& formula) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < formula.inputs(); ++i)
    names.push_back(formula.inputs() == 1 ? "x" : std::string(1, static_cast<char>('a' + i)));
  const std::vector<std::string> inputs = names;
  names.insert(names.end(), {"y", "dy"});
  std::string text;
  for (std::size_t k = 0; k < formula.inputs(); ++k)
    text += (k == 0 ? "" : "; ") + (inputs.size() == 1 ? "" : inputs[k] + ": ") + "`" +
            FormulaText(formula.gradient(k).program, names).text() + "`";
  return text;
}

/// The rules of differentiation of all formulas, to be read through.
std::string derivatives_section() {
  std::ostringstream text;
  text << "\n## Derivatives\n\n"
          "What each formula gives to its inputs, printed from the very program that higher orders run: `x`, "
          "or "
          "`a`, `b` ... are\n"
          "the inputs, `y` the value, `dy` the gradient that arrives at it.\n\n"
          "| operation | gives |\n|---|---|\n";
  for (const Elementwise* formula : registered_formulas())
    text << "| " << formula->name() << " | " << derivatives_of(*formula) << " |\n";
  return text.str();
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
  page << derivatives_section();
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
