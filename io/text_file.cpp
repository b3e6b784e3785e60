#include "text_file.hpp"

#include <fstream>

#include "ending.hpp"
#include "whole_file.hpp"

namespace xgrad::io {

void check_ending(const char* operation, const std::string& path, std::string_view ending) {
  struct Format {
    std::string_view ending;
  };
  const Format formats[] = {{ending}};
  chosen_format(operation, path, formats);
}

void write_text(const char* operation, const std::string& path, std::string_view text) {
  write_whole_file(path, [&](const std::string& unfinished) {
    std::ofstream out(unfinished, std::ios::binary);
    out << text;
    if (!out.flush())
      throw IoError(std::string(operation) + ": could not write " + unfinished + "; is the disk full?");
  });
}

}  // namespace xgrad::io
