// The examples in the comments of headers, letter for letter but for the indentation:
// tests/api/check_page.cmake compares.
#include <cmath>
#include <filesystem>

#include <doctest/doctest.h>
#include <xgrad/xgrad.hpp>
// What whoever adds an operation includes.
#include <xgrad/core/graph/record.hpp>

namespace xgrad::detail {
namespace {

struct SquareSum {
  static constexpr std::string_view name = "square_sum";
  template <class T>
  Dense<T> forward(const Dense<T>& x) const {
    return sum(x * x);
  }
  template <class V>
  void vjp(Backward<V>& b) const {
    b.give(0, 2 * b.gradient() * b.input(0));
  }
  bool saves(std::size_t input, const Wanted& wanted) const { return wanted[input]; }
  static double flops(Shapes inputs, const Shape&) { return 2 * count_of(inputs[0]); }
};

Variable<double> square_sum(const Variable<double>& x) { return apply(SquareSum{}, x); }

}  // namespace
}  // namespace xgrad::detail

TEST_CASE("record.hpp's example is an operation") {
  const auto x = xgrad::parameter(xt::xarray<double>{3, 4});
  const auto y = xgrad::detail::square_sum(x);
  CHECK(y.operation() == "square_sum");
  CHECK(y.item() == 25);
  y.backward();
  CHECK(x.grad() == xt::xarray<double>{6, 8});
  const auto report =
      xgrad::gradcheck(xgrad::detail::square_sum, {x}, {.second_order = true, .forward_mode = true});
  INFO(report);
  CHECK(report.ok());
}

TEST_CASE("the layers' examples make layers") {
  using namespace xgrad::nn;
  {
    Conv2d<float> first(1, 32, 3);  // 32 kernels of 3 x 3
    Conv2d<float> second(32, 64, {5, 3}, {.stride = 2, .padding = {2, 1}});
    CHECK(first.weight().shape() == xgrad::Shape{32, 1, 3, 3});
    CHECK(second.weight().shape() == xgrad::Shape{64, 32, 5, 3});
  }
  {
    const auto images = xgrad::constant(xt::ones<float>({1, 2, 7, 7}));
    MaxPool2d<float> halves(2);  // windows of 2 x 2, side by side
    MaxPool2d<float> overlaps({.kernel = 3, .stride = 2, .padding = 1});
    CHECK(halves(images).shape() == xgrad::Shape{1, 2, 3, 3});
    CHECK(overlaps(images).shape() == xgrad::Shape{1, 2, 4, 4});
  }
  {
    const auto features = xgrad::constant(xt::ones<float>({2, 32, 7, 7}));
    GroupNorm<float> norm(8, 32);  // 32 channels in 8 groups
    ConvTranspose2d<float> doubles(32, 16, 4, {.stride = 2, .padding = 1});
    AdaptiveAvgPool2d<float> global(1);  // [N, C, H, W] to [N, C, 1, 1]
    CHECK(norm(features).shape() == features.shape());
    CHECK(doubles(features).shape() == xgrad::Shape{2, 16, 14, 14});
    CHECK(global(features).shape() == xgrad::Shape{2, 32, 1, 1});
  }
  {
    Sequential<float> net{Linear<float>(784, 100), ReLU<float>(), Linear<float>(100, 10)};
    CHECK(net.parameter_count() == 79510);
  }
}

namespace {

using xgrad::Variable;
using xgrad::nn::Linear;

class Product : public xgrad::nn::Module<float> {
 public:
  Variable<float> operator()(const Variable<float>& x, const Variable<float>& y) {
    return call([&] { return first_(x) * second_(y); }, x, y);
  }

 private:
  Linear<float>& first_ = register_module("first", Linear<float>(2, 3));
  Linear<float>& second_ = register_module("second", Linear<float>(4, 3));
};

}  // namespace

