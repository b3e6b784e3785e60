#include "npz.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <limits>
#include <memory>
#include <unordered_set>

#include <minizip/unzip.h>
#include <minizip/zip.h>

#include "../core/array/error.hpp"
#include "input_file.hpp"
#include "../core/array/instantiate.hpp"
#include "npy.hpp"
#include "output_file.hpp"

namespace xgrad::io {
namespace {

constexpr std::string_view ending = ".npy";
/// What zlib takes in one call.
constexpr std::size_t most_at_once = 1u << 30;

/// A zip archive that is being written.
class Writer {
 public:
  explicit Writer(const std::string& path)
      : path_(path), zip_(zipOpen64(path.c_str(), APPEND_STATUS_CREATE)) {
    if (zip_ == nullptr) fail();
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() {
    if (zip_ != nullptr) zipClose(zip_, nullptr);
  }

  void begin(const std::string& name, std::size_t size) {
    ++count_;
    zip_fileinfo info{};
    info.tmz_date.tm_year = 1980;  // the first that zip knows: the same arrays give the same file
    info.tmz_date.tm_mday = 1;
    const bool large = size >= std::numeric_limits<std::uint32_t>::max();
    constexpr uLong made_by = 20, utf8_name = 1 << 11;
    check(zipOpenNewFileInZip4_64(zip_, name.c_str(), &info, nullptr, 0, nullptr, 0, nullptr, 0, 0, 0,
                                  -MAX_WBITS, DEF_MEM_LEVEL, Z_DEFAULT_STRATEGY, nullptr, 0, made_by,
                                  utf8_name, large ? 1 : 0));
  }
  void write(const char* bytes, std::size_t count) {
    for (std::size_t done = 0; done < count; done += most_at_once)
      check(zipWriteInFileInZip(zip_, bytes + done,
                                static_cast<unsigned>(std::min(most_at_once, count - done))));
  }
  void end() { check(zipCloseFileInZip(zip_)); }
  void close() {
    check(zipClose(std::exchange(zip_, nullptr), nullptr));
    constexpr std::size_t beyond_count = 0xffff;
    if (count_ >= beyond_count) write_large_end();
  }

 private:
  /// minizip counts to 65535, which stands for "see the other record", and leaves out that record: without it
  /// no list of so many entries has an end. It and its locator come before the short record, as
  /// https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT has them in 4.3.14 and 4.3.15.
  void write_large_end() {
    constexpr std::size_t short_record = 22, long_record = 56;
    std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out | std::ios::ate);
    const std::streamoff end = std::streamoff(file.tellg()) - static_cast<std::streamoff>(short_record);
    std::string last(short_record, '\0');
    file.seekg(end);
    file.read(last.data(), short_record);
    const auto number = [&](std::size_t at) {
      std::uint32_t value = 0;
      std::memcpy(&value, last.data() + at, sizeof(value));
      return value;
    };
    std::string bytes;
    const auto add = [&](auto value) { bytes.append(reinterpret_cast<const char*>(&value), sizeof(value)); };
    constexpr std::uint16_t version = 45;
    const std::uint64_t count = count_, list_size = number(12), list_begin = number(16);
    bytes += "PK\6\6";
    add(std::uint64_t{long_record - 12});
    add(version), add(version), add(std::uint32_t{0}), add(std::uint32_t{0});
    add(count), add(count), add(list_size), add(list_begin);
    bytes += "PK\6\7";
    add(std::uint32_t{0}), add(static_cast<std::uint64_t>(end)), add(std::uint32_t{1});
    bytes += last;
    file.seekp(end);
    // With a list that begins beyond 4 GB minizip writes the long record itself.
    if (number(16) != 0xffffffff) file << bytes;
    file.close();
    if (!file) fail();
  }

  void check(int code) const {
    if (code != ZIP_OK) fail();
  }
  [[noreturn]] void fail() const { throw_unwritten(path_); }

  const std::string& path_;
  zipFile zip_;
  std::size_t count_ = 0;  ///< of entries
};

/// A zip archive that is being read.
class Reader {
 public:
  explicit Reader(const std::string& path)
      : path_(path), file_(path, "an npz"), is_empty_(read_end() == 0), bytes_left_(file_.size()) {
    if (is_empty_) return;  // minizip takes it for none
    zip_.reset(unzOpen64(path.c_str()));
    if (!zip_) fail("is no zip archive");
  }

  [[noreturn]] void fail(const std::string& what) const { file_.fail(what); }

  template <class T>
  Contents<T> read(const Wanted& wanted) {
    Contents<T> contents;
    if (is_empty_) return contents;
    std::unordered_set<std::string> names;
    int code = unzGoToFirstFile(zip_.get());
    for (; code == UNZ_OK; code = unzGoToNextFile(zip_.get())) {
      read_entry();
      if (!names.insert(name_).second) fail("has '" + name_ + "' twice");
      contents.names.push_back(name_);
      if (!wanted(name_)) continue;
      open();
      contents.values.emplace_back(name_, read_value<T>());
    }
    // Of 65535 entries minizip does not know that they are all.
    const bool is_at_end = code == UNZ_END_OF_LIST_OF_FILE || contents.names.size() == 0xffff;
    if (!is_at_end) fail("has a damaged list of arrays");
    return contents;
  }

