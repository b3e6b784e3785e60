// What a profile says about memory: its peak, and who held it.
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <xgrad/xgrad.hpp>

#include <nlohmann/json.hpp>

#include "../io/temporary_folder.hpp"

namespace xg = xgrad;
using Var = xg::Variable<double>;
using xgrad::testing::TemporaryFolder;

TEST_CASE("live memory and its peak are the pool's, to the byte") {
  const auto x = xg::parameter(xg::ones<double>({1000}));
  xg::reset_peak_memory();
  xg::Profile profile;
  {
    const Var y = xg::exp(xg::sin(x) * 2.0) + 1.0;
    xg::sum(y * y).backward();
  }
  const std::size_t peak = xg::memory_stats().peak_bytes;
  CHECK(profile.table().peak_bytes == peak);
  { const auto large = xg::zeros<double>({100000}) + 1.0; }
  CHECK(profile.table().peak_bytes == xg::memory_stats().peak_bytes);
  CHECK(profile.table().peak_bytes >= peak + 800000);
}

TEST_CASE("who held what at the peak adds up to the peak") {
  const auto x = xg::parameter(xg::ones<double>({1000}));
  xg::reset_peak_memory();
  const xg::Profile profile({.memory = true});
  std::size_t live = 0;
  {
    const xg::Scope scope("encoder");
    const Var y = xg::exp(x), z = xg::sin(y);  // both are kept: by z and by its sum
    const Var sum = xg::sum(z * z);
    live = xg::memory_stats().live_bytes;
  }
  const auto small = xg::constant({1.0, 2.0});
  const xg::PeakMemory peak = profile.peak_memory();
  CHECK(peak.bytes == xg::memory_stats().peak_bytes);
  CHECK(peak.bytes >= live);
  std::size_t bytes = peak.before;
  bool has_exp = false;
  for (const auto& row : peak.rows) {
    bytes += row.bytes;
    if (row.name != "exp [1000]") continue;
    has_exp = true;
    CHECK(row.scope == "encoder");
    CHECK(row.pieces == 2);  // its value and its node
    CHECK(row.bytes >= 8000);
  }
  CHECK(has_exp);
  CHECK(bytes == peak.bytes);
  const xg::PeakMemory two = profile.peak_memory(2);
  REQUIRE(two.rows.size() == 3);
  CHECK(two.rows[0].bytes >= two.rows[1].bytes);
  CHECK(two.rows[2].name.ends_with(" others)"));
}

TEST_CASE("what another thread has made and this one frees counts for neither") {
  const auto elsewhere = [](std::size_t n) {
    xg::Variable<double> made;
    std::thread([&] { made = xg::constant(xg::ones<double>({n})); }).join();
    return made;
  };
  xg::reset_peak_memory();
  const xg::Profile profile({.memory = true});
  for (int k = 0; k < 5; ++k) elsewhere(1'000'000);
  { const Var y = xg::exp(xg::constant(xg::ones<double>({500'000}))); }
  CHECK(profile.table().peak_bytes == xg::memory_stats().peak_bytes);
  const xg::PeakMemory peak = profile.peak_memory();
  std::size_t bytes = peak.before;
  for (const auto& row : peak.rows) bytes += row.bytes;
  CHECK(bytes == peak.bytes);
  CHECK(peak.bytes >= 4'000'000);
  CHECK(peak.rows[0].bytes < peak.bytes);
  const TemporaryFolder folder;
  profile.save_trace(folder / "trace.json");
  std::ifstream in(folder / "trace.json");
  const auto file = nlohmann::json::parse(in);
  for (const auto& event : file.at("traceEvents"))
    if (event.at("ph") == "C") CHECK(event.at("args").at("bytes") >= 0);
}

TEST_CASE("the memory's peak is printed with its shares") {
  xg::PeakMemory peak;
  peak.bytes = 4000;
  peak.before = 1000;
  peak.rows = {{"matmul [10, 20]", "encoder/Net.0", 2, 2000}, {"exp, backward [10]", "", 1, 1000}};
  std::ostringstream text;
  text << peak;
  CHECK(text.str() ==
        "held at the peak        pieces     bytes   share  scope\n"
        "matmul [10, 20]              2      2 kB    50 %  encoder/Net.0\n"
        "exp, backward [10]           1      1 kB    25 %\n"
        "(before the profile)                1 kB    25 %\n"
        "4 kB in all\n");
}
