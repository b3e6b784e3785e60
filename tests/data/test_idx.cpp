#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/data/files.hpp>
#include <xgrad/data/idx.hpp>

#include <zlib.h>

#include "../growth.hpp"
#include "data_folder.hpp"

namespace fs = std::filesystem;
using namespace xgrad::data;
using xgrad::testing::complaint;
using xgrad::testing::DataFolder;
using xgrad::testing::message_of;

namespace {

std::string big_endian(unsigned number) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(number >> shift & 255u);
  return bytes;
}

std::string header(const std::vector<unsigned>& shape, unsigned type = 8) {
  std::string bytes = big_endian(type << 8 | static_cast<unsigned>(shape.size()));
  for (unsigned extent : shape) bytes += big_endian(extent);
  return bytes;
}

/// One member of gzip.
std::string packed(const std::string& bytes) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 1, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.erase(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

const std::string three_images = header({3, 1, 2}) + std::string("\0\1\2\3\4\377", 6);
const std::string three_labels = header({3}) + std::string("\0\7\377", 3);

}  // namespace

TEST_CASE_TEMPLATE("IDX files give images between 0 and 1, and labels", T, float, double) {
  const DataFolder folder;
  const auto [images, labels] =
      load_idx<T>(folder.write("images", three_images), folder.write("labels", three_labels));
  CHECK(images.shape() == xgrad::Shape{3, 1, 2});
  CHECK(images(0, 0, 0) == 0);
  CHECK(images(1, 0, 0) == T(2) / 255);
  CHECK(images(2, 0, 0) == T(4) / 255);
  CHECK(images(2, 0, 1) == 1);
  CHECK(labels == xgrad::Indices{0, 7, 255});
}

TEST_CASE("an IDX file that is something else or damaged is named, with what is wrong") {
  const DataFolder folder;
  const fs::path labels = folder.write("labels", three_labels);
  const auto says = [&](const std::string& bytes) {
    const fs::path path = folder.write("images", bytes);
    const std::string text = complaint([&] { load_idx<float>(path, labels); });
    const std::string start = "load_idx: " + path.string() + " ";
    CHECK(text.substr(0, start.size()) == start);
    return text.substr(std::min(text.size(), start.size()));
  };
  CHECK(says("") == "has 0 bytes, fewer than an IDX header of 3 axes (16); fetch the file again");
  CHECK(says(three_images.substr(0, 15)) ==
        "has 15 bytes, fewer than an IDX header of 3 axes (16); fetch the file again");
  CHECK(says("PK" + three_images.substr(2)) ==
        "is no IDX file: it does not begin with two zero bytes; check the path");
  CHECK(says(header({3, 1, 2}, 13) + "123456") ==
        "holds elements of IDX type 13, not unsigned bytes (8); convert it first");
  CHECK(says(header({3}) + "123 and nine more") ==
        "has 1 axes, not 3; give the images' file first, then the labels'");
  const std::string again = "; fetch the file again";
  CHECK(says(three_images.substr(0, 21)) == "holds 5 elements, its header says [3, 1, 2]" + again);
  CHECK(says(three_images + "x") == "holds 7 elements, its header says [3, 1, 2]" + again);
  CHECK(says(header({0xffffffff, 0xffffffff, 0xffffffff}) + "x") ==
        "holds 1 elements, its header says [4294967295, 4294967295, 4294967295]" + again);
  // 2^32 times 2^32 is 0 to those who overflow.
  CHECK(says(header({0x80000000, 0x80000000, 4})).find("holds 0 elements") == 0);

  const fs::path images = folder.write("images", three_images);
  const fs::path two = folder.write("two", header({2}) + "ab");
  CHECK(message_of<xgrad::ShapeError>([&] { load_idx<float>(images, two); }) ==
        "load_idx: images [3, 1, 2] of " + images.string() + " and labels [2] of " + two.string() +
            " differ in axis 0 (3 vs 2); give two files of one data set");
}

