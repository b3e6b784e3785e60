#include "program_listing.hpp"

#include <algorithm>
#include <ostream>
#include <sstream>

#include "../core/array/error.hpp"

namespace xgrad {
namespace {

using Row = std::vector<std::string>;

std::string number_text(double number) {
  std::ostringstream text;
  text.precision(15);
  text << number;
  return text.str();
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

constexpr std::size_t bytes_column = 4, flops_column = 5, block_column = 6, group_column = 7;

Row row_of(const ProgramInstruction& instruction, std::size_t number) {
  return {"%" + std::to_string(number),
          instruction.operation,
          joined(instruction.inputs),
          instruction.elements + " " + to_string(instruction.shape),
          std::to_string(instruction.bytes),
          number_text(instruction.flops),
          instruction.block ? std::to_string(*instruction.block) : "",
          instruction.group ? std::to_string(*instruction.group) : "",
          instruction.scope};
}

}  // namespace

const ProgramInstruction& ProgramListing::operator[](std::size_t number) const {
  if (number < size()) return instructions_[number];
  throw ValueError("ProgramListing: there is no instruction " + std::to_string(number) + " among " +
                   std::to_string(size()));
}

std::ostream& operator<<(std::ostream& out, const ProgramListing& listing) {
  std::vector<Row> rows{{"", "operation", "inputs", "gives", "bytes", "FLOPs", "block", "group", "scope"}};
  std::size_t bytes = 0;
  double flops = 0;
  for (const ProgramInstruction& instruction : listing) {
    bytes += instruction.bytes;
    flops += instruction.flops;
    rows.push_back(row_of(instruction, rows.size() - 1));
  }
  const bool has_blocks = std::any_of(listing.begin(), listing.end(),
                                      [](const auto& instruction) { return instruction.block.has_value(); });
  const bool has_groups = std::any_of(listing.begin(), listing.end(),
                                      [](const auto& instruction) { return instruction.group.has_value(); });
  rows.push_back({"", std::to_string(listing.size()) + " instructions", "", "", std::to_string(bytes),
                  number_text(flops), "", "", ""});
  std::vector<std::size_t> widths(rows.front().size(), 0);
  for (const Row& row : rows)
    for (std::size_t k = 0; k < row.size(); ++k) widths[k] = std::max(widths[k], row[k].size());
  std::ostringstream text;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t k = 0; k < row.size(); ++k) {
      if ((k == block_column && !has_blocks) || (k == group_column && !has_groups)) continue;
      const std::string space(widths[k] - row[k].size(), ' ');
      const bool is_number = k == bytes_column || k == flops_column;
      line += (k > 0 ? "  " : "") + (is_number ? space + row[k] : row[k] + space);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text << line << '\n';
  }
  return out << text.str();
}

}  // namespace xgrad
