// What the processor and the memory can do at most.
#pragma once

namespace xgrad {

/// The roofs that operations are held against, each a second: floating-point operations on float and double,
/// and bytes read and written.
struct MachinePeaks {
  double float_flops = 0, double_flops = 0, bytes = 0;
};

/// Measured at the first call, which takes some tenths of a second, and kept: a product of matrices of 512
/// rows for operations, and a copy of 32 MB for bytes, the fastest of several each, on as many threads as
/// this library uses then.
const MachinePeaks& machine_peaks();

}  // namespace xgrad
