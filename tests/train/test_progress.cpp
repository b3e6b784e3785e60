#include <chrono>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <xgrad/train/progress.hpp>

using xgrad::train::EpochRecord;
using xgrad::train::detail::Columns;
using xgrad::train::detail::columns_of;
using xgrad::train::detail::Progress;

namespace {

EpochRecord record(std::size_t epoch) {
  EpochRecord record;
  record.epoch = epoch;
  record.loss = 0.25;
  record.metrics = {0.5};
  record.seconds = 1.5;
  return record;
}

Columns wide(std::size_t columns) {
  return [columns] { return columns; };
}

/// Longer than a redrawn line stands.
void wait() { std::this_thread::sleep_for(std::chrono::milliseconds(110)); }

/// What stands on the terminal's lines after `text`: a carriage return goes back to the line's beginning, and
/// ESC [ K wipes what is right of the place.
std::vector<std::string> shown(const std::string& text) {
  std::vector<std::string> lines{""};
  std::size_t column = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string& line = lines.back();
    if (text[i] == '\r') {
      column = 0;
    } else if (text[i] == '\n') {
      lines.emplace_back();
      column = 0;
    } else if (text.compare(i, 3, "\x1b[K") == 0) {
      line.resize(column);
      i += 2;
    } else {
      if (column == line.size()) line.push_back(' ');
      line[column++] = text[i];
    }
  }
  return lines;
}

/// What a terminal of so many columns shows in the middle of the second epoch of four, of ten batches each.
std::string half_way(std::size_t columns) {
  std::ostringstream out;
  Progress progress(out, wide(columns), 4, 0, 10, {"accuracy"});
  progress.epoch(record(1));
  const double metrics[] = {0.625};
  progress.batch(5, 500, 0.75, metrics);
  return shown(out.str()).back();
}

}  // namespace

TEST_CASE("on a terminal the line is redrawn: figures, the time left, and a bar of what is done") {
  const std::string line = half_way(120);
  CHECK(line.starts_with("epoch 2/4  loss 0.7500  accuracy 0.6250  "));
  CHECK(line.find(" samples/s  0:00 left [") != std::string::npos);
  // One epoch and a half of four: 3/8 of 30 columns is 11.25.
  const std::string bar = " [" + std::string(11, '#') + std::string(19, '.') + "]";
  CHECK(line.ends_with(bar));
}

TEST_CASE("a redrawn line is never as wide as the terminal") {
  for (const std::size_t columns : {1u, 2u, 20u, 41u, 60u, 70u, 90u, 120u}) {
    CAPTURE(columns);
    const std::string line = half_way(columns);
    CHECK(line.size() < columns);
    const std::string whole = "epoch 2/4  loss 0.7500  accuracy 0.6250  ";
    CHECK(line.substr(0, whole.size()) == whole.substr(0, columns - 1));
    CHECK((line.find('[') != std::string::npos) == (columns >= 90));
  }
}

TEST_CASE("an epoch's last line replaces the bar, and ends it") {
  std::ostringstream out;
  const double metrics[] = {0.625};
  {
    Progress progress(out, wide(100), 2, 0, 4, {"accuracy"});
    progress.batch(1, 100, 0.75, metrics);
    progress.batch(2, 200, 0.5, metrics);  // too soon: an eye could not follow
    CHECK(shown(out.str()).back().find("loss 0.7500") != std::string::npos);
    wait();
    progress.batch(3, 300, 0.375, metrics);
    CHECK(shown(out.str()).size() == 1);
    CHECK(shown(out.str()).back().find("loss 0.3750") != std::string::npos);
    CHECK(out.str().find('\n') == std::string::npos);
    progress.epoch(record(1));
    CHECK(shown(out.str()) ==
          std::vector<std::string>{"epoch 1/2  loss 0.2500  accuracy 0.5000  1.50 s", ""});
    wait();
    progress.batch(1, 100, 0.125, metrics);
    CHECK(shown(out.str()).size() == 2);
  }
  // A training that ends within an epoch leaves the line, and the cursor below it.
  CHECK(out.str().ends_with("\n"));
  CHECK(shown(out.str()).size() == 3);
  CHECK(shown(out.str())[1].starts_with("epoch 2/2  loss 0.1250"));
}

