// Profiles: what is seen, that times add up, and what is printed and saved.
#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <memory>
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

void sleep() { std::this_thread::sleep_for(std::chrono::milliseconds(5)); }

const xg::ProfileTable::Row* find(const xg::ProfileTable& table, const std::string& name) {
  for (const auto& row : table.rows)
    if (row.name == name) return &row;
  return nullptr;
}

double sum_of(const xg::ProfileTable& table) {
  double seconds = table.outside;
  for (const auto& row : table.rows) seconds += row.seconds();
  return seconds;
}

/// A network of three layers, and a step of its training.
struct Training {
  xg::nn::Sequential<double> net{xg::nn::Linear<double>(8, 16), xg::nn::Tanh<double>(),
                                 xg::nn::Linear<double>(16, 3)};
  xg::optim::SGD<double> sgd{net.parameters()};
  Var x = xg::constant(xg::ones<double>({5, 8}));
  void step() {
    sgd.zero_grad();
    xg::cross_entropy(net(x), {0, 1, 2, 1, 0}).backward();
    sgd.step();
  }
};

}  // namespace

TEST_CASE("operations, derivatives and steps are seen as often as they run, and times add up") {
  Training training;
  xg::Profile profile;
  for (int k = 0; k < 3; ++k) training.step();
  profile.stop();
  training.step();
  const xg::ProfileTable table = profile.table();
  REQUIRE(find(table, "linear") != nullptr);
  CHECK(find(table, "linear")->calls == 6);
  CHECK(find(table, "linear")->forward > 0);
  CHECK(find(table, "linear")->backward > 0);
  CHECK(find(table, "tanh")->calls == 3);
  CHECK(find(table, "cross_entropy")->calls == 3);
  CHECK(find(table, "SGD")->calls == 3);
  CHECK(find(table, "SGD")->other > 0);
  CHECK(find(table, "sweep")->calls == 3);
  CHECK(sum_of(table) == doctest::Approx(table.seconds).epsilon(1e-6));
  CHECK(table.outside > 0);
  CHECK(table.seconds == profile.table().seconds);  // stopped
  CHECK(find(table, "linear")->roof > 0);
  // [5, 8] [8, 16] and [5, 16] [16, 3] with their biases, and twice as much backward.
  CHECK(find(table, "linear")->flops == 3 * 3 * ((2 * 5 * 8 * 16 + 5 * 16) + (2 * 5 * 16 * 3 + 5 * 3)));
}

TEST_CASE("the rows of a network's training add up to the time by the clock") {
  xg::nn::Sequential<float> net{xg::nn::Linear<float>(784, 100), xg::nn::ReLU<float>(),
                                xg::nn::Linear<float>(100, 10)};
  xg::optim::SGD<float> sgd(net.parameters(), {.learning_rate = 0.01});
  const auto x = xg::constant(xg::ones<float>({100, 784}));
  const xg::Indices labels(xg::Shape{100}, 3);
  const auto begin = std::chrono::steady_clock::now();
  xg::Profile profile;
  for (int k = 0; k < 50; ++k) {
    sgd.zero_grad();
    xg::cross_entropy(net(x), labels).backward();
    sgd.step();
  }
  profile.stop();
  const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const auto table = profile.table();
  CHECK(table.seconds == doctest::Approx(wall).epsilon(0.02));
  CHECK(sum_of(table) == doctest::Approx(wall).epsilon(0.02));
  CHECK(table.outside >= 0);
  for (const auto& row : table.rows) CHECK(row.seconds() > 0);
}

TEST_CASE("what takes long stands first, forward and backward") {
  const auto slow = xg::custom_operation<double>(
      "slow",
      [](const std::vector<xg::Array<double>>& in) -> xg::Array<double> {
        sleep();
        return in[0];
      },
      [](const std::vector<Var>&, const Var&, const Var& dy) {
        sleep();
        return std::vector<Var>{dy};
      });
  const auto x = xg::parameter({1.0, 2.0});
  xg::Profile profile;
  xg::sum(slow({x * x})).backward();
  sleep();
  const auto table = profile.table();
  CHECK(table.rows[0].name == "slow");
  CHECK(table.rows[0].forward >= 5e-3);
  CHECK(table.rows[0].backward >= 5e-3);
  CHECK(table.outside >= 5e-3);
  CHECK(find(table, "multiply")->forward < 5e-3);
}

