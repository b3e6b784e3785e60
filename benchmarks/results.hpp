// What a step has computed, to be compared with another side's.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace harness {

/// Named arrays, in the order in which they were added.
class Results {
 public:
  /// A long array is kept as its sum, its norm and an evenly spread part.
  void add(const std::string& name, const float* values, std::size_t count);
  void write(const std::string& path) const;
  /// Whether the other side has written the same; says on stderr what differs.
  bool agree_with(const std::string& path) const;

 private:
  struct Entry {
    std::string name;
    std::vector<float> values;
  };
  static std::vector<Entry> read(const std::string& path);
  std::vector<Entry> entries_;
};

}  // namespace harness
