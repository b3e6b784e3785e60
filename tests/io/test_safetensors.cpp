#include <cstdint>
#include <string>

#include <doctest/doctest.h>
#include <xgrad/io/save.hpp>

#include "../message_of.hpp"
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

std::string length_of(std::uint64_t length) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(length >> 8 * i & 255);
  return bytes;
}

std::string file(const std::string& header, const std::string& data) {
  return length_of(header.size()) + header + data;
}

std::string entry(const std::string& name, const std::string& type, const std::string& shape,
                  const std::string& offsets) {
  return "\"" + name + R"(":{"dtype":")" + type + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets +
         "}";
}

/// The sentence between the path and the way out.
std::string complaint(const TemporaryFolder& folder, const std::string& bytes) {
  const std::string path = folder / "x.safetensors";
  write_bytes(path, bytes);
  const std::string text = message_of<IoError>([&] { load_arrays<double>(path); });
  const std::string start = "load: " + path + " ",
                    end = "; save it again, or check that it is a safetensors file";
  if (!text.starts_with(start) || !text.ends_with(end)) return text;
  return text.substr(start.size(), text.size() - start.size() - end.size());
}

const std::string eight = "12345678";

}  // namespace

TEST_CASE("a file is what the format's page says: length, JSON, and bytes aligned to 8") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.safetensors";
  save_arrays<float>({{"b", Array<float>{{1, 2}}}, {"a", Array<float>(0.5f)}}, path);
  std::string header =
      std::string("{") + entry("b", "F32", "[1,2]", "[0,8]") + "," + entry("a", "F32", "[]", "[8,12]") + "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const std::string numbers("\0\0\x80\x3f\0\0\0\x40\0\0\0\x3f", 12);
  CHECK(read_bytes(path) == file(header, numbers));
}

TEST_CASE("every type of real number is read, metadata passed over, and the order is that of the bytes") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.safetensors";
  write_bytes(
      path,
      file(R"({"__metadata__":{"format":"pt"},)" + entry("f", "BF16", "[2]", "[9,13]") + "," +
               entry("h", "F16", "[2]", "[5,9]") + "," + entry("b", "BOOL", "[2]", "[0,2]") + "," +
               entry("none", "I64", "[0,7]", "[2,2]") + "," + entry("i", "I8", "[1]", "[2,3]") + "," +
               entry("u", "U16", "[1]", "[3,5]") + "," + entry("l", "I64", "[]", "[13,21]") + "}",
           std::string("\0\1\xff\xff\xff\0\x3c\0\xc0\x80\x3f\0\xc0\xfe\xff\xff\xff\xff\xff\xff\xff", 21)));
  const auto arrays = load_arrays<double>(path);
  REQUIRE(arrays.size() == 7);
  std::string names;
  for (const auto& [name, array] : arrays) names += name + " ";
  CHECK(names == "b none i u h f l ");
  CHECK(arrays[0].second == Array<double>{0, 1});
  CHECK(arrays[1].second.shape() == Shape{0, 7});
  CHECK(arrays[2].second == Array<double>{-1});
  CHECK(arrays[3].second == Array<double>{65535});
  CHECK(arrays[4].second == Array<double>{1, -2});
  CHECK(arrays[5].second == Array<double>{1, -2});
  CHECK(arrays[6].second == Array<double>(-2.0));
}

TEST_CASE("a header's length that is beyond the file, or beyond reason, is refused") {
  const TemporaryFolder folder;
  CHECK(complaint(folder, "") == "has 0 bytes, fewer than 8");
  CHECK(complaint(folder, "1234567") == "has 7 bytes, fewer than 8");
  CHECK(complaint(folder, length_of(3) + "{}") == "says that its header has 3 bytes, of 10 in the file");
  CHECK(complaint(folder, length_of(~std::uint64_t{0}) + "{}") ==
        "says that its header has 18446744073709551615 bytes, of 10 in the file");
  CHECK(complaint(folder, length_of(std::uint64_t{1} << 63) + "{}").find("says that its header") == 0);
}