TEST_CASE("rows by scope are paths of scopes and modules") {
  Training training;
  xg::Profile profile;
  {
    const xg::Scope scope("training");
    training.net(training.x);
  }
  xg::sum(training.net(training.x)).backward();
  const auto table = profile.table({.by = xg::ProfileBy::scope});
  REQUIRE(find(table, "training/Sequential.0") != nullptr);
  CHECK(find(table, "training/Sequential.0")->calls == 1);  // its linear
  CHECK(find(table, "training/Sequential.1")->calls == 1);
  CHECK(find(table, "Sequential.2")->calls == 1);
  CHECK(find(table, "Sequential.2")->backward > 0);
  CHECK(find(table, "training/Sequential.0")->backward == 0);
  CHECK(find(table, "training/Sequential.3") == nullptr);
}

TEST_CASE("what is not recorded is seen, too, and what other threads do is not") {
  const auto x = xg::constant({1.0, 2.0});
  xg::Profile profile;
  xg::no_grad([&] { return xg::exp(x) + 1.0; });
  std::thread([&] { xg::log(x); }).join();
  const auto table = profile.table();
  CHECK(find(table, "exp")->calls == 1);
  CHECK(find(table, "add")->calls == 1);
  CHECK(find(table, "log") == nullptr);
}

TEST_CASE("values and gradients are the same while a profile looks on") {
  const auto x = xg::parameter({0.5, -1.5});
  const auto f = [&] { return xg::sum(xg::exp(x) * xg::softmax(x, 0)); };
  const auto y = f();
  const auto g = xg::grad(y, {x}, {.create_graph = true})[0];
  const auto h = xg::grad(xg::sum(g * g), {x})[0];
  xg::Profile profile;
  const auto y2 = f();
  const auto g2 = xg::grad(y2, {x}, {.create_graph = true})[0];
  const auto h2 = xg::grad(xg::sum(g2 * g2), {x})[0];
  CHECK(y2.item() == y.item());
  CHECK(g2.value() == g.value());
  CHECK(h2.value() == h.value());
}

TEST_CASE("a profile that is ended within an operation leaves nothing behind") {
  auto profile = std::make_unique<xg::Profile>();
  const auto ending = xg::custom_operation<double>(
      "ending",
      [&](const std::vector<xg::Array<double>>& in) -> xg::Array<double> {
        profile.reset();
        return in[0];
      },
      [](const std::vector<Var>&, const Var&, const Var& dy) { return std::vector<Var>{dy}; });
  const auto x = xg::parameter(2.0);
  const auto y = ending({x * x});
  CHECK(y.item() == 4);
  auto h = xg::parameter(3.0);
  Var z = h * h;
  profile = std::make_unique<xg::Profile>();
  z.register_hook([&](const Var&) { profile.reset(); });
  z.backward();
  CHECK(h.grad()() == 6);
  xg::Profile again;
  xg::exp(x);
  CHECK(again.table().rows.size() == 1);
}

TEST_CASE("a profile that another takes the place of within an operation is told nothing more") {
  auto profile = std::make_unique<xg::Profile>();
  const auto renewing = xg::custom_operation<double>(
      "renewing", [&](const std::vector<xg::Array<double>>& in) -> xg::Array<double> { return in[0]; },
      [&](const std::vector<Var>&, const Var&, const Var& dy) {
        profile.reset();
        profile = std::make_unique<xg::Profile>();  // at the same address, as it happens
        return std::vector<Var>{dy};
      });
  const auto x = xg::parameter(2.0);
  renewing({x * x}).backward();
  CHECK(x.grad()() == 4);
  CHECK(profile->table().outside >= 0);
}

