#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/io/save.hpp>
#include <xgrad/nn/two_layer_net.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/optim/adam.hpp>

#include "../message_of.hpp"
#include "temporary_folder.hpp"

namespace {

using xgrad::Array;
using xgrad::IoError;
using xgrad::Shape;
using xgrad::ShapeError;
using xgrad::ValueError;
using xgrad::io::load_arrays;
using xgrad::io::NamedArrays;
using xgrad::io::save_arrays;
using xgrad::nn::TwoLayerNet;
using xgrad::testing::message_of;
using xgrad::testing::read_bytes;
using xgrad::testing::TemporaryFolder;
using xgrad::testing::write_bytes;

/// Of every format, in the order in which messages name them: a new one has its row here.
const std::vector<std::string> endings{".safetensors", ".npz"};

/// Equal names, shapes and bits, NaNs too.
template <class T>
bool same(const NamedArrays<T>& a, const NamedArrays<T>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto &x = std::as_const(a[i].second).storage(), &y = std::as_const(b[i].second).storage();
    if (a[i].first != b[i].first || a[i].second.shape() != b[i].second.shape() ||
        (x.size() > 0 && std::memcmp(x.data(), y.data(), x.size() * sizeof(T)) != 0))
      return false;
  }
  return true;
}

template <class T>
NamedArrays<T> peculiar_arrays() {
  using limits = std::numeric_limits<T>;
  return {{"z.weight", Array<T>{{T(0.1), T(-0.0), limits::infinity()},
                                {limits::quiet_NaN(), limits::denorm_min(), limits::lowest()}}},
          {"a \"name\" \\ with/signs", Array<T>{1, 2, 3}},
          {"größe_λ_😀", Array<T>(Shape{2, 1, 1, 1, 1, 1, 1, 2}, T(7))},
          {"scalar", Array<T>(T(2.5))},
          {"none", Array<T>(Shape{3, 0, 2})}};
}

}  // namespace

TEST_CASE_TEMPLATE("arrays come back bit for bit, in their order, from either format", T, float, double) {
  const TemporaryFolder folder;
  for (const std::string& ending : endings) {
    INFO(ending);
    const NamedArrays<T> arrays = peculiar_arrays<T>();
    save_arrays<T>(arrays, folder / ("arrays" + ending));
    CHECK(same(load_arrays<T>(folder / ("arrays" + ending)), arrays));
    save_arrays<T>({}, folder / ("nothing" + ending));
    CHECK(load_arrays<T>(folder / ("nothing" + ending)).empty());
    // The same arrays give the same bytes.
    save_arrays<T>(arrays, folder / ("again" + ending));
    CHECK(read_bytes(folder / ("again" + ending)) == read_bytes(folder / ("arrays" + ending)));
  }
  CHECK(folder.file_count() == 6);
}

TEST_CASE("float files are read as double exactly, double ones as the nearest float") {
  const TemporaryFolder folder;
  for (const std::string& ending : endings) {
    const std::string path = folder / ("arrays" + ending);
    save_arrays<float>({{"x", Array<float>{0.1f, -3e38f}}}, path);
    CHECK(load_arrays<double>(path)[0].second == Array<double>{double{0.1f}, double{-3e38f}});
    save_arrays<double>({{"x", Array<double>{0.1, 1e300}}}, path);
    CHECK(load_arrays<float>(path)[0].second == Array<float>{0.1f, std::numeric_limits<float>::infinity()});
  }
}

TEST_CASE_TEMPLATE("a network is saved and loaded, from either format", T, float, double) {
  const TemporaryFolder folder;
  for (const std::string& ending : endings) {
    xgrad::manual_seed(1);
    TwoLayerNet<T> net(3, 4, 2), other(3, 4, 2);
    const std::string path = folder / ("net" + ending);
    xgrad::io::save(net, path);
    CHECK_FALSE(same<T>(net.state(), other.state()));
    xgrad::io::load(other, path);
    CHECK(same<T>(net.state(), other.state()));
  }
}

TEST_CASE("an optimizer's state is saved and loaded, too") {
  const TemporaryFolder folder;
  auto x = xgrad::parameter(xt::xarray<float>{1, 2});
  xgrad::optim::Adam<float> adam({x}), other({x});
  xgrad::sum(x * x).backward();
  adam.step();
  xgrad::io::save(adam, folder / "adam.safetensors");
  CHECK_FALSE(same<float>(adam.state(), other.state()));
  xgrad::io::load(other, folder / "adam.safetensors");
  CHECK(same<float>(adam.state(), other.state()));
}

