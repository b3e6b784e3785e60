// Measurements: what is timed, that nothing is changed by it, and what is printed and saved.
#include <doctest/doctest.h>

#include <chrono>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <thread>
#include <vector>
#include <xgrad/xgrad.hpp>

#include <nlohmann/json.hpp>

#include "../io/temporary_folder.hpp"
#include "../message_of.hpp"

namespace xg = xgrad;
using Var = xg::Variable<double>;
using xgrad::testing::message_of;
using xgrad::testing::TemporaryFolder;

namespace {

constexpr double nap = 3e-3;
const xg::MeasureOptions quick{.seconds = 0.01};

void sleep(double seconds = nap) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

/// x, with a backward that takes its time.
Var slow_backward(const Var& x) {
  static const auto operation = xg::custom_operation<double>(
      "slow_backward", [](const std::vector<xg::Array<double>>& in) -> xg::Array<double> { return in[0]; },
      [](const std::vector<Var>&, const Var&, const Var& dy) {
        sleep();
        return std::vector<Var>{dy};
      });
  return operation({x});
}

template <class Printed>
std::string printed(const Printed& what) {
  std::ostringstream text;
  text << what;
  return text.str();
}

}  // namespace

TEST_CASE("forward, backward and update are timed apart") {
  const auto x = xg::parameter({1.0, 2.0});
  int updates = 0;
  const auto m = xg::measure([&] { return xg::sum(slow_backward(x) * x); },
                             {.name = "slow", .seconds = 0.01, .update = [&] { ++updates; }});
  CHECK(m.name == "slow");
  CHECK(m.total.seconds.size() >= 5);
  CHECK(m.backward.seconds.size() == m.total.seconds.size());
  CHECK(static_cast<std::size_t>(updates) > m.update.seconds.size());  // in the warm-up, too
  CHECK(m.backward.median() >= nap);
  CHECK(m.forward.median() < nap);
  CHECK(m.update.median() < nap);
  CHECK(m.total.median() >= m.backward.quantile(0));
  CHECK(m.operations == 3);  // slow_backward, multiply, sum
  CHECK(m.nodes == 4);
  // A product of two numbers and a sum of two, and twice as much backward; the custom operation's copy counts
  // two.
  CHECK(m.flops == 3 * (2 + 2 + 2));
  CHECK(m.roof > 0);
  const auto asleep =
      xg::measure([&] { return sleep(), x * x; }, {.seconds = 0.01, .update = [] { sleep(); }});
  CHECK(asleep.forward.median() >= nap);
  CHECK(asleep.update.median() >= nap);
  CHECK(asleep.backward.median() < nap);
}

TEST_CASE("what has no gradient is timed forward alone") {
  CHECK(xg::measure([] { sleep(); }, quick).forward.median() >= nap);
  const auto constant = xg::measure([] { return xg::constant({1.0, 2.0}) * 2; }, quick);
  CHECK(constant.backward.empty());
  CHECK(constant.update.empty());
  CHECK(constant.forward.seconds == constant.total.seconds);
  CHECK(xg::measure([] { return xg::constant(1.0f); }, quick).nodes == 1);
}

TEST_CASE("a function of inputs is called with them") {
  const std::vector<Var> inputs{xg::parameter({1.0, 2.0}), xg::constant({3.0, 4.0})};
  const auto m = xg::measure([](const std::vector<Var>& in) { return in[0] * in[1]; }, inputs, quick);
  CHECK(m.operations == 1);
  CHECK(m.nodes == 3);
  CHECK(m.flops == 3 * 2);
  CHECK_FALSE(inputs[0].has_grad());
}

