#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/data/csv.hpp>

#include "../growth.hpp"
#include "data_folder.hpp"

namespace fs = std::filesystem;
using namespace xgrad::data;
using xgrad::Array;
using xgrad::testing::complaint;
using xgrad::testing::DataFolder;
using xgrad::testing::message_of;
using Names = std::vector<std::string>;

TEST_CASE_TEMPLATE("a table's columns are inputs, and one of them the target", T, float, double) {
  const DataFolder folder;
  const fs::path path = folder.write("t.csv", "age,size,price\n1,2.5,-3\n4,5e-1,6\n");
  const auto table = load_csv<T>(path, {.target = "size"});
  CHECK(table.columns == Names{"age", "price"});
  CHECK(table.inputs == Array<T>{{1, -3}, {4, 6}});
  CHECK(table.targets == Array<T>{T(2.5), T(0.5)});

  const auto all = load_csv<T>(path);
  CHECK(all.columns == Names{"age", "size", "price"});
  CHECK(all.inputs.shape() == xgrad::Shape{2, 3});
  CHECK(all.targets.shape() == xgrad::Shape{0});
}

TEST_CASE("without a header columns are named by their numbers") {
  const DataFolder folder;
  const fs::path path = folder.write("t.txt", "1;2\n3;4");
  const auto table = load_csv<double>(path, {.separator = ';', .header = false, .target = "1"});
  CHECK(table.columns == Names{"0"});
  CHECK(table.inputs.shape() == xgrad::Shape{2, 1});
  CHECK(table.inputs(0, 0) == 1);
  CHECK(table.inputs(1, 0) == 3);
  CHECK(table.targets == Array<double>{2, 4});
}

TEST_CASE("quotes, blanks, other line ends, a byte order mark and empty lines at the end do no harm") {
  const DataFolder folder;
  const fs::path path =
      folder.write("t.csv", "\xEF\xBB\xBF\"a, \"\"b\"\"\" , c \r\n \"1\", +2\t\r\n-3 ,\"4\"\r\n\r\n \n");
  const auto table = load_csv<double>(path);
  CHECK(table.columns == Names{"a, \"b\"", "c"});
  CHECK(table.inputs == Array<double>{{1, 2}, {-3, 4}});
  const auto tabs = load_csv<double>(folder.write("t.tsv", "a\tb\n1\t2\n"), {.separator = '\t'});
  CHECK(tabs.inputs == Array<double>{{1, 2}});
}

TEST_CASE("a value that is missing or no number is named by its line and column") {
  const DataFolder folder;
  const auto says = [&](const std::string& line) {
    const fs::path path = folder.write("t.csv", "age,size\n1,2\n" + line + "\n5,6\n");
    const std::string text = complaint([&] { load_csv<float>(path); });
    const std::string start = "load_csv: line 3 of " + path.string();
    CHECK(text.substr(0, start.size()) == start);
    return text.substr(std::min(text.size(), start.size()));
  };
  const std::string way_out = "; fill it in or leave the row out";
  for (const std::string missing : {"", " ", "NA", "NaN", "nan", "\"\""}) {
    CHECK(says(missing + ",4") == ", column 'age' is missing" + way_out);
    CHECK(says("3," + missing) == ", column 'size' is missing" + way_out);
  }
  for (const std::string wrong : {"x", "1x", "0x1", "inf", "-inf", "1e39", "+-1", "+", "1 2"})
    CHECK(says("3," + wrong) == ", column 'size' is '" + wrong + "', not a finite number" + way_out);
  CHECK(says("3") == " has 1 fields, not 2 as the first line; mend the file or give its .separator");
  CHECK(says("3,4,").find(" has 3 fields") == 0);
  CHECK(says(",").find(", column 'age' is missing") == 0);
}

TEST_CASE_TEMPLATE("a number becomes the nearest one, and what is larger than any is refused", T, float,
                   double) {
  const DataFolder folder;
  const auto read = [&](const std::string& number) {
    return load_csv<T>(folder.write("t.csv", "x\n" + number + "\n")).inputs(0, 0);
  };
  const auto is_zero = [&](const std::string& number, bool negative) {
    const T value = read(number);
    return value == 0 && std::signbit(value) == negative;
  };
  CHECK(is_zero("1e-400", false));
  CHECK(is_zero("+1e-400", false));
  CHECK(is_zero("-1e-400", true));
  CHECK(is_zero("0.000001E-99999999999999999999", false));
  CHECK(is_zero("123456789e-99999", false));
  CHECK(is_zero("0." + std::string(500, '0') + "1", false));
  CHECK(is_zero("-0." + std::string(500, '0') + "1e+9", true));
  CHECK(is_zero("0e99999", false));
  const T least = std::numeric_limits<T>::denorm_min(), most = std::numeric_limits<T>::max();
  const bool single = sizeof(T) == 4;
  // Half of the least number and a little more is that number, a little less is 0.
  CHECK(read(single ? "0.71e-45" : "2.48e-324") == least);
  CHECK(is_zero(single ? "0.70e-45" : "2.46e-324", false));
  CHECK(read(single ? "3.4028235e38" : "1.7976931348623157e308") == most);
  for (const std::string large : {"1e400", "-1e400", "1e+99999999999999999999", "0.0001e405"})
    CHECK(complaint([&] { read(large); }).find("is '" + large + "', not a finite number") !=
          std::string::npos);
  CHECK(complaint([&] { read("1" + std::string(400, '0')); }).find("not a finite number") !=
        std::string::npos);
}