TEST_CASE("a packed file is members of gzip, one after another, and nothing else") {
  const DataFolder folder;
  const fs::path labels = folder.write("labels", three_labels);
  const std::string begin = three_images.substr(0, 18), rest = three_images.substr(18);
  const auto load = [&](const std::string& bytes) {
    const fs::path path = folder.write("images", bytes);
    const std::string text = complaint([&] { load_idx<float>(path, labels); });
    const std::string start = "load_idx: cannot read " + path.string() + " (";
    return text.starts_with(start) ? text.substr(start.size(), text.find(')') - start.size()) : text;
  };
  CHECK(load(packed(three_images)) == "nothing was thrown");
  CHECK(load(packed(begin) + packed(rest)) == "nothing was thrown");
  CHECK(load(packed("") + packed(begin) + packed("") + packed(rest) + packed("")) == "nothing was thrown");
  // Zeros fill a tape's last block.
  CHECK(load(packed(three_images) + std::string(512, '\0')) == "nothing was thrown");
  const std::string other = "something else follows its gzip data";
  CHECK(load(packed(three_images) + "x") == other);
  CHECK(load(packed(three_images) + three_images) == other);
  CHECK(load(packed(three_images) + std::string("\0\0x", 3)) == other);
  CHECK(load(packed(three_images) + std::string(1, '\0') + packed("")) == other);
  CHECK(load(packed(three_images) + "\x1f\x8c") == "incorrect header check");
  CHECK(load(packed(three_images) + packed("").substr(0, 12)) == "unexpected end of file");
  for (std::size_t length = 2; length < packed(three_images).size(); ++length)
    CHECK(load(packed(three_images).substr(0, length)) == "unexpected end of file");
  // The other readers open files in the same way.
  const fs::path path = folder.write("text", packed("a\n1\n") + "x");
  CHECK(complaint([&] { read_file("test", path); }).find(other) != std::string::npos);
}

TEST_CASE("the header of a packed file is looked at before the file is unpacked") {
  const DataFolder folder;
  const fs::path labels = folder.write("labels", three_labels);
  const auto says = [&](const std::string& bytes) {
    return complaint([&] { load_idx<float>(folder.write("images", packed(bytes)), labels); });
  };
  // 64 MB that are no IDX file, 784 bytes of which the header tells, and what no file of this size can hold.
  const std::string much(std::size_t{64} << 20, '\0');
  const double begin = xgrad::testing::thread_seconds();
  const std::string unpacked_type = packed(header({3, 1, 2}, 13) + much),
                    unpacked_large = packed(header({1, 28, 28}) + much);
  const double packing = xgrad::testing::thread_seconds() - begin;
  const auto seconds = [&](const std::string& bytes, const std::string& what) {
    const fs::path path = folder.write("images", bytes);
    const double start = xgrad::testing::thread_seconds();
    CHECK(complaint([&] { load_idx<float>(path, labels); }).find(what) != std::string::npos);
    return xgrad::testing::thread_seconds() - start;
  };
  CHECK(seconds(unpacked_type, "holds elements of IDX type 13") < packing / 20);
  CHECK(seconds(unpacked_large, "holds more than 784 elements, its header says [1, 28, 28]") < packing / 20);
  CHECK(says(header({0xffffffff, 0xffffffff, 0xffffffff}) + "x").find("holds at most") != std::string::npos);
  CHECK(says(header({3, 1, 2}) + "12345").find("holds 5 elements, its header says [3, 1, 2]") !=
        std::string::npos);
}

TEST_CASE_TEMPLATE("the sample of Fashion-MNIST has 50 images of each of 10 classes", T, float, double) {
  const auto [images, labels] = load_fashion_sample<T>();
  REQUIRE(images.shape() == xgrad::Shape{500, 28, 28});
  REQUIRE(labels.shape() == xgrad::Shape{500});
  std::vector<int> counts(10);
  for (std::int64_t label : labels.storage()) ++counts.at(static_cast<std::size_t>(label));
  CHECK(counts == std::vector<int>(10, 50));
  long sum = 0;
  for (T pixel : images.storage()) sum += std::lround(255 * pixel);
  CHECK(sum == 28931962);
  CHECK(images(0, 14, 14) == T(110) / 255);
  CHECK(images(0, 20, 17) == 1);
  CHECK(labels(0) == 9);
  CHECK(labels(4) == 6);
}

