// A small language model: a transformer that reads the book of Genesis character by character, guesses the
// next one, and writes on. Vaswani et al., "Attention is all you need", NeurIPS 2017.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <xgrad/data.hpp>
#include <xgrad/xgrad.hpp>

#include "../lesson/lesson.hpp"

namespace xg = xgrad;
using Var = xg::Variable<float>;

namespace {

struct Size {
  std::size_t width, heads, layers, context, batch;
  std::uint64_t steps;
};

/// The text as numbers 0 ... characters.size() - 1; the last tenth is held out.
struct Text {
  std::string characters;
  std::vector<std::int64_t> train, test;
};

Text read_text() {
  const auto path = xg::data::find_data_file("language_model", "genesis.txt.gz");
  const std::string text = xg::data::read_file("language_model", path);
  const std::set<char> all(text.begin(), text.end());
  Text result{{all.begin(), all.end()}, {}, {}};
  for (std::size_t i = 0; i < text.size(); ++i)
    (i < text.size() / 10 * 9 ? result.train : result.test)
        .push_back(static_cast<std::int64_t>(result.characters.find(text[i])));
  return result;
}

class LanguageModel : public xg::nn::Module<float> {
 public:
  LanguageModel(std::size_t characters, const Size& size)
      : characters_(register_module("characters", xg::nn::Embedding<float>(characters, size.width))),
        positions_(
            register_parameter("positions", xg::random_normal<float>({size.context, size.width}, 0, 0.1))) {
    xg::nn::init::normal(characters_.weight(), 0, 0.1);
    for (std::size_t i = 0; i < size.layers; ++i)
      layers_.push_back(&register_module(
          fmt::format("layer{}", i),
          xg::nn::TransformerEncoderLayer<float>(size.width, size.heads,
                                                 {.feedforward = 4 * size.width,
                                                  .dropout = 0,
                                                  .activation = xg::nn::TransformerActivation::gelu,
                                                  .norm_first = true,
                                                  .batch_first = true})));
    norm_ = &register_module("norm", xg::nn::LayerNorm<float>(size.width));
    output_ = &register_module("output", xg::nn::Linear<float>(size.width, characters));
  }

  /// The logits of every next character [N, T, characters], from characters [N, T].
  Var operator()(const xg::Indices& text) { return logits(characters_(text)); }
  Var forward(const Var& text) override { return logits(characters_(text)); }

 private:
  Var logits(const Var& embedded) {
    const auto length = static_cast<std::ptrdiff_t>(embedded.shape()[1]);
    Var x = embedded + xg::slice(positions_, {xg::range(0, length)});
    for (auto* layer : layers_) x = (*layer)(x, {.causal = true});
    return (*output_)((*norm_)(x));
  }

