#include "results.hpp"

#include <cmath>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <utility>

namespace harness {
namespace {

constexpr std::size_t longest_kept = 65536;

/// Relative, in the norm of each array. Both sides work in float, and sum in
/// orders of their own.
constexpr double tolerance = 1e-4;

double norm(const std::vector<float>& values) {
  double sum = 0;
  for (const float v : values) sum += static_cast<double>(v) * v;
  return std::sqrt(sum);
}

}  // namespace

void Results::add(const std::string& name, const float* values, std::size_t count) {
  if (count <= longest_kept) {
    entries_.push_back({name, std::vector<float>(values, values + count)});
    return;
  }
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < count; ++i) {
    sum += values[i];
    squares += static_cast<double>(values[i]) * values[i];
  }
  // The sum alone may all but cancel: beside the norm it is compared to the
  // norm's precision.
  entries_.push_back({name + " (sum and norm)",
                      {static_cast<float>(sum / std::sqrt(static_cast<double>(count))),
                       static_cast<float>(std::sqrt(squares))}});
  std::vector<float> part;
  const std::size_t stride = count / longest_kept | 1;
  for (std::size_t i = 0; i < count; i += stride) part.push_back(values[i]);
  entries_.push_back({name, std::move(part)});
}

void Results::write(const std::string& path) const {
  std::ofstream out(path, std::ios::binary);
  for (const Entry& entry : entries_) {
    out << entry.name << '\n' << entry.values.size() << '\n';
    out.write(reinterpret_cast<const char*>(entry.values.data()),
              static_cast<std::streamsize>(entry.values.size() * sizeof(float)));
  }
  if (!out.flush()) throw std::runtime_error("cannot write " + path);
}

std::vector<Results::Entry> Results::read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path);
  std::vector<Entry> entries;
  for (std::string name, count; std::getline(in, name) && std::getline(in, count);) {
    Entry entry{name, std::vector<float>(std::stoul(count))};
    in.read(reinterpret_cast<char*>(entry.values.data()),
            static_cast<std::streamsize>(entry.values.size() * sizeof(float)));
    if (!in) throw std::runtime_error(path + " ends early");
    entries.push_back(std::move(entry));
  }
  return entries;
}

bool Results::agree_with(const std::string& path) const {
  const std::vector<Entry> others = read(path);
  bool agree = !entries_.empty() && others.size() == entries_.size();
  if (!agree) std::cerr << path << ": " << others.size() << " arrays against " << entries_.size() << '\n';
  for (std::size_t i = 0; agree && i < entries_.size(); ++i) {
    const Entry &mine = entries_[i], &other = others[i];
    if (mine.name != other.name || mine.values.size() != other.values.size()) {
      std::cerr << path << ": " << other.name << " [" << other.values.size() << "] against " << mine.name
                << " [" << mine.values.size() << "]\n";
      return false;
    }
    std::vector<float> difference(mine.values.size());
    for (std::size_t k = 0; k < difference.size(); ++k) difference[k] = mine.values[k] - other.values[k];
    const double error = norm(difference) / norm(mine.values);
    // Written so that a NaN, also one from nothing but zeros, does not agree.
    if (!(error <= tolerance)) {
      std::cerr << path << ": " << mine.name << " differs by " << error << " of its norm "
                << norm(mine.values) << '\n';
      agree = false;
    }
  }
  return agree;
}

}  // namespace harness
