#include "summary.hpp"

#include <algorithm>
#include <array>

namespace xgrad::nn {
namespace {

using Cells = std::array<std::string, 4>;

std::string shape_text(const std::optional<Shape>& shape) { return shape ? to_string(*shape) : "-"; }

Cells cells_of(const SummaryRow& row) {
  return {row.path.empty() ? "itself" : row.path, row.type, shape_text(row.output),
          std::to_string(row.parameters)};
}

}  // namespace

std::string summary_table(const std::optional<Shape>& input, const std::vector<SummaryRow>& rows,
                          std::size_t frozen) {
  const SummaryRow& root = rows.front();
  const bool shows_root = rows.size() == 1 || root.parameters > 0;
  std::size_t total = 0;
  for (const SummaryRow& row : rows) total += row.parameters;

  std::vector<Cells> table{{"layer", "type", "output", "parameters"}};
  for (std::size_t i = shows_root ? 0 : 1; i < rows.size(); ++i) table.push_back(cells_of(rows[i]));
  table.push_back({"total", "", "", std::to_string(total)});
  if (frozen > 0) table.push_back({"frozen", "", "", std::to_string(frozen)});

  std::array<std::size_t, 4> widths{};
  for (const Cells& cells : table)
    for (std::size_t column = 0; column < cells.size(); ++column)
      widths[column] = std::max(widths[column], cells[column].size());

  std::string text = root.type + ": " + (input ? "input " + to_string(*input) + ", " : std::string()) +
                     "output " + shape_text(root.output) + "\n\n";
  for (const Cells& cells : table) {
    for (std::size_t column = 0; column < 3; ++column)
      text += cells[column] + std::string(widths[column] - cells[column].size() + 2, ' ');
    text += std::string(widths[3] - cells[3].size(), ' ') + cells[3] + '\n';
  }
  return text;
}

std::string short_type_name(const std::string& type) {
  std::string name;
  std::size_t depth = 0;
  for (const char c : type) {
    if (c == '<') ++depth;
    if (depth == 0) name += c;
    if (c == '>' && depth > 0) --depth;
  }
  const std::size_t colon = name.rfind(':');
  return colon == std::string::npos ? name : name.substr(colon + 1);
}

}  // namespace xgrad::nn
