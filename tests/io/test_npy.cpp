#include <cstdlib>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/io/save.hpp>

#include "../message_of.hpp"
#include "temporary_folder.hpp"

namespace {

using xgrad::Array;
using xgrad::IoError;
using xgrad::Shape;
using xgrad::io::load_array;
using xgrad::io::save_array;
using xgrad::testing::message_of;
using xgrad::testing::read_bytes;
using xgrad::testing::TemporaryFolder;
using xgrad::testing::write_bytes;

const std::string one_to_six("\1\2\3\4\5\6", 6);

/// A file of this header, and of bytes.
std::string file(const std::string& header, int version = 1, const std::string& data = one_to_six) {
  std::string bytes = "\x93NUMPY";
  bytes += {static_cast<char>(version), '\0', static_cast<char>(header.size() & 255),
            static_cast<char>(header.size() >> 8)};
  if (version > 1) bytes += std::string(2, '\0');
  return bytes + header + data;
}

/// What is read of a file of the bytes 1 to 6, in its order: "[2, 3] 1 2 3 4 5 6", or what is wrong with it,
/// between the path and the way out.
std::string read(const TemporaryFolder& folder, const std::string& bytes) {
  const std::string path = folder / "x.npy";
  write_bytes(path, bytes);
  try {
    const Array<double> array = load_array<double>(path);
    std::string text = to_string(Shape(array.shape()));
    for (double number : array.storage()) text += " " + std::to_string(static_cast<int>(number));
    return text;
  } catch (const IoError& error) {
    const std::string text = error.what(), start = "load_array: " + path + " ",
                      end = "; save it again, or check that it is an npy file";
    if (!text.starts_with(start) || !text.ends_with(end)) return text;
    return text.substr(start.size(), text.size() - start.size() - end.size());
  }
}

}  // namespace

TEST_CASE_TEMPLATE("one array is written and read, bit for bit", T, float, double) {
  const TemporaryFolder folder;
  const std::string path = folder / "x.npy";
  const Array<T> array{{T(0.1), T(-0.0), T(3)}, {T(1e-40), T(5), T(6)}};
  save_array<T>(array, path);
  CHECK(load_array<T>(path) == array);
  CHECK(std::signbit(load_array<T>(path)(0, 1)));
  save_array<T>(Array<T>(T(2.5)), path);
  CHECK(load_array<T>(path).dimension() == 0);
  save_array<T>(Array<T>(Shape{0, 3}), path);
  CHECK(load_array<T>(path).shape() == Shape{0, 3});
  CHECK(folder.file_count() == 1);
}

// Each spelling was read by NumPy 1.24's format.read_array with this result, or refused by it.
TEST_CASE("headers are read in every spelling that Python has for them") {
  const TemporaryFolder folder;
  const std::string plain = "[2, 3] 1 2 3 4 5 6";
  for (const std::string header :
       {"{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }    \n",
        R"({"descr": "|u1", "fortran_order": False, "shape": (2, 3)})",
        "{'shape':(2,3),'fortran_order':False,'descr':'|u1'}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2L, 3L), }\n",
        "{'descr': 'u1', 'fortran_order': False, 'shape': (+2, 0x3,)}",
        "{u'descr': u'uint8', u'fortran_order': False, u'shape': (2, 3)}",
        "{'descr': 'B', 'fortran_order': False, 'shape': ((2), 0b11)}",
        "({'de' \"scr\": '''|u1''',\n 'fortran_order': (False), # a remark\n\t'shape': (2, 3)})\n",
        R"({'\x64escr': '=u1', 'fortran_order': False, 'shape': (0x_2, 3)})"}) {
    INFO(header);
    CHECK(read(folder, file(header)) == plain);
  }
  CHECK(read(folder, file("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }\n")) ==
        "[2, 3] 1 3 5 2 4 6");
  CHECK(read(folder, file("{'descr': '|u1', 'fortran_order': False, 'shape': (6,), }")) == "[6] 1 2 3 4 5 6");
  CHECK(read(folder, file("{'descr': '|u1', 'fortran_order': True, 'shape': ()}", 1, "\7")) == "[] 7");
  for (const int version : {2, 3})
    CHECK(read(folder, file("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3)}", version)) == plain);
  CHECK(read(folder, file("{'descr': '>i2', 'fortran_order': False, 'shape': (3,)}")) == "[3] 258 772 1286");
}

