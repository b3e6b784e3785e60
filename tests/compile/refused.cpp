// A line that ends in the comment `refused` is an error, with words behind it an error whose sentence has
// these words; all others are none. refused.cmake compiles all of it at once and compares. A template says
// its sentence once for all of its users, so it is used once.
#include <cmath>
#include <string>
#include <vector>
#include <xgrad/xgrad.hpp>

namespace xg = xgrad;
using V = xg::Variable<double>;

void both_spellings(const V& x, short whole, std::size_t size) {
  xg::conv2d(x, x, {.padding = 1});
  xg::conv2d(x, x, {.stride = {1, 1}, .padding = {0, 0}, .dilation = {1, 1}, .groups = 1});
  xg::conv2d(x, x, {.stride = size, .padding = {whole, 2u}, .dilation = whole, .groups = whole});
  xg::conv_transpose2d(x, x, {.stride = 2, .padding = 1, .output_padding = 1});
  xg::conv1d(x, x, {.stride = whole, .padding = -1});
  xg::max_pool2d(x, {.kernel = {3, 3}, .stride = 2});
  xg::max_pool2d(x, 3);
  xg::avg_pool2d(x, xg::Pair(3, 2));
  const xg::nn::Conv2d<double> square(1, 4, 3, {.padding = 1}),
      wide(1, 4, {5, 3}, {.padding = {2, 1}}, false);
  const xg::nn::MaxPool2d<double> pool({.kernel = 3, .stride = 2, .padding = 1}), by_two(2);
  xg::sum(x, {.axes = {whole, size}, .keep_dims = whole > 0});
  xg::sum(x, 1);
  xg::sum(x, size, {.keep_dims = true});
  xg::mean(x, {0, 1}, {.keep_dims = true});
  xg::max(x, {whole});
  xg::var(x, {0, 1}, {.keep_dims = true, .ddof = 1});
  xg::var(x, {.axes = {0}, .ddof = 1});
  xg::norm(x, {.axes = {0}, .p = 1});
  xg::sum(x, {0, size});
  xg::mean(x, {whole, size}, {.keep_dims = true});
  xg::var(x, {size, 0}, {.ddof = 1});
  xg::sum(x, {.axes = {0}});
  xg::sum(x, {.axes = {size}, .keep_dims = true});
  xg::sum(x, {});
  xg::flip(x, {1});
  xg::pad(x, {{1, whole}, {0u, size}});
  xg::roll(x, {1}, {0});
  xg::squeeze(x, {1});
  xg::softmax(x, size);
  xg::slice(x, {xg::range(0, size), xg::all, whole});
  xg::grad(x, {x}, {.create_graph = true, .retain_graph = false});
  const xg::nn::LayerNorm<double> of_four({4}), of_eight(8), of_both({4, 5});
}

void numbers_of_options(const V& x, double real, int whole, const char* text) {
  xg::conv2d(x, x, {.padding = 1.5});                                        // refused
  xg::conv2d(x, x, {.padding = true});                                       // refused
  xg::conv2d(x, x, {.padding = real});                                       // refused
  xg::conv2d(x, x, {.padding = {1, 0.5}});                                   // refused
  xg::conv2d(x, x, {.stride = {1, 2, 3}});                                   // refused
  xg::conv2d(x, x, {.dilation = {}});                                        // refused
  xg::conv2d(x, x, {.groups = real});                                        // refused
  xg::conv1d(x, x, {.stride = real});                                        // refused
  xg::max_pool2d(x, {.kernel = {3, true}});                                  // refused
  xg::max_pool2d(x, {3, 2});                                                 // refused
  xg::avg_pool2d(x, 1.5);                                                    // refused
  xg::sum(x, {.axes = {real}});                                              // refused
  xg::sum(x, {.keep_dims = real});                                           // refused
  xg::sum(x, {.keep_dims = text});                                           // refused
  xg::sum(x, {.keep_dims = whole});                                          // refused
  xg::softmax(x, 1.5);                                                       // refused
  xg::softmax(x, true);                                                      // refused
  xg::flip(x, real);                                                         // refused: deleted
  xg::flip(x, '1');                                                          // refused: deleted
  xg::pad(x, {{1, 1.5}});                                                    // refused
  xg::pad(x, {{true, 1}});                                                   // refused
  xg::pad(x, {{1, 'a'}});                                                    // refused
  xg::squeeze(x, real);                                                      // refused: deleted
  xg::roll(x, real);                                                         // refused: deleted
  xg::roll(x, 1, real);                                                      // refused: deleted
  xg::split(x, real);                                                        // refused
  xg::repeat(x, real);                                                       // refused
  xg::topk(x, real);                                                         // refused
  xg::slice(x, {true});                                                      // refused
  xg::slice(x, {'1'});                                                       // refused
  xg::slice(x, {xg::range(0, real)});                                        // refused
  xg::reshape(x, {2, true});                                                 // refused
  xg::reshape(x, std::string("23"));                                         // refused
  xg::softmax(x, '1');                                                       // refused
  xg::one_hot<double>(xg::Indices(), real);                                  // refused
  xg::manual_seed(real);                                                     // refused: deleted
  xg::set_num_threads(real);                                                 // refused
  xg::grad(x, {x}, {.create_graph = whole});                                 // refused
  xg::grad(x, {x}, {.retain_graph = real});                                  // refused
  xg::gradcheck([](const V& v) { return v; }, {x}, {.max_elements = real});  // refused
}