  xg::nn::Embedding<float>& characters_;
  Var positions_;
  std::vector<xg::nn::TransformerEncoderLayer<float>*> layers_;
  xg::nn::LayerNorm<float>* norm_;
  xg::nn::Linear<float>* output_;
};

/// Windows of a text, and the character that follows each character in them: [N, T] both.
struct Windows {
  xg::Indices text, next;
};

Windows windows(const std::vector<std::int64_t>& text, const std::vector<std::size_t>& starts,
                std::size_t length) {
  Windows result{xg::Indices::from_shape({starts.size(), length}),
                 xg::Indices::from_shape({starts.size(), length})};
  for (std::size_t n = 0; n < starts.size(); ++n)
    for (std::size_t t = 0; t < length; ++t) {
      result.text(n, t) = text[starts[n] + t];
      result.next(n, t) = text[starts[n] + t + 1];
    }
  return result;
}

/// -log of the probability that each next character got, in nats: one number a character, in a row.
Var losses(LanguageModel& model, const Windows& batch, xg::Reduction reduction) {
  const Var logits = model(batch.text);
  const auto classes = static_cast<std::ptrdiff_t>(logits.shape()[2]);
  return xg::nn::cross_entropy(xg::reshape(logits, {-1, classes}),
                               xg::Indices(xt::reshape_view(batch.next, {batch.next.size()})), reduction);
}

/// The mean loss at each place of a window, over all of a text.
std::vector<double> losses_by_place(LanguageModel& model, const std::vector<std::int64_t>& text,
                                    std::size_t length) {
  const xg::NoGrad off;
  std::vector<double> sums(length, 0);
  std::size_t count = 0;
  while ((count + 1) * length + 1 <= text.size()) {
    std::vector<std::size_t> starts;
    for (; starts.size() < 32 && (count + 1) * length + 1 <= text.size(); ++count)
      starts.push_back(count * length);
    const xg::Array<float> found = losses(model, windows(text, starts, length), xg::Reduction::none).value();
    for (std::size_t i = 0; i < found.size(); ++i) sums[i % length] += found(i);
  }
  for (double& sum : sums) sum /= static_cast<double>(count);
  return sums;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

/// The loss of a table of counts: how often each character follows the `order` before it. Every count starts
/// at 0.1, so that nothing is impossible.
double table_loss(const Text& text, std::size_t order) {
  const std::size_t classes = text.characters.size();
  std::map<std::vector<std::int64_t>, std::vector<double>> counts;
  const auto visit = [&](const std::vector<std::int64_t>& of, auto use) {
    for (std::size_t i = order; i < of.size(); ++i) {
      const auto at = of.begin() + static_cast<std::ptrdiff_t>(i);
      auto& row =
          counts.try_emplace({at - static_cast<std::ptrdiff_t>(order), at}, classes, 0.1).first->second;
      use(row, static_cast<std::size_t>(of[i]));
    }
  };
  visit(text.train, [](std::vector<double>& row, std::size_t next) { ++row[next]; });
  double loss = 0;
  visit(text.test, [&](const std::vector<double>& row, std::size_t next) {
    double all = 0;
    for (double count : row) all += count;
    loss -= std::log(row[next] / all);
  });
  return loss / static_cast<double>(text.test.size() - order);
}

plot::Curve train(LanguageModel& model, const Text& text, const Size& size) {
  xg::optim::AdamW<float> adam(model.parameters(), {.learning_rate = 0.003});
  xg::optim::OneCycleLR schedule(adam, {.total_steps = size.steps, .pct_start = 0.1});
  plot::Curve curve{"in training", {}, {}, plot::blue};
  std::vector<double> recent;
  for (std::uint64_t step = 1; step <= size.steps; ++step) {
    std::vector<std::size_t> starts(size.batch);
    for (auto& start : starts) start = xg::generator().below(text.train.size() - size.context);
    const Var loss = losses(model, windows(text.train, starts, size.context), xg::Reduction::mean);
    adam.zero_grad();
    loss.backward();
    xg::optim::clip_grad_norm(model.parameters(), 1);
    adam.step();
    schedule.step();
    recent.push_back(loss.item());
    if (step % 10 != 0) continue;
    curve.x.push_back(static_cast<double>(step));
    curve.y.push_back(mean(recent));
    if (step % 50 == 0) fmt::print("step {}: {:.3f} nats a character\n", step, curve.y.back());
    recent.clear();
  }
  return curve;
}

/// What a character in the future says must not matter: another last character changes no earlier logit.
void causality(lesson::Lesson& lesson, LanguageModel& model, const Text& text, std::size_t length) {
  const xg::NoGrad off;
  const Windows one = windows(text.test, {0}, length);
  xg::Indices changed = one.text;
  changed(0, length - 1) = (changed(0, length - 1) + 1) % static_cast<std::int64_t>(text.characters.size());
  const auto before = [&](const xg::Indices& window) {
    return xg::Array<double>(xg::cast<double>(xg::slice(model(window), {xg::all, xg::range(0, -1)})).value());
  };
  lesson.near("logits before a changed character", before(changed), before(one.text), 1e-5);
}

/// Goes on from `start`, drawing each character from the model's probabilities with every logit divided by
/// `temperature`: below 1 the likely become likelier.
std::string write_on(LanguageModel& model, const Text& text, std::string start, std::size_t length,
                     std::size_t context, float temperature) {
  const xg::NoGrad off;
  while (start.size() < length) {
    const std::string end = start.substr(start.size() - std::min(start.size(), context));
    xg::Indices window = xg::Indices::from_shape({std::size_t{1}, end.size()});
    for (std::size_t t = 0; t < end.size(); ++t)
      window(0, t) = static_cast<std::int64_t>(text.characters.find(end[t]));
    const Var last = xg::slice(model(window), {0, -1});
    const xg::Array<float> probability = xg::softmax(last / temperature, 0).value();
    double left = xg::generator().uniform();
    std::size_t next = 0;
    while (next + 1 < probability.size() && (left -= probability(next)) >= 0) ++next;
    start += text.characters[next];
  }
  return start;
}

void teach(lesson::Lesson& lesson) {
  xg::manual_seed(0);
  const Size size = lesson.small() ? Size{64, 4, 2, 32, 16, 150} : Size{128, 4, 2, 64, 32, 600};
  const Text text = read_text();
  LanguageModel model(text.characters.size(), size);
  fmt::print("{} characters, {} of them different; {} parameters\n", text.train.size() + text.test.size(),
             text.characters.size(), model.parameter_count());
  const plot::Curve curve = train(model, text, size);
  model.eval();
  const std::vector<double> by_place = losses_by_place(model, text.test, size.context);

  const double loss = mean(by_place);
  const std::vector<double> tables{table_loss(text, 0), table_loss(text, 1), table_loss(text, 2)};
  for (std::size_t order = 0; order < tables.size(); ++order)
    fmt::print("a table of what follows {} characters: {:.3f} nats a character\n", order, tables[order]);
  lesson.at_most("nats a character, held out", loss, lesson.small() ? 2.4 : 1.6);
  lesson.at_most("the same less what letters' frequencies alone give", loss - tables[0],
                 lesson.small() ? -0.4 : -1.2);
  if (!lesson.small())
    lesson.at_most("the same less what two letters of memory give", loss - tables[2], -0.2);
  causality(lesson, model, text, size.context);

  const std::string sample = write_on(model, text, "And God said", 500, size.context, 0.7F);
  fmt::print("\n{}\n", sample);
  lesson.drawing().write("language_model.txt", sample + "\n");

  plot::Panel training{
      .title = "Training", .x_label = "step", .y_label = "nats a character", .layers = {curve}};
  training.key = plot::below_axes;
  const char* colours[] = {plot::grey, plot::orange, plot::green};
  const char* names[] = {"table, no memory", "table, 1 character", "table, 2 characters"};
  for (std::size_t k = 0; k < tables.size(); ++k)
    training.layers.push_back(plot::Curve{names[k],
                                          {1, static_cast<double>(size.steps)},
                                          {tables[k], tables[k]},
                                          colours[k],
                                          plot::Mark::dashes});
  plot::Curve places{"", {}, by_place, plot::blue, plot::Mark::path};
  for (std::size_t t = 0; t < by_place.size(); ++t) places.x.push_back(static_cast<double>(t + 1));
  plot::figure(lesson.drawing(), "language_model", "A transformer reads Genesis",
               {training,
                {.title = "Held out: what a longer context is worth",
                 .x_label = "characters read",
                 .y_label = "nats a character",
                 .layers = {places},
                 .key = ""}},
               1, {640, 320});
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run(argc, argv, "language_model", "A transformer learns to write by reading Genesis.", teach,
                     "out/beyond");
}
