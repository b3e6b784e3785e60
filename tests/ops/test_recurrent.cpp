// lstm, gru and their cells beside what the table of operations has of them.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <vector>
#include <xgrad/core/kernels/random.hpp>
#include <xgrad/derivatives/grad.hpp>
#include <xgrad/derivatives/gradcheck.hpp>
#include <xgrad/ops/creation.hpp>
#include <xgrad/ops/exponential.hpp>
#include <xgrad/ops/operators.hpp>
#include <xgrad/ops/recurrent.hpp>
#include <xgrad/ops/reduction.hpp>
#include <xgrad/ops/shape.hpp>
#include <xgrad/ops/slice.hpp>

#include "../message_of.hpp"
#include "../threads.hpp"

namespace xg = xgrad;
using xg::Shape;
using xg::ShapeError;
using xg::testing::message_of;
using xg::testing::Threads;

namespace {

template <class T>
using Vars = std::vector<xg::Variable<T>>;

/// sin(k i + k) for element i: PyTorch was given the same.
xg::Variable<double> waves(const Shape& shape, double k) {
  xg::Dense<double> x(shape);
  double* to = x.mutable_data();
  for (std::size_t i = 0; i < x.size(); ++i) to[i] = std::sin(static_cast<double>(i) * k + k);
  return xg::detail::parameter_from(std::move(x));
}

template <class T>
xg::Variable<T> drawn(const Shape& shape, std::uint64_t seed) {
  xg::Generator from(seed);
  return xg::parameter(xg::random_normal<T>(shape, 0, 0.5, from));
}

/// x, the states, the weights and biases of `gates` gates.
template <class T>
Vars<T> arguments(std::size_t gates, std::size_t steps, std::size_t samples, std::size_t in,
                  std::size_t units) {
  Vars<T> all{drawn<T>({steps, samples, in}, 1)};
  for (std::size_t k = 0; k < gates - 2; ++k) all.push_back(drawn<T>({samples, units}, 2 + k));
  all.push_back(drawn<T>({in, gates * units}, 4));
  all.push_back(drawn<T>({units, gates * units}, 5));
  for (std::size_t k = 0; k < 5 - gates; ++k) all.push_back(drawn<T>({gates * units}, 6 + k));
  return all;
}

template <class T>
xg::LSTMSequence<T> lstm_of(const Vars<T>& in) {
  return xg::lstm(in[0], in[1], in[2], in[3], in[4], in[5]);
}
template <class T>
xg::GRUSequence<T> gru_of(const Vars<T>& in) {
  return xg::gru(in[0], in[1], in[2], in[3], in[4], in[5]);
}

/// One number from all outputs, with gradients into each.
template <class T>
xg::Variable<T> loss_of_lstm(const Vars<T>& in) {
  const auto [output, hidden, cell] = lstm_of(in);
  return xg::sum(output * output) + xg::sum(xg::sin(hidden)) + xg::sum(cell);
}
template <class T>
xg::Variable<T> loss_of_gru(const Vars<T>& in) {
  const auto [output, hidden] = gru_of(in);
  return xg::sum(output * output) + xg::sum(xg::sin(hidden));
}

double largest_difference(const xg::Array<double>& got, const std::vector<double>& expected) {
  REQUIRE(got.size() == expected.size());
  double largest = 0;
  for (std::size_t i = 0; i < expected.size(); ++i)
    largest = std::fmax(largest, std::fabs(got.cbegin()[static_cast<std::ptrdiff_t>(i)] - expected[i]));
  return largest;
}
template <class T>
double largest_difference(const xg::Variable<T>& a, const xg::Variable<T>& b) {
  REQUIRE(a.shape() == b.shape());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    largest = std::fmax(largest, std::fabs(static_cast<double>(a.dense().data()[i] - b.dense().data()[i])));
  return largest;
}

template <class T>
bool same_bits(const Vars<T>& a, const Vars<T>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t k = 0; k < a.size(); ++k)
    if (a[k].shape() != b[k].shape() ||
        std::memcmp(a[k].dense().data(), b[k].dense().data(), a[k].size() * sizeof(T)) != 0)
      return false;
  return true;
}

}  // namespace