TEST_CASE("Fashion-MNIST's four files are found in their folder, packed or not") {
  const DataFolder folder;
  folder.write("train-images-idx3-ubyte", three_images);
  folder.write("train-labels-idx1-ubyte", three_labels);
  fs::copy_file(find_data_file("test", "fashion500-images-idx3-ubyte.gz"),
                folder.path() / "t10k-images-idx3-ubyte.gz");
  CHECK(complaint([&] { load_fashion_mnist<float>(folder.path()); }) ==
        "load_fashion_mnist: neither t10k-labels-idx1-ubyte.gz nor t10k-labels-idx1-ubyte is in " +
            folder.path().string() + "; give the folder that holds the data set's four files");
  fs::copy_file(find_data_file("test", "fashion500-labels-idx1-ubyte.gz"),
                folder.path() / "t10k-labels-idx1-ubyte.gz");
  const auto [train, test] = load_fashion_mnist<float>(folder.path());
  CHECK(train.images.shape() == xgrad::Shape{3, 1, 2});
  CHECK(train.labels == xgrad::Indices{0, 7, 255});
  CHECK(test.images.shape() == xgrad::Shape{500, 28, 28});
  CHECK(test.labels(0) == 9);
}

TEST_CASE("Debian's files of Fashion-MNIST are the data set as it was published") {
  const fs::path folder = "/usr/share/datasets/fashion-mnist";
  if (!fs::exists(folder)) {
    MESSAGE("skipped: there is no " << folder.string() << "; apt install dataset-fashion-mnist");
    return;
  }
  const auto [train, test] = load_fashion_mnist<float>(folder);
  REQUIRE(train.images.shape() == xgrad::Shape{60000, 28, 28});
  REQUIRE(test.images.shape() == xgrad::Shape{10000, 28, 28});
  const auto counts = [](const xgrad::Indices& labels) {
    std::vector<int> of_class(10);
    for (std::int64_t label : labels.storage()) ++of_class.at(static_cast<std::size_t>(label));
    return of_class;
  };
  CHECK(counts(train.labels) == std::vector<int>(10, 6000));
  CHECK(counts(test.labels) == std::vector<int>(10, 1000));

  // Sums over the files' bytes, taken by another program.
  const auto sum_of_bytes = [](const xgrad::Array<float>& images) {
    std::int64_t total = 0;
    for (float pixel : images.storage()) total += std::lround(255 * pixel);
    return total;
  };
  CHECK(sum_of_bytes(train.images) == 3431114169);
  CHECK(sum_of_bytes(test.images) == 573469082);

  // Mean and deviation are known to every program that normalises by them.
  double sum = 0, squares = 0;
  for (float pixel : train.images.storage()) {
    sum += static_cast<double>(pixel);
    squares += static_cast<double>(pixel) * static_cast<double>(pixel);
  }
  const double mean = sum / 47.04e6;
  CHECK(mean == doctest::Approx(0.2860).epsilon(2e-4));
  CHECK(std::sqrt(squares / 47.04e6 - mean * mean) == doctest::Approx(0.3530).epsilon(2e-4));

  // The sample that comes with the library is the first 50 of each class.
  const auto sample = load_fashion_sample<float>();
  std::vector<int> taken(10);
  std::size_t at = 0, different = 0;
  for (std::size_t i = 0; i < 10000 && at < 500; ++i) {
    if (taken.at(static_cast<std::size_t>(test.labels(i)))++ >= 50) continue;
    different += test.labels(i) != sample.labels(at);
    const float* const whole = test.images.storage().data() + 784 * i;
    different += !std::equal(whole, whole + 784, sample.images.storage().data() + 784 * at++);
  }
  CHECK(at == 500);
  CHECK(different == 0);
}
