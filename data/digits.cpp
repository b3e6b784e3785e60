#include "digits.hpp"

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "../core/array/instantiate.hpp"
#include "files.hpp"

namespace xgrad::data {
namespace {

constexpr std::string_view operation = "load_digits";
constexpr std::size_t pixels = 64;
constexpr int brightest = 16;
constexpr int classes = 10;

/// The numbers of one line, comma-separated; false if it holds anything else.
bool parse_line(std::string_view line, std::vector<int>& numbers) {
  numbers.clear();
  const char* at = line.data();
  const char* const end = at + line.size();
  while (true) {
    int number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc{}) return false;
    numbers.push_back(number);
    if (next == end) return true;
    if (*next != ',') return false;
    at = next + 1;
  }
}

bool is_sample(const std::vector<int>& numbers) {
  if (numbers.size() != pixels + 1) return false;
  for (std::size_t i = 0; i < pixels; ++i)
    if (numbers[i] < 0 || numbers[i] > brightest) return false;
  return numbers.back() >= 0 && numbers.back() < classes;
}

/// Every line's numbers, one after the other.
std::vector<int> parse(std::string_view text, const std::string& path) {
  std::vector<int> all, numbers;
  std::size_t line_number = 0;
  while (!text.empty()) {
    ++line_number;
    const std::size_t length = text.find('\n');
    const std::string_view line = text.substr(0, length);
    text.remove_prefix(length == text.npos ? text.size() : length + 1);
    if (!parse_line(line, numbers) || !is_sample(numbers))
      throw IoError(std::string(operation) + ": line " + std::to_string(line_number) + " of " + path +
                    " is not 64 pixels of 0 to 16 and a label of 0 to 9; fetch the file again");
    all.insert(all.end(), numbers.begin(), numbers.end());
  }
  if (all.empty()) throw IoError(std::string(operation) + ": " + path + " is empty; fetch the file again");
  return all;
}

}  // namespace

template <class T>
Digits<T> load_digits() {
  const std::string path = find_data_file(operation, "digits.csv.gz");
  const std::vector<int> numbers = parse(read_file(operation, path), path);
  const std::size_t count = numbers.size() / (pixels + 1);
  Dense<T> images(Shape{count, pixels});
  Dense<std::int64_t> labels(Shape{count});
  T* pixel = images.mutable_data();
  std::int64_t* label = labels.mutable_data();
  const int* number = numbers.data();
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t p = 0; p < pixels; ++p) *pixel++ = static_cast<T>(*number++) / brightest;
    *label++ = *number++;
  }
  return {to_array(std::move(images)), to_array(std::move(labels))};
}

[[gnu::used]] constexpr auto instances = instantiate::for_numbers([]<class T>() { return load_digits<T>; });

}  // namespace xgrad::data