void values(const V& x, const std::vector<double>& numbers, const double* first, const xg::Mask& mask) {
  xg::constant(numbers, {2, 2});
  xg::constant(first, {2, 2});
  xg::constant({{1}, {2.5}});
  xg::array<bool>(std::vector<bool>{true});
  xg::full<bool>({2}, true);
  xg::constant(x);                                           // refused: this is a Variable already
  xg::constant(std::vector{x, x});                           // refused: joined by stack(values)
  xg::constant({x, x});                                      // refused: stack({a, b}) joins Variables
  xg::constant(std::vector<bool>{true});                     // refused: a bool is no number
  xg::constant({true, false});                               // refused: deleted
  xg::constant("1 2");                                       // refused: text is no number
  xg::constant(std::vector<std::vector<double>>{{1}, {2}});  // refused: ranges in a range may differ
  xg::constant(first);                                       // refused: a pointer does not say how many
  xg::constant(mask, {2, 2});                                // refused: has a shape: reshape() changes it
  xg::constant(1.0, {2, 2});                                 // refused: full(shape, number) repeats
  xg::constant({1, 2}, {2, 1});                              // refused: braces are the shape
  xg::constant(numbers, {2, 1.5});                           // refused
  xg::array<std::int64_t>(numbers);                          // refused: these numbers are no integers
  xg::array<std::int64_t>({1, 2.5});                         // refused: deleted
  xg::array<bool>({1, 0});                                   // refused: deleted
  xg::zeros<int>({2});                                       // refused: an Array is made of float, double
  xg::zeros(2, 3);                                           // refused: write the shape in braces
  xg::randn<float>(64, 10);                                  // refused: write the shape in braces
  xg::full({2}, true);                                       // refused: the number is none that an element
  xg::arange<std::int64_t>(0, 0.5);                          // refused
  xg::linspace<std::int64_t>(0, 1, 2);                       // refused: this gives float or double
  xg::randint(0, 10);                                        // refused
  xg::eye(2.0);                                              // refused
  x.item(1.0, 0);                                            // refused: item: an index is an integer
}

// One type a sentence, for axes are read by one function.
void axes(const V& x, int whole, std::size_t size) {
  xg::sum(x, 0.5);                      // refused: axes are an integer or a list of integers
  xg::sum(x, true);                     // refused: axes are an integer or a list of integers
  xg::sum(x, '1');                      // refused: axes are an integer or a list of integers
  xg::sum(x, "01");                     // refused: axes are an integer or a list of integers
  xg::sum(x, {1.0f});                   // refused: axes are an integer or a list of integers
  xg::sum(x, std::vector<double>{1});   // refused: axes are an integer or a list of integers
  xg::sum(x, std::vector<bool>{true});  // refused: axes are an integer or a list of integers
  xg::max(x, x);                        // refused: of two values maximum(a, b) is the larger
  xg::sum(x, {true});                   // refused
  xg::sum(x, {0, 0.5});                 // refused
  xg::sum(x, 1, true);                  // refused: sum(x, 1, {.keep_dims = true})
  xg::sum(x, 1, {.axes = {0}});         // refused
  xg::norm(x, 1);                       // refused: norm takes its axes and p by their names
  xg::norm(x, {0, 1});                  // refused
}

