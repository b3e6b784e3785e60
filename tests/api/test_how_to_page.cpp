// The programs of docs/how-to.md, letter for letter but for the indentation: tests/api/check_page.cmake
// compares.
#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <iostream>
#include <sstream>
#include <vector>

#include "../io/temporary_folder.hpp"

#include <xgrad/xgrad.hpp>
#include <xgrad/xtensor.hpp>
namespace xg = xgrad;

class Residual : public xg::nn::Module<float> {
 public:
  explicit Residual(std::size_t features)
      : inner_(register_module("inner", xg::nn::Linear<float>(features, features))),
        scale_(register_parameter("scale", xg::ones<float>({features}))) {}
  xg::Variable<float> forward(const xg::Variable<float>& x) override {
    return x + scale_ * xg::tanh(inner_(x));
  }

 private:
  xg::nn::Linear<float>& inner_;
  xg::Variable<float>& scale_;
};

TEST_CASE("the how-to page's module knows its parameters") {
  Residual block(4);
  for (const auto& [name, parameter] : block.named_parameters())
    std::ostringstream() << name << ' ' << parameter.shape();  // inner.weight [4, 4], and so on
  xg::nn::Sequential<float> net{xg::nn::Linear<float>(2, 4), Residual(4), xg::nn::Linear<float>(4, 1)};
  CHECK(block.parameters().size() == 3);
  CHECK(net.parameters().size() == 7);
  CHECK(net(xg::constant(xg::randn<float>({5, 2}))).shape() == xg::Shape{5, 1});
}

class Gate : public xg::nn::Module<float> {
 public:
  explicit Gate(std::size_t features)
      : first_(register_module("first", xg::nn::Linear<float>(features, features))),
        second_(register_module("second", xg::nn::Linear<float>(features, features))) {}
  xg::Variable<float> operator()(const xg::Variable<float>& x, const xg::Variable<float>& y) {
    return call([&] { return first_(x) * xg::sigmoid(second_(y)); }, x, y);
  }

 private:
  xg::nn::Linear<float>& first_;
  xg::nn::Linear<float>& second_;
};

class Deep : public xg::nn::Module<float> {
 public:
  explicit Deep(std::size_t depth) : layers_(register_module("layers", xg::nn::ModuleList<float>())) {
    for (std::size_t i = 0; i < depth; ++i) layers_.push_back(xg::nn::Linear<float>(4, 4));
  }
  xg::Variable<float> forward(const xg::Variable<float>& x) override {
    auto y = x;
    for (auto& layer : layers_) y = y + xg::tanh(layer(y));
    return y;
  }

 private:
  xg::nn::ModuleList<float>& layers_;
};

TEST_CASE("the how-to page's module of two inputs is summarised, and its list of layers is trained") {
  Gate gate(3);
  const auto x = xg::constant(xg::ones<float>({2, 3})), y = x;
  std::cout << gate.summary([&] { gate(x, y); });
  CHECK(gate(x, y).shape() == xg::Shape{2, 3});
  Deep deep(5);
  CHECK(deep.parameters().size() == 10);
  CHECK(deep(xg::constant(xg::ones<float>({2, 4}))).shape() == xg::Shape{2, 4});
}

TEST_CASE("the how-to page's modules are copied and looked at") {
  xg::nn::Sequential<float> net{xg::nn::Linear<float>(2, 4), xg::nn::ReLU<float>()};
  const Residual residual(4);
  auto target = xg::nn::clone(net);
  auto block = xg::nn::clone(residual, [] { return Residual(4); });
  const auto x = xg::constant(xg::ones<float>({3, 2}));
  CHECK(target(x).value() == net(x).value());
  CHECK(block.parameters()[1].value() == residual.parameters()[1].value());
  auto hook = net[0].register_forward_hook([&](auto& module, const auto& input, const auto& output) {
    std::cout << module.name() << ' ' << input.shape() << " to " << output.shape() << '\n';
  });
  net(x);
  hook.remove();
}

