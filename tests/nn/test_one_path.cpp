// Whole networks, as the benchmarks train them: a gradient that is recorded has the bits of one that is not.
#include <doctest/doctest.h>

#include <cstring>
#include <functional>
#include <vector>
#include <xgrad/xgrad.hpp>

namespace xg = xgrad;
using Var = xg::Variable<float>;
using Vars = std::vector<Var>;

namespace {

Var drawn(const xg::Shape& shape, std::uint64_t seed) {
  xg::manual_seed(seed);
  return xg::constant(xg::random_normal<float>(shape, 0, 1));
}

xg::Indices labels(std::size_t count, std::int64_t classes) {
  xg::Indices all = xt::arange<std::int64_t>(static_cast<std::int64_t>(count));
  for (std::int64_t& label : all) label %= classes;
  return all;
}

void check_one_path(const Vars& parameters, const std::function<Var()>& loss) {
  const auto recorded = xg::grad(loss(), parameters, {.create_graph = true});
  const auto plain = xg::grad(loss(), parameters);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    CAPTURE(i);
    REQUIRE(plain[i].shape() == recorded[i].shape());
    CHECK(std::memcmp(plain[i].dense().data(), recorded[i].dense().data(), plain[i].size() * sizeof(float)) ==
          0);
  }
}

template <class Net>
void check_network(Net& net, const std::function<Var()>& loss) {
  Vars parameters;
  for (Var& p : net.parameters()) parameters.push_back(p);
  check_one_path(parameters, loss);
}

}  // namespace

TEST_CASE("one path: a spiral's classifier, with decay on its weights") {
  const Vars p{drawn({2, 100}, 1), drawn({100}, 2), drawn({100, 3}, 3), drawn({3}, 4)};
  Vars leaves;
  for (const Var& value : p) leaves.push_back(xg::parameter(value.value()));
  const Var x = drawn({300, 2}, 5);
  const xg::Indices t = labels(300, 3);
  check_one_path(leaves, [&] {
    const Var y = xg::linear(xg::tanh(xg::linear(x, leaves[0], leaves[1])), leaves[2], leaves[3]);
    return xg::cross_entropy(y, t) + 5e-4 * (xg::sum(xg::square(leaves[0])) + xg::sum(xg::square(leaves[2])));
  });
}

TEST_CASE("one path: a convolutional network with batch normalisation and pooling") {
  xg::manual_seed(1);
  xg::nn::Sequential<float> net(xg::nn::Conv2d<float>(1, 8, 3, {.padding = 1}), xg::nn::BatchNorm2d<float>(8),
                                xg::nn::ReLU<float>(), xg::nn::MaxPool2d<float>({.kernel = 2}),
                                xg::nn::Conv2d<float>(8, 8, 3), xg::nn::GELU<float>(),
                                xg::nn::AvgPool2d<float>({.kernel = 2}), xg::nn::Flatten<float>(),
                                xg::nn::Linear<float>(8 * 6 * 6, 10));
  const Var images = drawn({16, 1, 28, 28}, 2);
  const xg::Indices t = labels(16, 10);
  check_network(net, [&] { return xg::cross_entropy(net(images), t); });
}

TEST_CASE("one path: an encoder with attention and layer normalisation") {
  xg::manual_seed(1);
  xg::nn::TransformerEncoderLayer<float> net(32, 4, {.dropout = 0});
  const Var x = drawn({4, 9, 32}, 2), t = drawn({4, 9, 32}, 3);
  check_network(net, [&] { return xg::mean_squared_error(net(x), t); });
}

TEST_CASE("one path: a recurrent network") {
  xg::manual_seed(1);
  xg::nn::LSTM<float> net(7, 16, {});
  const Var x = drawn({11, 5, 7}, 2);
  check_network(net, [&] { return xg::mean(xg::square(net(x))); });
}

TEST_CASE("one path: a loss that reads the gradient of another") {
  xg::manual_seed(1);
  xg::nn::Sequential<float> net(xg::nn::Linear<float>(6, 32), xg::nn::Tanh<float>(),
                                xg::nn::Linear<float>(32, 1));
  const Var x = xg::parameter(drawn({20, 6}, 2).value());
  check_network(net, [&] {
    const Var slope = xg::grad(xg::sum(net(x)), {x}, {.create_graph = true})[0];
    return xg::mean(xg::square(xg::norm(slope, {.axes = {1}}) - 1.0));
  });
}
