#include <cmath>
#include <iomanip>
#include <numeric>
#include <ostream>
#include <sstream>
#include <thread>

#include <nlohmann/json.hpp>

#include "../io/text_file.hpp"
#include "measure.hpp"
#include "units.hpp"

namespace xgrad {
using namespace detail;

namespace {

std::string counted(std::size_t count, const char* what) {
  return std::to_string(count) + ' ' + what + (count == 1 ? "" : "s");
}

struct Part {
  const char* name;
  const Timing& timing;
};

std::vector<Part> parts_of(const Measurement& m) {
  std::vector<Part> parts;
  for (const Part& part : {Part{"forward", m.forward}, Part{"backward", m.backward}, Part{"update", m.update},
                           Part{"total", m.total}})
    if (!part.timing.empty()) parts.push_back(part);
  return parts;
}

double mean_of(const Timing& timing) {
  return std::accumulate(timing.seconds.begin(), timing.seconds.end(), 0.0) /
         static_cast<double>(timing.seconds.size());
}

/// Of a sample, 0 of a single run.
double deviation_of(const Timing& timing) {
  const double mean = mean_of(timing);
  double squares = 0;
  for (const double seconds : timing.seconds) squares += (seconds - mean) * (seconds - mean);
  return timing.seconds.size() < 2 ? 0 : std::sqrt(squares / static_cast<double>(timing.seconds.size() - 1));
}

/// What is reached, over forward and backward.
std::string work_text(const Measurement& m) {
  const double seconds = m.forward.median() + (m.backward.empty() ? 0 : m.backward.median());
  if (m.bytes <= 0 || seconds <= 0) return "";
  std::ostringstream text;
  text << number_text(m.flops / seconds * 1e-9, 3) << " GFLOP/s and "
       << number_text(m.bytes / seconds * 1e-9, 3) << " GB/s, " << std::lround(100 * m.roof / seconds)
       << " % of what this machine can do\n";
  return text.str();
}

nlohmann::ordered_json entry(const std::string& name, const Timing& timing, const char* aggregate,
                             double seconds, double processors) {
  nlohmann::ordered_json result;
  result["name"] = *aggregate == '\0' ? name : name + "_" + aggregate;
  result["run_name"] = name;
  result["run_type"] = *aggregate == '\0' ? "iteration" : "aggregate";
  result["repetitions"] = 1;
  result["threads"] = 1;
  if (*aggregate != '\0') result["aggregate_name"] = aggregate;
  result["iterations"] = timing.seconds.size();
  result["real_time"] = seconds * 1e9;
  result["cpu_time"] = seconds * processors * 1e9;
  result["time_unit"] = "ns";
  return result;
}

std::string json_text(const Measurement& m) {
  nlohmann::ordered_json file;
  file["context"]["date"] = date_text();
  file["context"]["num_cpus"] = std::thread::hardware_concurrency();
#ifdef NDEBUG
  file["context"]["library_build_type"] = "release";
#else
  file["context"]["library_build_type"] = "debug";
#endif
  file["benchmarks"] = nlohmann::ordered_json::array();
  const double processors = m.wall_seconds > 0 ? m.processor_seconds / m.wall_seconds : 1;
  for (const Part& part : parts_of(m)) {
    const std::string name = m.name + "/" + part.name;
    const auto add = [&](const char* aggregate, double seconds) {
      file["benchmarks"].push_back(entry(name, part.timing, aggregate, seconds, processors));
    };
    add("", part.timing.median());
    file["benchmarks"].back()["p10"] = part.timing.quantile(0.1) * 1e9;
    file["benchmarks"].back()["p90"] = part.timing.quantile(0.9) * 1e9;
    add("mean", mean_of(part.timing));
    add("median", part.timing.median());
    add("stddev", deviation_of(part.timing));
  }
  file["benchmarks"].back()["peak_bytes"] = m.peak_bytes;
  return file.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string percent_text(double ratio) {
  const double percent = std::abs(ratio - 1) * 100;
  return number_text(percent, 2) + " %";
}

std::string short_text(double number) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(3) << number;
  return text.str();
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Measurement& m) {
  std::ostringstream text;
  text << m.name << ": " << counted(m.total.seconds.size(), "run") << " in " << time_text(m.wall_seconds)
       << " (" << time_text(m.processor_seconds) << " of processors), " << counted(m.operations, "operation")
       << ", " << counted(m.nodes, "node") << ", " << bytes_text(m.peak_bytes) << " at the peak\n"
       << work_text(m) << "          " << std::setw(10) << "median" << std::setw(10) << "p10" << std::setw(10)
       << "p90" << std::setw(8) << "share" << '\n';
  const double whole = m.total.median();
  for (const auto& [name, timing] : parts_of(m))
    text << std::left << std::setw(10) << name << std::right << std::setw(10) << time_text(timing.median())
         << std::setw(10) << time_text(timing.quantile(0.1)) << std::setw(10)
         << time_text(timing.quantile(0.9)) << std::setw(6) << std::lround(100 * timing.median() / whole)
         << " %\n";
  return out << text.str();
}

std::ostream& operator<<(std::ostream& out, const Comparison& c) {
  out << c.second << " takes " << short_text(c.ratio) << " times as long as " << c.first
      << " (95 %: " << short_text(c.low) << " to " << short_text(c.high) << ", "
      << counted(c.ratios.size(), "pair") << "): ";
  if (!c.differs()) return out << "they cannot be told apart";
  return out << "it is " << percent_text(c.ratio) << (c.ratio > 1 ? " slower" : " faster");
}

std::ostream& operator<<(std::ostream& out, const Growth& growth) {
  std::ostringstream text;
  for (std::size_t i = 0; i < growth.sizes.size(); ++i) {
    const Measurement& m = growth.measurements[i];
    text << std::setw(10) << growth.sizes[i] << std::setw(10) << time_text(m.total.median());
    if (!m.backward.empty())
      text << "  (" << time_text(m.forward.median()) << " forward, " << time_text(m.backward.median())
           << " backward)";
    text << '\n';
  }
  text << "time grows as size^" << std::fixed << std::setprecision(2) << growth.exponent << '\n';
  return out << text.str();
}

void Measurement::save(const std::string& path) const {
  if (total.empty()) throw ValueError("Measurement::save: no run was timed; measure() makes one that was");
  io::check_ending("Measurement::save", path, ".json");
  io::write_text("Measurement::save", path, json_text(*this));
}

}  // namespace xgrad
