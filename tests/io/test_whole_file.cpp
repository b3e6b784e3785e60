// What a whole file replaces, and what it leaves behind.
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/xattr.h>
#endif

#include <doctest/doctest.h>
#include <xgrad/io/save.hpp>
#include <xgrad/io/whole_file.hpp>
#include <xgrad/train/history.hpp>

#include "../child.hpp"
#include "../message_of.hpp"
#include "temporary_folder.hpp"

namespace fs = std::filesystem;

namespace {

using xgrad::IoError;
using xgrad::io::write_whole_file;
using xgrad::testing::in_child;
using xgrad::testing::message_of;
using xgrad::testing::read_bytes;
using xgrad::testing::TemporaryFolder;
using xgrad::testing::write_bytes;

void save(const std::string& path, const std::string& bytes) {
  write_whole_file(path, [&](const std::string& unfinished) { write_bytes(unfinished, bytes); });
}

/// What it says that `path` cannot be saved to; nothing is written then.
std::string refused(const std::string& path) {
  return message_of<IoError>(
      [&] { write_whole_file(path, [](const std::string&) { FAIL("it has begun to write"); }); });
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

/// A umask, for a while.
class Umask {
 public:
  explicit Umask(mode_t mask) : before_(::umask(mask)) {}
  ~Umask() { ::umask(before_); }

 private:
  mode_t before_;
};

bool is_root() { return ::geteuid() == 0; }

/// As nobody, if this process may become it; true if it may not.
template <class F>
bool as_nobody(F body) {
  if (!is_root()) return body();
  return in_child([&] {
           const bool changed = ::setgroups(0, nullptr) == 0 && ::setgid(65534) == 0 && ::setuid(65534) == 0;
           try {
             return !changed || body();
           } catch (...) {
             return false;  // or the child would go on with the other tests
           }
         }) == 0;
}

}  // namespace

TEST_CASE("a save follows symbolic links, one after the other, and leaves them links") {
  const TemporaryFolder folder;
  fs::create_directory(folder / "there");
  const std::string target = folder / "there/target";
  for (const std::string& first : {std::string("there/target"), target}) {
    write_bytes(target, "old");
    fs::create_symlink(first, folder / "one");
    fs::create_symlink("../one", folder / "there/two");
    fs::create_symlink(folder / "there/two", folder / "three");
    for (const char* name : {"one", "there/two", "three"}) {
      save(folder / name, std::string("by ") + name);
      CHECK(read_bytes(target) == std::string("by ") + name);
      CHECK(fs::is_symlink(folder / name));
      CHECK_FALSE(fs::is_symlink(target));
    }
    CHECK(folder.file_count() == 3);  // there, one, three
    for (const char* name : {"one", "there/two", "three"}) fs::remove(folder / name);
  }
}

TEST_CASE("a save through a link to a folder stays in that folder") {
  const TemporaryFolder folder;
  fs::create_directory(folder / "real");
  fs::create_symlink("real", folder / "link");
  save(folder / "link/file", "new");
  CHECK(read_bytes(folder / "real/file") == "new");
}

TEST_CASE("a link that leads to nothing yet leads to the saved file") {
  const TemporaryFolder folder;
  fs::create_symlink("second", folder / "first");
  fs::create_symlink("target", folder / "second");
  save(folder / "first", "new");
  CHECK(fs::is_symlink(folder / "first"));
  CHECK(fs::is_symlink(folder / "second"));
  CHECK(read_bytes(folder / "target") == "new");

  fs::create_symlink("no/such/folder", folder / "lost");
  CHECK(refused(folder / "lost") ==
        "save: cannot write " + folder / "lost" +
            " (No such file or directory); check the folder, its permissions and the space left");
  fs::create_symlink("round", folder / "trip");
  fs::create_symlink("trip", folder / "round");
  CHECK(refused(folder / "trip") ==
        "save: cannot write " + folder / "trip" +
            " (Too many levels of symbolic links); its links lead nowhere, remove one of them");
}

TEST_CASE("a save keeps the mode of what it replaces, and a new file has that of any new file") {
  const TemporaryFolder folder;
  const Umask usual(022);
  const std::string path = folder / "file";
  save(path, "1");
  CHECK(mode_of(path) == 0644);
  for (const mode_t mode : {0600u, 0640u, 0664u, 0777u, 0700u}) {
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    mode_t meanwhile = 07777;
    write_whole_file(path, [&](const std::string& unfinished) {
      meanwhile = mode_of(unfinished);
      write_bytes(unfinished, "2");
    });
    CHECK(mode_of(path) == mode);
    CHECK(meanwhile == mode);
  }
  fs::create_symlink("file", folder / "link");
  REQUIRE(::chmod(path.c_str(), 0600) == 0);
  save(folder / "link", "3");
  CHECK(mode_of(path) == 0600);
  CHECK(read_bytes(path) == "3");
}

TEST_CASE("a save keeps owner and group where the process may") {
  if (!is_root()) return;
  const TemporaryFolder folder;
  const std::string path = folder / "file";
  write_bytes(path, "old");
  REQUIRE(::chown(path.c_str(), 1234, 5678) == 0);
  REQUIRE(::chmod(path.c_str(), 0640) == 0);
  save(path, "new");
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK(status.st_uid == 1234);
  CHECK(status.st_gid == 5678);
  CHECK((status.st_mode & 07777) == 0640);
  CHECK(read_bytes(path) == "new");
}

TEST_CASE("a save that may not keep the owner, or may not write, is refused before it writes") {
  const TemporaryFolder folder;
  if (is_root()) {
    const std::string path = folder / "file";
    write_bytes(path, "old");
    REQUIRE(::chmod(path.c_str(), 0666) == 0);
    REQUIRE(::chmod((folder / "").c_str(), 0777) == 0);
    CHECK(as_nobody([&] {
      return refused(path) ==
             "save: cannot write " + path +
                 " (its owner and group are 0 and 0, which this process may not give to a new "
                 "file); save as that owner, or under a new name";
    }));
    CHECK(read_bytes(path) == "old");
    CHECK(folder.file_count() == 1);
  }
  CHECK(as_nobody([&] {
    const std::string path = folder / "kept";
    save(path, "old");
    ::chmod(path.c_str(), 0444);
    return refused(path) ==
               "save: cannot write " + path +
                   " (Permission denied); check the folder, its permissions and the space left" &&
           read_bytes(path) == "old";
  }));
}

TEST_CASE("what is no regular file is refused, and stays what it is") {
  const TemporaryFolder folder;
  const std::string pipe = folder / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(refused(pipe) ==
        "save: cannot write " + pipe + " (it is a pipe); give the name of a regular file, or of none yet");
  CHECK(fs::is_fifo(pipe));
  fs::create_symlink("/dev/null", folder / "nothing");
  CHECK(refused(folder / "nothing") ==
        "save: cannot write " + folder / "nothing" +
            " (it is a device); give the name of a regular file, or of none yet");
  fs::create_directory(folder / "folder");
  CHECK(refused(folder / "folder") ==
        "save: cannot write " + folder / "folder" +
            " (Is a directory); give the name of a regular file, or of none yet");
  CHECK(folder.file_count() == 3);
}

TEST_CASE("a file of several names is refused, and all of them keep it") {
  const TemporaryFolder folder;
  write_bytes(folder / "one", "old");
  fs::create_hard_link(folder / "one", folder / "two");
  CHECK(
      refused(folder / "one") ==
      "save: cannot write " + folder / "one" +
          " (it is one file of 2 names, hard links, of which the others would keep the old contents); remove "
          "the others, or save under a new name");
  CHECK(fs::equivalent(folder / "one", folder / "two"));
  CHECK(read_bytes(folder / "two") == "old");
  fs::remove(folder / "two");
  save(folder / "one", "new");
  CHECK(read_bytes(folder / "one") == "new");
}

TEST_CASE("what a killed process left unfinished is removed by the next save of that name") {
  const TemporaryFolder folder;
  const std::string path = folder / "file", other = folder / "file.npz";
  write_bytes(path, "old");
  for (int i = 0; i < 3; ++i)
    for (const std::string& each : {path, other})
      CHECK(in_child([&] {
              write_whole_file(each, [](const std::string& unfinished) {
                write_bytes(unfinished, "half");
                std::raise(SIGKILL);
              });
              return true;
            }) == -1);
  CHECK(read_bytes(path) == "old");
  CHECK(folder.file_count() == 3);  // each removed what the one before had left
  for (const char* left : {"file.part-1-2", "file.part-999999999-1"}) write_bytes(folder / left, "half");
  save(path, "new");
  CHECK(read_bytes(path) == "new");
  CHECK(folder.file_count() == 2);  // one of the other name is left
  save(other, "new");
  CHECK(folder.file_count() == 2);
}

TEST_CASE("names that only look unfinished stay") {
  const TemporaryFolder folder;
  const std::vector<std::string> names{"file.part-notes", "file.part-1",    "file.part-1-",
                                       "file.part--1",    "file.part-1-2x", "file.part-12",
                                       "afile.part-1-2",  "file.part-1-2-3"};
  for (const std::string& name : names) write_bytes(folder / name, "mine");
  fs::create_symlink("file.part-notes", folder / "file.part-3-4");
  fs::create_directory(folder / "file.part-5-6");
  save(folder / "file", "new");
  CHECK(folder.file_count() == names.size() + 3);
  for (const std::string& name : names) CHECK(read_bytes(folder / name) == "mine");
}

TEST_CASE("a save leaves alone what another is writing, in this process or in another") {
  const TemporaryFolder folder;
  const std::string path = folder / "file";
  write_whole_file(path, [&](const std::string& unfinished) {
    write_bytes(unfinished, "outer");
    save(path, "inner");
    CHECK(read_bytes(path) == "inner");
    CHECK(in_child([&] {
            save(path, "child");
            return fs::exists(unfinished);
          }) == 0);
    CHECK(read_bytes(path) == "child");
    CHECK(read_bytes(unfinished) == "outer");
  });
  CHECK(read_bytes(path) == "outer");
  CHECK(folder.file_count() == 1);
}

TEST_CASE("messages name the file that the user named, and what fails leaves nothing behind") {
  const TemporaryFolder folder;
  const std::string path = folder / "file";
  write_bytes(path, "old");
  const auto fails = [&](auto throws) {
    write_whole_file(path, [&](const std::string& unfinished) {
      write_bytes(unfinished, "half");
      throws(unfinished);
    });
  };
  CHECK(message_of<IoError>([&] {
          fails([](const std::string& name) { throw IoError("save: " + name + " is full, " + name); });
        }) == "save: " + path + " is full, " + path);
  CHECK_THROWS_AS(fails([](const std::string&) { throw std::bad_alloc(); }), std::bad_alloc);
  CHECK(read_bytes(path) == "old");
  CHECK(folder.file_count() == 1);
}

TEST_CASE("a name may be as long as the file system has them") {
  const TemporaryFolder folder;
  const std::string path = folder / std::string(255, 'x');
  save(path, "1");
  save(path, "2");
  CHECK(read_bytes(path) == "2");
  CHECK(folder.file_count() == 1);
}

TEST_CASE("arrays and histories are saved through links, and keep a secret") {
  const TemporaryFolder folder;
  write_bytes(folder / "there", "");
  REQUIRE(::chmod((folder / "there").c_str(), 0600) == 0);
  for (const char* name : {"x.npz", "x.safetensors"}) {
    fs::create_symlink("there", folder / name);
    xgrad::io::save_arrays<float>({{"x", xgrad::Array<float>{1, 2}}}, folder / name);
    CHECK(xgrad::io::load_arrays<float>(folder / name)[0].second == xgrad::Array<float>{1, 2});
    CHECK(fs::is_symlink(folder / name));
    CHECK(mode_of(folder / "there") == 0600);
  }
  fs::create_symlink("there", folder / "history.csv");
  xgrad::train::History().save(folder / "history.csv");
  CHECK(fs::is_symlink(folder / "history.csv"));
  CHECK(read_bytes(folder / "there").starts_with("epoch,loss"));
  CHECK(mode_of(folder / "there") == 0600);
}

#if defined(__linux__)
TEST_CASE("a save keeps the access list of what it replaces, and takes none from the folder") {
  const TemporaryFolder folder;
  const std::string path = folder / "file", plain = folder / "plain";
  write_bytes(path, "old");
  write_bytes(plain, "old");
  REQUIRE(::chmod(plain.c_str(), 0640) == 0);
  // Version 2; owner rw, user 1234 rw, group r, mask rw, others nothing: acl(5) and linux/posix_acl_xattr.h.
  const unsigned char list[] = {2, 0,    0,   0,   1,   0,   6,    0, 255, 255, 255, 255, 2,   0,    6,
                                0, 0xd2, 4,   0,   0,   4,   0,    4, 0,   255, 255, 255, 255, 0x10, 0,
                                6, 0,    255, 255, 255, 255, 0x20, 0, 0,   0,   255, 255, 255, 255};
  const char* const access = "system.posix_acl_access";
  if (::setxattr(path.c_str(), access, list, sizeof list, 0) != 0) return;  // a file system without
  REQUIRE(::setxattr((folder / "").c_str(), "system.posix_acl_default", list, sizeof list, 0) == 0);
  save(path, "new");
  unsigned char kept[100] = {};
  CHECK(::getxattr(path.c_str(), access, kept, sizeof kept) == sizeof list);
  CHECK(std::equal(std::begin(list), std::end(list), kept));
  save(plain, "new");
  CHECK(::getxattr(plain.c_str(), access, kept, sizeof kept) == -1);
  CHECK(mode_of(plain) == 0640);
}
#endif