TEST_CASE("a profile that another thread ends is told nothing more") {
  auto profile = std::make_unique<xg::Profile>();
  const auto x = xg::parameter(2.0);
  xg::exp(x);
  std::thread([&] { profile.reset(); }).join();
  CHECK(xg::exp(x).item() == doctest::Approx(std::exp(2.0)));
  xg::Profile again;
  xg::exp(x);
  CHECK(again.table().rows.size() == 1);
}

TEST_CASE("elements of float and of constants count with their bytes") {
  const auto x = xg::constant(xg::ones<float>({100}));
  xg::Profile profile;
  xg::no_grad([&] { return xg::exp(x); });
  CHECK(find(profile.table(), "exp")->bytes == 2 * 100 * sizeof(float));
}

TEST_CASE("work of a recorded backward pass is counted once") {
  const auto a = xg::parameter(xg::ones<double>({8, 8}));
  const auto y = xg::sum(xg::matmul(a, a));
  xg::Profile profile;
  xg::grad(y, {a}, {.create_graph = true});
  const auto table = profile.table();
  double flops = 0;
  for (const auto& row : table.rows)
    if (row.name == "matmul" || row.name == "add_product") flops += row.flops;
  CHECK(flops == doctest::Approx(2 * 2 * 8 * 8 * 8).epsilon(0.1));
}

TEST_CASE("an operation that throws is over") {
  const auto x = xg::constant({1.0, 2.0});
  xg::Profile profile;
  CHECK_THROWS_AS(xg::cross_entropy(x, 5), xg::ValueError);
  xg::exp(x);
  const auto table = profile.table();
  REQUIRE(find(table, "cross_entropy") != nullptr);
  CHECK(find(table, "cross_entropy")->calls == 1);
  CHECK(find(table, "cross_entropy")->flops == 0);
  CHECK(find(table, "exp")->calls == 1);
  CHECK(sum_of(table) == doctest::Approx(table.seconds).epsilon(1e-6));
}

TEST_CASE("a thread has one profile") {
  xg::Profile profile;
  CHECK(message_of<xg::GraphError>([] { xg::Profile second; }) ==
        "Profile: this thread has one already; end it first, or look at that one's table");
  CHECK(message_of<xg::ValueError>([&] { profile.table({.rows = 0}); }) ==
        "Profile::table: rows is 0; it must be at least 1");
  profile.stop();
  xg::Profile third;
  std::thread([] { xg::Profile of_another_thread; }).join();
}

/// Floating-point operations of f() by the profile.
template <class F>
double flops_of(const F& f) {
  xg::Profile profile;
  f();
  double flops = 0;
  for (const auto& row : profile.table().rows) flops += row.flops;
  return flops;
}

Var zeros(const xg::Shape& shape) { return xg::constant(xg::zeros<double>(shape)); }
/// n rows of the identity.
Var identity(std::size_t n) { return xg::constant(xg::eye<double>(n)); }