TEST_CASE("headers that NumPy refuses are refused") {
  const TemporaryFolder folder;
  const std::string no_array = "has a header that is none of an array of real numbers: ";
  for (const std::string header : {"{'descr': '|u1', 'fortran_order': False, 'shape': (6), }",
                                   "{'descr': '|u1', 'fortran_order': False, 'shape': 6}",
                                   "{'descr': '|u1', 'fortran_order': False, 'shape': [2, 3]}",
                                   "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3.)}",
                                   "{'descr': '|u1', 'fortran_order': False, 'shape': (-2, -3)}",
                                   "{'descr': '|u1', 'fortran_order': False, 'shape': (02, 3)}",
                                   "{'descr': '|u1', 'fortran_order': 0, 'shape': (2, 3)}",
                                   "{'descr': '|u1', 'fortran_order': false, 'shape': (2, 3)}",
                                   "{'descr': '|u1', 'fortran_order': False}",
                                   "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), 'more': 1}",
                                   "{b'descr': '|u1', 'fortran_order': False, 'shape': (2, 3)}",
                                   "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3)",
                                   "{'descr': '|u1' 'fortran_order': False, 'shape': (2, 3)}",
                                   "{'descr': '|u1', 'fortran_order': False, 'shape': (2,, 3)}",
                                   "[('descr', '|u1')]",
                                   "",
                                   "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3)} x",
                                   "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1__0)}",
                                   "{'descr': '|u1', 'fortran_order': False, 'shape': (True, 6)}",
                                   "{'descr': '|u1', 'fortran_order': False, 'shape': (0_2, 3)}"}) {
    INFO(header);
    CHECK(read(folder, file(header)) == no_array + header);
  }
  // Python 2's numbers are Python 2's: version 3 came later.
  CHECK(read(folder, file("{'descr': '|u1', 'fortran_order': False, 'shape': (2L, 3L)}", 3)).find(no_array) ==
        0);
  // NumPy believes the later one; we believe neither.
  CHECK(read(folder, file("{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (6,)}"))
            .find(no_array) == 0);
  CHECK(read(folder, file(std::string(60000, '('))).find(no_array) == 0);
  const std::string good = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3)}";
  std::string other = file(good);
  other[7] = 1;
  CHECK(read(folder, other) == "is no npy file of version 1 to 3");
  CHECK(read(folder, file(good, 4)) == "is no npy file of version 1 to 3");
  CHECK(read(folder, file(good, 1, one_to_six + "7")) ==
        "holds 7 bytes of elements, not what its shape [2, 3] and type need");
  CHECK(read(folder, file(good, 1, "12345")).find("holds 5 bytes") == 0);
}

TEST_CASE("elements that are no real numbers are called by their type") {
  const TemporaryFolder folder;
  const auto says = [&](const std::string& type) {
    const std::string text =
        read(folder, file("{'descr': " + type + ", 'fortran_order': False, 'shape': (2, 3)}"));
    const std::string start = "load_array: " + (folder / "x.npy") + " has elements of type ";
    CHECK(text.substr(0, start.size()) == start);
    return text.substr(std::min(text.size(), start.size()));
  };
  for (const std::string type :
       {"'<U5'", "'|S3'", "'|O'", "'<c16'", "'<f16'", "'<M8[ns]'", "''", "'<float64'"})
    CHECK(says(type) == type + ", which are no real numbers; convert it first");
  CHECK(says("[('x', '<f4')]") == "of several parts, which are no real numbers; convert it first");
  CHECK(says(R"([('it\'s', '<f4')])") == "of several parts, which are no real numbers; convert it first");
  CHECK(says(R"('a\\b\"c')") == R"('a\b"c', which are no real numbers; convert it first)");
}

TEST_CASE("a path without the ending, or that cannot be read, is an error that says what to do") {
  const TemporaryFolder folder;
  CHECK(message_of<IoError>([&] { save_array<float>(Array<float>{1}, "x.npz"); }) ==
        "save_array: x.npz does not end in .npy; use save_arrays for files of several arrays");
  CHECK(message_of<IoError>([&] { load_array<float>("x.npz"); }) ==
        "load_array: x.npz does not end in .npy; use load_arrays for files of several arrays");
  const std::string text = message_of<IoError>([&] { xgrad::io::load_arrays<float>("x.npy"); });
  CHECK(text.find("load: the ending of x.npy tells no format; let it be ") == 0);
  CHECK(text.ends_with(", or use load_array"));
  CHECK(message_of<IoError>([&] {
          load_array<float>(folder / "none.npy");
        }).find("(No such file or directory)") != std::string::npos);
  CHECK(message_of<IoError>([&] {
          save_array<float>(Array<float>{1}, folder / "no/x.npy");
        }).find("(No such file or directory)") != std::string::npos);
}

TEST_CASE("any damage to an npy file is an IoError or an array of some kind, and nothing worse") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.npy";
  save_array<double>(Array<double>{{1, 2}, {3, 4}}, path);
  const std::string bytes = read_bytes(path);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    write_bytes(path, bytes.substr(0, length));
    CHECK_THROWS_AS(load_array<double>(path), IoError);
  }
  for (std::size_t i = 0; i < bytes.size(); ++i)
    for (const int change : {1, 0x40, 0x80, 0xff}) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(changed[i] ^ change);
      write_bytes(path, changed);
      try {
        load_array<double>(path);
      } catch (const IoError&) {
      }
    }
}

TEST_CASE("NumPy reads what was saved, and is read" *
          doctest::skip(std::system("/usr/bin/python3 -c 'import numpy' >/dev/null 2>&1") != 0)) {
  const TemporaryFolder folder;
  save_array<float>(Array<float>{{0.1f, 2, 3}, {4, 5, 6}}, folder / "ours.npy");
  write_bytes(folder / "run.py", R"(import sys, numpy as np
a = np.load(sys.argv[1] + '/ours.npy')
assert a.dtype == np.float32 and np.array_equal(a, np.array([[0.1, 2, 3], [4, 5, 6]], np.float32))
np.save(sys.argv[1] + '/theirs.npy', np.arange(6, dtype='>i4').reshape(2, 3).T)
)");
  const std::string path = folder / "";
  REQUIRE(std::system(("/usr/bin/python3 '" + (folder / "run.py") + "' '" + path + "'").c_str()) == 0);
  CHECK(load_array<double>(folder / "theirs.npy") == Array<double>{{0, 3}, {1, 4}, {2, 5}});
}