TEST_CASE("a terminal gets a line for every epoch that takes its time, and no flood of quick ones") {
  std::ostringstream out;
  Progress progress(out, wide(100), 20, 0, 4, {"accuracy"});
  for (std::size_t epoch = 1; epoch <= 20; ++epoch) {
    if (epoch == 7) wait();
    progress.epoch(record(epoch));
  }
  const std::vector<std::string> lines = shown(out.str());
  REQUIRE(lines.size() == 4);
  CHECK(lines[0].starts_with("epoch  1/20"));
  CHECK(lines[1].starts_with("epoch  7/20"));
  CHECK(lines[2].starts_with("epoch 20/20"));
  CHECK(lines[3].empty());
}

TEST_CASE("where nothing can be redrawn there are whole lines, without control characters") {
  std::ostringstream out;
  {
    Progress progress(out, columns_of(out), 20, 0, 4, {"accuracy"});
    for (std::size_t epoch = 1; epoch <= 19; ++epoch) {
      const double metrics[] = {0.625};
      progress.batch(1, 100, 0.75, metrics);
      progress.epoch(record(epoch));
    }
  }
  for (char c : out.str()) CHECK((c == '\n' || (c >= ' ' && c <= '~')));
  const std::vector<std::string> lines = shown(out.str());
  CHECK(lines.size() == 11);  // epoch 1, every second one to 18, and the empty last
  CHECK(lines[0] == "epoch  1/20  loss 0.2500  accuracy 0.5000  1.50 s");
  CHECK(lines[9] == "epoch 18/20  loss 0.2500  accuracy 0.5000  1.50 s");
  CHECK(lines[10].empty());
}

TEST_CASE("a short epoch's seconds have digits, too") {
  std::ostringstream out;
  Progress progress(out, {}, 1, 0, 4, {"accuracy"});
  EpochRecord short_one = record(1);
  short_one.seconds = 0.00126;
  progress.epoch(short_one);
  CHECK(out.str() == "epoch 1/1  loss 0.2500  accuracy 0.5000  0.0013 s\n");
}

TEST_CASE("a resumed training begins its bar where it is") {
  std::ostringstream out;
  Progress progress(out, wide(120), 4, 2, 10, {});
  progress.batch(0, 0, 0, {});
  CHECK(shown(out.str()).back().ends_with(" [" + std::string(15, '#') + std::string(15, '.') + "]"));
}

namespace {

/// The "m:ss left" of a line, in seconds.
double seconds_left(const std::string& line) {
  const std::size_t end = line.find(" left"), begin = line.rfind(' ', end - 1) + 1,
                    colon = line.find(':', begin);
  return 60 * std::stod(line.substr(begin, colon - begin)) +
         std::stod(line.substr(colon + 1, end - colon - 1));
}

/// The "n samples/s" of a line.
double samples_a_second(const std::string& line) {
  const std::size_t end = line.find(" samples/s"), begin = line.rfind(' ', end - 1) + 1;
  return std::stod(line.substr(begin, end - begin));
}

}  // namespace

TEST_CASE("the time left after a resume is that of what this run has done") {
  using Clock = std::chrono::steady_clock;
  // One batch of ten in some 0.2 s, and 1.9 epochs to go: 19 times as long.
  std::ostringstream out;
  const auto start = Clock::now();
  Progress progress(out, wide(120), 1000, 998, 10, {});
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  progress.batch(1, 100, 0, {});
  const double elapsed = std::chrono::duration<double>(Clock::now() - start).count();
  CHECK(seconds_left(shown(out.str()).back()) >= 4);  // 19 * 0.2 = 3.8
  CHECK(seconds_left(shown(out.str()).back()) <= 19 * elapsed + 1);

  // The same from the middle of an epoch: batch 9 is the first of this run, and 1.1 epochs are to go.
  std::ostringstream middle_out;
  const auto middle_start = Clock::now();
  Progress middle(middle_out, wide(120), 1000, 998, 10, {}, 8, 800);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  middle.batch(9, 900, 0, {});
  const double seconds = std::chrono::duration<double>(Clock::now() - middle_start).count();
  const std::string line = shown(middle_out.str()).back();
  CHECK(seconds_left(line) >= 3);  // 11 * 0.3 = 3.3
  CHECK(seconds_left(line) <= 11 * seconds + 1);
  CHECK(samples_a_second(line) <= 100 / 0.3 + 1);
  CHECK(samples_a_second(line) >= 100 / seconds - 1);
}