// One type a sentence, for all of them are read by one function.
void brackets(const V& x, V& y, const xg::Indices& i, const xt::xarray<double>& a, short whole) {
  auto row = x[0], cell = x[{1, 2}], part = x[{xg::range(0, 2), xg::all, 3}];
  row = x[whole];
  row = x[{i, xg::all, xg::newaxis, xg::ellipsis}];
  row = x[{{0, 2}, 1}];
  row = x[std::vector<xg::SubscriptItem>{0, xg::all}];
  row = x[std::vector{i, i}];
  row = x[x > 0];
  row = x[a > 0];
  row += 1;
  y = xg::index_put(x, {0, 1}, 0);
  y = xg::index_put(y, {xg::all, x > 0}, row, true);
  y[0] = row;                  // refused: x = index_put(x, {...}, y) is x with y there
  y[{0, 1}] += 1;              // refused: x = index_put(x, {...}, y) is x with y there
  y[0] -= x;                   // refused: x = index_put(x, {...}, y) is x with y there
  y[0] *= 2.0;                 // refused: x = index_put(x, {...}, y) is x with y there
  y[0] /= 2.0f;                // refused: x = index_put(x, {...}, y) is x with y there
  y[0] = {1, 2};               // refused: x = index_put(x, {...}, y) is x with y there
  row = x[true];               // refused: a bool is no index
  row = x[0.5];                // refused: an index is an integer
  row = x['1'];                // refused: this is no index
  row = x["1"];                // refused: this is no index
  row = x[a];                  // refused: an index is an integer
  row = x[x.shape()];          // refused: a Shape or Axes is no index
  row = x[std::vector{0.5f}];  // refused: an index is an integer
  row = x[&whole];             // refused: a pointer does not say how many
  x[0];                        // refused: is a new value
}

// One type a sentence, for indices and masks are read by one constructor.
void indices_and_masks(const V& x, const xg::Indices& i, const xg::Mask& mask, short whole,
                       const xt::xarray<double>& a, const xt::xarray<int>& numbers) {
  xg::take(x, i);
  xg::take(x, {2, whole});
  xg::take(x, whole);
  xg::take(x, std::vector<int>{0, 1});
  xg::take(x, numbers + 1);
  xg::gather(x, 1, {{0}, {1}});
  xg::cross_entropy(x, std::vector<std::size_t>{0, 1});
  xg::nll_loss(x, numbers);
  xg::masked_select(x, mask);
  xg::masked_select(x, x > 0);
  xg::masked_fill(x, a > 0, 1);
  xg::where(mask, x, 1);
  xg::where(a, x, 1);
  xg::train::accuracy(x, std::vector<long>{0, 1});
  const xg::nn::AttentionMask forbidden{.forbidden = mask}, later{.forbidden = a > 0};
  const xg::data::TensorDataset<double> samples(a, numbers);
  xg::take(x, mask);                                      // refused: a bool is no index and no label
  xg::take(x, true);                                      // refused: a bool is no index and no label
  xg::take(x, a);                                         // refused: indices and labels are integers
  xg::take(x, 1.7);                                       // refused: indices and labels are integers
  xg::take(x, x);                                         // refused: a Variable holds no indices or labels
  xg::take(x, "1");                                       // refused: these are no indices
  xg::take(x, {1.5});                                     // refused
  xg::gather(x, 1, xg::Array<float>());                   // refused: indices and labels are integers
  xg::one_hot<double>(mask && mask, 2);                   // refused: a bool is no index and no label
  xg::nll_loss(x, a + 1);                                 // refused: indices and labels are integers
  xg::cross_entropy(x, std::vector{0.5});                 // refused: indices and labels are integers
  xg::train::accuracy(x, xg::Variable<float>());          // refused: a Variable holds no indices or labels
  xg::data::TensorDataset<double>(a, xt::cast<bool>(a));  // refused: a bool is no index and no label
  xg::masked_select(x, i);                                // refused: a Mask is made of bool
  xg::masked_select(x, a);                                // refused: a Mask is made of bool
  xg::masked_fill(x, 1, 0);                               // refused: a Mask is made of bool
  xg::masked_select(x, {1, 0});                           // refused
  const xg::nn::AttentionMask numbered{.forbidden = numbers};  // refused: a Mask is made of bool
  xg::scaled_dot_product_attention(x, x, x, {.causal = 1});    // refused
}

