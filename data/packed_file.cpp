#include "packed_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <new>
#include <system_error>

#include <zlib.h>

#include "../core/array/error.hpp"

namespace xgrad::data {
namespace {

constexpr std::size_t piece = 1 << 16;
constexpr std::size_t highest_ratio = 1032;  // what deflate makes of a run of one byte
constexpr std::string_view magic = "\x1f\x8b";

}  // namespace

/// zlib's state; it points to itself, so it stays where it is.
class PackedFile::Unpacker {
 public:
  Unpacker() {
    constexpr int gzip_only = 16;
    if (inflateInit2(&stream_, MAX_WBITS + gzip_only) != Z_OK) throw std::bad_alloc();
  }
  Unpacker(const Unpacker&) = delete;
  Unpacker& operator=(const Unpacker&) = delete;
  ~Unpacker() { inflateEnd(&stream_); }
  z_stream& operator*() noexcept { return stream_; }

 private:
  z_stream stream_{};
};

PackedFile::PackedFile(std::string_view operation, std::filesystem::path path)
    : operation_(operation), path_(std::move(path)), file_(nullptr, &std::fclose) {
  // A folder opens without complaint.
  std::error_code ignored;
  if (std::filesystem::is_directory(path_, ignored)) fail("it is a folder");
  errno = 0;
  file_.reset(std::fopen(path_.c_str(), "rbe"));
  if (!file_) fail(std::strerror(errno));
  fill();
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  std::error_code sizeless;  // a pipe has no size: it may hold anything
  const std::uintmax_t size = std::filesystem::file_size(path_, sizeless);
  has_size_ = !sizeless;
  most_bytes_ = sizeless ? most : static_cast<std::size_t>(size);
  if (!std::string_view(buffer_).starts_with(magic)) return;
  most_bytes_ = most_bytes_ > most / highest_ratio ? most : most_bytes_ * highest_ratio;
  unpacker_ = std::make_unique<Unpacker>();
}

PackedFile::~PackedFile() = default;

void PackedFile::fail(const std::string& cause) const {
  throw IoError(operation_ + ": cannot read " + path_.string() + " (" + cause +
                "); check the path, or fetch the file again");
}

/// Reads on when the buffer is used up; gives how many bytes are in it.
std::size_t PackedFile::fill() {
  if (at_ < buffer_.size()) return buffer_.size() - at_;
  buffer_.resize(piece);
  at_ = 0;
  buffer_.resize(std::fread(buffer_.data(), 1, piece, file_.get()));
  if (std::ferror(file_.get()) != 0) fail(std::strerror(errno));
  return buffer_.size();
}

std::size_t PackedFile::read(char* out, std::size_t count) {
  std::size_t done = 0;
  while (done < count && !ended_) {
    if (unpacker_) {
      done += unpack(out + done, count - done);
      continue;
    }
    const std::size_t taken = std::min(fill(), count - done);
    std::copy_n(buffer_.data() + at_, taken, out + done);
    at_ += taken;
    done += taken;
    ended_ = taken == 0;
  }
  return done;
}

std::size_t PackedFile::unpack(char* out, std::size_t count) {
  z_stream& stream = **unpacker_;
  const std::size_t there = fill();
  if (there == 0) fail("unexpected end of file");
  const auto room = static_cast<uInt>(std::min<std::size_t>(count, 1u << 30));
  stream.next_in = reinterpret_cast<Bytef*>(buffer_.data() + at_);
  stream.avail_in = static_cast<uInt>(there);
  stream.next_out = reinterpret_cast<Bytef*>(out);
  stream.avail_out = room;
  const int code = inflate(&stream, Z_NO_FLUSH);
  at_ = buffer_.size() - stream.avail_in;
  if (code == Z_STREAM_END) {
    ended_ = !next_member();
  } else if (code != Z_OK && code != Z_BUF_ERROR) {
    fail(stream.msg != nullptr ? stream.msg : "damaged data");
  }
  return room - stream.avail_out;
}

/// Looks at what follows a member; false at the end of the file.
bool PackedFile::next_member() {
  bool zeros = false;
  for (; fill() > 0; ++at_) {
    if (buffer_[at_] == '\0') {
      zeros = true;
      continue;
    }
    if (zeros || buffer_[at_] != magic[0]) fail("something else follows its gzip data");
    // The second byte is inflate's to check.
    if (inflateReset(&**unpacker_) != Z_OK) fail("damaged data");
    return true;
  }
  return false;
}

}  // namespace xgrad::data