TEST_CASE("the modules' examples make modules, and copies of them") {
  using namespace xgrad::nn;
  namespace xg = xgrad;
  Product product;
  CHECK(product(xg::constant(xg::ones<float>({5, 2})), xg::constant(xg::ones<float>({5, 4}))).shape() ==
        xg::Shape{5, 3});
  {
    ModuleList<float> branches{Linear<float>(4, 8), Conv1d<float>(4, 8, 3)};
    ModuleList<float, LSTM<float>> cells;
    for (int layer = 0; layer < 3; ++layer) cells.push_back(LSTM<float>(8, 8));
    CHECK(branches[1].name() == "Conv1d");
    CHECK(cells[2].hidden_features() == 8);
  }
  {
    ParameterList<double> scales{xg::ones({3}), xg::zeros({2, 3})};
    scales.push_back(xg::eye(4));
    CHECK(scales.parameter_count() == 25);
  }
  {
    xg::nn::TwoLayerNet<float> net(784, 100, 10);
    auto copy = xg::nn::clone(net, [] { return xg::nn::TwoLayerNet<float>(784, 100, 10); });
    CHECK(copy.hidden().weight().value() == net.hidden().weight().value());
  }
}

TEST_CASE("functional_call's example differentiates through a step") {
  namespace xg = xgrad;
  xg::nn::Linear<float> net(2, 1);
  const auto x = xg::constant({{1.0f, 2.0f}});
  auto fast = net.named_parameters();
  const auto before = xg::sum(xg::nn::functional_call(net, fast, x));
  const auto gradients = xg::grad(before, net.parameters(), {.create_graph = true});
  for (std::size_t i = 0; i < fast.size(); ++i) fast[i].second = fast[i].second - 0.1f * gradients[i];
  xg::sum(xg::nn::functional_call(net, fast, x)).backward();  // through the step
  // Linear in the weights, so the step's own gradient depends on none of them.
  CHECK(net.bias().grad() == xt::xarray<float>{1});
}

TEST_CASE("the average's example saves averaged weights") {
  namespace xg = xgrad;
  const auto folder = std::filesystem::temp_directory_path() / "xgrad_average";
  std::filesystem::create_directories(folder);
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder);
  xg::nn::Linear<float> net(2, 3), other(2, 3);
  xg::optim::SGD<float> sgd(net.parameters(), {.learning_rate = 0.1});
  xg::sum(net(xg::constant(xg::ones<float>({1, 2})))).backward();
  xg::optim::EMA<float> average(net.parameters(), 0.999);
  sgd.step();
  average.update();
  {
    const auto applied = average.apply();
    xg::io::save(net, "averaged.safetensors");
  }
  xg::io::load(other, "averaged.safetensors");
  CHECK(other.weight().value() == average.averages()[0]);
  std::filesystem::current_path(before);
  std::filesystem::remove_all(folder);
}

TEST_CASE("fit's example trains") {
  using namespace xgrad::nn;
  using namespace xgrad::train;
  xgrad::manual_seed(0);
  const auto digits = xgrad::data::load_digits<float>();
  xgrad::data::DataLoader<xgrad::data::TensorDataset<float>> loader(
      {digits.images, digits.labels}, {.batch_size = 100, .shuffle = true, .seed = 0});
  xgrad::data::DataLoader<xgrad::data::TensorDataset<float>> test({digits.images, digits.labels},
                                                                  {.batch_size = 600});
  Linear<float> net(64, 10);
  xgrad::optim::SGD<float> sgd(net.parameters(), {.learning_rate = 0.1});
  const auto loss = [](const auto& logits, const auto& labels) { return cross_entropy(logits, labels); };
  const auto history = fit(net, sgd, loss, loader, {.epochs = 10, .validation = &test});
  // Ten digits that are guessed cost log(10) = 2.3 each.
  CHECK(history.epochs.back().validation_loss.value() < 1);
}