TEST_CASE("a file that does not fit is an error that names the parameter, and changes nothing") {
  const TemporaryFolder folder;
  TwoLayerNet<double> net(3, 4, 2);
  const auto before = net.state();
  for (const std::string& ending : endings) {
    const std::string path = folder / ("net" + ending);
    auto arrays = TwoLayerNet<double>(3, 4, 2).state();
    arrays.back().second = Array<double>{1, 2, 3};
    const std::string last = arrays.back().first;
    save_arrays<double>(arrays, path);
    std::string text = message_of<ShapeError>([&] { xgrad::io::load(net, path); });
    CHECK(text.find("load: " + path + ": load_state: the value for '" + last +
                    "' is [3], the parameter [2]") == 0);
    CHECK(same<double>(net.state(), before));

    arrays.pop_back();
    save_arrays<double>(arrays, path);
    text = message_of<IoError>([&] { xgrad::io::load(net, path); });
    CHECK(text.find("load: " + path + ": load_state: there is no value for '" + last + "'") == 0);
    CHECK(same<double>(net.state(), before));

    arrays = before;
    arrays.emplace_back("more", Array<double>{1});
    save_arrays<double>(arrays, path);
    text = message_of<IoError>([&] { xgrad::io::load(net, path); });
    CHECK(text.find("'more'") != text.npos);
    CHECK(same<double>(net.state(), before));

    write_bytes(path, read_bytes(path).substr(0, 100));
    CHECK_THROWS_AS(xgrad::io::load(net, path), IoError);
    CHECK(same<double>(net.state(), before));
  }
}

TEST_CASE("what cannot be saved leaves the file that was there, and no other") {
  const TemporaryFolder folder;
  for (const std::string& ending : endings) {
    const std::string path = folder / ("x" + ending);
    save_arrays<float>({{"x", Array<float>{1}}}, path);
    const std::string before = read_bytes(path);
    const auto says = [&](const NamedArrays<float>& arrays) {
      const std::string text = message_of<ValueError>([&] { save_arrays<float>(arrays, path); });
      CHECK(read_bytes(path) == before);
      return text;
    };
    CHECK(says({{"a", {}}, {"a", {}}}) == "save: the name 'a' is given twice; keep one of the two");
    for (const std::string& name :
         {std::string(), std::string("a\0b", 3), std::string(4097, 'a'), std::string("\xff"),
          std::string("\xc0\xaf"), std::string("\xed\xa0\x80"), std::string("\xe2\x82")})
      CHECK(says({{"good", {}}, {name, {}}}) ==
            "save: the name of array 1 is empty, longer than 4096 bytes, has a zero byte or is no UTF-8; "
            "choose another");
    CHECK(says({{"__metadata__", {}}}).find("save: the name '__metadata__' is kept") == 0);
  }
  CHECK(folder.file_count() == 2);
}

TEST_CASE("errors of the file system say what the system says") {
  const TemporaryFolder folder;
  const NamedArrays<float> arrays{{"x", Array<float>{1}}};
  for (const std::string& ending : endings) {
    const std::string nowhere = folder / ("no/such" + ending);
    CHECK(message_of<IoError>([&] { save_arrays<float>(arrays, nowhere); }) ==
          "save: cannot write " + nowhere +
              " (No such file or directory); check the folder, its permissions and the space left");
    CHECK(message_of<IoError>([&] { load_arrays<float>(nowhere); }) ==
          "load: cannot read " + nowhere + " (No such file or directory); check the path");
    const std::string taken = folder / ("folder" + ending);
    std::filesystem::create_directory(taken);
    CHECK(message_of<IoError>([&] { save_arrays<float>(arrays, taken); }).find("(Is a directory)") !=
          std::string::npos);
    CHECK(message_of<IoError>([&] { load_arrays<float>(taken); }).find("(Is a directory)") !=
          std::string::npos);
  }
  CHECK(folder.file_count() == 2);
}

TEST_CASE("an ending that tells no format is an error that lists those that do") {
  const NamedArrays<float> arrays{{"x", Array<float>{1}}};
  std::string all = endings[0];
  for (std::size_t i = 1; i < endings.size(); ++i)
    all += (i + 1 < endings.size() ? ", " : " or ") + endings[i];
  for (const std::string path : {"x", "x.npz.gz", ".npz/x", "x.NPZ"}) {
    const std::string text = ": the ending of " + path + " tells no format; let it be " + all;
    CHECK(message_of<IoError>([&] { save_arrays<float>(arrays, path); }) == "save" + text);
    CHECK(message_of<IoError>([&] { load_arrays<float>(path); }) == "load" + text);
    CHECK(message_of<IoError>([&] { xgrad::io::array_names(path); }) == "load" + text);
    CHECK(message_of<IoError>([&] { xgrad::io::detail::check_destination(path); }) == "save" + text);
  }
}

TEST_CASE("any damage to a file is an IoError or arrays of some kind, and nothing worse") {
  const TemporaryFolder folder;
  for (const std::string& ending : endings) {
    const std::string whole = folder / ("whole" + ending), damaged = folder / ("damaged" + ending);
    save_arrays<double>({{"first", Array<double>{{1, 2}, {3, 4}}}, {"second", Array<double>{5}}}, whole);
    const std::string bytes = read_bytes(whole);
    const auto survives = [&](const std::string& text) {
      write_bytes(damaged, text);
      try {
        load_arrays<double>(damaged);
      } catch (const IoError&) {
        return false;
      }
      return true;
    };
    REQUIRE(survives(bytes));
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      INFO(ending << " cut to " << length << " bytes");
      CHECK_FALSE(survives(bytes.substr(0, length)));
    }
    for (std::size_t i = 0; i < bytes.size(); ++i)
      for (const int change : {1, 0x40, 0x80, 0xff}) {
        INFO(ending << " with byte " << i << " changed by " << change);
        std::string changed = bytes;
        changed[i] = static_cast<char>(changed[i] ^ change);
        CHECK_NOTHROW(survives(changed));
      }
  }
}
