// Graphviz's program dot, which draws beside a training, ends in any case.
#include <chrono>
#include <csignal>
#include <fstream>
#include <string>
#include <thread>

#include <doctest/doctest.h>
#include <xgrad/train/report_drawing.hpp>

#include "../child.hpp"
#include "../io/temporary_folder.hpp"
#include "other_dot.hpp"

using xgrad::train::detail::GraphDrawing;
using namespace xgrad::testing;

TEST_CASE("a drawing that takes too long is ended, and says so") {
  const TemporaryFolder folder;
  const SearchPath slow(with_dot(folder, "while :; do :; done"));
  GraphDrawing drawing("digraph {}", std::chrono::milliseconds(50));
  drawing.wait();
  CHECK(drawing.is_over());
  CHECK(drawing.svg().empty());
  CHECK(drawing.remark().find("took longer than") != std::string::npos);
  const GraphDrawing left_alone("digraph {}");
}

#if defined(__linux__)
TEST_CASE("a drawing ends, too, when the program that began it has been killed") {
  const TemporaryFolder folder;
  const SearchPath slow(with_dot(folder, "echo $$ > " + (folder / "number") + "\nwhile :; do :; done"));
  const auto number = [&] {
    int read = 0;
    std::ifstream(folder / "number") >> read;
    return read;
  };
  CHECK(in_child([&] {
          GraphDrawing drawing("digraph {}", std::chrono::milliseconds(50));
          while (number() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
          return std::raise(SIGKILL) == 0;
        }) == -1);
  REQUIRE(number() > 0);
  // Of one that has ended either nothing is left, or its state, for whoever is to ask for it.
  const auto lives = [&] {
    std::ifstream state("/proc/" + std::to_string(number()) + "/stat");
    std::string word;
    return bool(state >> word >> word >> word) && word != "Z" && word != "X";
  };
  const auto start = std::chrono::steady_clock::now();
  while (lives() && std::chrono::steady_clock::now() - start < std::chrono::seconds(60))
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK(!lives());
  if (lives()) ::kill(number(), SIGKILL);
}
#endif
