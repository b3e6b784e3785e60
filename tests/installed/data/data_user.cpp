// Reads the digits, and says whether they were found in the folder that is its argument.
#include <xgrad/data.hpp>

#include <filesystem>
#include <iostream>

int main(int, char** arguments) {
  const auto expected = std::filesystem::path(arguments[1]) / "digits.csv.gz";
  const std::filesystem::path found = xgrad::data::find_data_file("data_user", "digits.csv.gz");
  const auto count = xgrad::data::load_digits<float>().labels.size();
  std::cout << "expected " << expected << ", found " << found << ", " << count << " digits\n";
  return found == expected && count == 1797 ? 0 : 1;
}