void operands(const V& x, const xg::Variable<float>& single, const xt::xarray<double>& a) {
  auto f = xg::elementwise("f", [](auto u, auto v) { return u * v; });
  f(x, 0.5);
  f(a, x);
  xg::maximum(x, a);
  xg::matmul(a, x, {.transpose_a = true});
  xg::concatenate({x, a});
  xg::stack({a, x}, 1);
  xt::xarray<double> b = exp(a) + maximum(a, a) + sum(a, {0});  // xtensor's
  xg::elementwise("f", [] { return 1; });  // refused: the formula takes one to sixteen arguments
  f(x);                                    // refused: as many as the formula has
  f(x, x, x);                              // refused: as many as the formula has
  f(a, a);                                 // refused: as many as the formula has
  f(x, single);                            // refused: as many as the formula has
  f(x, "0.5");                             // refused: as many as the formula has
  x + single;                              // refused: of one type: a + cast<T>(b)
  x / single;                              // refused: of one type: a / cast<T>(b)
  xg::maximum(x, single);                  // refused: two of one type, one a Variable: cast<T>(x)
  xg::maximum(a, a);                       // refused: of Arrays xt::maximum(a, b)
  xg::minimum(x, x, x);                    // refused: of Arrays xt::minimum(a, b)
  xg::pow(a, 2);                           // refused: of Arrays xt::pow(a, b)
  xg::clamp(x, 0);                         // refused: one bound: maximum(x, low), minimum(x, high)
  xg::matmul(x, single);                   // refused: two of one type, one a Variable
  xg::matmul(x, x, true);                  // refused: options by name, {.transpose_b = true}
  xg::linear(x, single);                   // refused: linear(constant(x), weight, bias)
  xg::concatenate({x, single});            // refused
  xg::concatenate({a, a});                 // refused: one a Variable: {constant(a), b}
  xg::stack({a, a});                       // refused: one a Variable: {constant(a), b}
  xg::concatenate(x, x);                   // refused: values in braces, of one element type
  xg::stack(x, x, 1);                      // refused: values in braces, of one element type
}

void one_operand(const V& x, const xt::xarray<double>& a, const xg::Array<float>& b, const xg::Mask& mask) {
  xg::exp(a);                      // refused: of an Array it is xt::exp(a)
  xg::sqrt(b + 1);                 // refused: of an Array it is xt::sqrt(a)
  xg::tanh(0.5);                   // refused: tanh(x) is of one Variable
  xg::relu(b);                     // refused: of an Array relu(constant(a)).value()
  xg::round(x, 2);                 // refused: round(x) is of one Variable, to whole numbers
  xg::sum(mask);                   // refused: of an Array or Mask xt::sum(a)()
  xg::mean(xg::less(x, x));        // refused: of an Array or Mask xt::mean(a)()
  xg::max(a, 1);                   // refused: of an Array xt::amax(a)()
  xg::softmax(a, 1);               // refused: of an Array softmax(constant(a), 0)
  xg::argmax(a);                   // refused: of an Array argmax(constant(a), 0)
  xg::reshape(x, 2, 3);            // refused: the shape stands in braces: reshape(x, {2, 3})
  xg::permute(x, 1, 0);            // refused: the axes stand in braces: permute(x, {1, 0})
  xg::array({0, 1});               // refused: array<double>({0, 1})
  xg::array({{0.5, 1}, {2, 3}});   // refused: array<double>({0, 1})
  xg::array(std::vector<int>{0});  // refused: of what elements: array<double>(values)
}

// Whether a call compiles can be asked.
template <class X>
concept HasExponential = requires(const X& x) {
  xg::exp(x);
};
template <class X>
concept IsInput = requires(xg::nn::Linear<float>& layer, const X& x) {
  layer(x);
};
static_assert(HasExponential<V> && !HasExponential<xt::xarray<double>> && !HasExponential<double>);
static_assert(IsInput<xg::Variable<float>> && IsInput<xt::xarray<double>> && !IsInput<V> &&
              !IsInput<xg::Indices>);

