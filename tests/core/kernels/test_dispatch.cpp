#include <doctest/doctest.h>

#include <xgrad/core/kernels/dispatch.hpp>

using xgrad::InstructionSet;
using xgrad::detail::capped;

TEST_CASE("a cap is obeyed, and brings no set that is not there") {
  constexpr auto baseline = InstructionSet::baseline, avx2 = InstructionSet::avx2,
                 avx512 = InstructionSet::avx512;
  for (const InstructionSet best : {baseline, avx2, avx512}) {
    CAPTURE(xgrad::to_string(best));
    CHECK(capped(best, nullptr) == best);
    CHECK(capped(best, "") == best);
    CHECK(capped(best, "baseline") == baseline);
    CHECK(capped(best, "avx2") == (best == baseline ? baseline : avx2));
    CHECK(capped(best, "avx512") == best);
    CHECK(capped(best, "AVX2") == best);  // and stderr says that it is no name
  }
}