TEST_CASE("float has 0 for what a double could hold") {
  const DataFolder folder;
  CHECK(load_csv<float>(folder.write("t.csv", "x\n1e-50\n")).inputs(0, 0) == 0);
  CHECK(load_csv<double>(folder.path() / "t.csv").inputs(0, 0) == 1e-50);
}

// What follows is as pandas' C parser has it.
TEST_CASE("lines of nothing but blanks count for nothing, wherever they are") {
  const DataFolder folder;
  const auto table = load_csv<double>(folder.write("t.csv", "\n \n\na,b\n\n1,2\n\t \n\n3,4"));
  CHECK(table.columns == Names{"a", "b"});
  CHECK(table.inputs == Array<double>{{1, 2}, {3, 4}});
  // A blank that separates is a field's.
  const auto tabs = folder.write("t.tsv", "a\tb\n1\t2\n\t\n");
  CHECK(complaint([&] { load_csv<double>(tabs, {.separator = '\t'}); }).find("load_csv: line 3 of") == 0);
  // Lines are counted as they stand in the file.
  const fs::path path = folder.write("t.csv", "a\n\n1\n\n\nx\n");
  CHECK(complaint([&] { load_csv<double>(path); }).find("load_csv: line 6 of") == 0);
}

TEST_CASE("lines end with CR, LF or both") {
  const DataFolder folder;
  for (const std::string end : {"\r", "\n", "\r\n"})
    for (const std::string& last : {std::string(), end, end + end}) {
      const fs::path path = folder.write("t.csv", "a,b" + end + "1,2" + end + end + "3,\"4\"" + last);
      const auto table = load_csv<double>(path);
      CHECK(table.columns == Names{"a", "b"});
      CHECK(table.inputs == Array<double>{{1, 2}, {3, 4}});
      const fs::path wrong = folder.write("w.csv", "a,b" + end + end + "1,x" + last);
      CHECK(complaint([&] { load_csv<double>(wrong); }).find("load_csv: line 3 of") == 0);
    }
}

TEST_CASE("quotes keep line breaks, and one that nothing closes is an error") {
  const DataFolder folder;
  const auto table = load_csv<double>(folder.write("t.csv", "\"a\nb\",\"c\r\nd\"\n1,2\n"));
  CHECK(table.columns == Names{"a\nb", "c\r\nd"});
  CHECK(table.inputs == Array<double>{{1, 2}});
  const fs::path later = folder.write("t.csv", "\"a\nb\",\"c\r\nd\re\"\n1,x\n");
  CHECK(complaint([&] { load_csv<double>(later); }).find("load_csv: line 5 of") == 0);
  for (const std::string text :
       {"a,b\n1,2\n3,\"4\n5,6\n", "a,b\n1,2\n3,\"4", "a,b\n1,2\n3,\"", "a,b\n1,2\n\"3\"\""}) {
    const fs::path path = folder.write("t.csv", text);
    CHECK(complaint([&] { load_csv<double>(path); }) ==
          "load_csv: line 3 of " + path.string() + " opens a quote that nothing closes; close it");
  }
  // Inside of a field a quote is a letter.
  CHECK(load_csv<double>(folder.write("t.csv", "5\",a\n1,2\n")).columns == Names{"5\"", "a"});
}

TEST_CASE("a column without a name is no target, and a separator is neither quote nor line break") {
  const DataFolder folder;
  const fs::path path = folder.write("t.csv", ",a\n0,1\n");
  CHECK(load_csv<double>(path).columns == Names{"", "a"});
  for (const char wrong : {'"', '\n', '\r'})
    CHECK(message_of<xgrad::ValueError>([&] { load_csv<double>(path, {.separator = wrong}); }) ==
          "load_csv: a quote or a line break cannot be the separator; give another");
}

TEST_CASE("a table of many columns is read in time that grows with their number") {
  const DataFolder folder;
  CHECK(xgrad::testing::growth(1000, [&](std::size_t n) {
          std::string names, numbers;
          for (std::size_t i = 0; i < n; ++i) {
            names += (i == 0 ? "c" : ",c") + std::to_string(i);
            numbers += i == 0 ? "1" : ",1";
          }
          const fs::path path = folder.write(std::to_string(n), names + "\n" + numbers + "\n");
          return [=] { load_csv<double>(path, {.target = "c7"}); };
        }) < 8);
}

TEST_CASE("a table needs rows, names that differ, and the target among them") {
  const DataFolder folder;
  const fs::path path = folder.write("t.csv", "age,size\n");
  const std::string rowless = "load_csv: " + path.string() + " has no rows; check the file";
  CHECK(complaint([&] { load_csv<float>(path); }) == rowless);
  folder.write("t.csv", "");
  CHECK(complaint([&] { load_csv<float>(path); }) == rowless);
  folder.write("t.csv", "age,size\n1,2\n");
  CHECK(message_of<xgrad::ValueError>([&] { load_csv<float>(path, {.target = "prize"}); }) ==
        "load_csv: no column of " + path.string() +
            " is called 'prize'; choose the target among 'age', 'size'");
  folder.write("t.csv", "1,2,1\n3,4,5\n");
  CHECK(message_of<xgrad::ValueError>([&] { load_csv<float>(path); }) ==
        "load_csv: two columns of " + path.string() +
            " are called '1'; give .header = false if the first line has no names");
  CHECK(complaint([&] { load_csv<float>(folder.path() / "none"); }).find("load_csv: cannot read") == 0);
}
