// A small transformer reads letter by letter (Vaswani et al., "Attention is all you need", 2017),
// with one table for input and output (Press and Wolf, "Using the output embedding to improve
// language models", 2017). Its text is words at random, so the least loss of any reader is known:
// the entropy. To be seen: the moving average of the weights comes close to it.
#include <cmath>
#include <iostream>
#include <numeric>
#include <string>
#include <vector>
#include <xgrad/xgrad.hpp>

namespace xg = xgrad;
using Var = xg::Variable<float>;

const std::string letters = " adehimnorstv";
const std::vector<std::string> words{"sea ",  "season ", "sand ",  "stone ", "star ", "start ",
                                     "the ",  "them ",   "there ", "tree ",  "rain ", "river ",
                                     "rose ", "road ",   "moon ",  "more "};
constexpr std::size_t width = 32, context = 32;

/// Letters as numbers, and the one that follows each of them: [count, context] both.
struct Text {
  xg::Array<float> letters;
  xg::Indices next;
};

Text draw(std::size_t count) {
  std::string text;
  while (text.size() <= count * context) text += words[xg::generator().below(words.size())];
  std::vector<std::size_t> numbers;
  for (const char letter : text) numbers.push_back(letters.find(letter));
  const auto last = numbers.begin() + static_cast<std::ptrdiff_t>(count * context);
  return {xg::array<float>(std::vector(numbers.begin(), last), {count, context}),
          xg::array<std::int64_t>(std::vector(numbers.begin() + 1, last + 1), {count, context})};
}

const xg::nn::TransformerEncoderLayerOptions layer_options{
    .feedforward = 4 * width, .dropout = 0, .norm_first = true, .batch_first = true};

struct Reader : xg::nn::Module<float> {
  xg::nn::Embedding<float>& table =
      register_module("table", xg::nn::Embedding(letters.size(), width));
  Var& places = register_parameter("places", 0.1F * xg::randn<float>({context, width}));
  xg::nn::TransformerEncoderLayer<float>& layer =
      register_module("layer", xg::nn::TransformerEncoderLayer(width, 4, layer_options));
  xg::nn::LayerNorm<float>& norm = register_module("norm", xg::nn::LayerNorm(width));

  /// The logits of every next letter [N, context, letters], from letters [N, context].
  Var forward(const Var& text) override {
    const Var x = layer(table(text) + places, {.causal = true});
    return xg::matmul(norm(x), table.weight(), {.transpose_b = true});
  }
};

/// Nats a letter, where eight letters before it, and so where the word began, are seen.
double nats(Reader& net, const Text& text) {
  const xg::NoGrad off;
  const Var all =
      xg::nn::cross_entropy(net(xg::constant(text.letters)), text.next, xg::Reduction::none);
  return xg::mean(all[{xg::all, xg::range(8, std::nullopt)}]).item();
}

int main() {
  xg::manual_seed(0);
  const Text text = draw(2048), fresh = draw(500);
  Reader net;
  xg::nn::init::normal(net.table.weight(), 0, 0.1);
  std::vector<Var> matrices, others;  // biases, gains and the table shall not decay
  for (const auto& [name, p] : net.named_parameters())
    (p.dim() == 2 && name != "table.weight" ? matrices : others).push_back(p);
  xg::optim::AdamW<float> adam({{matrices, {.learning_rate = 0.01, .weight_decay = 0.1}},
                                {others, {.learning_rate = 0.01, .weight_decay = 0}}});
  xg::optim::LinearWarmup warmup(adam, {.total_steps = 30, .start_factor = 0.03});
  xg::optim::EMA<float> average(net.parameters(), 0.98);
  xg::data::DataLoader loader(xg::data::TensorDataset(text.letters, text.next),
                              {.batch_size = 16, .shuffle = true, .seed = 0});
  const auto train = [&](std::size_t epochs) {
    const auto loss = [](const auto& logits, const auto& next) {
      return xg::nn::cross_entropy(logits, next);
    };
    const auto after = [&](const xg::train::BatchEvent& event) {
      if (event.batch % 2 == 0) average.update();  // a step is of two batches
    };
    const auto history = xg::train::fit(net, adam, loss, loader,
                                        {.epochs = epochs,
                                         .accumulate = 2,
                                         .scheduler = &warmup,
                                         .scheduler_step = xg::train::Every::batch,
                                         .max_grad_norm = 1,
                                         .after_batch = after});
    for (const auto& epoch : history.epochs) std::cout << "loss " << epoch.loss << '\n';
  };
  train(4);
  net.table.freeze();
  const auto frozen = net.table.weight().to_vector();
  train(1);

  double entropy = std::log(16);  // of a word with its space, over its letters
  const std::string joined = std::accumulate(words.begin(), words.end(), std::string());
  entropy /= static_cast<double>(joined.size()) / 16;
  const bool has_moved = net.table.weight().to_vector() != frozen;
  const double last = nats(net, fresh);
  const auto applied = average.apply();
  const double averaged = nats(net, fresh);
  std::cout << net.parameter_count() << " parameters; nats a letter: entropy " << entropy
            << ", averaged weights " << averaged << ", last weights " << last << '\n';
  // A layer of width d has 12 d d + 13 d parameters, and the table is there once.
  const std::size_t expected = (letters.size() + context + 12 * width + 15) * width;
  const char* missed = net.parameter_count() != expected ? "the table is not tied"
                       : has_moved                       ? "the frozen table has moved"
                       : averaged < entropy - 0.03 ? "less than can be: something sees the future"
                       : averaged > entropy + 0.03 ? "the loss is not near the entropy"
                       : averaged >= last          ? "averaged weights are no better than the last"
                                                   : nullptr;
  if (missed) std::cerr << "MISSED: " << missed << '\n';
  return missed ? 1 : 0;
}