TEST_CASE("floating-point operations are counted in closed forms") {
  CHECK(flops_of([] { xg::matmul(zeros({7, 3}), zeros({3, 5})); }) == 2 * 7 * 3 * 5);
  CHECK(flops_of([] { xg::matmul(zeros({3, 7}), zeros({3, 5}), {.transpose_a = true}); }) == 2 * 7 * 3 * 5);
  CHECK(flops_of([] { xg::matmul(zeros({7, 3}), zeros({5, 3}), {.transpose_b = true}); }) == 2 * 7 * 3 * 5);
  CHECK(flops_of([] { xg::matmul(zeros({2, 7, 3}), zeros({3, 5})); }) == 2 * 2 * 7 * 3 * 5);
  CHECK(flops_of([] { xg::matmul(zeros({4, 1, 7, 3}), zeros({2, 3, 5})); }) == 2 * 8 * 7 * 3 * 5);
  CHECK(flops_of([] { xg::matmul(zeros({7, 3}), zeros({3})); }) == 2 * 7 * 3);
  CHECK(flops_of([] { xg::linear(zeros({7, 3}), zeros({3, 5}), zeros({5})); }) == 2 * 7 * 3 * 5 + 7 * 5);
  // [2, 3, 8, 8] with four kernels [3, 3, 3], no padding: [2, 4, 6, 6].
  CHECK(flops_of([] { xg::conv2d(zeros({2, 3, 8, 8}), zeros({4, 3, 3, 3})); }) == 2 * (2 * 4 * 6 * 6) * 27);
  CHECK(flops_of([] {
          xg::conv2d(zeros({2, 4, 8, 8}), zeros({6, 2, 3, 3}), {.groups = 2});
        }) == 2 * (2 * 6 * 6 * 6) * 18);
  // Back: each of the 2 4 6 6 inputs meets three kernels of nine elements.
  CHECK(flops_of([] {
          xg::conv_transpose2d(zeros({2, 4, 6, 6}), zeros({4, 3, 3, 3}));
        }) == 2 * (2 * 4 * 6 * 6) * 27);
  CHECK(flops_of([] { xg::softmax(zeros({4, 10}), 1); }) == 5 * 40);
  CHECK(flops_of([] { xg::layer_norm(zeros({4, 10})); }) == 8 * 40);
  CHECK(flops_of([] { xg::exp(zeros({4, 10})); }) == 40);
  CHECK(flops_of([] { zeros({4, 10}) + zeros({10}); }) == 40);
  CHECK(flops_of([] { xg::sum(zeros({4, 10}), 1); }) == 40);
  CHECK(flops_of([] { xg::max(zeros({4, 10}), 1); }) == 40);
  CHECK(flops_of([] { xg::reshape(zeros({4, 10}), {40}); }) == 0);
  CHECK(flops_of([] { xg::transpose(zeros({4, 10})); }) == 0);
  CHECK(flops_of([] { xg::concatenate({zeros({4, 10}), zeros({4, 10})}, 0); }) == 0);
  CHECK(flops_of([] { xg::mean_squared_error(zeros({4, 10}), zeros({4, 10})); }) == 3 * 40);
  // n^3 / 3, 2 n^3 / 3 and 2 n^3, and 2 n^2 for each of the right sides.
  CHECK(flops_of([] { xg::cholesky(identity(6)); }) == doctest::Approx(6 * 6 * 6 / 3.0));
  CHECK(flops_of([] { xg::inverse(identity(6)); }) == 2 * 6 * 6 * 6);
  CHECK(flops_of([] {
          xg::solve(identity(6), zeros({6, 4}));
        }) == doctest::Approx(2 * 6 * 6 * 6 / 3.0 + 4 * 2 * 6 * 6));
  // Of a formula, as many as it has steps: a product and a sum.
  const auto formula = xg::elementwise("formula", [](auto x, auto y) { return x * y + y; });
  CHECK(flops_of([&] { formula(zeros({4, 10}), zeros({4, 10})); }) == 2 * 40);
}

TEST_CASE("a derivative counts twice its operation, and bytes are read and written once") {
  const auto a = xg::parameter(xg::ones<double>({7, 3})), b = xg::parameter(xg::ones<double>({3, 5}));
  Var product = xg::matmul(a, b);
  xg::Profile profile;
  product.backward({.grad_output = xg::ones<double>({7, 5})});
  CHECK(find(profile.table(), "matmul")->flops == 2 * 2 * 7 * 3 * 5);
  CHECK(find(profile.table(), "matmul")->bytes == 8 * (2 * (21 + 15) + 35));
  zeros({4, 10}) + zeros({10});
  CHECK(find(profile.table(), "add")->bytes == 8 * (40 + 10 + 40));
  xg::reshape(a, {21});
  CHECK(find(profile.table(), "reshape")->bytes == 0);
}

