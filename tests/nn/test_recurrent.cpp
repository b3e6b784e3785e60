#include <algorithm>
#include <cmath>
#include <string>

#include <doctest/doctest.h>
#include <xgrad/nn/recurrent.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/shape.hpp>

#include "../message_of.hpp"
#include "layer_checks.hpp"
#include "recurrent_reference.hpp"

namespace {

using xgrad::Shape;
using xgrad::ShapeError;
using xgrad::ValueError;
using xgrad::Variable;
using xgrad::nn::GRU;
using xgrad::nn::LSTM;
using xgrad::nn::LSTMState;
using xgrad::nn::Recurrent;
using xgrad::nn::RecurrentActivation;
using xgrad::nn::RecurrentOptions;
using xgrad::nn::RNN;
using namespace xgrad::testing;

constexpr std::size_t steps = 5, samples = 3, in = 4, hidden = 6;

template <class T>
RecurrentCase case_of(const Recurrent<T>& layer, const Variable<T>& x, const Variable<T>& h = {},
                      const Variable<T>& c = {}) {
  RecurrentCase made{{}, steps, samples, in, hidden, layer.options().layers, as_doubles(x), {}, {}};
  for (const auto& [name, value] : layer.named_parameters()) made.parameters[name] = as_doubles(value);
  if (h.defined()) made.hidden_start = as_doubles(h);
  if (c.defined()) made.cell_start = as_doubles(c);
  return made;
}

const RecurrentOptions all_options[] = {
    {}, {.layers = 3}, {.layers = 2, .bias = false}, {.layers = 2, .batch_first = true}};

/// Runs the layer as it wants its axes, and gives the output time first.
template <class T, class L, class State>
auto run(L& layer, const Variable<T>& x, const State& state) {
  const bool turned = layer.options().batch_first;
  auto result = layer(turned ? swap_axes(x, 0, 1) : x, state);
  if (turned) result.output = swap_axes(result.output, 0, 1);
  return result;
}

template <class T, class L>
void check_one_state(L layer, const Unit& unit) {
  const auto x = sample<T>({steps, samples, in}, 1),
             h = sample<T>({layer.options().layers, samples, hidden}, 2);
  for (const Variable<T>& start : {Variable<T>(), h}) {
    const auto expected = run_by_loops(case_of(layer, x, start), unit);
    const auto [output, state] = run(layer, x, start);
    CHECK(output.shape() == Shape{steps, samples, hidden});
    CHECK(state.shape() == h.shape());
    CHECK(distance(output, expected.output) < rounding<T>);
    CHECK(distance(state, expected.hidden) < rounding<T>);
  }
}

}  // namespace

TEST_CASE_TEMPLATE("RNN and GRU give the values and states that plain loops give", T, float, double) {
  for (const RecurrentOptions& options : all_options) {
    CAPTURE(options.layers);
    check_one_state<T>(RNN<T>(in, hidden, options), rnn_tanh_unit);
    check_one_state<T>(RNN<T>(in, hidden, options, RecurrentActivation::relu), rnn_relu_unit);
    check_one_state<T>(GRU<T>(in, hidden, options), gru_unit);
  }
}

TEST_CASE_TEMPLATE("LSTM gives the values and both states that plain loops give", T, float, double) {
  for (const RecurrentOptions& options : all_options) {
    LSTM<T> layer(in, hidden, options);
    const Shape shape{options.layers, samples, hidden};
    const auto x = sample<T>({steps, samples, in}, 1), h = sample<T>(shape, 2), c = sample<T>(shape, 3);
    for (const LSTMState<T>& start : {LSTMState<T>{}, LSTMState<T>{h, c}, LSTMState<T>{{}, c}}) {
      const auto expected = run_by_loops(case_of(layer, x, start.hidden, start.cell), lstm_unit);
      const auto [output, state] = run(layer, x, start);
      CHECK(output.shape() == Shape{steps, samples, hidden});
      CHECK(state.hidden.shape() == shape);
      CHECK(state.cell.shape() == shape);
      CHECK(distance(output, expected.output) < rounding<T>);
      CHECK(distance(state.hidden, expected.hidden) < rounding<T>);
      CHECK(distance(state.cell, expected.cell) < rounding<T>);
    }
  }
}

