// Values written in Python, such as the header of an npy file.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xgrad::io {

/// A value as Python's ast.literal_eval() reads it. Of numbers, the whole ones.
struct PythonLiteral {
  enum class Kind { none, boolean, integer, text, tuple, list, dictionary };

  Kind kind = Kind::none;
  std::size_t number = 0;  ///< an integer's magnitude, a boolean's 0 or 1
  bool negative = false;
  std::string text = {};
  std::vector<PythonLiteral> items = {};  ///< a dictionary's are its keys, each before its value

  bool is(Kind wanted) const noexcept { return kind == wanted; }
};

/// Nothing if the text is something else, or nests too deep for a header. With `python2`, whole numbers may
/// end in L.
std::optional<PythonLiteral> parse_python_literal(std::string_view text, bool python2);

}  // namespace xgrad::io