TEST_CASE("forward mode and recomputed blocks are seen, each once") {
  const auto a = xg::constant(xg::ones<double>({8, 8}));
  xg::Profile profile;
  xg::jvp([](const Var& z) { return xg::matmul(z, z); }, a, xg::ones<double>({8, 8}));
  CHECK(find(profile.table(), "matmul")->backward > 0);
  CHECK(find(profile.table(), "matmul")->flops == 3 * 2 * 8 * 8 * 8);
  profile.stop();
  xg::nn::Linear<double> layer(8, 8);
  xg::Profile again;
  const Var x = xg::parameter(a.value());
  xg::sum(xg::checkpoint([&](const std::vector<Var>& in) { return layer(in[0]); }, {x})).backward();
  CHECK(find(again.table(), "checkpoint")->flops == 0);
}

TEST_CASE("a profile that looks at memory changes nothing else") {
  Training training;
  const auto before = xg::memory_stats().live_bytes;
  {
    xg::Profile profile({.memory = true});
    for (int k = 0; k < 3; ++k) training.step();
    CHECK(find(profile.table(), "linear")->calls == 6);
  }
  training.sgd.zero_grad();
  CHECK(xg::memory_stats().live_bytes == before);
  xg::Profile without;
  CHECK(message_of<xg::ValueError>([&] { without.peak_memory(); }) ==
        "Profile::peak_memory: this profile does not look at memory; make it with Profile({.memory = true})");
}

TEST_CASE("a trace is strict JSON, its intervals nest, and arrows lead to derivatives") {
  Training training;
  xg::Profile profile;
  training.step();
  const TemporaryFolder folder;
  profile.save_trace(folder / "trace.json");
  std::ifstream in(folder / "trace.json");
  const auto file = nlohmann::json::parse(in);
  std::vector<std::pair<double, double>> open;
  std::size_t intervals = 0, starts = 0, finishes = 0, counters = 0;
  bool has_shapes = false;
  for (const auto& event : file.at("traceEvents")) {
    const std::string phase = event.at("ph");
    starts += phase == "s" ? 1 : 0;
    finishes += phase == "f" ? 1 : 0;
    counters += phase == "C" ? 1 : 0;
    if (phase != "X") continue;
    ++intervals;
    const double begin = event.at("ts"), end = begin + event.at("dur").get<double>();
    while (!open.empty() && open.back().second <= begin) open.pop_back();
    if (!open.empty()) CHECK(end <= open.back().second + 1e-6);
    open.emplace_back(begin, end);
    has_shapes = has_shapes || (event.at("name") == "linear" && event.at("cat") == "forward" &&
                                event.at("args").at("inputs") == "[5, 8], [8, 16], [16]");
  }
  // Four modules and four operations, their four derivatives, a sweep and a step.
  CHECK(intervals == 14);
  CHECK(counters == intervals);
  CHECK(starts == 4);
  CHECK(finishes == 4);
  CHECK(has_shapes);
  CHECK(message_of<xg::IoError>([&] {
          profile.save_trace(folder / "trace.txt");
        }).starts_with("Profile::save_trace: the ending of "));
}

TEST_CASE("a table is printed with its units") {
  xg::ProfileTable table;
  table.rows = {{.name = "matmul",
                 .calls = 3,
                 .forward = 1e-3,
                 .backward = 2e-3,
                 .flops = 6e6,
                 .bytes = 3e6,
                 .roof = 1.5e-3},
                {.name = "SGD", .calls = 3, .other = 1e-3}};
  table.seconds = 5e-3;
  table.outside = 1e-3;
  table.peak_bytes = 2000;
  std::ostringstream text;
  text << table;
  CHECK(text.str() ==
        "operation         calls   forward  backward     other   share  GFLOP/s    GB/s  of roof\n"
        "matmul                3      1 ms      2 ms              60 %        2       1     50 %\n"
        "SGD                   3                          1 ms    20 %\n"
        "(the program)                                    1 ms    20 %\n"
        "5 ms in all, 2 kB live at most\n");

  // More than memory can give is no mistake of the clock, and the table says so.
  table.rows[0].roof = 4.5e-3;
  std::ostringstream more;
  more << table;
  CHECK(more.str().find("150 %") != std::string::npos);
  CHECK(more.str().ends_with(
      "5 ms in all, 2 kB live at most\n"
      "above 100 % of roof: out of a cache, or the peaks were measured on a busy machine\n"));
}
