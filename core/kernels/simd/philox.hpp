#pragma once

// Philox4x32-10, a register of blocks at a time: what core/kernels/random.cpp computes for one. Salmon et
// al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

#include "pack.hpp"

namespace xgrad::simd {

// Words of 32 bits in lanes of 64, whose upper halves hold anything: where products are computed.
template <class I>
struct Lanes {
  using Batch = xsimd::batch<std::uint64_t>;
  static constexpr std::size_t width = Batch::size;
  Batch of;

  // The product of the lower halves.
  static Batch multiply(const Batch& a, const Batch& b) {
#if defined(__AVX512F__)
    return Batch(_mm512_mul_epu32(a, b));
#elif defined(__AVX2__)
    return Batch(_mm256_mul_epu32(a, b));
#elif defined(__SSE2__)
    return Batch(_mm_mul_epu32(a, b));
#else
    const Batch half(0xffffffffu);
    return (a & half) * (b & half);
#endif
  }
};

// The four words of blocks `first`, `first` + 1 ... from a key of two words.
template <class I>
void philox(std::uint64_t first, std::uint64_t key, Lanes<I> (&words)[4]) {
  using L = Lanes<I>;
  using Batch = typename L::Batch;
  alignas(64) std::uint64_t numbers[L::width];
  for (std::size_t i = 0; i < L::width; ++i) numbers[i] = first + i;
  Batch w0 = Batch::load_aligned(numbers), w1 = w0 >> 32, w2(std::uint64_t{0}), w3(std::uint64_t{0});
  const Batch factor0(std::uint64_t{0xD2511F53u}), factor1(std::uint64_t{0xCD9E8D57u});
  std::uint32_t key0 = static_cast<std::uint32_t>(key), key1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const Batch product0 = L::multiply(factor0, w0), product1 = L::multiply(factor1, w2);
    w0 = (product1 >> 32) ^ w1 ^ Batch(std::uint64_t{key0});
    w2 = (product0 >> 32) ^ w3 ^ Batch(std::uint64_t{key1});
    w1 = product1;
    w3 = product0;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  words[0].of = w0;
  words[1].of = w1;
  words[2].of = w2;
  words[3].of = w3;
}

}  // namespace xgrad::simd
