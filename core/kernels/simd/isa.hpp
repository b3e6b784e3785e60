#pragma once

// The instruction sets that kernels are compiled for, as tags: a function whose type carries one can never be
// mistaken by the linker for its namesake compiled with other flags.
namespace xgrad::isa {
struct baseline;
struct avx2;
struct avx512;
}  // namespace xgrad::isa

// Set for kernel files alone, each of which is compiled once per tag.
#ifdef XGRAD_ISA
namespace xgrad::simd {
using Isa = isa::XGRAD_ISA;
}
#endif
