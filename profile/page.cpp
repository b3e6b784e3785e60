#include "page.hpp"

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

}  // namespace xgrad::detail
