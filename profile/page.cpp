#include "page.hpp"

#include <fstream>

#include "../io/ending.hpp"
#include "../io/whole_file.hpp"
#include "page_parts.hpp"

namespace xgrad::detail {
namespace {

/// A script ends at "</script>", also in the middle of a text.
void append_data(std::string& text, std::string_view data) {
  for (const char letter : data) {
    if (letter == '<')
      text += "\\u003c";
    else
      text += letter;
  }
}

}  // namespace

std::string page_text(const Page& page) {
  std::string text;
  text.reserve(page.data.size() + (std::size_t{1} << 16));
  text += "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
  text += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>";
  ((text += page.title) += "</title>\n<style>") += page_styles;
  (text += page.styles) += "</style>\n</head>\n<body>\n";
  (text += page.body) += data_begins;
  append_data(text, page.data);
  ((text += data_ends) += "\n<script>\n") += page_script;
  for (const std::string_view script : page.scripts) text += script;
  return text += "</script>\n</body>\n</html>\n";
}

void check_page_ending(const char* operation, const std::string& path) {
  struct Format {
    std::string_view ending;
  };
  static constexpr Format formats[] = {{".html"}};
  io::chosen_format(operation, path, formats);
}

void save_page(const char* operation, const std::string& path, const std::string& text) {
  io::write_whole_file(path, [&](const std::string& unfinished) {
    std::ofstream out(unfinished, std::ios::binary);
    out << text;
    if (!out.flush())
      throw IoError(std::string(operation) + ": could not write " + unfinished + "; is the disk full?");
  });
}

}  // namespace xgrad::detail