// PyTorch 1.13.1, torch.lstm and torch.gru on float64 with the same numbers; its weights are the transposed.
TEST_CASE("lstm gives the values and gradients that PyTorch gives") {
  const auto x = waves({3, 2, 2}, 0.7), h = waves({2, 2}, 1.1), c = waves({2, 2}, 1.3),
             weight_ih = waves({2, 8}, 0.3), weight_hh = waves({2, 8}, 0.9), bias_ih = waves({8}, 0.5),
             bias_hh = waves({8}, 1.7);
  const auto [output, hidden, cell] = xg::lstm(x, h, c, weight_ih, weight_hh, bias_ih + bias_hh);
  CHECK(largest_difference(output.value(),
                           {0.1424006048234736, -0.3461049916855911, 0.03747885150400812, -0.2201516198859416,
                            0.2374740512899575, -0.3252753432624117, 0.1049153806533418, -0.3452088295066744,
                            0.1096805145351759, -0.265354158577548, 0.191975556900687, -0.3430866826497994}) <
        1e-14);
  CHECK(largest_difference(hidden.value(), {0.1096805145351759, -0.265354158577548, 0.191975556900687,
                                            -0.3430866826497994}) < 1e-14);
  CHECK(largest_difference(cell.value(), {1.127281788116002, -1.050614281095476, 1.244803919607538,
                                          -1.16006827724003}) < 1e-14);
  (xg::sum(xg::square(output)) + xg::sum(cell)).backward();
  CHECK(largest_difference(
            xg::slice(xg::constant(x.grad()), {0}).value(),
            {0.4988089288531632, -0.3462707183546038, 0.2945847219825296, -0.266492483792436}) < 1e-14);
  CHECK(largest_difference(h.grad(), {-0.2940478175429683, -0.2619564584662357, -0.1405698885522929,
                                      0.1408829693665706}) < 1e-14);
  CHECK(largest_difference(c.grad(), {0.2351105553564156, 0.01181209089820726, 0.1807762890702221,
                                      0.4341409757453119}) < 1e-14);
  CHECK(largest_difference(
            xg::slice(xg::constant(weight_hh.grad()), {0}).value(),
            {0.04878443411687654, -0.05898818498685663, 0.1607883160068035, -0.03143357162649755,
             0.4388408216076216, 0.09045663101157739, 0.03761240539961992, 0.08608784166019257}) < 1e-14);
  for (const auto& bias : {bias_ih, bias_hh})
    CHECK(largest_difference(bias.grad(), {0.5053756926381614, -0.3916283398884143, 0.4982665584831814,
                                           -0.3147136003950443, 1.060888353103589, 1.376347842200712,
                                           0.1104022943433779, 0.5088471132032467}) < 1e-14);
}

TEST_CASE("gru gives the values and gradients that PyTorch gives") {
  const auto x = waves({3, 2, 2}, 0.7), h = waves({2, 2}, 1.1), weight_ih = waves({2, 6}, 0.3),
             weight_hh = waves({2, 6}, 0.9), bias_ih = waves({6}, 0.5), bias_hh = waves({6}, 1.7);
  const auto [output, hidden] = xg::gru(x, h, weight_ih, weight_hh, bias_ih, bias_hh);
  CHECK(largest_difference(output.value(), {0.8589289866970733, 0.6143688428041868, 0.4442156451352072,
                                            -0.7326596722791019, 0.5650542986602743, 0.1652050500704317,
                                            0.2626963908527346, -0.6500659243021333, 0.5711787332971752,
                                            -0.04589462319953586, 0.500987437499189, -0.5235506778578378}) <
        1e-14);
  CHECK(largest_difference(hidden.value(), {0.5711787332971752, -0.04589462319953586, 0.500987437499189,
                                            -0.5235506778578378}) < 1e-14);
  xg::sum(xg::square(output)).backward();
  CHECK(largest_difference(
            xg::slice(xg::constant(x.grad()), {0}).value(),
            {0.4461938006197138, 0.02642809162805113, 0.1320233788449991, 0.009329023292130523}) < 1e-14);
  CHECK(largest_difference(
            h.grad(), {1.80402722193219, 1.309347169262804, 0.1278646805577067, -2.097026374406073}) < 1e-14);
  CHECK(largest_difference(xg::slice(xg::constant(weight_hh.grad()), {0}).value(),
                           {0.02154821891805233, 0.02468597073772818, 0.3251815960921092, 0.2426295073742725,
                            0.9988597121341651, -0.1183369365745136}) < 1e-14);
  CHECK(largest_difference(bias_ih.grad(), {0.08698532989181232, 0.04852636889430516, -0.0002019206232518195,
                                            0.9407778431601163, 1.967441428374556, -0.9837805204230383}) <
        1e-14);
  CHECK(largest_difference(bias_hh.grad(), {0.08698532989181233, 0.04852636889430516, -0.0002019206232518334,
                                            0.9407778431601163, 1.556663155782912, -0.4175604604953453}) <
        1e-14);
}

