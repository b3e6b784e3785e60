#include "idx.hpp"

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>

#include "files.hpp"

namespace xgrad::data {
namespace {

namespace fs = std::filesystem;

constexpr int unsigned_bytes = 8;  // the format's number for that element type

unsigned byte_at(std::string_view bytes, std::size_t i) { return static_cast<unsigned char>(bytes[i]); }

/// The shape of an IDX file of unsigned bytes with `axes` axes; its elements are the bytes after the header.
Shape read_header(std::string_view operation, std::string_view bytes, std::size_t axes,
                  const fs::path& path) {
  const auto fail = [&](const std::string& what) {
    return IoError(std::string(operation) + ": " + path.string() + " " + what);
  };
  const std::size_t header = 4 + 4 * axes;
  if (bytes.size() < header)
    throw fail("has " + std::to_string(bytes.size()) + " bytes, fewer than an IDX header of " +
               std::to_string(axes) + " axes (" + std::to_string(header) + "); fetch the file again");
  if (byte_at(bytes, 0) != 0 || byte_at(bytes, 1) != 0)
    throw fail("is no IDX file: it does not begin with two zero bytes; check the path");
  if (byte_at(bytes, 2) != unsigned_bytes)
    throw fail("holds elements of IDX type " + std::to_string(byte_at(bytes, 2)) +
               ", not unsigned bytes (8); convert it first");
  if (byte_at(bytes, 3) != axes)
    throw fail("has " + std::to_string(byte_at(bytes, 3)) + " axes, not " + std::to_string(axes) +
               "; give the images' file first, then the labels'");
  Shape shape;
  std::size_t count = 1;
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  for (std::size_t axis = 0; axis < axes; ++axis) {
    std::size_t extent = 0;
    for (std::size_t i = 0; i < 4; ++i) extent = extent << 8 | byte_at(bytes, 4 + 4 * axis + i);
    shape.push_back(extent);
    count = extent != 0 && count > most / extent ? most : count * extent;
  }
  if (count != bytes.size() - header)
    throw fail("holds " + std::to_string(bytes.size() - header) + " elements, its header says " +
               to_string(shape) + "; fetch the file again");
  return shape;
}

/// The elements of an IDX file, each divided.
template <class X>
Dense<X> read_idx(std::string_view operation, const fs::path& path, std::size_t axes, X divisor) {
  const std::string bytes = read_file(operation, path);
  Dense<X> result(read_header(operation, bytes, axes, path));
  X* out = result.mutable_data();
  for (std::size_t i = bytes.size() - result.size(); i < bytes.size(); ++i)
    *out++ = static_cast<X>(byte_at(bytes, i)) / divisor;
  return result;
}

template <class T>
LabelledImages<T> load(std::string_view operation, const fs::path& image_path, const fs::path& label_path) {
  Dense<T> images = read_idx<T>(operation, image_path, 3, 255);
  Dense<std::int64_t> labels = read_idx<std::int64_t>(operation, label_path, 1, 1);
  if (images.shape[0] != labels.shape[0])
    throw ShapeError(std::string(operation) + ": images " + to_string(images.shape) + " of " +
                     image_path.string() + " and labels " + to_string(labels.shape) + " of " +
                     label_path.string() + " differ in axis 0 (" + std::to_string(images.shape[0]) + " vs " +
                     std::to_string(labels.shape[0]) + "); give two files of one data set");
  return {to_array(std::move(images)), to_array(std::move(labels))};
}

/// As published, or unpacked.
fs::path in_folder(const fs::path& folder, const std::string& name) {
  const fs::path unpacked = folder / name, packed = folder / (name + ".gz");
  std::error_code ignored;  // what cannot be looked at is not there
  if (fs::is_regular_file(packed, ignored)) return packed;
  if (fs::is_regular_file(unpacked, ignored)) return unpacked;
  throw IoError("load_fashion_mnist: neither " + name + ".gz nor " + name + " is in " + folder.string() +
                "; give the folder that holds the data set's four files");
}

}  // namespace

template <class T>
LabelledImages<T> load_idx(const std::string& images, const std::string& labels) {
  return load<T>("load_idx", images, labels);
}

template <class T>
LabelledImages<T> load_fashion_sample() {
  constexpr std::string_view operation = "load_fashion_sample";
  return load<T>(operation, find_data_file(operation, "fashion500-images-idx3-ubyte.gz"),
                 find_data_file(operation, "fashion500-labels-idx1-ubyte.gz"));
}

template <class T>
TrainAndTest<T> load_fashion_mnist(const std::string& folder) {
  // All four are looked for before the first one is read.
  const fs::path train_images = in_folder(folder, "train-images-idx3-ubyte");
  const fs::path train_labels = in_folder(folder, "train-labels-idx1-ubyte");
  const fs::path test_images = in_folder(folder, "t10k-images-idx3-ubyte");
  const fs::path test_labels = in_folder(folder, "t10k-labels-idx1-ubyte");
  constexpr std::string_view operation = "load_fashion_mnist";
  return {load<T>(operation, train_images, train_labels), load<T>(operation, test_images, test_labels)};
}

template LabelledImages<float> load_idx(const std::string&, const std::string&);
template LabelledImages<double> load_idx(const std::string&, const std::string&);
template LabelledImages<float> load_fashion_sample();
template LabelledImages<double> load_fashion_sample();
template TrainAndTest<float> load_fashion_mnist(const std::string&);
template TrainAndTest<double> load_fashion_mnist(const std::string&);

}  // namespace xgrad::data
