#include "summary.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace xgrad::nn {
namespace {

using Cells = std::array<std::string, 6>;

std::string shape_text(const std::optional<Shape>& shape) { return shape ? to_string(*shape) : "-"; }

std::string count_text(double count) { return std::to_string(std::llround(count)); }

Cells cells_of(const SummaryRow& row) {
  return {row.path.empty() ? "itself" : row.path,
          row.type,
          shape_text(row.output),
          std::to_string(row.bytes),
          count_text(row.flops),
          std::to_string(row.parameters)};
}

}  // namespace

std::string summary_table(const std::optional<Shape>& input, const std::vector<SummaryRow>& rows,
                          std::size_t frozen) {
  const SummaryRow& root = rows.front();
  const bool shows_root = rows.size() == 1 || root.parameters > 0 || root.flops > 0;
  std::size_t parameters = 0, bytes = 0;
  double flops = 0;
  for (const SummaryRow& row : rows) {
    parameters += row.parameters;
    flops += row.flops;
    bytes += row.bytes;
  }

  std::vector<Cells> table{{"layer", "type", "output", "bytes", "FLOPs", "parameters"}};
  for (std::size_t i = shows_root ? 0 : 1; i < rows.size(); ++i) table.push_back(cells_of(rows[i]));
  table.push_back({"total", "", "", std::to_string(bytes), count_text(flops), std::to_string(parameters)});
  if (frozen > 0) table.push_back({"frozen", "", "", "", "", std::to_string(frozen)});

  std::array<std::size_t, 6> widths{};
  for (const Cells& cells : table)
    for (std::size_t column = 0; column < cells.size(); ++column)
      widths[column] = std::max(widths[column], cells[column].size());

  std::string text = root.type + ": " + (input ? "input " + to_string(*input) + ", " : std::string()) +
                     "output " + shape_text(root.output) + "\n\n";
  for (const Cells& cells : table) {
    std::string line;
    for (std::size_t column = 0; column < cells.size(); ++column) {
      const std::string space(widths[column] - cells[column].size(), ' ');
      line += (column < 3 ? cells[column] + space : space + cells[column]) + "  ";
    }
    text += line.substr(0, line.size() - 2) + '\n';
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
