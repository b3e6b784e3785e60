#include "idx.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "../core/array/instantiate.hpp"
#include "files.hpp"
#include "packed_file.hpp"

namespace xgrad::data {
namespace {

namespace fs = std::filesystem;

constexpr int unsigned_bytes = 8;  // the format's number for that element type

unsigned byte_at(std::string_view bytes, std::size_t i) { return static_cast<unsigned char>(bytes[i]); }

/// An IDX file of unsigned bytes with `axes` axes. Its header is checked before more of it is read.
class IdxFile {
 public:
  IdxFile(std::string_view operation, const fs::path& path, std::size_t axes)
      : operation_(operation), path_(path), file_(operation, path), axes_(axes) {
    read_header();
  }

  /// The elements, each divided.
  template <class X>
  Dense<X> read(X divisor) {
    const std::size_t count = checked_count();
    Dense<X> result(shape_);
    X* out = result.mutable_data();
    std::string bytes(std::min<std::size_t>(count, 1 << 16), '\0');
    for (std::size_t done = 0; done < count; done += bytes.size()) {
      const std::size_t wanted = std::min(bytes.size(), count - done);
      const std::size_t got = file_.read(bytes.data(), wanted);
      if (got < wanted) throw_count(std::to_string(done + got));
      for (std::size_t i = 0; i < wanted; ++i) *out++ = static_cast<X>(byte_at(bytes, i)) / divisor;
    }
    char more = 0;
    if (file_.read(&more, 1) != 0) throw_count("more than " + std::to_string(count));
    return result;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw IoError(std::string(operation_) + ": " + path_.string() + " " + what);
  }
  [[noreturn]] void throw_count(const std::string& elements) const {
    fail("holds " + elements + " elements, its header says " + to_string(shape_) + "; fetch the file again");
  }

  void read_header() {
    std::string bytes(header_size(), '\0');
    const std::size_t got = file_.read(bytes.data(), bytes.size());
    if (got < bytes.size())
      fail("has " + std::to_string(got) + " bytes, fewer than an IDX header of " + std::to_string(axes_) +
           " axes (" + std::to_string(bytes.size()) + "); fetch the file again");
    if (byte_at(bytes, 0) != 0 || byte_at(bytes, 1) != 0)
      fail("is no IDX file: it does not begin with two zero bytes; check the path");
    if (byte_at(bytes, 2) != unsigned_bytes)
      fail("holds elements of IDX type " + std::to_string(byte_at(bytes, 2)) +
           ", not unsigned bytes (8); convert it first");
    if (byte_at(bytes, 3) != axes_)
      fail("has " + std::to_string(byte_at(bytes, 3)) + " axes, not " + std::to_string(axes_) +
           "; give the images' file first, then the labels'");
    for (std::size_t axis = 0; axis < axes_; ++axis) {
      std::size_t extent = 0;
      for (std::size_t i = 0; i < 4; ++i) extent = extent << 8 | byte_at(bytes, 4 + 4 * axis + i);
      shape_.push_back(extent);
    }
  }

  /// Of the header's shape, if the file can hold them: nobody's claim makes us allocate more. What a plain
  /// file holds is known beforehand.
  std::size_t checked_count() const {
    const std::size_t most = file_.most_bytes() - header_size();
    bool fits = true;
    std::size_t count = 1;
    for (const std::size_t extent : shape_) {
      fits = fits && (extent == 0 || count <= most / extent);
      count *= extent;
    }
    if (!file_.is_packed() && file_.has_size() && count != most) fits = false;
    if (!fits) throw_count((file_.is_packed() ? "at most " : "") + std::to_string(most));
    return count;
  }

  std::size_t header_size() const { return 4 + 4 * axes_; }

  std::string_view operation_;
  const fs::path& path_;
  PackedFile file_;
  std::size_t axes_;
  Shape shape_;
};

template <class T>
LabelledImages<T> load(std::string_view operation, const fs::path& image_path, const fs::path& label_path) {
  Dense<T> images = IdxFile(operation, image_path, 3).read<T>(255);
  Dense<std::int64_t> labels = IdxFile(operation, label_path, 1).read<std::int64_t>(1);
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

[[gnu::used]] constexpr auto instances = instantiate::for_numbers(
    []<class T>() { return std::make_tuple(load_idx<T>, load_fashion_sample<T>, load_fashion_mnist<T>); });

}  // namespace xgrad::data
