// The data of a training's page.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../profile/profile.hpp"
#include "fit.hpp"
#include "report_machine.hpp"
#include "report_mistakes.hpp"

namespace xgrad::train::detail {

/// Euclidean norms; no gradient where it had none, as a frozen parameter, or where no step was seen.
struct ParameterNorms {
  std::string name;
  Shape shape;
  double weight = 0;
  std::optional<double> gradient = std::nullopt;
};

/// What is known so far. What is missing stays away from the page, or has a sentence there that says why.
class ReportContent {
 public:
  /// `facts` are what only the training's types tell: model, optimizer, scheduler.
  ReportContent(const LoopOptions& options, Facts facts);
  ~ReportContent();

  void add_option(const std::string& name, const std::string& text);
  /// Takes over what the page of these epochs had, if it is there; another training's is left.
  void resume(const History& history);

  void set_summary(const std::string& text);
  /// Has it drawn meanwhile.
  void draw_graph(const std::string& dot_text);
  void set_graph_remark(const std::string& sentence);
  void set_profile(const Profile& profile, const std::string& which);
  void set_profile_remark(const std::string& sentence);
  /// So many batches of the next epoch are done, with that mean loss.
  void set_progress(std::size_t batch, std::size_t batches, double loss);
  /// After epoch number `epoch`.
  void add_norms(std::size_t epoch, const std::vector<ParameterNorms>& parameters);
  /// They become part of the next page.
  void set_mistakes(Mistakes&& mistakes, std::size_t epoch);
  /// The training is over, and how.
  void finish(const std::string& state, const std::string& sentence);

  std::string page(const History& history);

 private:
  struct Data;

  const LoopOptions& options_;
  std::unique_ptr<Data> data_;
};

}  // namespace xgrad::train::detail