TEST_CASE("the schedules' and metrics' examples") {
  using namespace xgrad;
  using namespace xgrad::optim;
  using namespace xgrad::train;
  const auto images = constant(xt::ones<float>({4, 3})), more_images = images;
  const Indices labels({4}, 1), more_labels = labels;
  nn::Linear<float> net(3, 2);
  Adam<float> adam(net.parameters());
  LambdaLR schedule(adam, {.lr_lambda = [](double t) { return 1 / std::sqrt(1 + t); }});
  schedule.step();
  CHECK(adam.learning_rate() == doctest::Approx(0.001 / std::sqrt(2.0)));

  Indices counts = confusion_matrix(net(images), labels);
  counts += confusion_matrix(net(more_images), more_labels);
  double f1 = f1_score(counts);
  CHECK(counts(1, 0) + counts(1, 1) == 8);
  CHECK((f1 == 0 || f1 == 1));
}

TEST_CASE("load's example reads a part of a file") {
  namespace io = xgrad::io;
  xgrad::nn::Linear<float> other(2, 3), net(2, 3, false);
  const auto folder = std::filesystem::temp_directory_path() / "xgrad_comments";
  std::filesystem::create_directories(folder);
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder);
  io::save(other, "net.safetensors", {.layout = io::Layout::pytorch, .prefix = "model."});
  io::load(net, "net.safetensors", {.layout = io::Layout::pytorch, .prefix = "model.", .strict = false});
  CHECK(net.weight().value() == other.weight().value());
  std::filesystem::current_path(before);
  std::filesystem::remove_all(folder);
}

TEST_CASE("attention's example") {
  namespace xg = xgrad;
  auto q = xg::constant(xg::randn({2, 4, 128, 64})), k = xg::constant(xg::randn({2, 4, 100, 64})),
       v = xg::constant(xg::randn({2, 4, 100, 32}));
  auto y = xg::scaled_dot_product_attention(q, k, v);                       // [2, 4, 128, 32]
  auto next = xg::scaled_dot_product_attention(q, q, q, {.causal = true});  // nobody sees what comes later
  CHECK(y.shape() == xg::Shape{2, 4, 128, 32});
  CHECK(next.shape() == q.shape());
}

TEST_CASE("the scaler's example") {
  namespace xg = xgrad;
  struct Samples {
    xg::Array<double> inputs;
  };
  const Samples train{{{1, 2}, {3, 6}}}, test{{{5, 6}}};
  const xg::data::StandardScaler scaler(train.inputs);
  const auto inputs = scaler.transform(train.inputs), test_inputs = scaler.transform(test.inputs);
  CHECK(inputs == xg::Array<double>{{-1, -1}, {1, 1}});
  CHECK(test_inputs == xg::Array<double>{{3, 1}});
}

TEST_CASE("the examples of measuring") {
  namespace xg = xgrad;
  xg::nn::Linear<double> net(2, 3);
  const auto x = xg::constant(xg::ones<double>({4, 2}));
  const xg::Indices labels = xg::zeros<std::int64_t>({4});
  std::cout << xg::measure([&] { return xg::cross_entropy(net(x), labels); }, {.name = "digits"});
  const auto train_one_epoch = [&] { xg::cross_entropy(net(x), labels).backward(); };
  const auto folder = std::filesystem::temp_directory_path() / "xgrad_comments";
  std::filesystem::create_directories(folder);
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder);
  xg::Profile profile;
  train_one_epoch();
  std::cout << profile.table();
  profile.save_trace("trace.json");
  const auto loss = xg::constant(0.5);
  const int step = 0;
  xg::io::Events events("runs/first");
  events.add_scalar("loss/training", loss.item(), step);
  CHECK(std::filesystem::exists(events.path()));
  std::filesystem::current_path(before);
  std::filesystem::remove_all(folder);
}

TEST_CASE("the example of compile") {
  namespace xg = xgrad;
  xg::nn::Linear<float> net(2, 3);
  const auto images = xg::constant(xg::ones<float>({4, 2}));
  const xg::Indices labels = xg::zeros<std::int64_t>({4});
  auto loss = xg::compile([&](const xg::Variable<float>& x, const xg::Indices& labels) {
    return xg::nn::cross_entropy(net(x), labels);
  });
  loss(images, labels).backward();
  CHECK(net.parameters()[0].has_grad());
}