TEST_CASE("a header that is not an object of entries is refused") {
  const TemporaryFolder folder;
  for (const std::string header : {"", "[]", "7", "\xff", " {}", "\n{}", "\xEF\xBB\xBF{}"})
    CHECK(complaint(folder, file(header, "")) == "has a header that does not begin with '{'");
  const std::string no_object = "has a header that is no JSON object with spaces behind it";
  for (const std::string& header :
       {std::string("{"), std::string("{}x"), std::string("{\"a\":}"), std::string("{}\n"),
        std::string("{}\t "), std::string("{}\0", 3), std::string("{}{}"), std::string("{/**/}"),
        std::string("{\"\xff\":1}"), std::string(R"({"\ud800":{}})"), std::string("{,}")})
    CHECK(complaint(folder, file(header, "")) == no_object);
  CHECK(complaint(folder, file("{}      ", "")) == "nothing was thrown");
  CHECK(complaint(folder, file("{ \n\t\r}", "")) == "nothing was thrown");
  CHECK(complaint(folder, file(R"({"a":7})", "")) == "says nothing of 'a'");
  CHECK(complaint(folder, file(R"({"a":{"shape":[],"data_offsets":[0,8]}})", eight)) ==
        "gives no 'dtype' of 'a'");
  CHECK(complaint(folder, file(std::string("{") + entry("a", "C64", "[1]", "[0,8]") + "}", eight)) ==
        "load: " + (folder / "x.safetensors") +
            " has 'a' in elements of type 'C64', which are no real numbers known here; read the other arrays "
            "by "
            "their names");
  CHECK(complaint(folder, file(std::string("{") + entry("a", "F33", "[1]", "[0,8]") + "}", eight)) ==
        "has 'a' in elements of type 'F33', which the format does not have");
  // A million brackets overflow no stack.
  const std::string brackets(1'000'000, '[');
  CHECK(complaint(folder, file(R"({"a":)" + brackets + "}", "")) == "says nothing of 'a'");
  CHECK(complaint(folder, file(R"({"a":{"shape":)" + brackets + "}", "")) ==
        "gives no list of whole numbers as 'shape' of 'a'");
  CHECK(complaint(folder, file(R"({"a":{"more":)" + brackets + "}", "")) ==
        "has a header that nests too deep");
  CHECK(complaint(folder, file(std::string("{") + entry("a", "F64", "[1]", "[0,8]") + "," +
                                   entry("a", "F64", "[1]", "[0,8]") + "}",
                               eight)) == "names 'a' twice");
}

TEST_CASE("a key that is there twice is refused at every level") {
  const TemporaryFolder folder;
  const auto says = [&](const std::string& inside) {
    return complaint(
        folder, file(R"({"a":{)" + inside + R"("shape":[1],"dtype":"F64","data_offsets":[0,8]}})", eight));
  };
  CHECK(says("") == "nothing was thrown");
  CHECK(says(R"("dtype":"F64",)") == "names 'dtype' twice in 'a'");
  CHECK(says(R"("dtype":"F32",)") == "names 'dtype' twice in 'a'");
  CHECK(says(R"("shape":[1],)") == "names 'shape' twice in 'a'");
  CHECK(says(R"("data_offsets":[0,8],)") == "names 'data_offsets' twice in 'a'");
  // The reference implementation passes over keys that it does not know.
  CHECK(says(R"("more":{"x":[1,{"y":null}],"z":1.5},)") == "nothing was thrown");
  CHECK(says(R"("more":1,"more":2,)") == "names 'more' twice in 'a'");
  CHECK(says(R"("more":[{"x":1,"x":2}],)") == "names 'x' twice in 'a'");
  CHECK(complaint(folder, file(R"({"__metadata__":{"x":"1","x":"2"}})", "")) ==
        "names 'x' twice in '__metadata__'");
  CHECK(complaint(folder, file(R"({"__metadata__":{},"__metadata__":{}})", "")) ==
        "names '__metadata__' twice");
}

TEST_CASE("metadata are a map of strings to strings") {
  const TemporaryFolder folder;
  for (const std::string metadata : {"null", "7", "[]", "\"pt\"", R"({"x":1})", R"({"x":null})",
                                     R"({"x":{}})", R"({"x":["y"]})", R"({"x":"y","z":true})"})
    CHECK(complaint(folder, file(R"({"__metadata__":)" + metadata + "}", "")) ==
          "has a '__metadata__' that is no map of strings to strings");
  for (const std::string metadata : {"{}", R"({"x":"y"})", R"({"dtype":"F32","shape":"[1]"})"})
    CHECK(complaint(folder, file(R"({"__metadata__":)" + metadata + "}", "")) == "nothing was thrown");
}

