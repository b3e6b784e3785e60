#include "drawing.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>
#include <system_error>

#include <fmt/core.h>
#include <xgrad/core.hpp>

#include "program.hpp"

namespace fs = std::filesystem;

namespace plot {
namespace {

/// One script, two pictures. Doubled braces are fmt's way to write one.
constexpr std::string_view script =
    R"gnuplot(# Draws {name}.svg and {name}.png from the data beside it: gnuplot {name}.gp
set encoding utf8
do for [kind in "svg png"] {{
  reset
  if (kind eq "svg") {{
    set terminal svg size {width},{height} enhanced font "DejaVu Sans,12" background "white"
  }} else {{
    if (strstrt(GPVAL_TERMINALS, "pngcairo") > 0) {{
      set terminal pngcairo size {double_width},{double_height} enhanced font "DejaVu Sans,12" fontscale 2 linewidth 2 pointscale 2
    }} else {{
      set terminal png size {width},{height} enhanced
    }}
  }}
  set output "{name}." . kind
  set border linecolor "#404040"
  set tics textcolor "#404040" nomirror
  set datafile separator ","
  {commands}
  unset output
}}
)gnuplot";

std::string indented(std::string_view text) {
  std::string result;
  for (char c : text.substr(0, text.find_last_not_of('\n') + 1)) {
    result += c;
    if (c == '\n') result += "  ";
  }
  return result;
}

/// Where gnuplot and Graphviz put what went wrong, after the warnings.
std::string last_line(const std::string& text) {
  const std::size_t end = text.find_last_not_of(" \n");
  if (end == text.npos) return "no message";
  const std::size_t before = text.rfind('\n', end);
  return before == text.npos ? text.substr(0, end + 1) : text.substr(before + 1, end - before);
}

}  // namespace

Drawing::Drawing(fs::path folder, bool draws) : folder_(std::move(folder)), draws_(draws) {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error || !fs::is_directory(folder_))
    throw xgrad::IoError("output folder: cannot create " + folder_.string() + " (" +
                         (error ? error.message() : "a file of this name is in the way") +
                         "); choose another one");
}

void Drawing::write(const std::string& name, const std::string& text) const {
  const fs::path path = folder_ / name;
  errno = 0;
  std::ofstream out(path, std::ios::binary);
  out << text << std::flush;
  if (!out)
    throw xgrad::IoError("write: cannot write " + path.string() + " (" +
                         (errno == 0 ? "unknown cause" : std::strerror(errno)) +
                         "); free the place or choose another folder");
}

void Drawing::gnuplot(const std::string& name, Size size, const std::string& commands) {
  write(name + ".gp",
        fmt::format(script, fmt::arg("name", name), fmt::arg("commands", indented(commands)),
                    fmt::arg("width", size.width), fmt::arg("height", size.height),
                    fmt::arg("double_width", 2 * size.width), fmt::arg("double_height", 2 * size.height)));
  run("gnuplot", "gnuplot-nox", {"--default-settings", name + ".gp"});
}

void Drawing::graphviz(const std::string& name, const std::string& graph) {
  write(name + ".dot", graph);
  run("dot", "graphviz",
      {"-Tsvg", "-o" + name + ".svg", "-Tpng", "-Gdpi=144", "-o" + name + ".png", name + ".dot"});
}

void Drawing::run(const std::string& program, const std::string& package,
                  const std::vector<std::string>& arguments) {
  if (!draws_) return;
  const auto found = find_program(program);
  if (!found) {
    remark(
        fmt::format("{0} is not installed, so some pictures were not drawn, only their data written to {1}: "
                    "install it (Debian, Ubuntu: apt install {2}) and run this again",
                    program, folder_.string(), package));
    return;
  }
  const Outcome outcome = run_program(*found, arguments, folder_);
  if (outcome.exit_code != 0)
    remark(fmt::format("{} could not draw {}: {} (exit code {})", program,
                       (folder_ / arguments.back()).string(), last_line(outcome.errors), outcome.exit_code));
}

void Drawing::remark(const std::string& text) {
  if (std::find(remarks_.begin(), remarks_.end(), text) == remarks_.end()) remarks_.push_back(text);
}

}  // namespace plot