TEST_CASE_TEMPLATE("a cell, step by step, gives what the whole sequence gives, and its gradients", T, float,
                   double) {
  const double rounding = std::is_same_v<T, float> ? 1e-4 : 1e-12;
  const Vars<T> of_lstm = arguments<T>(4, 12, 17, 9, 21), of_gru = arguments<T>(3, 12, 17, 9, 21);
  const auto by_lstm_cells = [](const Vars<T>& in) {
    xg::LSTMCellState<T> state{in[1], in[2]};
    Vars<T> outputs;
    for (std::size_t t = 0; t < in[0].shape()[0]; ++t) {
      state = xg::lstm_cell(xg::slice(in[0], {t}), state.hidden, state.cell, in[3], in[4], in[5]);
      outputs.push_back(state.hidden);
    }
    const auto output = xg::stack(outputs);
    return xg::sum(output * output) + xg::sum(xg::sin(state.hidden)) + xg::sum(state.cell);
  };
  const auto by_gru_cells = [](const Vars<T>& in) {
    xg::Variable<T> h = in[1];
    Vars<T> outputs;
    for (std::size_t t = 0; t < in[0].shape()[0]; ++t)
      outputs.push_back(h = xg::gru_cell(xg::slice(in[0], {t}), h, in[2], in[3], in[4], in[5]));
    const auto output = xg::stack(outputs);
    return xg::sum(output * output) + xg::sum(xg::sin(h));
  };
  const auto check = [&](const Vars<T>& in, const auto& whole, const auto& cells) {
    const auto a = whole(in), b = cells(in);
    CHECK(std::fabs(static_cast<double>(a.item() - b.item())) < rounding * 100);
    const Vars<T> da = xg::grad(a, in), db = xg::grad(b, in);
    for (std::size_t k = 0; k < in.size(); ++k) {
      CAPTURE(k);
      CHECK(largest_difference(da[k], db[k]) < rounding * 10);
    }
  };
  check(of_lstm, loss_of_lstm<T>, by_lstm_cells);
  check(of_gru, loss_of_gru<T>, by_gru_cells);
}

TEST_CASE_TEMPLATE("recurrent gradients have the same bits on one thread and on two, recorded or not", T,
                   float, double) {
  const auto check = [](const Vars<T>& in, const auto& loss) {
    Vars<T> alone;
    {
      const Threads one(1);
      alone = xg::grad(loss(in), in);
    }
    Threads two(2);
    const auto y = loss(in);
    CHECK(two.shared_a_loop());
    CHECK(same_bits(xg::grad(y, in), alone));
    CHECK(two.shared_a_loop());
    CHECK(same_bits(xg::grad(loss(in), in, {.create_graph = true}), alone));
  };
  check(arguments<T>(4, 9, 70, 33, 65), loss_of_lstm<T>);
  check(arguments<T>(3, 9, 70, 33, 65), loss_of_gru<T>);
}

TEST_CASE("a graph that is kept gives its gradients again, one that is not is spent") {
  const auto check = [](const Vars<double>& in, const auto& loss) {
    const auto y = loss(in);
    const Vars<double> first = xg::grad(y, in, {.retain_graph = true});
    CHECK(same_bits(xg::grad(y, in, {.retain_graph = true}), first));
    CHECK(same_bits(xg::grad(y, in), first));
    CHECK_THROWS_AS(xg::grad(y, in), xg::GraphError);
  };
  check(arguments<double>(4, 5, 3, 4, 6), loss_of_lstm<double>);
  check(arguments<double>(3, 5, 3, 4, 6), loss_of_gru<double>);
}

TEST_CASE("gradients of all outputs at once, and of frozen arguments, are right at both orders") {
  const xg::GradcheckOptions both{.second_order = true};
  const Vars<double> of_lstm = arguments<double>(4, 3, 2, 2, 3), of_gru = arguments<double>(3, 3, 2, 2, 3);
  const auto check = [&](const auto& loss, const Vars<double>& in) {
    const auto report = xg::gradcheck(loss, in, both);
    INFO(report);
    CHECK(report.ok());
    // Each argument alone: what only the others need is left out.
    for (std::size_t k = 0; k < in.size(); ++k) {
      CAPTURE(k);
      const auto one = xg::gradcheck(
          [&](const Vars<double>& moved) {
            Vars<double> all;
            for (const auto& each : in) all.push_back(each.detach());
            all[k] = moved[0];
            return loss(all);
          },
          {in[k]}, both);
      INFO(one);
      CHECK(one.ok());
    }
  };
  check(loss_of_lstm<double>, of_lstm);
  check(loss_of_gru<double>, of_gru);
}

