// Files that may be gzip, read from their beginning.
#pragma once

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace xgrad::data {

/// The bytes of a file, unpacked as they are asked for if it is gzip (RFC 1952): members one after another
/// are one file, and zeros may follow the last of them, as gzip itself has it.
class PackedFile {
 public:
  /// IoError that names `operation`, the path and the cause if it cannot be read.
  PackedFile(std::string_view operation, std::filesystem::path path);
  PackedFile(const PackedFile&) = delete;
  PackedFile& operator=(const PackedFile&) = delete;
  ~PackedFile();

  /// The next bytes, at most `count`: fewer at the end only. IoError as above, also for a file that is
  /// damaged, ends before its time or goes on with something else.
  std::size_t read(char* out, std::size_t count);

  /// More bytes than these cannot be in the file, whatever it says of itself.
  /// A plain file that has a size has as many; a pipe has none.
  std::size_t most_bytes() const noexcept { return most_bytes_; }
  bool has_size() const noexcept { return has_size_; }
  bool is_packed() const noexcept { return unpacker_ != nullptr; }

 private:
  class Unpacker;

  [[noreturn]] void fail(const std::string& cause) const;
  std::size_t fill();
  std::size_t unpack(char* out, std::size_t count);
  bool next_member();

  std::string operation_;
  std::filesystem::path path_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
  std::unique_ptr<Unpacker> unpacker_;  ///< none for a plain file
  std::size_t most_bytes_ = 0;
  bool has_size_ = false;
  std::string buffer_;  ///< what was read of the file and not used, from at_ on
  std::size_t at_ = 0;
  bool ended_ = false;
};

}  // namespace xgrad::data
