// Numbers of options: what one and two of them mean, and that a negative one is refused by name. What does
// not compile is in tests/compile.
#include <doctest/doctest.h>

#include <xgrad/xgrad.hpp>

#include "../message_of.hpp"

namespace xg = xgrad;
using V = xg::Variable<double>;
using xg::Shape;
using xg::testing::message_of;

namespace {

V ones(const Shape& shape) { return V(xg::Dense<double>::filled(shape, 1)); }

template <class F>
std::string refused(F&& f) {
  return message_of<xg::ValueError>(f);
}

}  // namespace

TEST_CASE("one number of a pair stands for both, and two are the rows' and the columns'") {
  // An image of 5 x 7 and a kernel of 3 x 3: with padding p and stride s an extent n becomes (n + 2 p - 3) /
  // s + 1.
  const V x = ones({1, 1, 5, 7}), k = ones({1, 1, 3, 3});
  CHECK(xg::conv2d(x, k, {.padding = 1}).shape() == Shape{1, 1, 5, 7});
  CHECK(xg::conv2d(x, k, {.padding = {1, 1}}).shape() == Shape{1, 1, 5, 7});
  CHECK(xg::conv2d(x, k, {.padding = {1, 0}}).shape() == Shape{1, 1, 5, 5});
  CHECK(xg::conv2d(x, k, {.stride = 2}).shape() == Shape{1, 1, 2, 3});
  CHECK(xg::conv2d(x, k, {.stride = {2, 1}}).shape() == Shape{1, 1, 2, 5});
  CHECK(xg::conv2d(x, k, {.dilation = 2}).shape() == Shape{1, 1, 1, 3});
  CHECK(xg::conv_transpose2d(x, k, {.stride = 2, .padding = 1, .output_padding = 1}).shape() ==
        Shape{1, 1, 10, 14});
  CHECK(xg::conv2d_kernel_gradient(x, ones({1, 1, 5, 7}), 3, {.padding = 1}).shape() == Shape{1, 1, 3, 3});
  CHECK(xg::max_pool2d(x, {.kernel = {3, 3}, .stride = 2}).shape() == Shape{1, 1, 2, 3});
  CHECK(xg::max_pool2d(x, {.kernel = 3, .stride = 2, .padding = 1}).shape() == Shape{1, 1, 3, 4});
  CHECK(xg::max_pool2d(x, {.kernel = {2, 3}}).shape() == Shape{1, 1, 2, 2});
  CHECK(xg::max_pool2d(x, 2).shape() == Shape{1, 1, 2, 3});
  CHECK(xg::avg_pool2d(x, {.kernel = 2, .stride = 1}).shape() == Shape{1, 1, 4, 6});
  CHECK(xg::avg_pool2d(x, xg::Pair(5, 7)).shape() == Shape{1, 1, 1, 1});
}

TEST_CASE("one number stands for both in layers, too") {
  const V x = ones({2, 1, 5, 7});
  CHECK(xg::nn::Conv2d<double>(1, 4, 3, {.padding = 1})(x).shape() == Shape{2, 4, 5, 7});
  CHECK(xg::nn::Conv2d<double>(1, 4, {3, 1}, {.padding = {1, 0}})(x).shape() == Shape{2, 4, 5, 7});
  CHECK(xg::nn::Conv2d<double>(1, 4, {3}).weight().shape() == Shape{4, 1, 3, 3});
  CHECK(xg::nn::MaxPool2d<double>({.kernel = 3, .stride = 2})(x).shape() == Shape{2, 1, 2, 3});
  CHECK(xg::nn::AvgPool2d<double>({.kernel = {5, 1}})(x).shape() == Shape{2, 1, 1, 7});
  CHECK(xg::nn::MaxPool2d<double>(2)(x).shape() == Shape{2, 1, 2, 3});
  CHECK(xg::nn::LayerNorm<double>({7})(x).shape() == x.shape());
}

TEST_CASE("a negative number of a window is refused by the name of its option") {
  const V x = ones({1, 1, 5, 7}), k = ones({1, 1, 3, 3}), line = ones({1, 1, 7}), l = ones({1, 1, 3});
  const int less = -1;
  CHECK(refused([&] { xg::conv2d(x, k, {.padding = -1}); }) ==
        "conv2d: a padding of -1 for images [1, 1, 5, 7], kernel [1, 1, 3, 3] is out of range; give at least "
        "0 and "
        "less than 2^31");
  CHECK(refused([&] { xg::conv2d(x, k, {.stride = {1, less}}); }).starts_with("conv2d: a stride of -1 for"));
  CHECK(refused([&] { xg::conv2d(x, k, {.dilation = less}); }).starts_with("conv2d: a dilation of -1 for"));
  CHECK(refused([&] { xg::conv2d(x, k, {.groups = less}); }) ==
        "conv2d: -1 groups for images [1, 1, 5, 7], kernel [1, 1, 3, 3]; give at least 1");
  CHECK(refused([&] { xg::conv1d(line, l, {.padding = less}); }).starts_with("conv1d: a padding of -1 for"));
  CHECK(refused([&] { xg::conv1d(line, l, {.stride = less}); }).starts_with("conv1d: a stride of -1 for"));
  CHECK(refused([&] {
          xg::conv_transpose2d(x, k, {.output_padding = less});
        }).starts_with("conv_transpose2d: an output_padding of -1 for"));
  CHECK(refused([&] {
          xg::max_pool2d(x, {.kernel = {2, less}});
        }) ==
        "max_pool2d: a kernel extent of -1 for images [1, 1, 5, 7], window [2, -1] is out of range; give at "
        "least 1 "
        "and less than 2^31");
  CHECK(refused([&] { xg::max_pool2d(x, {.stride = less}); }).starts_with("max_pool2d: a stride of -1 for"));
  CHECK(
      refused([&] { xg::avg_pool2d(x, {.padding = less}); }).starts_with("avg_pool2d: a padding of -1 for"));
  CHECK(refused([&] { xg::avg_pool2d(x, less); }).starts_with("avg_pool2d: a kernel extent of -1 for"));
}