TEST_CASE("arrays are chosen by name, whatever the others hold") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.safetensors";
  write_bytes(path, file(std::string("{") + entry("a", "F8_E4M3", "[2]", "[0,2]") + "," +
                             entry("b", "U8", "[2]", "[2,4]") + "," + entry("c", "F4", "[4]", "[4,6]") + "," +
                             entry("d", "U8", "[1,1,1,1,1,1,1,1,1]", "[6,7]") + "," +
                             entry("e", "U8", "[]", "[7,8]") + "}",
                         std::string("12\1\2") + "123\7"));
  CHECK(xgrad::io::array_names(path) == std::vector<std::string>{"a", "b", "c", "d", "e"});
  const auto arrays = load_arrays<double>(path, {"e", "b"});
  REQUIRE(arrays.size() == 2);
  CHECK(arrays[0].first == "e");
  CHECK(arrays[0].second == Array<double>(7.0));
  CHECK(arrays[1].first == "b");
  CHECK(arrays[1].second == Array<double>{1, 2});
  CHECK(load_arrays<double>(path, std::vector<std::string>{}).empty());
  CHECK(message_of<IoError>([&] {
          load_arrays<double>(path, {"b", "c"});
        }).find("has 'c' in elements of type 'F4'") != std::string::npos);
  CHECK(message_of<IoError>([&] {
          load_arrays<double>(path, {"d"});
        }).find("has 'd' with 9 axes, more than 8") != std::string::npos);
  CHECK(message_of<IoError>([&] {
          load_arrays<double>(path, {"b", "x"});
        }) == "load: " + path + " has no array 'x'; see array_names() for those that it has");
  CHECK(message_of<xgrad::ValueError>([&] {
          load_arrays<double>(path, {"b", "b"});
        }) == "load: the name 'b' is given twice; keep one of the two");
  // The sizes of all are checked: 4 bits four times are two bytes.
  CHECK(complaint(folder, file(std::string("{") + entry("c", "F4", "[3]", "[0,2]") + "}", "12")) ==
        "gives 'c' other bytes than its shape and type need");
  CHECK(complaint(folder, file(std::string("{") + entry("c", "C64", "[2305843009213693953]", "[0,8]") + "}",
                               eight)) == "gives 'c' other bytes than its shape and type need");
}

TEST_CASE("shapes and offsets that are no whole numbers, overflow, or disagree are refused") {
  const TemporaryFolder folder;
  const auto says = [&](const std::string& shape, const std::string& offsets) {
    return complaint(folder, file(std::string("{") + entry("a", "F64", shape, offsets) + "}", eight));
  };
  for (const std::string wrong : {"7", "[-1]", "[1.5]", "[\"1\"]", "[18446744073709551616]", "null", "[[1]]",
                                  "[1.0]", "[1e0]", "[-0]", "[true]", "{}", "[{}]"}) {
    CHECK(says(wrong, "[0,8]") == "gives no list of whole numbers as 'shape' of 'a'");
    CHECK(says("[1]", wrong) == "gives no list of whole numbers as 'data_offsets' of 'a'");
  }
  CHECK(says("[1,1,1,1,1,1,1,1,1]", "[0,8]") == "has 'a' with 9 axes, more than 8");
  const std::string other = "gives 'a' other bytes than its shape and type need";
  CHECK(says("[2]", "[0,8]") == other);
  CHECK(says("[1]", "[8,0]") == other);
  CHECK(says("[1]", "[0]") == other);
  CHECK(says("[1]", "[0,8,8]") == other);
  // 2^61 + 1 elements of 8 bytes are 8 bytes to those who overflow, and 2^32 x 2^32 elements none.
  CHECK(says("[2305843009213693953]", "[0,8]") == other);
  CHECK(says("[4294967296,4294967296]", "[0,0]") == other);
  CHECK(says("[0,4294967296,4294967296]", "[0,0]") == other);
}

TEST_CASE("arrays that overlap, leave a gap, or do not end with the file are refused") {
  const TemporaryFolder folder;
  const auto says = [&](const std::string& first, const std::string& second, const std::string& data) {
    return complaint(folder, file(std::string("{") + entry("a", "U8", "[4]", first) + "," +
                                      entry("b", "U8", "[4]", second) + "}",
                                  data));
  };
  CHECK(says("[0,4]", "[4,8]", eight) == "nothing was thrown");
  CHECK(says("[4,8]", "[0,4]", eight) == "nothing was thrown");
  CHECK(says("[0,4]", "[2,6]", eight) == "has a gap before 'b', or lets it overlap with the one before");
  CHECK(says("[0,4]", "[0,4]", eight) == "has a gap before 'b', or lets it overlap with the one before");
  CHECK(says("[0,4]", "[5,9]", eight + "9") ==
        "has a gap before 'b', or lets it overlap with the one before");
  CHECK(says("[4,8]", "[8,12]", eight + "1234") ==
        "has a gap before 'a', or lets it overlap with the one before");
  CHECK(says("[0,4]", "[4,8]", "1234567") == "ends before the last byte of 'b'");
  CHECK(says("[0,4]", "[4,8]", eight + "9") == "goes on after the last array");
  CHECK(says("[0,4]", "[18446744073709551612,18446744073709551616]", eight).find("no list of whole") !=
        std::string::npos);
  CHECK(says("[0,4]", "[18446744073709551611,18446744073709551615]", eight).find("has a gap") == 0);
}
