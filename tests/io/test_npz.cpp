#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/io/save.hpp>

#include "../message_of.hpp"
#include "numpy_files.hpp"
#include "temporary_folder.hpp"

namespace {

using xgrad::Array;
using xgrad::IoError;
using xgrad::Shape;
using xgrad::io::load_arrays;
using xgrad::io::save_arrays;
using xgrad::testing::message_of;
using xgrad::testing::read_bytes;
using xgrad::testing::TemporaryFolder;
using xgrad::testing::write_bytes;

template <std::size_t N>
std::string text_of(const unsigned char (&bytes)[N]) {
  return {reinterpret_cast<const char*>(bytes), N};
}

/// The sentence between the path and the way out.
std::string complaint(const TemporaryFolder& folder, const std::string& bytes) {
  const std::string path = folder / "x.npz";
  write_bytes(path, bytes);
  const std::string text = message_of<IoError>([&] { load_arrays<double>(path); });
  const std::string start = "load: " + path + " ", end = "; save it again, or check that it is an npz file";
  if (!text.starts_with(start) || !text.ends_with(end)) return text;
  return text.substr(start.size(), text.size() - start.size() - end.size());
}

/// A file with the array [[1, 2, 3], [4, 5, 6]] under the name "x".
std::string small_file(const TemporaryFolder& folder) {
  save_arrays<double>({{"x", Array<double>{{1, 2, 3}, {4, 5, 6}}}}, folder / "small.npz");
  return read_bytes(folder / "small.npz");
}

/// `bytes` with the first `from` after `start` replaced by as long a text.
std::string replaced(std::string bytes, const std::string& from, const std::string& to,
                     std::size_t start = 0) {
  REQUIRE(from.size() == to.size());
  const std::size_t at = bytes.find(from, start);
  REQUIRE(at != bytes.npos);
  return bytes.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE_TEMPLATE("what NumPy wrote is read: compressed, in Fortran order, big-endian, of any real type", T,
                   float, double) {
  const TemporaryFolder folder;
  write_bytes(folder / "numpy.npz", text_of(xgrad::testing::numpy_compressed));
  const auto arrays = load_arrays<T>(folder / "numpy.npz");
  REQUIRE(arrays.size() == 9);
  const auto array = [&](const std::string& name) {
    for (const auto& [each, value] : arrays)
      if (each == name) return value;
    FAIL("no array " << name);
    return Array<T>();
  };
  CHECK(array("floats") == Array<T>{{T(1.5f), T(-2)}, {T(0.1f), T(3e38f)}});
  CHECK(array("doubles") == Array<T>{T(0.1), static_cast<T>(-1e300)});
  const Array<T> fortran = array("fortran");
  REQUIRE(fortran.shape() == Shape{2, 3, 2});
  for (std::size_t i = 0; i < 12; ++i) CHECK(fortran(i / 6, i / 2 % 3, i % 2) == static_cast<T>(i));
  // Half precision: 1/3 to 10 bits of fraction, and 6e-8 as the smallest number above 0.
  const Array<T> halves = array("halves");
  CHECK(halves(0) == T(1365) / 4096);
  CHECK((halves(1) == 0 && std::signbit(halves(1))));
  CHECK(halves(2) == static_cast<T>(std::ldexp(1.0, -24)));
  CHECK(std::isinf(halves(3)));
  CHECK(array("longs") == Array<T>{T(9007199254740992), T(-7)});
  CHECK(array("bytes") == Array<T>{0, 255});
  CHECK(array("flags") == Array<T>{1, 0});
  CHECK((array("scalar").dimension() == 0 && array("scalar")() == T(2.5)));
  CHECK(array("none").shape() == Shape{0, 4});
}

TEST_CASE("Python reads what was saved" * doctest::skip(std::system("/usr/bin/python3 -c 'import numpy' "
                                                                    ">/dev/null 2>&1") != 0)) {
  const TemporaryFolder folder;
  const std::string path = folder / "x.npz";
  save_arrays<float>({{"layer.weight", Array<float>{{0.1f, 2, 3}, {4, 5, 6}}},
                      {"scalar", Array<float>(0.5f)},
                      {"vector", Array<float>{7, 8}},
                      {"größe", Array<float>(Shape{0, 4})}},
                     path);
  write_bytes(folder / "check.py", R"(import sys, zipfile, numpy as np
assert zipfile.ZipFile(sys.argv[1]).testzip() is None
f = np.load(sys.argv[1])
assert f.files == ['layer.weight', 'scalar', 'vector', 'größe'], f.files
assert all(f[name].dtype == np.float32 for name in f.files)
assert np.array_equal(f['layer.weight'], np.array([[0.1, 2, 3], [4, 5, 6]], np.float32))
assert f['scalar'].shape == () and f['scalar'] == 0.5
assert np.array_equal(f['vector'], [7, 8])
assert f['größe'].shape == (0, 4)
)");
  CHECK(std::system(("/usr/bin/python3 '" + (folder / "check.py") + "' '" + path + "'").c_str()) == 0);
}

TEST_CASE("arrays that are no real numbers, and archives of something else, are refused by name") {
  const TemporaryFolder folder;
  const std::string start = "load: " + (folder / "x.npz") + " holds ";
  const std::string by_name = "; read the other arrays by their names";
  CHECK(complaint(folder, text_of(xgrad::testing::numpy_complex)) ==
        start + "'z', which has elements of type '<c16', which are no real numbers" + by_name);
  const std::string bytes = small_file(folder);
  std::string other = replaced(bytes, "x.npy", "x.txt");
  other = replaced(other, "x.npy", "x.txt", other.find("PK\1\2"));
  CHECK(complaint(folder, other) == start + "'x.txt', which is no .npy file" + by_name);
  CHECK(complaint(folder, "") == "is no zip archive");
  CHECK(complaint(folder, "no zip archive at all, whatever its name says") == "is no zip archive");
  CHECK(complaint(folder, replaced(bytes, "NUMPY", "NUMPX")) ==
        "holds 'x', which is no npy file of version 1 to 3");
}

TEST_CASE("arrays are chosen by name, whatever the others hold") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.npz";
  save_arrays<double>({{"a", Array<double>{1, 2}}, {"b", Array<double>{3}}, {"c", Array<double>{4}}}, path);
  // As many bytes: text of two letters of four bytes each.
  std::string bytes = read_bytes(path);
  bytes = replaced(bytes, "'<f8'", "'<U2'", bytes.find("b.npy"));
  write_bytes(path, bytes);
  CHECK(xgrad::io::array_names(path) == std::vector<std::string>{"a", "b", "c"});
  const auto arrays = load_arrays<double>(path, {"c", "a"});
  REQUIRE(arrays.size() == 2);
  CHECK(arrays[0].first == "c");
  CHECK(arrays[0].second == Array<double>{4});
  CHECK(arrays[1].second == Array<double>{1, 2});
  const std::string text =
      "load: " + path +
      " holds 'b', which has elements of type '<U2', which are no real numbers; read the other "
      "arrays by their names";
  CHECK(message_of<IoError>([&] { load_arrays<double>(path); }) == text);
  CHECK(message_of<IoError>([&] { load_arrays<double>(path, {"a", "b"}); }) == text);
  CHECK(message_of<IoError>([&] { load_arrays<double>(path, {"x"}); }) ==
        "load: " + path + " has no array 'x'; see array_names() for those that it has");
}

TEST_CASE("more arrays than a zip archive can count in 16 bits come back") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.npz";
  xgrad::io::NamedArrays<float> arrays;
  for (const std::size_t count : {65534u, 65535u, 65537u}) {
    while (arrays.size() < count) arrays.emplace_back(std::to_string(arrays.size()), Array<float>{1});
    save_arrays<float>(arrays, path);
    const std::vector<std::string> names = xgrad::io::array_names(path);
    REQUIRE(names.size() == count);
    CHECK(names.back() == std::to_string(count - 1));
  }
  CHECK(load_arrays<float>(path, {"65536"})[0].second == Array<float>{1});
}