TEST_CASE("the how-to page's average is saved, and the weights are back") {
  const xgrad::testing::TemporaryFolder folder;
  const std::string path = folder / "averaged.safetensors";
  xg::nn::Linear<float> net(2, 1), other(2, 1);
  xg::optim::SGD<float> sgd(net.parameters(), {.learning_rate = 0.1});
  const auto x = xg::constant({{1.0f, 2.0f}, {3.0f, -1.0f}}), y = xg::constant({{1.0f}, {2.0f}});
  xg::optim::EMA<float> average(net.parameters(), 0.99);
  for (int step = 0; step < 100; ++step) {
    sgd.zero_grad();
    xg::nn::mean_squared_error(net(x), y).backward();
    sgd.step();
    average.update();
  }
  {
    const auto applied = average.apply();
    xg::io::save(net, path);
  }
  xg::io::load(other, path);
  CHECK(other.weight().value() == average.averages()[0]);
  CHECK_FALSE(other.weight().value() == net.weight().value());
}

TEST_CASE("the how-to page's best model comes out of a checkpoint") {
  const xgrad::testing::TemporaryFolder folder;
  const std::string path = folder / "training.safetensors";
  xg::nn::Linear<float> net(2, 2);
  xg::optim::SGD<float> sgd(net.parameters(), {.learning_rate = 0.1});
  const xg::Array<float> inputs = xg::randn<float>({6, 2});
  xg::data::DataLoader loader(xg::data::TensorDataset(inputs, xg::Indices{0, 1, 0, 1, 0, 1}),
                              {.batch_size = 3, .seed = 0});
  const auto loss = [](const auto& logits, const auto& labels) {
    return xg::nn::cross_entropy(logits, labels);
  };
  xg::train::fit(net, sgd, loss, loader,
                 {.epochs = 2, .early_stopping = xg::train::EarlyStopping{}, .checkpoints = {.path = path}});
  const auto trained = net.weight().value();
  net.parameters()[0].set_value(xg::zeros<float>({2, 2}));
  xg::io::load(net, path, {.prefix = "best."});
  CHECK(net.weight().value() == trained);
}

TEST_CASE("the how-to page's training by hand fits a line") {
  xg::manual_seed(0);
  const auto inputs = xg::constant(xg::randn({100, 3}));
  const auto targets = xg::matmul(inputs, xg::constant({{1}, {-2}, {0.5}})) + 3;
  auto weight = xg::parameter(xg::zeros({3, 1}));
  auto bias = xg::parameter(0.0);
  for (int step = 0; step < 200; ++step) {
    const auto loss = xg::nn::mean_squared_error(xg::matmul(inputs, weight) + bias, targets);
    loss.backward();
    xg::NoGrad off;
    for (auto p : {weight, bias}) {
      p -= 0.1 * p.grad();
      p.zero_grad();
    }
  }
  CHECK(xt::allclose(weight.value(), xg::array<double>({{1}, {-2}, {0.5}})));
  CHECK(std::fabs(bias.item() - 3) < 1e-6);
}

TEST_CASE("the how-to page's model of two inputs is trained by hand and by fit") {
  xg::manual_seed(0);
  Gate gate(3);
  xg::optim::Adam<float> adam(gate.parameters(), {.learning_rate = 0.02});
  const xg::Array<float> left = xg::randn<float>({50, 3}), right = xg::randn<float>({50, 3});
  const xg::Array<float> targets = left / (1 + xt::exp(-right));
  xg::data::TensorDataset samples({left, right}, targets);
  xg::data::DataLoader loader(samples, {.batch_size = 10, .shuffle = true});
  for (const auto& [inputs, wanted] : loader) {
    const auto error = xg::nn::mean_squared_error(gate(inputs[0], inputs[1]), wanted);
    adam.zero_grad();
    error.backward();
    adam.step();
  }
  const auto loss = [](const auto& given, const auto& wanted) {
    return xg::nn::mean_squared_error(given, wanted);
  };
  const auto history = xg::train::fit(gate, adam, loss, loader, {.epochs = 20});
  CHECK(history.epochs.back().loss < history.epochs.front().loss / 4);
}