void inputs(xg::nn::Linear<float>& layer, xg::nn::Sequential<float>& net, xg::nn::Embedding<float>& embedding,
            const V& x, const xg::Array<float>& a, const xg::Indices& indices) {
  layer(a);
  net(a + 1);
  net(xt::xarray<double>{{1, 2}});
  embedding(indices);
  embedding(xt::xarray<int>{1, 2});
  layer(x);           // refused: the module is of T: write cast<T>(x), or make it of U
  layer(indices);     // refused: it takes one Variable<T> or Array
  net(0.5);           // refused: it takes one Variable<T> or Array
  auto other = net;   // refused: modules move and do not copy: clone(net) makes another one
  auto same = layer;  // refused: modules move and do not copy: clone(net) makes another one
  layer = layer;      // refused: modules move and do not copy: clone(net) makes another one
}

void numbers_of_layers(double real, const char* text) {
  xg::nn::Linear<double>(2.5, 3);                      // refused
  xg::nn::Linear<double>(2, 3, 4);                     // refused
  xg::nn::Linear<double>(2, 3, text);                  // refused
  xg::nn::Conv2d<double>(1, 4, 1.5);                   // refused
  xg::nn::Conv2d<double>(1, 4, 3, {.padding = real});  // refused
  xg::nn::Conv1d<double>(1, 4, real);                  // refused
  xg::nn::MaxPool2d<double>(1.5);                      // refused
  xg::nn::Embedding<double>(real, 3);                  // refused
  xg::nn::LSTM<double>(2, 3, {.layers = real});        // refused
  xg::nn::LSTM<double>(2, 3, {.batch_first = 1});      // refused
  xg::nn::LayerNorm<double>(1.5);                      // refused
  xg::nn::BatchNorm1d<double>(1.5);                    // refused
  xg::nn::MultiheadAttention<double>(4, real);         // refused
  xg::nn::Softmax<double>(1.5);                        // refused
}

void numbers_of_training(const std::vector<V>& p, xg::optim::SGD<double>& sgd, double real, int whole) {
  xg::optim::SGD<double>(p, {.nesterov = real});                      // refused
  xg::optim::Adam<double>(p, {.amsgrad = whole});                     // refused
  xg::optim::LBFGS<double>(p, {.max_iter = real});                    // refused
  xg::optim::StepLR(sgd, {.step_size = real});                        // refused
  xg::optim::MultiStepLR(sgd, {.milestones = {real}});                // refused
  xg::optim::LambdaLR(sgd, {.lr_lambda = [](double) { return 1; }});  // refused: make it return a double
  xg::optim::LambdaLR(sgd, {.lr_lambda = real});                      // refused
  xg::data::LoaderOptions{.batch_size = real};                        // refused
  xg::data::LoaderOptions{.shuffle = whole};                          // refused
  xg::data::make_moons<double>(real);                                 // refused
  xg::train::EarlyStopping{.patience = real};                         // refused
  const xg::data::LoaderOptions seeded{.seed = 1};
  xg::data::LoaderOptions{.seed = 0.5};   // refused
  xg::data::LoaderOptions{.seed = true};  // refused
}

void options_by_name(const std::vector<V>& p, const V& x, xg::nn::Linear<float>& layer,
                     xg::optim::SGD<double>& sgd) {
  xg::optim::SGD plain(p), fast(p, {.learning_rate = 1}), listed({x, x}), one({x}, {.momentum = 0.5});
  xg::optim::SGD<float> groups =
      xg::optim::SGD({{layer.parameters(), {.learning_rate = 1}}, {{layer.bias()}, {}}});
  xg::optim::Adam<double> adam = xg::optim::Adam({{{x}, {.learning_rate = 1}}, {.parameters = {x}}});
  xg::optim::LBFGS lbfgs(p), limited(p, {.max_iter = 3});
  xg::optim::SGD(p, 0.1);          // refused: options go by name: {.learning_rate = 0.1}
  xg::optim::AdamW<double>(p, 1);  // refused: options go by name: {.learning_rate = 0.1}
  xg::optim::LBFGS(p, 0.1);        // refused: options go by name: {.max_iter = 20}
  xg::optim::StepLR(sgd, 10);      // refused: options go by name: StepLR(sgd
  xg::optim::LambdaLR(sgd, [](double t) { return 1 / (1 + t); });  // refused: options go by name: StepLR(sgd
}

