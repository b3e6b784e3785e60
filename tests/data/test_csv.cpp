#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/data/csv.hpp>

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
  CHECK(says("").find(" has 1 fields") == 0);
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