 private:
  struct Close {
    void operator()(void* zip) const noexcept { unzClose(zip); }
  };

  /// The number of entries, up to 65535, that the record at an archive's end gives; minizip is content with a
  /// part of that record, and counts wrong then. It is 22 bytes and a comment.
  unsigned read_end() {
    constexpr std::size_t record = 22, longest_comment = 65535;
    std::string end(std::min(file_.size(), record + longest_comment), '\0');
    file_.read(file_.size() - end.size(), end.data(), end.size());
    const auto number = [&](std::size_t at) {
      return static_cast<unsigned>(static_cast<unsigned char>(end[at])) |
             static_cast<unsigned>(static_cast<unsigned char>(end[at + 1])) << 8;
    };
    for (std::size_t at = end.rfind("PK\5\6"); at != end.npos; at = end.rfind("PK\5\6", at - 1)) {
      if (at + record <= end.size() && at + record + number(at + 20) == end.size()) return number(at + 10);
      if (at == 0) break;
    }
    fail("is no zip archive");
  }

  /// What the list says of the present entry.
  void read_entry() {
    char name[1 << 16];
    if (unzGetCurrentFileInfo64(zip_.get(), &info_, name, sizeof(name), nullptr, 0, nullptr, 0) != UNZ_OK ||
        info_.size_filename >= sizeof(name))
      fail("has a damaged list of arrays");
    name_.assign(name, info_.size_filename);
    is_npy_ = name_.ends_with(ending);
    if (is_npy_) name_.resize(name_.size() - ending.size());
  }

  /// What is wrong with an array that is not damaged.
  [[noreturn]] void fail_unreadable(const std::string& what) const {
    throw IoError("load: " + path_ + " holds '" + name_ + "'" + what +
                  "; read the other arrays by their names");
  }

  /// Opens the present entry, whose sizes are plausible then.
  void open() {
    const unz_file_info64& info = info_;
    if (!is_npy_) fail_unreadable(", which is no .npy file");
    if ((info.flag & 1) != 0) fail_unreadable(" encrypted");
    if (info.compression_method != 0 && info.compression_method != Z_DEFLATED)
      fail_unreadable(" compressed by method " + std::to_string(info.compression_method) + ", not deflate");
    // Nobody's claim makes us allocate more than deflate can unpack from the bytes that there are; and
    // entries that share their bytes take more of them than there are.
    constexpr std::size_t highest_ratio = 1032;
    const bool packed = info.compression_method == Z_DEFLATED;
    if (info.compressed_size > bytes_left_ ||
        (packed ? info.uncompressed_size / highest_ratio > info.compressed_size
                : info.uncompressed_size != info.compressed_size))
      fail("gives a size of '" + name_ + "' that cannot be");
    bytes_left_ -= static_cast<std::size_t>(info.compressed_size);
    size_ = static_cast<std::size_t>(info.uncompressed_size);
    if (unzOpenCurrentFile(zip_.get()) != UNZ_OK) fail("has damaged data at '" + name_ + "'");
  }

  template <class T>
  Dense<T> read_value() {
    const auto next = [&](char* out, std::size_t count) {
      for (std::size_t done = 0; done < count;) {
        const auto piece = static_cast<unsigned>(std::min(most_at_once, count - done));
        const int read = unzReadCurrentFile(zip_.get(), out + done, piece);
        if (read <= 0) fail("has damaged data at '" + name_ + "'");
        done += static_cast<std::size_t>(read);
      }
    };
    Dense<T> value = read_npy<T>(size_, next, [&](const std::string& what, NpyFault fault) {
      if (fault == NpyFault::element_type) fail_unreadable(", which " + what);
      fail("holds '" + name_ + "', which " + what);
    });
    // The check sum is compared here.
    if (unzCloseCurrentFile(zip_.get()) != UNZ_OK) fail("has damaged data at '" + name_ + "'");
    return value;
  }

  const std::string& path_;
  InputFile file_;
  bool is_empty_;
  std::unique_ptr<void, Close> zip_;
  std::size_t bytes_left_;  ///< of the file, which no entry has taken
  unz_file_info64 info_{};  ///< of the present entry
  std::string name_;        ///< without its ending if that is .npy
  bool is_npy_ = false;
  std::size_t size_ = 0;
};

}  // namespace

template <class T>
void write_npz(const NamedValues<T>& values, const std::string& path) {
  Writer writer(path);
  for (const auto& [name, value] : values) {
    const std::string header = npy_header(value.shape, own_type<T>);
    const std::size_t bytes = value.size() * sizeof(T);
    writer.begin(name + std::string(ending), header.size() + bytes);
    writer.write(header.data(), header.size());
    writer.write(reinterpret_cast<const char*>(value.data()), bytes);
    writer.end();
  }
  writer.close();
}

template <class T>
Contents<T> read_npz(const std::string& path, const Wanted& wanted) {
  return Reader(path).read<T>(wanted);
}

[[gnu::used]] constexpr auto instances =
    instantiate::for_numbers([]<class T>() { return std::make_tuple(write_npz<T>, read_npz<T>); });

}  // namespace xgrad::io