TEST_CASE("a header that is damaged or lies about the size is refused") {
  const TemporaryFolder folder;
  const std::string bytes = small_file(folder), shape = "(2, 3), }          ";
  const auto says = [&](std::string with) {
    with.resize(shape.size(), ' ');
    const std::string text = complaint(folder, replaced(bytes, shape, with));
    return text.substr(0, text.find(": {'descr'"));
  };
  const std::string no_array = "holds 'x', which has a header that is none of an array of real numbers";
  // As many elements, so nothing but the check sum tells.
  CHECK(says("(6,), }") == "has damaged data at 'x'");
  CHECK(says("(2, 4), }") ==
        "holds 'x', which holds 48 bytes of elements, not what its shape [2, 4] and type need");
  CHECK(says("(2305843009213693958,), }").find("holds 'x', which") == 0);
  CHECK(says("(-2, -3), }") == no_array);
  CHECK(says("(2, 3)") == no_array);
  CHECK(says("(2, 3), } }") == no_array);
  CHECK(says("(2; 3), }") == no_array);
  CHECK(says("[2, 3], }") == no_array);
  CHECK(complaint(folder, replaced(bytes, "'descr'", "'fescr'")).find(no_array) == 0);
  CHECK(complaint(folder, replaced(bytes, "False", "Maybe")).find(no_array) == 0);
  // The length of the header, after magic and version.
  CHECK(complaint(folder,
                  replaced(bytes, std::string("NUMPY\1\0v\0", 9), std::string("NUMPY\1\0\xff\xff", 9))) ==
        "holds 'x', which ends inside its header");
  CHECK(complaint(folder, replaced(bytes, std::string("NUMPY\1\0v\0{'", 11),
                                   std::string("NUMPY\2\0\xff\xff\xff\x7f", 11)))
            .find("holds 'x', which has a header of 2147483647 bytes") == 0);
}

TEST_CASE("a check sum that differs, and sizes that cannot be, are refused") {
  const TemporaryFolder folder;
  const std::string bytes = small_file(folder);
  const std::string three("\0\0\0\0\0\0\x08\x40", 8), four("\0\0\0\0\0\0\x10\x40", 8);
  CHECK(complaint(folder, replaced(bytes, three, four)) == "has damaged data at 'x'");

  // The entry in the central directory: 20 bytes after its signature, the packed size, and then the other.
  const std::size_t entry = bytes.find("PK\1\2");
  REQUIRE(entry != bytes.npos);
  for (const std::size_t field : {entry + 20, entry + 24}) {
    std::string changed = bytes;
    changed.replace(field, 4, "\xff\xff\xff\x7f");
    CHECK(complaint(folder, changed) == "gives a size of 'x' that cannot be");
  }
  // Deflate, which packs a thousandfold at best: 2 GB from 176 bytes are a lie.
  std::string bomb = bytes;
  bomb.replace(entry + 24, 4, "\xff\xff\xff\x7f");
  bomb[entry + 10] = 8;
  CHECK(complaint(folder, bomb) == "gives a size of 'x' that cannot be");
}
