// doctest's main, and a listener: a test case that leaves a live node or buffer behind fails the run. Cases
// that are skipped unless asked for are not held to it: they are the child processes of others.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdlib>
#include <iostream>
#include <xgrad/core/array/memory.hpp>
#include <xgrad/core/array/reference_count.hpp>
#include <xgrad/core/kernels/dispatch.hpp>

namespace {

int leaking_cases = 0;

class LeakListener : public doctest::IReporter {
 public:
  explicit LeakListener(const doctest::ContextOptions&) {}

  void test_case_start(const doctest::TestCaseData& test) override {
    name_ = test.m_name;
    file_ = test.m_file.c_str();
    checked_ = !test.m_skip;
    before_ = xgrad::memory_stats();
  }
  void test_case_end(const doctest::CurrentTestCaseStats&) override {
    const xgrad::MemoryStats now = xgrad::memory_stats();
    const auto nodes = now.live_nodes - before_.live_nodes, buffers = now.live_buffers - before_.live_buffers;
    if (!checked_ || (nodes == 0 && buffers == 0)) return;
    ++leaking_cases;
    std::cerr << file_ << ": LEAK: the test case \"" << name_ << "\" left " << nodes << " nodes and "
              << buffers << " buffers behind\n";
  }

  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats&) override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}

 private:
  const char* name_ = "";
  const char* file_ = "";
  bool checked_ = true;
  xgrad::MemoryStats before_;
};

REGISTER_LISTENER("leaks", 1, LeakListener);

/// Whether XGRAD_ISA has chosen another instruction set than this processor's best.
bool is_capped() {
  using xgrad::InstructionSet;
  for (const auto set : {InstructionSet::avx2, InstructionSet::avx512})
    if (set > xgrad::instruction_set() && xgrad::is_supported(set)) return true;
  return false;
}

}  // namespace

int main(int count, char** arguments) {
  if (std::getenv("XGRAD_TEST_CAPPED") != nullptr && !is_capped()) {
    std::cout << "this processor runs " << to_string(xgrad::instruction_set())
              << " anyway, as all other tests do\n";
    return 77;
  }
  doctest::Context context(count, arguments);
  const int failed = context.run();
#if defined(XGRAD_KNOWS_SINGLE_THREADED) && !defined(__SANITIZE_THREAD__)
  if (std::getenv("XGRAD_TEST_ONE_THREAD") != nullptr && !xgrad::detail::single_threaded()) {
    std::cerr
        << "a second thread was started: counts have been atomic since, and not what was to be tested\n";
    return 1;
  }
#endif
  return leaking_cases > 0 ? 1 : failed;
}