TEST_CASE("layers refuse a negative number by name") {
  namespace nn = xg::nn;
  CHECK(refused([] { nn::Linear<double>(-1, 3); }) ==
        "Linear: -1 inputs and 3 outputs; both must be at least 1");
  CHECK(refused([] { nn::Embedding<double>(5, -2); }) ==
        "Embedding: 5 vectors of -2 elements; both must be at least 1");
  CHECK(refused([] { nn::Conv2d<double>(1, 4, 3, {.padding = -1}); }) ==
        "Conv2d: a padding is -1; each must be at least 0");
  CHECK(refused([] {
          nn::Conv2d<double>(1, 4, {3, -1});
        }) == "Conv2d: the kernel [3, -1] has no elements; its extents must be at least 1");
  CHECK(refused([] { nn::Conv1d<double>(1, 4, 3, {.stride = -2}); }) ==
        "Conv1d: a stride or dilation is -2; each must be at least 1");
  CHECK(refused([] { nn::Conv1d<double>(1, -4, 3); }) ==
        "Conv1d: 1 channels in and -4 out; both must be at least 1");
  CHECK(refused([] { nn::LSTM<double>(2, 3, {.layers = -1}); }) ==
        "LSTM: 2 inputs, 3 hidden units and -1 layers; all must be at least 1");
  CHECK(refused([] { nn::MultiheadAttention<double>(4, -2); }) ==
        "MultiheadAttention: -2 heads of 4 features; the heads must divide the features, and both be at "
        "least 1");
  CHECK(refused([] {
          nn::TransformerEncoderLayer<double>(4, 2, {.feedforward = -1});
        }).starts_with("Linear: 4 inputs and -1 outputs"));
  CHECK(refused([] { nn::LayerNorm<double>(-4); }) ==
        "LayerNorm: the number of features is -4; it must be at least 0");
  CHECK(refused([] { nn::BatchNorm1d<double>(-4); }) ==
        "BatchNorm: -4 features; give the number of channels");
}

TEST_CASE("functions, loaders and schedules refuse a negative number by name") {
  const V x = ones({4});
  CHECK(refused([&] { xg::split(x, -2); }) == "split: -2 parts of shape [4]; give at least 1");
  CHECK(refused([&] { xg::repeat(x, -2); }) == "repeat: the count is -2; it must be at least 0");
  CHECK(refused([&] { xg::topk(x, -1); }) == "topk: k is -1; it must be at least 0");
  CHECK(refused([] {
          xg::one_hot<double>(xg::Indices{0, 1}, -3);
        }) == "one_hot: the number of classes is -3; it must be at least 0");
  CHECK(refused([] {
          xg::set_num_threads(-1);
        }).starts_with("set_num_threads: -1 threads; give a number from 1"));
  CHECK(refused([] { xg::data::make_moons<double>(-10); }) ==
        "make_moons: samples is -10; it must be at least 0");
  CHECK(refused([] { xg::data::make_spiral<double>(10, -3); }) ==
        "make_spiral: arms is -3; it must be at least 0");

  const xg::data::TensorDataset set(xg::Array<double>({4, 2}, 0.0), xg::Indices({4}, 0));
  CHECK(refused([&] { xg::data::DataLoader loader(set, {.batch_size = -1}); }) ==
        "DataLoader: the batch size is -1; give a positive .batch_size");
  CHECK(refused([&] { xg::data::DataLoader loader(set, {.prefetch = -1}); }) ==
        "DataLoader: prefetch is -1; it must be at least 0");
  CHECK(refused([&] { xg::data::subset(set, -2, 3); }) == "subset: begin is -2; it must be at least 0");
  CHECK(refused([&] {
          xg::data::random_split(set, {5, -1}, 0);
        }) == "random_split: a size is -1; it must be at least 0");

  xg::optim::SGD<double> sgd({xg::parameter(1.0)});
  CHECK(refused([&] { xg::optim::StepLR(sgd, {.step_size = -1}); }).find("step_size is -1") !=
        std::string::npos);
  CHECK(refused([] {
          xg::optim::LBFGS<double>({xg::parameter(1.0)}, {.max_iter = -1});
        }).find("max_iter is -1") != std::string::npos);
}

TEST_CASE("the largest number of an unsigned type is no negative one") {
  // "As many as there are", which some write as the largest std::size_t.
  const auto all = ~std::size_t{0};
  const xg::data::TensorDataset set(xg::Array<double>({4, 2}, 0.0), xg::Indices({4}, 0));
  xg::data::DataLoader loader(set, {.batch_size = all});
  CHECK(loader.size() == 1);
  CHECK(xg::Count(all).number() == std::numeric_limits<std::int64_t>::max());
  CHECK(xg::Count(-3).number() == -3);
  CHECK(refused([] { static_cast<void>(std::size_t(xg::Count(-3))); }) ==
        "Count: the number is -3; it must be at least 0");
}