TEST_CASE("a recurrent layer called with its input alone gives the output") {
  LSTM<double> lstm(in, hidden);
  GRU<double> gru(in, hidden, {.batch_first = true});
  RNN<double> rnn(in, hidden);
  const auto x = sample<double>({steps, samples, in}, 4);
  CHECK(lstm(x).value() == lstm(x, {}).output.value());
  CHECK(rnn(x).value() == rnn(x, {}).output.value());
  CHECK(gru(swap_axes(x, 0, 1)).value() == gru(swap_axes(x, 0, 1), {}).output.value());
}

TEST_CASE("a sequence may be cut, and its state carried from one part to the next") {
  LSTM<double> layer(in, hidden, {.layers = 2});
  const auto x = sample<double>({steps, samples, in}, 5);
  const auto whole = layer(x, {});
  const auto first = layer(slice(x, {xgrad::range(0, 2)}), {});
  const auto second = layer(slice(x, {xgrad::range(2, steps)}), first.state);
  CHECK(distance(xgrad::concatenate({first.output, second.output}), as_doubles(whole.output)) < 1e-15);
  CHECK(distance(second.state.cell, as_doubles(whole.state.cell)) < 1e-15);
}

TEST_CASE("recurrent layers have right gradients, in inputs, states and parameters, at both orders") {
  const auto x = sample<double>({3, 2, 2}, 6), h = sample<double>({2, 2, 3}, 7),
             c = sample<double>({2, 2, 3}, 8);
  const RecurrentOptions options{.layers = 2};
  RNN<double> rnn(2, 3, options), plain(2, 3, {.bias = false});
  GRU<double> gru(2, 3, options);
  LSTM<double> lstm(2, 3, options);
  RNN<double> rectified(2, 3, {}, RecurrentActivation::relu);
  for (xgrad::nn::Module<double>* each :
       {static_cast<xgrad::nn::Module<double>*>(&rnn), static_cast<xgrad::nn::Module<double>*>(&plain),
        static_cast<xgrad::nn::Module<double>*>(&gru), static_cast<xgrad::nn::Module<double>*>(&lstm),
        static_cast<xgrad::nn::Module<double>*>(&rectified)})
    check_gradients(*each, x);
  const auto check_states = [](const auto& f, const std::vector<Variable<double>>& inputs) {
    const auto report = xgrad::gradcheck(f, inputs, {.second_order = true});
    INFO(report);
    CHECK(report.ok());
  };
  using In = const std::vector<Variable<double>>&;
  check_states(
      [&](In v) {
        const auto [y, state] = gru(v[0], v[1]);
        return xgrad::concatenate({flatten(y), flatten(state)});
      },
      {x, h});
  check_states(
      [&](In v) {
        const auto [y, state] = lstm(v[0], {v[1], v[2]});
        return xgrad::concatenate({flatten(y), flatten(state.hidden), flatten(state.cell)});
      },
      {x, h, c});
}