TEST_CASE("runs begin without gradients, and everything is afterwards what it was") {
  xg::manual_seed(7);
  const auto with = xg::parameter({1.0, 2.0}), without = xg::parameter({3.0});
  auto set = xg::parameter({5.0});
  xg::nn::BatchNorm1d<double> norm(2);
  const auto images = xg::constant({{1.0, 2.0}, {3.0, 5.0}});
  (2 * xg::sum(with)).backward();
  const auto gradient = with.grad();
  const xg::GeneratorState state = xg::generator().state();
  const auto mean = norm.named_buffers()[0].second.value();
  const std::size_t peak = xg::memory_stats().peak_bytes;
  bool had_gradient = false;
  int calls = 0;  // the first finds them as they were
  const auto f = [&] {
    had_gradient = had_gradient || (calls++ > 0 && (with.has_grad() || without.has_grad()));
    set.set_value(set.value() + 1.0);
    return xg::sum(norm(images)) + xg::sum(xg::dropout(with * without, 0.5)) + set;
  };
  SUBCASE("at its end") { xg::measure(f, quick); }
  SUBCASE("when it throws") {
    int runs = 0;
    CHECK_THROWS_WITH(xg::measure(
                          [&] {
                            if (++runs == 4) throw std::runtime_error("enough");
                            return f();
                          },
                          quick),
                      "enough");
  }
  SUBCASE("when gradients are set and taken away by the function itself") {
    xg::measure(
        [&] {
          Var(with).zero_grad();
          auto y = f();
          Var(without).set_grad(xt::xarray<double>{9});
          return y;
        },
        quick);
    had_gradient = false;
  }
  SUBCASE("when two are compared") { xg::compare(f, f, {.seconds = 0.01}); }
  CHECK_FALSE(had_gradient);
  CHECK(with.grad() == gradient);
  CHECK_FALSE(without.has_grad());
  CHECK(set.item() == 5);
  CHECK(norm.named_buffers()[0].second.value() == mean);
  CHECK(xg::generator().state().counter == state.counter);
  CHECK(xg::memory_stats().peak_bytes == std::max(peak, xg::memory_stats().live_bytes));
}

TEST_CASE("gradients that the function clips, and leaves that it makes, are looked after") {
  const auto w = xg::parameter({3.0, 4.0});
  (2 * xg::sum(w)).backward();
  xg::measure([&] { xg::optim::clip_grad_norm(std::vector{w}, 0.1); }, quick);
  CHECK(w.grad() == xt::xarray<double>{2, 2});
  const auto frozen_for_a_while = [&] {
    Var v = w;
    v.set_requires_grad(false);
    v.set_requires_grad(true);
  };
  xg::measure(frozen_for_a_while, quick);
  CHECK(w.grad() == xt::xarray<double>{2, 2});
  xg::measure(
      [&] {
        auto own = xg::parameter(xg::zeros<double>({1000}));
        own.set_value(xg::ones<double>({1000}));
        return xg::sum(own);
      },
      {.seconds = 0.02});
  CHECK(xg::memory_stats().live_bytes < 20000);
}

TEST_CASE("what an update changes stays") {
  auto w = xg::parameter({4.0});
  xg::optim::SGD sgd({w}, {.learning_rate = 0.1});
  xg::measure([&] { return xg::sum(w * w); }, {.seconds = 0.001, .update = [&] { sgd.step(); }});
  // Each step multiplies by 0.8: at least five timed runs and two before them.
  CHECK(w.item() < 4 * std::pow(0.8, 6));
  CHECK(w.item() > 0);
}

TEST_CASE("the peak is what one run holds beside what was there") {
  const auto x = xg::parameter(xg::zeros<double>({1000}));
  const auto peak_of = [&](int depth) {
    return xg::measure(
               [&] {
                 Var y = x * 2;
                 for (int k = 0; k < depth; ++k) y = xg::tanh(y);
                 return xg::sum(y);
               },
               quick)
        .peak_bytes;
  };
  // tanh saves its value: eight more of them are eight more buffers of 1000 numbers.
  const std::size_t more = peak_of(12) - peak_of(4);
  CHECK(more >= 8 * 8000);
  CHECK(more < 8 * 10000);
}

TEST_CASE("quantiles are NumPy's") {
  const xg::Timing timing{{4, 1, 3, 2}};
  CHECK(timing.median() == 2.5);
  CHECK(timing.quantile(0.1) == doctest::Approx(1.3));  // numpy.quantile([4, 1, 3, 2], 0.1)
  CHECK(timing.quantile(0) == 1);
  CHECK(timing.quantile(1) == 4);
  CHECK(message_of<xg::ValueError>([&] { timing.quantile(1.5); }) ==
        "Timing: the quantile of 1.500000 is none; give one from 0 to 1");
  CHECK(message_of<xg::ValueError>([] { xg::Timing().median(); }) ==
        "Timing: no run was timed, and so there is no quantile");
}

TEST_CASE("two functions are compared pair by pair") {
  const auto c = xg::compare([] { sleep(2e-3); }, [] { sleep(6e-3); },
                             {.first = "short", .second = "long", .seconds = 0.02});
  CHECK(c.ratios.size() >= 10);
  CHECK(c.ratio > 2);
  CHECK(c.ratio < 4);
  CHECK(c.low <= c.ratio);
  CHECK(c.ratio <= c.high);
  CHECK(c.differs());
  CHECK(printed(c).starts_with("long takes "));
  xg::Comparison same{
      .first = "a", .second = "b", .ratios = {0.9, 1.1}, .ratio = 1, .low = 0.98, .high = 1.02};
  CHECK(printed(same) ==
        "b takes 1.000 times as long as a (95 %: 0.980 to 1.020, 2 pairs): they cannot be told "
        "apart");
  same.ratio = 0.875;
  same.high = 0.9;
  CHECK(printed(same) ==
        "b takes 0.875 times as long as a (95 %: 0.980 to 0.900, 2 pairs): it is 12 % faster");
}

