// A folder that figures go to: data files and scripts always, pictures where gnuplot and Graphviz are
// installed.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace plot {

/// Width and height of a picture, in points of a screen; a PNG has twice as many pixels.
struct Size {
  int width, height;
};

class Drawing {
 public:
  /// Creates the folder; xgrad::IoError if that fails. Without `draws` no picture is drawn.
  explicit Drawing(std::filesystem::path folder, bool draws = true);

  const std::filesystem::path& folder() const noexcept { return folder_; }

  /// Writes a file in the folder. xgrad::IoError that names it if that fails.
  void write(const std::string& name, const std::string& text) const;

  /// Writes name.gp, which draws name.svg and name.png by `commands`, and has gnuplot run it. The commands
  /// see the folder's files under their names.
  void gnuplot(const std::string& name, Size size, const std::string& commands);

  /// Writes name.dot, and has Graphviz draw name.svg and name.png of it.
  void graphviz(const std::string& name, const std::string& graph);

  /// What was not drawn, why, and what to do: a sentence each. Empty if all went well.
  const std::vector<std::string>& remarks() const noexcept { return remarks_; }

 private:
  void run(const std::string& program, const std::string& package, const std::vector<std::string>& arguments);
  void remark(const std::string& text);

  std::filesystem::path folder_;
  bool draws_;
  std::vector<std::string> remarks_;
};

/// Colours that look well together, and that readers with any colour vision tell apart (Okabe and Ito, 2008).
inline constexpr const char* blue = "#0072b2";
inline constexpr const char* orange = "#d55e00";
inline constexpr const char* green = "#009e73";
inline constexpr const char* grey = "#8c8c8c";

}  // namespace plot