TEST_CASE("recurrent layers name their parameters as PyTorch does, and start within 1 / sqrt(hidden)") {
  GRU<float> layer(10, 100, {.layers = 2});
  std::vector<std::string> names;
  for (const auto& [name, value] : layer.named_parameters()) names.push_back(name);
  CHECK(names == std::vector<std::string>{"weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0",
                                          "weight_ih_l1", "weight_hh_l1", "bias_ih_l1", "bias_hh_l1"});
  CHECK(layer.parameters()[0].shape() == Shape{10, 300});
  CHECK(layer.parameters()[1].shape() == Shape{100, 300});
  CHECK(layer.parameters()[2].shape() == Shape{300});
  CHECK(layer.parameters()[4].shape() == Shape{100, 300});
  for (const auto& parameter : layer.parameters()) {
    const auto values = as_doubles(parameter);
    const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
    CHECK(*least >= -0.1);
    CHECK(*greatest <= 0.1);
    CHECK(*greatest - *least > 0.19);
  }
  CHECK(RNN<float>(10, 20, {.bias = false}).parameters().size() == 2);
  CHECK(LSTM<float>(10, 20).parameter_count() == 4 * 20 * (10 + 20 + 2));
  // Products of all steps with the inputs' weights and of each with the states', beside the cells.
  CHECK(2 * 7 * 3 * (10 + 20) * 80 < 108020);
  CHECK(LSTM<float>(10, 20).summary({7, 3, 10}).find("LSTM  [7, 3, 20]   2960  108020        2560") !=
        std::string::npos);
}

TEST_CASE("recurrent layers refuse sizes, sequences and states that do not fit") {
  CHECK(message_of<ValueError>([] { GRU<float>(3, 0); }) ==
        "GRU: 3 inputs, 0 hidden units and 1 layers; all must be at least 1");
  CHECK(message_of<ValueError>([] { RNN<float>(3, 4, {.layers = 0}); }) ==
        "RNN: 3 inputs, 4 hidden units and 0 layers; all must be at least 1");
  LSTM<double> layer(in, hidden);
  CHECK(message_of<ShapeError>([&] {
          layer(sample<double>({2, 5}, 1));
        }) ==
        "LSTM: the input [2, 5] is not [time steps, samples, 4]; reshape it, or make the layer for its "
        "number of "
        "features");
  CHECK(message_of<ShapeError>([&] {
          layer(sample<double>({0, 3, in}, 1));
        }) == "LSTM: the input [0, 3, 4] has no time steps; [time steps, samples, 4] wants at least 1");
  CHECK(message_of<ShapeError>([] {
          GRU<float>(4, 5, {.batch_first = true})(sample<float>({3, 2, 5}, 1));
        }) ==
        "GRU: the input [3, 2, 5] is not [samples, time steps, 4]; reshape it, or make the layer for its "
        "number of "
        "features");
  const auto x = sample<double>({steps, samples, in}, 2);
  CHECK(message_of<ShapeError>([&] {
          layer(x, {{}, sample<double>({1, 2, hidden}, 3)});
        }) ==
        "LSTM: the cell state [1, 2, 6] does not fit the input [5, 3, 4]; it must be [1, 3, 6], [layers, "
        "samples, "
        "hidden units]");
  CHECK(layer(sample<double>({steps, 0, in}, 2)).shape() == Shape{steps, 0, hidden});
}

TEST_CASE("an input without time steps is refused, one without samples is not, whichever axis comes first") {
  const auto says = [](auto layer, const Shape& shape) {
    return message_of([&] { layer(Variable<double>(xgrad::Dense<double>::filled(shape, 0))); });
  };
  const auto check = [&]<class L>(const std::string& name) {
    CHECK(says(L(4, 6), {0, 3, 4}) ==
          name + ": the input [0, 3, 4] has no time steps; [time steps, samples, 4] wants at least 1");
    CHECK(says(L(4, 6, {.batch_first = true}), {3, 0, 4}) ==
          name + ": the input [3, 0, 4] has no time steps; [samples, time steps, 4] wants at least 1");
    const Variable<double> none(xgrad::Dense<double>::filled({5, 0, 4}, 0));
    CHECK(L(4, 6)(none).shape() == Shape{5, 0, 6});
    CHECK(L(4, 6, {.batch_first = true})(swap_axes(none, 0, 1)).shape() == Shape{0, 5, 6});
  };
  check.template operator()<RNN<double>>("RNN");
  check.template operator()<GRU<double>>("GRU");
  check.template operator()<LSTM<double>>("LSTM");
}
