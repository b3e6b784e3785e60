// The programs of docs/files.md.
#include <filesystem>
#include <iostream>
#include <sstream>
#include <string>

#include <doctest/doctest.h>
#include <xgrad/xgrad.hpp>

namespace xg = xgrad;

namespace {

/// Nothing of what the programs print, and their files in a folder of their own.
class Quiet {
 public:
  Quiet() : before_(std::cout.rdbuf(text_.rdbuf())), folder_(std::filesystem::current_path()) {
    std::filesystem::create_directory("files_page");
    std::filesystem::current_path("files_page");
  }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;
  ~Quiet() {
    std::cout.rdbuf(before_);
    std::filesystem::current_path(folder_);
    std::filesystem::remove_all("files_page");
  }
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::streambuf* before_;
  std::filesystem::path folder_;
};

struct Scores : xg::nn::Module<float> {
  explicit Scores(std::size_t n)
      : table(register_parameter("table", xg::zeros<float>({n, 2}), xg::nn::InPyTorch::transposed)) {}
  xg::Variable<float> forward(const xg::Variable<float>& x) override { return xg::matmul(x, table); }
  xg::Variable<float>& table;
};

}  // namespace

TEST_CASE("a module is saved and loaded") {
  const Quiet quiet;
  xg::nn::Linear<float> net(2, 3);
  const auto before = net.state();
  xg::io::save(net, "net.safetensors");
  xg::io::load(net, "net.safetensors");  // an error names the parameter; net is unchanged then
  CHECK(net.state()[0].second == before[0].second);
}

TEST_CASE("arrays are saved and loaded, all or some") {
  const Quiet quiet;
  const xg::Array<float> images(xg::Shape{2, 3}, 1.0f), weights{4, 5};
  xg::io::save_arrays<float>({{"images", images}, {"weights", weights}}, "data.npz");
  for (const auto& [name, array] : xg::io::load_arrays<float>("data.npz"))
    std::cout << name << " has " << array.size() << " elements\n";
  const auto some = xg::io::load_arrays<float>("data.npz", {"weights"});  // whatever else the file holds
  xg::io::save_array(images, "images.npy");
  const auto again = xg::io::load_array<float>("images.npy");
  CHECK(quiet.text() == "images has 6 elements\nweights has 2 elements\n");
  CHECK(some.size() == 1);
  CHECK(some[0].second == weights);
  CHECK(again == images);
}

TEST_CASE("PyTorch's layout is translated, and what has no partner reported") {
  const Quiet quiet;
  xg::io::save_arrays<float>({{"model.weight", xg::Array<float>{{1, 2}, {3, 4}, {5, 6}}},
                              {"model.more", xg::Array<float>{0}},
                              {"loss", xg::Array<float>{0}}},
                             "model.safetensors");
  xg::nn::Linear<float> net(2, 3);
  const auto report = xg::io::load(net, "model.safetensors",
                                   {.layout = xg::io::Layout::pytorch, .prefix = "model.", .strict = false});
  for (const std::string& name : report.missing) std::cout << "kept: " << name << "\n";
  for (const std::string& name : report.unexpected) std::cout << "passed over: " << name << "\n";
  CHECK(quiet.text() == "kept: bias\npassed over: model.more\n");
  CHECK(net.weight().value() == xg::Array<float>{{1, 3, 5}, {2, 4, 6}});
}

TEST_CASE("a module of one's own says what PyTorch has transposed") {
  const Quiet quiet;
  Scores scores(3);
  xg::io::save(scores, "scores.npz", {.layout = xg::io::Layout::pytorch});
  CHECK(xg::io::load_arrays<float>("scores.npz")[0].second.shape() == xg::Shape{2, 3});
  CHECK(scores(xg::parameter(xg::Array<float>(xg::Shape{1, 3}, 1.0f))).shape() == xg::Shape{1, 2});
}