TEST_CASE("an Array may stand beside Variables in a recurrent operation") {
  const Vars<double> in = arguments<double>(4, 2, 3, 4, 5);
  const auto zeros = xg::zeros({3, 5});
  const auto mixed = xg::lstm(in[0].value(), zeros, zeros, in[3], in[4], in[5]);
  const auto zero = xg::constant(zeros);
  CHECK(mixed.output.value() == xg::lstm(in[0], zero, zero, in[3], in[4], in[5]).output.value());
  const Vars<double> of_gru = arguments<double>(3, 2, 3, 4, 5);
  CHECK(xg::gru(of_gru[0], zeros, of_gru[2], of_gru[3]).hidden.value() ==
        xg::gru(of_gru[0], zero, of_gru[2], of_gru[3]).hidden.value());
  const auto step = xg::slice(in[0], {0});
  CHECK(xg::lstm_cell(step.value(), zeros, zeros, in[3], in[4]).cell.value() ==
        xg::lstm_cell(step, zero, zero, in[3], in[4]).cell.value());
  CHECK(xg::gru_cell(step.value(), zeros, of_gru[2], of_gru[3]).value() ==
        xg::gru_cell(step, zero, of_gru[2], of_gru[3]).value());
}

TEST_CASE("a NaN in one sample stays in that sample") {
  Vars<double> in = arguments<double>(4, 3, 4, 2, 3);
  xg::Array<double> x = in[0].value();
  x(1, 2, 0) = std::nan("");
  const auto output = xg::lstm(xg::constant(x), in[1], in[2], in[3], in[4], in[5]).output;
  for (std::size_t t = 0; t < 3; ++t)
    for (std::size_t n = 0; n < 4; ++n) CHECK(std::isnan(output.value()(t, n, 0)) == (n == 2 && t > 0));
}

TEST_CASE("far out a gate is open or shut, and the gradient through it is 0") {
  const auto big = xg::parameter(xg::full({1, 1, 1}, 1e4));
  const auto ones = xg::constant(xg::ones({1, 4})), one = xg::constant(xg::ones({1, 1}));
  const auto [output, hidden, cell] = xg::lstm(big, one, one, ones, ones * 0);
  CHECK(cell.item() == 2);  // kept, and 1 added
  CHECK(output.item() == doctest::Approx(std::tanh(2.0)).epsilon(1e-15));
  xg::sum(cell).backward();
  CHECK(big.grad()(0, 0, 0) == 0);
}

TEST_CASE("recurrent operations say what does not fit") {
  const auto zeros = [](const Shape& shape) {
    return xg::constant(xg::to_array(xg::Dense<float>::filled(shape, 0)));
  };
  const auto x = zeros({5, 3, 4}), h = zeros({3, 2}), wi = zeros({4, 8}), wh = zeros({2, 8}), b = zeros({8});
  const auto says = [](const auto& call) { return message_of<ShapeError>(call); };
  CHECK(says([&] {
          xg::lstm(zeros({3, 4}), h, h, wi, wh, b);
        }) == "lstm: the input [3, 4] is not [time steps, samples, features]; reshape it");
  CHECK(says([&] {
          xg::lstm(zeros({0, 3, 4}), h, h, wi, wh, b);
        }) == "lstm: the input [0, 3, 4] has no time steps; give at least 1");
  CHECK(says([&] { xg::lstm_cell(x, h, h, wi, wh, b); }) ==
        "lstm_cell: the input [5, 3, 4] is not [samples, features]; reshape it");
  CHECK(says([&] {
          xg::lstm(x, h, h, wi, zeros({8, 2}), b);
        }) == "lstm: weight_hh [8, 2] is not [units, 4 units]; transpose one of PyTorch's");
  CHECK(says([&] {
          xg::lstm(x, h, h, zeros({8, 4}), wh, b);
        }) ==
        "lstm: weight_ih [8, 4] does not fit the input [5, 3, 4] and weight_hh [2, 8]; it must be [4, 8]; "
        "transpose one of PyTorch's");
  CHECK(says([&] {
          xg::lstm(x, h, zeros({2, 3}), wi, wh, b);
        }) ==
        "lstm: the cell state [2, 3] does not fit the input [5, 3, 4] and weight_hh [2, 8]; it must be "
        "[3, 2], [samples, units]");
  CHECK(says([&] {
          xg::lstm(x, zeros({1, 3, 2}), h, wi, wh);
        }) ==
        "lstm: the hidden state [1, 3, 2] does not fit the input [5, 3, 4] and weight_hh [2, 8]; it must be "
        "[3, 2], [samples, units]");
  CHECK(says([&] { xg::lstm(x, h, h, wi, wh, zeros({2})); }) ==
        "lstm: the bias [2] does not fit weight_hh [2, 8]; it must be [8]");
  CHECK(says([&] { xg::gru(x, h, wi, wh); }) ==
        "gru: weight_hh [2, 8] is not [units, 3 units]; transpose one of PyTorch's");
  CHECK(says([&] {
          xg::gru_cell(zeros({3, 4}), h, zeros({4, 6}), zeros({2, 6}), zeros({6}), b);
        }) == "gru_cell: bias_hh [8] does not fit weight_hh [2, 6]; it must be [6]");
}
