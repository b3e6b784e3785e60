// A graph drawn by Graphviz, while the training goes on.
#pragma once

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

#include <sys/types.h>

namespace xgrad::train::detail {

/// Runs Graphviz's `dot`, if the PATH has one, as a process of its own, without a shell: it reads the text
/// and writes the picture in files without names. Nothing here throws: what goes wrong is a sentence.
class GraphDrawing {
 public:
  explicit GraphDrawing(const std::string& dot_text,
                        std::chrono::milliseconds time_limit = std::chrono::seconds(10)) noexcept;
  GraphDrawing(const GraphDrawing&) = delete;
  GraphDrawing& operator=(const GraphDrawing&) = delete;
  /// Ends it, if it still draws.
  ~GraphDrawing();

  /// Whether it is over, well or not. One that takes longer than its time limit is ended, and over.
  bool is_over() noexcept;
  /// The same, after waiting for it as long as that limit allows.
  void wait() noexcept;
  /// The picture, an <svg> element; empty where there is none, as before it is over.
  const std::string& svg() const noexcept { return svg_; }
  /// Why there is none.
  const std::string& remark() const noexcept { return remark_; }

 private:
  struct Close {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };
  using File = std::unique_ptr<std::FILE, Close>;

  void start(const std::string& dot_text);
  void limit() noexcept;
  void end() noexcept;
  void take();

  File output_;
  pid_t process_ = -1;
  std::chrono::milliseconds time_limit_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::string svg_, remark_;
};

}  // namespace xgrad::train::detail
