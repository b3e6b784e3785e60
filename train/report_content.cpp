#include "report_content.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

#include <nlohmann/json.hpp>

#include "../profile/page.hpp"
#include "../profile/page_parts.hpp"
#include "../profile/units.hpp"
#include "report_charts.hpp"
#include "report_drawing.hpp"
#include "report_page.hpp"
#include "report_scripts.hpp"

namespace xgrad::train::detail {
namespace {

using Json = nlohmann::ordered_json;

/// Of a profile's activities, which a page of long trainings must not be full of.
constexpr std::size_t most_activities = 20'000;
/// Of more classes no matrix can be read, but only who is taken for whom most often.
constexpr std::size_t most_in_matrix = 50, most_pairs = 40;

std::string number_text(double number) {
  std::ostringstream text;
  text << number;
  return text.str();
}

const char* mode_text(optim::PlateauMode mode) {
  return mode == optim::PlateauMode::min ? "least" : "greatest";
}

Facts facts_of(const LoopOptions& options) {
  Facts facts{{"epochs", std::to_string(options.epochs)}};
  const auto add = [&](const char* name, const std::string& text) { facts.emplace_back(name, text); };
  if (options.accumulate > 1) add("accumulate", std::to_string(options.accumulate) + " batches a step");
  if (options.scheduler != nullptr)
    add("scheduler steps", options.scheduler_step == Every::epoch ? "every epoch" : "every batch");
  if (options.plateau != nullptr) add("plateau", "ReduceLROnPlateau");
  if (options.max_grad_norm) add("gradients clipped to", number_text(*options.max_grad_norm));
  if (options.allow_nonfinite_loss) add("a loss that is not finite", "goes on");
  if (!options.monitor.empty()) add("monitored", options.monitor);
  if (options.early_stopping)
    add("early stopping", "after " + std::to_string(options.early_stopping->patience) + " epochs, " +
                              mode_text(options.early_stopping->mode) + ", by " +
                              number_text(options.early_stopping->min_delta));
  if (!options.best_model.path.empty()) add("best model", options.best_model.path);
  if (!options.checkpoints.path.empty()) add("checkpoints", options.checkpoints.path);
  if (options.stop_on_signals) add("signals", "end the training");
  return facts;
}

Json json_of(const Facts& facts) {
  Json list = Json::array();
  for (const auto& [name, text] : facts) list.push_back(Json::array({name, text}));
  return list;
}

Json rows_of(const History& history) {
  Json rows = Json::array();
  for (const EpochRecord& record : history.epochs) {
    Json row = Json::array({record.epoch});
    for (const double number : row_of(record)) row.push_back(number);
    rows.push_back(std::move(row));
  }
  return rows;
}

/// The data of the page that is at `path`; null if there is none, or it is no such page.
Json data_at(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const std::size_t begin = text.find(xgrad::detail::data_begins),
                    end = text.find(xgrad::detail::data_ends, begin);
  if (begin == text.npos || end == text.npos) return nullptr;
  const std::size_t first = begin + xgrad::detail::data_begins.size();
  Json data = Json::parse(text.substr(first, end - first), nullptr, false);
  const bool is_one = data.is_object() && data.contains("rows") && data.contains("norms") &&
                      data["rows"].is_array() && data["norms"].is_array();
  return is_one ? data : Json(nullptr);
}

/// Whether the page's epochs are the history's, as far as both go.
bool is_of(const Json& rows, const History& history) {
  const std::size_t both = std::min(rows.size(), history.epochs.size());
  for (std::size_t i = 0; i < both; ++i) {
    if (!rows[i].is_array() || rows[i].size() < 2) return false;
    const Json& loss = rows[i][1];
    const double now = history.epochs[i].loss;
    if (loss.is_number() ? loss.get<double>() != now : std::isfinite(now)) return false;
  }
  return both > 0;
}

Json json_of(const Mistakes::Worst& worst) {
  Json sample{{"number", worst.number},           {"truth", worst.truth},
              {"predicted", worst.predicted},     {"loss", worst.loss},
              {"probability", worst.probability}, {"probability_of_truth", worst.probability_of_truth}};
  const Picture& picture = worst.picture;
  if (!picture.pixels.empty())
    sample["picture"] = {{"channels", picture.channels},
                         {"height", picture.height},
                         {"width", picture.width},
                         {"pixels", picture.pixels}};
  return sample;
}

Json json_of(const Mistakes& mistakes, std::size_t epoch) {
  Json part{{"epoch", epoch},
            {"classes", mistakes.classes()},
            {"samples", mistakes.samples()},
            {"not_numbers", mistakes.not_numbers()}};
  std::vector<Mistakes::Confusion> confusions = mistakes.confusions();
  std::size_t right = 0;
  for (const auto& [truth, predicted, count] : confusions) right += truth == predicted ? count : 0;
  part["right"] = right;
  part["is_matrix"] = mistakes.classes() <= most_in_matrix;
  if (mistakes.classes() > most_in_matrix) {
    std::erase_if(confusions, [](const auto& one) { return one.truth == one.predicted; });
    std::stable_sort(confusions.begin(), confusions.end(),
                     [](const auto& a, const auto& b) { return a.count > b.count; });
    confusions.resize(std::min(confusions.size(), most_pairs));
  }
  part["confusions"] = Json::array();
  for (const auto& [truth, predicted, count] : confusions)
    part["confusions"].push_back(Json::array({truth, predicted, count}));
  part["worst"] = Json::array();
  for (const Mistakes::Worst& worst : mistakes.worst()) part["worst"].push_back(json_of(worst));
  return part;
}

double seconds_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string text_of(const Json& data) { return data.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

struct ReportContent::Data {
  Json page;
  Json options, norms = Json::array();
  std::optional<GraphDrawing> drawing;
  std::optional<Mistakes> mistakes;  ///< of the last epoch, until a page shows them
  std::size_t mistakes_epoch = 0;

  void take_graph() {
    if (!drawing || !drawing->is_over()) return;
    if (drawing->svg().empty())
      page["graph"] = {{"remark", drawing->remark()}};
    else
      page["graph"] = {{"svg", drawing->svg()}};
    drawing.reset();
  }
};

ReportContent::ReportContent(const LoopOptions& options, Facts facts)
    : options_(options), data_(std::make_unique<Data>()) {
  Json& page = data_->page;
  page["date"] = xgrad::detail::date_text();
  page["began"] = seconds_since_1970();
  page["model"] = facts.empty() ? std::string() : facts.front().second;
  page["state"] = "running";
  page["sentence"] = "";
  page["epochs"] = std::size_t{options.epochs};
  page["has_validation"] = false;
  page["metrics"] = options.metric_names;
  page["class_names"] = options.report_options.classes;
  page["machine"] = json_of(machine_facts());
  const Facts of_options = facts_of(options);
  facts.insert(facts.end(), of_options.begin(), of_options.end());
  data_->options = json_of(facts);
}

ReportContent::~ReportContent() = default;

void ReportContent::add_option(const std::string& name, const std::string& text) {
  data_->options.push_back(Json::array({name, text}));
}

void ReportContent::resume(const History& history) {
  data_->page["resumed_after"] = history.epochs.size();
  const Json before = data_at(options_.report);
  if (before.is_null() || !is_of(before["rows"], history)) return;
  // The page may be further on than the checkpoint: what is of a later epoch is still to come.
  const auto is_done = [&](const Json& epoch) {
    return epoch.is_number_unsigned() && epoch.get<std::size_t>() <= history.epochs.size();
  };
  const auto take = [&](const char* part) {
    if (before.contains(part)) data_->page[part] = before[part];
  };
  for (const char* part : {"summary", "graph", "profile"}) take(part);
  const Json &mistakes = before.value("mistakes", Json()), &norms = before["norms"];
  if (mistakes.is_object() && is_done(mistakes.value("epoch", Json()))) take("mistakes");
  for (const Json& row : norms)
    if (row.is_array() && row.size() == 3 && is_done(row[0])) data_->norms.push_back(row);
  if (data_->norms.size() == norms.size()) take("parameters");
}

void ReportContent::set_summary(const std::string& text) { data_->page["summary"] = text; }

void ReportContent::draw_graph(const std::string& dot_text) { data_->drawing.emplace(dot_text); }

void ReportContent::set_graph_remark(const std::string& sentence) {
  data_->page["graph"] = {{"remark", sentence}};
}

void ReportContent::set_profile(const Profile& profile, const std::string& which) {
  Json data = Json::parse(xgrad::detail::profile_data(profile, most_activities));
  data["which"] = which;
  data_->page["profile"] = std::move(data);
}

void ReportContent::set_profile_remark(const std::string& sentence) {
  data_->page["profile"] = {{"remark", sentence}};
}

void ReportContent::set_progress(std::size_t batch, std::size_t batches, double loss) {
  data_->page["progress"] = {{"batch", batch}, {"batches", batches}, {"loss", loss}};
}

void ReportContent::add_norms(std::size_t epoch, const std::vector<ParameterNorms>& parameters) {
  double weights = 0, gradients = 0;
  bool is_measured = false;
  Json list = Json::array();
  for (const ParameterNorms& one : parameters) {
    weights += one.weight * one.weight;
    gradients += one.gradient.value_or(0) * one.gradient.value_or(0);
    is_measured = is_measured || one.gradient;
    list.push_back(Json{{"name", one.name},
                        {"shape", to_string(one.shape)},
                        {"elements", element_count(one.shape)},
                        {"weight", one.weight},
                        {"gradient", one.gradient ? Json(*one.gradient) : Json(nullptr)}});
  }
  data_->page["parameters"] = std::move(list);
  // null would say that it is not finite.
  const Json gradient = is_measured ? Json(std::sqrt(gradients)) : Json("not measured");
  data_->norms.push_back(Json::array({epoch, gradient, std::sqrt(weights)}));
}

void ReportContent::set_mistakes(Mistakes&& mistakes, std::size_t epoch) {
  data_->mistakes = std::move(mistakes);
  data_->mistakes_epoch = epoch;
}

void ReportContent::finish(const std::string& state, const std::string& sentence) {
  data_->page["state"] = state;
  data_->page["sentence"] = sentence;
  if (data_->drawing) data_->drawing->wait();
}

std::string ReportContent::page(const History& history) {
  data_->take_graph();
  Json& all = data_->page;
  if (data_->mistakes) {
    all["mistakes"] = json_of(*data_->mistakes, data_->mistakes_epoch);
    data_->mistakes.reset();
  }
  all["written"] = seconds_since_1970();
  all["columns"] = history.columns();
  all["rows"] = rows_of(history);
  all["has_validation"] = !history.epochs.empty() && history.epochs.front().validation_loss.has_value();
  all["best_epoch"] = history.best_epoch;
  all["norms"] = data_->norms;
  all["options"] = data_->options;
  return xgrad::detail::page_text(
      {.title = "Training",
       .styles = report_styles,
       .body = std::string(report_body_before_profile) + std::string(xgrad::detail::profile_body) +
               std::string(report_body_after_profile),
       .data = text_of(all),
       .scripts = {xgrad::detail::profile_script, report_chart_script, report_script}});
}

}  // namespace xgrad::train::detail
