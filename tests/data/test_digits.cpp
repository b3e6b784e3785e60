#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/core/array/error.hpp>
#include <xgrad/data/digits.hpp>
#include <xgrad/data/files.hpp>

#include "data_folder.hpp"

namespace fs = std::filesystem;
using namespace xgrad::data;
using xgrad::testing::complaint;
using xgrad::testing::DataFolder;

namespace {

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string sample(int label) {
  std::string line;
  for (int pixel = 0; pixel < 64; ++pixel) line += std::to_string(pixel % 17) + ',';
  return line + std::to_string(label) + '\n';
}

}  // namespace

TEST_CASE_TEMPLATE("the digits are 1797 images of 64 pixels between 0 and 1, with their labels", T, float,
                   double) {
  const Digits<T> digits = load_digits<T>();
  REQUIRE(digits.images.shape() == xgrad::Shape{1797, 64});
  REQUIRE(digits.labels.shape() == xgrad::Shape{1797});
  T lowest = 1, highest = 0;
  double sum = 0;
  for (T pixel : digits.images.storage()) {
    lowest = std::min(lowest, pixel);
    highest = std::max(highest, pixel);
    sum += static_cast<double>(pixel);
  }
  CHECK(lowest == 0);
  CHECK(highest == 1);
  CHECK(sum == 561718 / 16.0);
  std::vector<int> counts(10);
  for (std::int64_t label : digits.labels.storage()) ++counts.at(static_cast<std::size_t>(label));
  CHECK(counts == std::vector<int>{178, 182, 177, 183, 181, 182, 181, 179, 174, 180});
  CHECK(digits.images(0, 2) == T(5) / 16);
  CHECK(digits.images(1796, 63) == 0);
  CHECK(digits.labels(1796) == 8);
}

TEST_CASE("a data file that is nowhere is an error that names every place") {
  const DataFolder folder;
  const std::string text = complaint([] { find_data_file("load_x", "no_such_file"); });
  CHECK(text.find("load_x: no_such_file is in none of " + folder.path().string() + ", ") == 0);
  CHECK(text.find("data/files, ") != text.npos);
  CHECK(text.find("/share/xgrad; set XGRAD_DATA_DIR to the folder that holds it") != text.npos);
}

TEST_CASE("the folder named by XGRAD_DATA_DIR comes first") {
  const DataFolder folder;
  const fs::path path = folder.write("digits.csv.gz", sample(7) + sample(3));
  CHECK(find_data_file("test", "digits.csv.gz") == path);
  const Digits<double> digits = load_digits<double>();
  CHECK(digits.images.shape() == xgrad::Shape{2, 64});
  CHECK(digits.images(1, 16) == 1);
  CHECK(digits.labels == xgrad::Indices{7, 3});
}

TEST_CASE("a damaged line of the digits is named") {
  const DataFolder folder;
  for (const std::string& line :
       {std::string("1,2,3\n"), sample(10), sample(-1), "17" + sample(1).substr(1), "x" + sample(1),
        sample(1) + "\n", std::string(sample(1)).insert(130, ",,")}) {
    INFO(line);
    const fs::path path = folder.write("digits.csv.gz", sample(5) + line);
    const std::string text = complaint(load_digits<float>);
    CHECK(text.find("load_digits: line ") == 0);
    CHECK(text.find(" of " + path.string() + " is not 64 pixels of 0 to 16 and a label of 0 to 9") !=
          text.npos);
  }
  const fs::path path = folder.write("digits.csv.gz", "");
  CHECK(complaint(load_digits<float>) == "load_digits: " + path.string() + " is empty; fetch the file again");
}

TEST_CASE("a file that cannot be read is an error that says why") {
  const DataFolder folder;
  CHECK(complaint([&] { read_file("test", folder.path() / "missing"); }) ==
        "test: cannot read " + (folder.path() / "missing").string() +
            " (No such file or directory); check the path, or fetch the file again");
  CHECK(complaint([&] { read_file("test", folder.path()); }).find("(it is a folder)") != std::string::npos);

  const std::string packed = bytes_of(find_data_file("test", "digits.csv.gz"));
  REQUIRE(packed.size() == 57512);
  const fs::path half = folder.write("half.gz", packed.substr(0, packed.size() / 2));
  CHECK(complaint([&] { read_file("test", half); }).find("(unexpected end of file)") != std::string::npos);
  std::string flipped = packed;
  flipped[packed.size() - 6] = static_cast<char>(flipped[packed.size() - 6] ^ 1);
  const fs::path wrong = folder.write("wrong.gz", flipped);
  CHECK(complaint([&] { read_file("test", wrong); }).find("(incorrect data check)") != std::string::npos);
}

TEST_CASE("a plain file is read as it is") {
  const DataFolder folder;
  const std::string text("one\0two\n", 8);
  CHECK(read_file("test", folder.write("plain", text)) == text);
}