void steps(xg::optim::SGD<double>& sgd, xg::optim::LBFGS<double>& lbfgs, xg::optim::Optimizer<double>& any,
           const V& loss) {
  sgd.step();
  sgd.step([&] { return loss; });
  lbfgs.step([&] { return loss; });
  any.step([&] { return loss; });
  lbfgs.step();                         // refused
  any.step();                           // refused
  any.step([] {});                      // refused
  sgd.step([] { return 1.0; });         // refused
  sgd.step([&](int) { return loss; });  // refused
}

void numbers_in_formulas(const V& x) {
  std::exp(x);  // refused: write exp(x), not std::exp(x)
  xg::elementwise("f", [](auto s) {
    return std::exp(s) * s;  // refused: write exp(x), not std::exp(x)
  });
}

struct Counting : xg::nn::Module<double> {
  V operator()(const V& x, const V& y) {
    return call([&] { return x * y; }, x, y);
  }
  int count(const V& x) {
    return call([&] { return 1; }, x);  // refused: the function gives a Variable<T>, or a struct
  }
};

void modules(xg::nn::Linear<double>& layer, const xg::nn::Module<double>& any) {
  layer.register_forward_hook([](auto& module, const V& x, const V& y) { return module(x) + y; });
  layer.register_forward_hook([](auto&, const std::vector<V>& inputs, const V&) { return inputs[0]; });
  xg::nn::clone(layer);
  xg::nn::clone(any, [] { return xg::nn::Linear<double>(2, 3); });
  xg::nn::ModuleList<double, xg::nn::Linear<double>> list{xg::nn::Linear<double>(2, 3)};
  layer.register_forward_hook([](const V&) {});  // refused: a hook is called as f(module, input
  layer.register_forward_hook([](auto&, auto&, auto&) -> double {  // refused: a hook returns nothing, or the
    return 0;
  });
  xg::nn::clone(any);                      // refused: give the module under its own class
  xg::nn::clone(layer, [] { return 1; });  // refused: the function makes a module of the same
  list.push_back(xg::nn::ReLU<double>());  // refused
  list[0.5];                               // refused
}

struct OfTwo : xg::nn::Module<double> {
  V operator()(const V& x, const V& y) {
    return call([&] { return x * y; }, x, y);
  }
};

void trainings(OfTwo& net, xg::optim::SGD<double>& sgd, const xg::Array<double>& a) {
  const auto loss = [](const V& p, const V& t) { return xg::nn::mean_squared_error(p, t); };
  xg::data::DataLoader two(xg::data::TensorDataset({a, a}, a));
  xg::data::DataLoader three(xg::data::TensorDataset({a, a, a}, a));
  xg::train::fit(net, sgd, loss, two);
  xg::train::fit(net, sgd, loss, two, {.validation = &three});  // refused
  xg::train::fit(net, sgd, loss, three);  // refused: the model is called with the inputs of a batch
}

void guards(xg::optim::EMA<double>& average) {
  average.apply();       // refused: give it a name
  xg::NoGrad();          // refused: give it a name
  xg::NoGrad{};          // refused: give it a name
  xg::EnableGrad();      // refused: give it a name
  xg::DetectAnomaly();   // refused: give it a name
  xg::Scope("encoder");  // refused: give it a name
  xg::Scope{"encoder"};  // refused: give it a name
}

struct Model {
  V forward(const V& x) const { return x; }
};

void programs(const V& x, const xg::Array<double>& a, const std::vector<V>& list, const Model& model) {
  auto f = xg::compile([](const V& v) { return v * v; });
  f(x);
  f(a);     // refused: arguments are Variables, Indices, Masks and numbers
  f(list);  // refused: arguments are Variables, Indices, Masks and numbers
  f(x, x);  // refused: the function cannot be called with these arguments
  auto scaled = xg::compile([](const V& v, double scale) { return v * scale; });
  scaled(x, 2.0);  // refused: let the function take a const Variable<double>& there
  auto number = xg::compile([](const V& v) { return v.size(); });
  number(x);                     // refused: the function gives a Variable, or a std::pair
  xg::compile(&Model::forward);  // refused: a member function has no object
  xg::compile([&](const V& v) { return model.forward(v); })(x);
}