TEST_CASE("growth is the slope of logarithms") {
  const auto growth =
      xg::measure_growth([](std::size_t n) { return [n] { sleep(1e-4 * static_cast<double>(n * n)); }; },
                         {4, 8, 12}, {.name = "square", .seconds = 0.01});
  CHECK(growth.exponent == doctest::Approx(2).epsilon(0.1));
  REQUIRE(growth.measurements.size() == 3);
  CHECK(growth.measurements[1].name == "square/8");
  CHECK(growth.scale * 64 * std::pow(8, growth.exponent - 2) ==
        doctest::Approx(growth.measurements[1].total.median()).epsilon(0.2));
  CHECK(printed(growth).find("time grows as size^") != std::string::npos);
}

TEST_CASE("a measurement is printed as a table and saved as Google Benchmark's JSON") {
  xg::Measurement m;
  m.name = "digits";
  m.forward.seconds = {1e-3, 3e-3};
  m.backward.seconds = {3e-3, 3e-3};
  m.total.seconds = {4e-3, 6e-3};
  m.operations = 1;
  m.nodes = 12;
  m.peak_bytes = 123456;
  m.flops = 8e6;
  m.bytes = 4e6;
  m.roof = 1e-3;
  m.wall_seconds = 0.01;
  m.processor_seconds = 0.015;
  CHECK(printed(m) ==
        "digits: 2 runs in 10 ms (15 ms of processors), 1 operation, 12 nodes, 123 kB at the peak\n"
        "1.6 GFLOP/s and 0.8 GB/s, 20 % of what this machine can do\n"
        "              median       p10       p90   share\n"
        "forward         2 ms    1.2 ms    2.8 ms    40 %\n"
        "backward        3 ms      3 ms      3 ms    60 %\n"
        "total           5 ms    4.2 ms    5.8 ms   100 %\n");
  const TemporaryFolder folder;
  m.save(folder / "m.json");
  std::ifstream in(folder / "m.json");
  const auto file = nlohmann::json::parse(in);
  const auto& entries = file.at("benchmarks");
  REQUIRE(entries.size() == 12);
  CHECK(entries[0].at("name") == "digits/forward");
  CHECK(entries[0].at("run_type") == "iteration");
  CHECK(entries[0].at("iterations") == 2);
  CHECK(entries[0].at("real_time").get<double>() == doctest::Approx(2e6));
  CHECK(entries[0].at("cpu_time").get<double>() == doctest::Approx(3e6));
  CHECK(entries[0].at("time_unit") == "ns");
  CHECK(entries[3].at("name") == "digits/forward_stddev");
  CHECK(entries[3].at("real_time").get<double>() == doctest::Approx(std::sqrt(2.0) * 1e6));
  CHECK(message_of<xg::ValueError>([&] { xg::Measurement().save(folder / "n.json"); }) ==
        "Measurement::save: no run was timed; measure() makes one that was");
  CHECK(message_of<xg::IoError>([&] { m.save(folder / "m.txt"); }) ==
        "Measurement::save: the ending of " + (folder / "m.txt") + " tells no format; let it be .json");
}

TEST_CASE("wrong options are named") {
  const auto f = [] { return xg::constant(1.0); };
  CHECK(message_of<xg::ValueError>([&] { xg::measure(f, {.seconds = 0}); }) ==
        "measure: seconds is 0.000000; it must be finite and above 0");
  CHECK(message_of<xg::ValueError>([&] { xg::measure(f, {.least_runs = 0}); }) ==
        "measure: least_runs is 0; it must be at least 1");
  CHECK(message_of<xg::ValueError>([&] {
          xg::compare(f, f, {.seconds = std::numeric_limits<double>::infinity()});
        }) == "compare: seconds is inf; it must be finite and above 0");
  CHECK(message_of<xg::ValueError>([&] { xg::compare(f, f, {.least_pairs = 5}); }) ==
        "compare: least_pairs is 5; it must be at least 6");
  CHECK(message_of<xg::ValueError>([&] { xg::measure_growth([&](std::size_t) { return f; }, {3}); }) ==
        "measure_growth: 1 sizes tell no growth; give two at least, such as {64, 256, 1024}");
  CHECK(message_of<xg::ValueError>([&] {
          xg::measure_growth([&](std::size_t) { return f; }, {3, 3}, quick);
        }) == "measure_growth: all sizes are the same; give two different ones");
}