TEST_CASE("the how-to page's table is read, scaled and split") {
  const xgrad::testing::TemporaryFolder folder;
  const std::string path = folder / "table.csv";
  std::ofstream(path) << "height,width,class\n1,10,0\n2,30,1\n3,20,0\n6,60,1\n";
  const auto read = xg::data::load_csv<float>(path, {.target = "class"});
  const xg::data::StandardScaler scaler(read.inputs);
  const xg::Array<float> inputs = scaler.transform(read.inputs);
  const xg::Indices labels = xt::cast<std::int64_t>(read.targets);
  xg::data::TensorDataset samples(inputs, labels);
  xg::data::DataLoader loader(samples, {.batch_size = 2, .shuffle = true, .seed = 0});
  CHECK(read.columns == std::vector<std::string>{"height", "width"});
  CHECK(labels == xg::Indices{0, 1, 0, 1});
  CHECK(std::fabs(inputs(0, 0) + 2 / std::sqrt(3.5)) < 1e-6);  // mean 3, squares 4 1 0 9
  CHECK(loader.size() == 2);
}

TEST_CASE("the how-to page's network is saved and read again") {
  const xgrad::testing::TemporaryFolder folder;
  const std::string path = folder / "net.safetensors";
  xg::nn::Sequential<float> net{xg::nn::Linear<float>(2, 3), xg::nn::ReLU<float>()};
  xg::nn::Sequential<float> other{xg::nn::Linear<float>(2, 3), xg::nn::ReLU<float>()};
  xg::io::save(net, path);
  xg::io::load(other, path);
  CHECK(net.parameters()[0].value() == other.parameters()[0].value());
}

TEST_CASE("the how-to page's values and gradients are set and clipped") {
  xg::nn::Linear<float> layer(2, 2);
  auto weight = layer.parameters()[0];
  weight.set_value(xg::eye<float>(2));
  xg::sum(layer(xg::constant(xg::ones<float>({10, 2})))).backward();
  const double norm = xg::optim::clip_grad_norm(layer.parameters(), 1.0);
  weight.set_grad(0.5 * weight.grad());
  CHECK(weight.value() == xg::eye<float>(2));
  CHECK(norm == doctest::Approx(std::sqrt(600.0)));  // six gradients of 10
  CHECK(weight.grad()(0, 0) == doctest::Approx(5 / std::sqrt(600.0)));
}

TEST_CASE("the how-to page's frozen layer stays") {
  xg::nn::Linear<float> body(2, 4), head(4, 1);
  std::vector<xg::Variable<float>> all = body.parameters();
  for (const auto& parameter : head.parameters()) all.push_back(parameter);
  xg::optim::SGD<float> sgd(all, {.learning_rate = 0.1});
  const auto x = xg::constant(xg::ones<float>({3, 2}));
  const auto before = body.parameters()[0].value(), head_before = head.parameters()[0].value();
  body.freeze();
  xg::sum(head(xg::tanh(body(x)))).backward();
  sgd.step();
  CHECK(body.parameters()[0].value() == before);
  CHECK_FALSE(body.parameters()[0].has_grad());
  CHECK(head.parameters()[0].value() != head_before);
  CHECK_FALSE(body(x).requires_grad());
  body.unfreeze();
  CHECK(body(x).requires_grad());
}

TEST_CASE("the how-to page's operation is checked") {
  auto swish = xg::elementwise("swish", [](auto x) { return x / (1 + exp(-x)); });
  const auto x = xg::parameter(xg::linspace(-2, 2, 9));
  const auto report = xg::gradcheck([&](const xg::Variable<double>& v) { return xg::sum(swish(v)); }, {x},
                                    {.second_order = true});
  std::ostringstream out;
  out << report;
  CHECK(report.ok());
  CHECK(swish(xg::constant(0.0)).item() == 0);
}

TEST_CASE("the how-to page's second derivatives are right") {
  const auto x = xg::parameter({1.0, 2.0});
  const auto y = xg::sum(x * x * x);
  const auto slope = xg::grad(y, {x}, {.create_graph = true})[0];
  const auto curvature = xg::grad(xg::sum(slope), {x})[0];
  const auto f = [](const xg::Variable<double>& v) { return xg::sum(v * v * v); };
  const xg::Array<double> all = xg::hessian(f, x);
  const auto along = xg::hvp(f, x, xg::ones({2}));
  CHECK(curvature.to_vector() == std::vector<double>{6, 12});
  CHECK(all == xg::Array<double>{{6, 0}, {0, 12}});
  CHECK(along.to_vector() == std::vector<double>{6, 12});
}
